//! The same batch twice is one: at once, after a restart, and hold by hold.

use super::{BATCH, REPLAYED, batch, floor, ids, outcomes, results, seats};
use crate::common::start_for_test;
use serde_json::{Value, json};

fn holds() -> Vec<Value> {
    vec![
        seats("bob", &["A-1", "A-2"]),
        floor("eve", 2),
        floor("eve", 2),
        json!({"buyer": "ann", "best_available": {"quantity": 3, "category": "stalls"}}),
    ]
}

#[tokio::test]
async fn a_repeated_batch_gets_its_first_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let call = |body: &Value| server.post(BATCH).admin(&server).key("one").json(body).send();
    let first = call(&batch(&holds())).await;
    assert!(results(&first).iter().all(|result| result["status"] == 201), "{first:?}");
    let before = server.head().await;
    let again = call(&batch(&holds())).await;
    assert_eq!((&again.body, again.header(REPLAYED)), (&first.body, "true"));
    call(&batch(&holds()[..3])).await.is(422, "idempotency_key_reused");
    assert_eq!(server.head().await, before);
    // The same hold twice is two bookings, and so is a batch without a key.
    let mut all = ids(&results(&first));
    all.extend(ids(&super::send(&server, &[floor("eve", 2)]).await));
    let different: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), 5);
    server.stop().await;
}

#[tokio::test]
async fn the_log_remembers_a_batch_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut sent = holds();
    sent.push(seats("zoe", &["A-1"]));
    let first = results(&server.post(BATCH).admin(&server).key("one").json(batch(&sent)).send().await);
    server.stop().await;

    let server = start_for_test(dir.path()).await;
    let before = server.head().await;
    let mut changed = sent.clone();
    changed.swap(0, 1);
    for changed in [&changed[..], &sent[..4]] {
        let refused = server.post(BATCH).admin(&server).key("one").json(batch(changed)).send().await;
        refused.is(422, "idempotency_key_reused");
    }
    let again = results(&server.post(BATCH).admin(&server).key("one").json(batch(&sent)).send().await);
    assert_eq!((ids(&again), outcomes(&again)), (ids(&first), outcomes(&first)));
    assert_eq!(again[0]["booking"], first[0]["booking"], "the same body, with its token");
    assert!(again[..4].iter().all(|result| result["replayed"] == true));
    assert_eq!(server.head().await, before);
    // Another seller's key is another key.
    let other = server.token("other", lastseat::auth::Role::Admin);
    let others = results(&server.post(BATCH).bearer(&other).key("one").json(batch(&[floor("eve", 2)])).send().await);
    assert!(!ids(&again).contains(&others[0]["booking"]["id"]));
    server.stop().await;
}

#[tokio::test]
async fn a_hold_with_a_key_of_its_own_is_one_in_any_batch() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let own = |key: &str, mut hold: Value| {
        hold["idempotency_key"] = json!(key);
        hold
    };
    super::send(&server, &[seats("ann", &["A-2"])]).await;
    let sent = [own("k1", seats("bob", &["A-1"])), own("k2", seats("eve", &["A-2"])), own("k3", floor("eve", 1))];
    let first = super::send(&server, &sent).await;
    assert_eq!(outcomes(&first)[..2], ["A-1", "seat_unavailable"]);
    // Elsewhere in another batch, with a key for the batch or without one: the refusal is kept, too.
    let other = [floor("ann", 1), sent[2].clone(), sent[1].clone(), sent[0].clone()];
    let again = results(&server.post(BATCH).admin(&server).key("more").json(batch(&other)).send().await);
    assert_eq!((&again[3]["booking"], &again[1]["booking"]), (&first[0]["booking"], &first[2]["booking"]));
    assert_eq!(again[2]["problem"], first[1]["problem"]);
    assert!(again[1..].iter().all(|result| result["replayed"] == true), "{again:?}");
    // Another hold under the key, and the key twice.
    let wrong = [own("k1", seats("bob", &["A-3"])), own("k4", floor("bob", 1)), own("k4", floor("bob", 1))];
    assert_eq!(outcomes(&super::send(&server, &wrong).await)[0], "idempotency_key_reused");
    assert_eq!(outcomes(&super::send(&server, &wrong).await)[2], "invalid_request");
    server.stop().await;

    let server = start_for_test(dir.path()).await;
    let restarted = super::send(&server, &[sent[2].clone(), sent[0].clone()]).await;
    assert_eq!(ids(&restarted), [first[2]["booking"]["id"].clone(), first[0]["booking"]["id"].clone()]);
    assert_eq!(outcomes(&super::send(&server, &wrong[..1]).await), ["idempotency_key_reused"]);
    server.stop().await;
}

/// It was refused because of a hold of the same batch, which might have failed.
#[tokio::test]
async fn a_hold_that_was_refused_because_of_one_in_progress_may_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let eve = json!({"buyer": "eve", "seats": ["A-1"], "idempotency_key": "k2"});
    let first = super::send(&server, &[seats("bob", &["A-1"]), eve.clone()]).await;
    assert_eq!(outcomes(&first), ["A-1", "seat_unavailable"]);
    let bobs = &first[0]["booking"];
    let path = format!("/v1/bookings/{}", bobs["id"].as_str().unwrap());
    let cancelled = server.call("DELETE", &path).bearer(bobs["token"].as_str().unwrap()).send().await;
    assert!(cancelled.status.is_success(), "{cancelled:?}");
    assert_eq!(outcomes(&super::send(&server, &[eve]).await), ["A-1"]);
    server.stop().await;
}

/// What could not be decided does not use up the key, and what was held is not held twice.
#[tokio::test]
async fn a_batch_with_a_hold_that_was_not_decided_is_executed_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let call =
        || server.post(BATCH).admin(&server).key("one").json(batch(&[seats("bob", &["A-1"]), seats("eve", &["A-2"])])).send();
    server.post("/v1/shows/demo/pause").admin(&server).send().await;
    assert_eq!(outcomes(&results(&call().await)), ["sales_paused", "sales_paused"]);
    server.post("/v1/shows/demo/resume").admin(&server).send().await;
    assert_eq!(outcomes(&results(&call().await)), ["A-1", "A-2"]);
    assert_eq!(call().await.header(REPLAYED), "true");
    server.stop().await;
}
