//! What an older program has stored is opened by this one: it says the same of it, proves it, and sells on.
//!
//! `scripts/old-data.py` makes the archives: one for each release, by the program that was published.

use crate::support::process::{Server, token, verify};
use crate::support::{eventually, text};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Whether an answer says all that an older one said. It may say more.
fn contains(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(name, old)| new.get(name).is_some_and(|new| contains(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| contains(new, old))
        }
        _ => new == old,
    }
}

/// Without what goes on: the hold that waited has ended since, and its places are free.
fn settled(mut answer: Value, waiting: &str) -> Value {
    if let Some(list) = answer.get_mut("data").and_then(Value::as_array_mut) {
        list.retain(|booking| booking["id"] != waiting);
    }
    if let Some(answer) = answer.as_object_mut() {
        for name in ["position", "bookings"] {
            answer.remove(name);
        }
        for name in ["areas", "categories"] {
            let standing = |area: &Value| area["area"] == "floor" || area["category"] == "standing";
            if let Some(list) = answer.get_mut(name).and_then(Value::as_array_mut) {
                list.retain(|area| !standing(area));
            }
        }
        // A number of seats in the sales, a list of them in the seat map.
        if answer.get("seats").is_some_and(Value::is_object) {
            answer.remove("seats");
        }
    }
    answer
}

#[test]
fn what_an_answer_lacks_or_says_otherwise_is_found() {
    let old = json!({"id": 1, "seats": ["A-1", "A-2"]});
    assert!(contains(&json!({"id": 1, "seats": ["A-1", "A-2"], "more": true}), &old));
    for worse in [json!({"id": 2, "seats": ["A-1", "A-2"]}), json!({"id": 1, "seats": ["A-1"]}), json!({"seats": ["A-1", "A-2"]})]
    {
        assert!(!contains(&worse, &old), "{worse}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_of_each_older_program_is_taken_over() {
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kill_9/upgrade");
    let archives: Vec<_> = std::fs::read_dir(archives).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!archives.is_empty());
    for archive in archives {
        let dir = tempfile::tempdir().unwrap();
        let unpacked = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(dir.path()).status().unwrap();
        assert!(unpacked.success(), "{archive:?}");
        // With the views and the snapshot of then, and from the log alone.
        take_over(&dir.path().join("data"), true).await;
        take_over(&dir.path().join("data"), false).await;
    }
}

async fn take_over(data: &Path, is_first: bool) {
    let old: Value = serde_json::from_slice(&std::fs::read(data.join("answers.json")).unwrap()).unwrap();
    let waiting = text(&old, "waiting");
    assert_eq!(verify(data).0, 0, "before it is opened");
    if !is_first {
        for rebuilt in ["views", "snapshots"] {
            std::fs::remove_dir_all(data.join(rebuilt)).unwrap();
        }
    }
    let server = Server::start(data).await;
    let [admin, buyer] = ["admin", "buyer"].map(|role| token(data, role, role));
    // The hold that waited when the older program stopped.
    let path = format!("/v1/bookings/{waiting}");
    eventually("the hold has ended", async || {
        let booking = server.client.get(&path).bearer(&admin).send().await.ok(200);
        (booking["status"] == "aborted").then_some(())
    })
    .await;
    // The second time more is sold; what was sold before is as it was.
    let stays = |path: &&String| is_first || path.starts_with("/v1/bookings/");
    for path in old["answers"].as_object().unwrap().keys().filter(stays) {
        let before = &old["answers"][path];
        let who = if path.starts_with("/v1/me") { &buyer } else { &admin };
        let now = server.client.get(path).bearer(who).send().await.ok(200);
        let (now, before) = (settled(now, waiting), settled(before.clone(), waiting));
        assert!(contains(&now, &before), "{path}\nbefore: {before:#}\nnow: {now:#}");
    }
    let ann = json!({"email": "ann@example.org", "password": "correct horse battery staple"});
    assert_eq!(server.client.post("/v1/sessions").json(&ann).send().await.status, 201);
    // What was sold is sold, a code that was void stays void, and the sale goes on.
    let hold = |seat: &str| server.client.post("/v1/shows/gala/bookings").bearer(&buyer).json(&json!({ "seats": [seat] }));
    hold("A-1").send().await.problem(409, "seat_unavailable");
    let held = hold(if is_first { "A-9" } else { "A-10" }).send().await.ok(201);
    let pay = server.client.post(&format!("/v1/bookings/{}/payment", text(&held, "id"))).bearer(&buyer);
    assert_eq!(pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200)["status"], "confirmed");
    server.stop();
    assert_eq!(verify(data).0, 0, "after it was sold on");
}
