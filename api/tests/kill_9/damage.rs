//! What a bad disk does to the files of a server that was killed: each damage is refused at the next start
//! and by `verify`, and the sale goes on only if somebody accepts the loss.

use crate::buyers::{Ledger, Market, Rng};
use crate::put_on_sale;
use crate::support::process::{Server, run, token, verify};
use crate::support::surgery::copy;
use crate::support::text;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::fs::{OpenOptions, remove_file};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Confirmed bookings before the kill.
const ENOUGH: usize = 30;

/// A directory as `kill -9` leaves it in the middle of a sale, with everything since the start in the
/// write-ahead log.
async fn killed_while_selling(data: &Path) -> String {
    let admin = token(data, "root", "admin");
    let server = Server::start(data).await;
    put_on_sale(&server.client, &admin, "show-0").await;
    let market = Arc::new(Market {
        clients: vec![server.client.clone()],
        outages: false,
        admin: admin.clone(),
        show: "show-0".to_owned(),
        ledger: Mutex::new(Ledger::default()),
        stop: AtomicBool::new(false),
        numbers: AtomicU64::new(0),
        seed: 11,
    });
    let mut buyers = JoinSet::new();
    for seed in 0..4 {
        let market = Arc::clone(&market);
        buyers.spawn(async move { market.buy(Rng(seed)).await });
    }
    while market.ledger.lock().count(|fact| fact.confirmed) < ENOUGH {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.kill();
    market.stop.store(true, Ordering::Relaxed);
    buyers.join_all().await;
    admin
}

/// The start that is refused, and what it says.
fn refused(data: &Path) -> String {
    let run = run(&["serve", "--listen", "127.0.0.1:0", "--demo", "false", "--log-level", "warn"], data);
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{run:?}");
    assert!(run.err.contains("has lost something") && run.err.contains(": `lastseat serve --accept-loss "), "{}", run.err);
    run.err
}

/// What a refusal says to accept, as `doctor` has it; `None` if the log has lost nothing.
pub fn position_to_accept(data: &Path) -> Option<String> {
    let said = run(&["doctor"], data).out;
    let (_, position) = said.split_once("--accept-loss ")?;
    Some(position.chars().take_while(char::is_ascii_digit).collect())
}

async fn sells(server: &Server, seat: &str) {
    let hold = server.client.post("/v1/shows/show-0/bookings").json(&json!({"seats": [seat]})).send().await.ok(201);
    let pay = server.client.post(&format!("/v1/bookings/{}/payment", text(&hold, "id"))).bearer(text(&hold, "token"));
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
}

/// Goes on after the loss: the decision is in the report, and so is the money without a booking.
async fn goes_on(data: &Path, admin: &str, name: &str) -> Value {
    let position = position_to_accept(data).unwrap();
    let server = Server::start_with(data, &["--accept-loss", &position]).await;
    // What was lost may have been the show itself.
    put_on_sale(&server.client, admin, "show-0").await;
    let free = server.client.get("/v1/shows/show-0/seats").send().await.ok(200);
    let free = free["seats"].as_array().unwrap().iter().find(|seat| seat["state"] == "available").unwrap();
    sells(&server, text(free, "seat")).await;
    server.stop();
    // Accepted once, it is accepted.
    Server::start(data).await.stop();
    let (_, report) = verify(data);
    assert_eq!(report["high_water_mark"]["state"], "holds", "{name}: {report:#}");
    assert_eq!(report["report"]["violations_total"], 0, "{name}: {report:#}");
    let losses = report["report"]["accepted_losses"].as_array().unwrap();
    assert_eq!(losses.len(), 1, "{name}: {losses:?}");
    report
}

fn flip_a_bit(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

fn cut_in_half(file: &Path) {
    let length = std::fs::metadata(file).unwrap().len();
    OpenOptions::new().write(true).open(file).unwrap().set_len(length / 2).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_after_a_kill_never_goes_unseen() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let admin = killed_while_selling(&data).await;
    let intact = copy(&data, &dir.path().join("intact"));
    let (code, report) = verify(&intact);
    assert_eq!((code, &report["high_water_mark"]["state"]), (0, &json!("holds")), "{report:#}");
    assert!(report["payments"]["checked"].as_u64().unwrap() >= ENOUGH as u64, "{report:#}");
    let acknowledged = report["high_water_mark"]["position"].as_u64().unwrap();

    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("bit", |data| flip_a_bit(&data.join("events.db-wal"))),
        ("cut", |data| cut_in_half(&data.join("events.db-wal"))),
        ("no-wal", |data| remove_file(data.join("events.db-wal")).unwrap()),
        ("emptied", |data| std::fs::write(data.join("events.db"), b"").unwrap()),
        ("deleted", |data| remove_file(data.join("events.db")).unwrap()),
    ];
    for (name, damage) in damages {
        let copy = copy(&data, &dir.path().join(name));
        damage(&copy);
        let said = refused(&copy);
        assert!(said.contains("events up to position") && said.contains("missing"), "{name}: {said}");
        assert!(said.contains("The payment gateway has money for"), "{name}: {said}");
        let (code, found) = verify(&copy);
        if found["error"].is_null() {
            assert_eq!((code, &found["high_water_mark"]["state"]), (1, &json!("lost")), "{name}: {found:#}");
            let mark = &found["high_water_mark"];
            let total = mark["found"].as_u64().unwrap() + mark["missing"].as_u64().unwrap();
            assert_eq!(total, acknowledged, "{name}: {mark}");
        } else {
            assert_eq!(code, 3, "{name}: {found:#}");
            assert!(text(&found, "error").contains("were acknowledged"), "{name}: {found:#}");
        }
        let doctor = run(&["doctor"], &copy);
        assert!(doctor.code == 3 && doctor.out.contains("has lost something"), "{name}: {doctor:?}");
        let report = goes_on(&copy, &admin, name).await;
        // Money that was taken for bookings that are gone stays named until the gateway has returned it.
        let wrong = report["payments"]["disagreements"].as_array().unwrap();
        assert!(wrong.iter().any(|found| text(found, "text").contains("not in the log")), "{name}: {report:#}");
    }
}

/// Without log and mark, the gateway's payments show that there was a sale.
#[tokio::test(flavor = "multi_thread")]
async fn payments_beside_an_empty_log_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let admin = killed_while_selling(&data).await;
    for file in ["events.db", "events.db-wal", "events.mark"] {
        remove_file(data.join(file)).unwrap();
    }
    let said = refused(&data);
    assert!(said.contains("it is empty, but payments were made"), "{said}");
    assert!(!data.join("events.db").exists());
    assert_ne!(verify(&data).0, 0);
    goes_on(&data, &admin, "nothing left").await;
}
