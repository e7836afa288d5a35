//! Backups of a server that sells: one after the other, some killed in the middle. Each that has its name is restored, proves its
//! guarantees, sells on, and has every hold that was acknowledged before it began.

use crate::big_show;
use crate::support::client::Client;
use crate::support::process::{Server, command, run, token, verify};
use crate::support::{eventually, text};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

/// Holds places until it is stopped, and notes the bookings that were acknowledged.
async fn sell(client: Client, acknowledged: Arc<Mutex<Vec<(String, String)>>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let body = json!({"area": "floor", "quantity": 1});
        let answer = client.post("/v1/shows/big/bookings").json(&body).send().await;
        if answer.status != 201 {
            assert_eq!(answer.code(), "area_sold_out", "{answer:?}");
            return;
        }
        let held = answer.json();
        acknowledged.lock().push((text(&held, "id").to_owned(), text(&held, "token").to_owned()));
    }
}

/// Makes a backup and kills its process as soon as it has begun; whether it was done by then.
fn interrupted(data: &Path, to: &Path) -> bool {
    let mut child = command(&["backup", to.to_str().unwrap()], data).spawn().unwrap();
    let unfinished = to.with_extension("unfinished");
    while !unfinished.exists() && !to.exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    to.exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_during_a_sale_is_whole_or_not_there() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data).await;
    let admin = token(&data, "root", "admin");
    let mut show: Value = big_show("big");
    show["hold_seconds"] = json!(600);
    server.client.post("/v1/shows").bearer(&admin).json(&show).send().await.ok(201);
    // Paid before, so that the gateway's copy has to have it.
    let held = server.client.post("/v1/shows/big/bookings").json(&json!({"seats": ["R0-1"]})).send().await.ok(201);
    let pay = server.client.post(&format!("/v1/bookings/{}/payment", text(&held, "id"))).bearer(text(&held, "token"));
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);

    let (acknowledged, stop) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicBool::new(false)));
    let mut buyers = JoinSet::new();
    for _ in 0..4 {
        buyers.spawn(sell(server.client.clone(), Arc::clone(&acknowledged), Arc::clone(&stop)));
    }
    eventually("the sale is in full swing", async || (acknowledged.lock().len() > 50).then_some(())).await;
    for name in ["killed-1", "killed-2", "killed-3"] {
        let (data, to) = (data.clone(), place.path().join(name));
        let was_done = tokio::task::spawn_blocking(move || interrupted(&data, &to)).await.unwrap();
        if !was_done {
            let refused =
                run(&["restore", place.path().join(format!("{name}.unfinished")).to_str().unwrap()], &place.path().join("no"));
            assert!(refused.code == 3 && refused.err.contains("is no whole backup"), "{refused:?}");
        }
    }
    let before: Vec<_> = acknowledged.lock().clone();
    let backup = place.path().join("killed-1");
    if backup.exists() {
        std::fs::remove_dir_all(&backup).unwrap();
    }
    let made = {
        let (data, to) = (data.clone(), backup.clone());
        tokio::task::spawn_blocking(move || run(&["backup", to.to_str().unwrap(), "--json"], &data)).await.unwrap()
    };
    let sold_meanwhile = acknowledged.lock().len() > before.len();
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    server.stop();
    assert_eq!(verify(&data).0, 0);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(sold_meanwhile, "nothing was sold while it was made, which proves little");
    let events = serde_json::from_str::<Value>(&made.out).unwrap()["events"].as_u64().unwrap();

    let restored = place.path().join("restored");
    let run = run(&["restore", backup.to_str().unwrap()], &restored);
    assert_eq!(run.code, 0, "{run:?}");
    let server = Server::start_with(&restored, &["--accept-loss", &events.to_string()]).await;
    for (booking, token) in &before {
        let booking = server.client.get(&format!("/v1/bookings/{booking}")).bearer(token).send().await.ok(200);
        assert_eq!(booking["status"], "held", "acknowledged before the backup began");
    }
    let paid = server.client.get(&format!("/v1/bookings/{}", text(&held, "id"))).bearer(text(&held, "token"));
    assert_eq!(paid.send().await.ok(200)["status"], "confirmed");
    server.client.post("/v1/shows/big/bookings").json(&json!({"seats": ["R1-1"]})).send().await.ok(201);
    server.stop();
    assert_eq!(verify(&restored).0, 0);
}
