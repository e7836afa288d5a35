//! What people do with their own account: another password, a copy of everything, the end.

use super::{ANN, Browser, HOLD, MINE, PASSWORD, Stage, one_place};
use serde_json::{Value, json};
use std::path::Path;

const NEW: &str = "four other random words";

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let stage = Stage::open().await;
    let (stolen, ann) = (stage.person(ANN).await, stage.sign_in(ANN).await);
    let change = |current: &str, new: &str| {
        ann.post("/v1/accounts/me/password").json(json!({"current_password": current, "password": new})).send()
    };
    change("wrong password", NEW).await.is(401, "wrong_credentials");
    change(PASSWORD, "too short").await.is(422, "weak_password");
    assert!(!stolen.is_over().await);
    assert_eq!(change(PASSWORD, NEW).await.status, 204);
    assert!(stolen.is_over().await && !ann.is_over().await);
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    Browser::of(&stage.server, &stage.try_sign_in(ANN, NEW).await);
    stage.server.stop().await;
}

#[tokio::test]
async fn who_has_a_session_can_not_guess_the_password_either() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let erase = |password: &str| ann.post("/v1/accounts/me/erase").json(json!({ "password": password })).send();
    for _ in 0..5 {
        erase("wrong password").await.is(401, "wrong_credentials");
    }
    erase(PASSWORD).await.is(429, "too_many_tries");
    let change = ann.post("/v1/accounts/me/password").json(json!({"current_password": PASSWORD, "password": NEW}));
    change.send().await.is(429, "too_many_tries");
    assert!(!ann.is_over().await);
    // Who has only the session can't keep the owner from signing in.
    stage.sign_in(ANN).await;
    stage.server.stop().await;
}

#[tokio::test]
async fn an_export_has_everything_of_its_owner_and_nothing_of_others() {
    let stage = Stage::open().await;
    let (ann, bob) = (stage.person(ANN).await, stage.person("bob@example.org").await);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(ann.post(HOLD).json(one_place()).send().await.text("id"));
    }
    bob.post(HOLD).json(one_place()).send().await;
    let export = ann.get("/v1/accounts/me/export").await;
    assert_eq!((export.status.as_u16(), export.header("cache-control")), (200, "no-store"), "{export:?}");
    assert!(export.header("content-disposition").contains("attachment"));
    let json = export.json();
    assert_eq!((&json["account"]["email"], json["sessions"].as_array().unwrap().len()), (&json!(ANN), 1));
    let mut exported: Vec<&str> = json["bookings"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
    exported.reverse();
    assert_eq!(exported, own);
    let text = export.json().to_string();
    assert!(!text.contains("argon2") && !text.contains("bob@") && !text.contains(&ann.csrf), "{text}");
    stage.server.stop().await;
}

#[tokio::test]
async fn an_erased_account_is_gone_and_the_log_never_knew_who_it_was() {
    let stage = Stage::open().await;
    let (other, ann) = (stage.person(ANN).await, stage.sign_in(ANN).await);
    let id = ann.id().await;
    let held = ann.post(HOLD).json(one_place()).send().await;
    let pay = ann.post(&format!("/v1/bookings/{}/payment", held.text("id")));
    assert_eq!(pay.json(json!({"payment_method": "pm_card_visa"})).send().await.text("status"), "confirmed");
    assert!(traces(stage.dir.path(), ANN).iter().any(|file| file.starts_with("accounts.db")));

    let erase = |body: Value| ann.post("/v1/accounts/me/erase").json(body).send();
    erase(json!({})).await.is(422, "invalid_request");
    erase(json!({"password": "wrong password"})).await.is(401, "wrong_credentials");
    let erased = erase(json!({"password": PASSWORD})).await;
    assert_eq!(erased.status, 204);
    assert!(stage.server.mails.has_forgotten(ANN));
    assert!(erased.header("set-cookie").contains("Max-Age=0"));
    assert!(ann.is_over().await && other.is_over().await);
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    assert_eq!(traces(stage.dir.path(), ANN), Vec::<String>::new(), "no file has the address");
    assert!(traces(stage.dir.path(), &id).iter().any(|file| file.starts_with("events.db")), "the log has the opaque id");

    // Who uses the address again is somebody else.
    let again = stage.person(ANN).await;
    assert_ne!(again.id().await, id);
    assert_eq!(again.get(MINE).await.json()["data"], json!([]));
    stage.server.stop().await;
}

/// Files that have this text, in folders as well.
pub fn traces(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(traces(&entry.path(), text));
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found
}
