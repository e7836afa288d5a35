//! Sessions: how they begin, what they are good for, and how they end.

use super::{ANN, BOB, Browser, HOLD, MINE, PASSWORD, Stage, cookie_of, one_place};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn somebody_signs_up_signs_in_buys_and_signs_out() {
    let stage = Stage::open().await;
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    let signed_up = stage.sign_up(" Ann@Example.org").await;
    assert_eq!((signed_up.status.as_u16(), signed_up.json()), (202, json!({"email": ANN, "next": "sign_in"})));

    let signed_in = stage.try_sign_in("ANN@example.org", PASSWORD).await;
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/;", "; Max-Age=7776000"] {
        assert!(signed_in.header("set-cookie").contains(part), "{part} is missing in {signed_in:?}");
    }
    assert_eq!((signed_in.header("cache-control"), signed_in.header("location")), ("no-store", "/v1/sessions/current"));
    let ann = Browser::of(&stage.server, &signed_in);
    let session = ann.get("/v1/sessions/current").await;
    assert_eq!(
        (session.text("csrf_token"), session.json()["account"].clone()),
        (ann.csrf.clone(), signed_in.json()["account"].clone())
    );

    let held = ann.post(HOLD).json(one_place()).send().await;
    assert_eq!(held.status, 201, "{held:?}");
    let pay = ann.post(&format!("/v1/bookings/{}/payment", held.text("id")));
    assert_eq!(pay.json(json!({"payment_method": "pm_card_visa"})).send().await.text("status"), "confirmed");
    let mine = ann.get(MINE).await.json();
    assert_eq!((mine["data"].as_array().unwrap().len(), &mine["data"][0]["id"]), (1, &held.json()["id"]));
    let account = ann.get("/v1/accounts/me").await;
    assert_eq!((account.text("email"), account.text("role")), (ANN.to_owned(), "buyer".to_owned()));
    let listed = stage.server.get("/v1/bookings").admin(&stage.server).send().await.json();
    assert_eq!(listed["data"][0]["buyer"], format!("account:{}", account.text("id")));

    let signed_out = ann.command("DELETE", "/v1/sessions/current").send().await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.header("set-cookie").starts_with("__Host-lastseat_session=; Path=/; Max-Age=0"), "{signed_out:?}");
    // Who has copied the cookie has nothing.
    assert!(ann.is_over().await);
    ann.post(HOLD).json(one_place()).send().await.is(401, "session_ended");
    // What everybody may read does not depend on the cookie.
    assert_eq!(ann.get("/v1/shows").await.status, 200);
    stage.server.stop().await;
}

#[tokio::test]
async fn a_session_that_was_planted_does_not_become_its_victims() {
    let stage = Stage::open().await;
    let mallory = stage.person("mallory@example.org").await;
    stage.sign_up(ANN).await;
    let invented = "__Host-lastseat_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for planted in [mallory.cookie.as_str(), invented, "__Host-lastseat_session=x"] {
        let signed_in = stage.signing_in(ANN, PASSWORD).header("cookie", planted).send().await;
        let ann = Browser::of(&stage.server, &signed_in);
        assert_ne!(ann.cookie, planted);
        assert_eq!(ann.get("/v1/accounts/me").await.text("email"), ANN);
        stage.server.get(MINE).header("cookie", planted).send().await.is(401, "session_ended");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own_also_under_one_key() {
    let stage = Stage::open().await;
    let first = stage.person(ANN).await;
    let mut cookies = vec![first.cookie.clone()];
    for _ in 0..2 {
        let again = stage.signing_in(ANN, PASSWORD).key("sign-in").send().await;
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, ""));
        cookies.push(cookie_of(&again));
    }
    cookies.dedup();
    assert_eq!(cookies.len(), 3);
    assert!(!first.is_over().await, "on another device they are still signed in");
    // The secret is nowhere in the file.
    let secret = first.cookie.split_once('=').unwrap().1;
    for file in ["accounts.db", "accounts.db-wal"] {
        let bytes = std::fs::read(stage.dir.path().join(file)).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{file}");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn a_session_ends_unused_and_is_kept_by_its_use() {
    let stage = Stage::open().await;
    let (ann, bob) = (stage.person(ANN).await, stage.person(BOB).await);
    let day = Duration::from_secs(24 * 3600);
    for _ in 0..2 {
        stage.clock.advance(day * 10);
        assert!(!ann.is_over().await);
    }
    assert!(bob.is_over().await, "20 days without a request");
    stage.clock.advance(day * 14);
    assert!(ann.is_over().await);
    stage.server.stop().await;
}
