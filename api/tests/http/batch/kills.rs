//! A batch whose answer was lost, by a hang-up or by kill -9, is repeated under its key and gives the same bookings.

use super::{batch, floor, ids, seats};
use crate::support::books;
use crate::support::process::{Server, token, verify};
use crate::support::{eventually, show};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const HOLDS: usize = 200;
const PATH: &str = "/v1/shows/gala/bookings:batch";

fn holds() -> Value {
    let labels = ["A", "B", "C"].iter().flat_map(|row| (1..=10).map(move |n| format!("{row}-{n}")));
    let named = labels.enumerate().map(|(n, label)| seats(&format!("buyer-{n}"), &[&label]));
    let any = (30..HOLDS).map(|n| floor(&format!("buyer-{n}"), 1));
    batch(&named.chain(any).collect::<Vec<_>>())
}

/// Bookings of the log.
async fn opened(data: &Path) -> BTreeSet<String> {
    books::read(data).await.1.bookings.into_keys().collect()
}

async fn repeat(server: &Server, admin: &str) -> Vec<Value> {
    let answer = server.client.post(PATH).bearer(admin).key("one").json(&holds()).send().await.ok(200);
    answer["results"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_off_by_kill_9_gives_the_same_bookings() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut admin = String::new();
    for round in 0..4 {
        // One hold after the other, so that the kill finds the batch half way.
        let server = Server::start_with(&data, &["--max-in-flight", "4"]).await;
        if round == 0 {
            admin = token(&data, "root", "admin");
            server.client.post("/v1/shows").bearer(&admin).json(&show("gala", 3600, 1000)).send().await.ok(201);
        }
        let before = opened(&data).await.len();
        let sending = tokio::spawn(server.client.post(PATH).bearer(&admin).key("one").json(&holds()).try_send());
        let is_on_its_way = |ids: &BTreeSet<String>| ids.len() > before || ids.len() == HOLDS;
        eventually("more of the batch is in the log", async || Some(opened(&data).await).filter(is_on_its_way)).await;
        server.kill();
        // It may have been answered, even so.
        let _lost = sending.await.unwrap();
        let (code, report) = verify(&data);
        assert_eq!(code, 0, "{report:#}");
    }
    let held = opened(&data).await;
    let server = Server::start(&data).await;
    let first = repeat(&server, &admin).await;
    let answered: BTreeSet<String> = ids(&first).iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(answered.len(), HOLDS, "each hold has a booking of its own");
    assert!(held.is_subset(&answered), "what was held before is held still, and by the same holds");
    assert_eq!(opened(&data).await, answered, "nothing was held twice");
    assert_eq!(ids(&repeat(&server, &admin).await), ids(&first));
    println!("{} of {HOLDS} holds were in the log before the last repeat", held.len());
    // Another batch under the key.
    let mut changed = holds();
    changed["holds"][7]["buyer"] = json!("somebody-else");
    server.client.post(PATH).bearer(&admin).key("one").json(&changed).send().await.problem(422, "idempotency_key_reused");
    server.stop();
    let (code, report) = verify(&data);
    assert_eq!((code, &report["clean"]), (0, &json!(true)), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_seller_hangs_up_is_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data).await;
    let admin = token(&data, "root", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&show("gala", 3600, 1000)).send().await.ok(201);
    let sending = tokio::spawn(server.client.post(PATH).bearer(&admin).key("one").json(&holds()).try_send());
    eventually("bookings are in the log", async || Some(opened(&data).await).filter(|ids| !ids.is_empty())).await;
    sending.abort();
    let held =
        eventually("the whole batch is in the log", async || Some(opened(&data).await).filter(|ids| ids.len() == HOLDS)).await;
    let again = eventually("the answer is there", async || {
        let answer = server.client.post(PATH).bearer(&admin).key("one").json(&holds()).send().await;
        (answer.status == 200).then(|| answer.json()["results"].as_array().unwrap().clone())
    })
    .await;
    let answered: BTreeSet<String> = ids(&again).iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(answered, held);
}
