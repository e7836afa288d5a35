//! Many batches at once for the same seats: each seat has one booking.

use super::{batch, outcomes, results, seats, send};
use crate::common::start_for_test;
use crate::support::show;
use crate::support::test_server::{GALA, TestServer};
use futures::future::join_all;
use lastseat::config::Config;
use lastseat::config::service_url::ServiceUrl;
use lastseat_redis_testkit::RedisServer;
use serde_json::Value;
use std::collections::BTreeMap;

/// All 30 seats, each wanted twice in a row, from another seat on in each batch.
fn everything(number: usize) -> Vec<Value> {
    let label = |n: usize| format!("{}-{}", ["A", "B", "C"][(n / 10) % 3], n % 10 + 1);
    (0..60).map(|n| seats(&format!("buyer-{number}-{n}"), &[&label((number + n / 2) % 30)])).collect()
}

/// Which booking has which seat, according to the answers. No seat may have two.
fn owners<'a>(answers: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for booking in answers.into_iter().filter(|answer| answer["status"] == 201).map(|answer| &answer["booking"]) {
        for seat in crate::support::seats_of(booking) {
            let before = owners.insert(seat.clone(), booking["id"].as_str().unwrap().to_owned());
            assert_eq!(before, None, "{seat} was sold twice");
        }
    }
    owners
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_batches_at_once_each_seat_goes_to_one_booking() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let batches: Vec<_> = (0..50).map(everything).collect();
    let answers = join_all(batches.iter().map(|holds| send(&server, holds))).await;
    let owners = owners(answers.iter().flatten());
    assert_eq!(owners.len(), 30, "{owners:?}");
    for answers in &answers {
        let outcomes = outcomes(answers);
        for pair in outcomes.chunks(2) {
            assert_eq!(pair[1], "seat_unavailable", "of two holds of a batch for a seat only the first can get it");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_batches_at_once_each_seat_goes_to_one_booking_with_redis_as_the_guard() {
    let Some(redis) = tokio::task::spawn_blocking(RedisServer::start).await.unwrap() else { return };
    let redis_url = Some(ServiceUrl::of(&redis.url(), &["redis://"]).unwrap());
    let server = TestServer::open_with(Config { redis: redis_url, ..Config::default() }).await;
    server.put_on_sale(&show(GALA, 600, 20)).await;
    let (admin, path) = (server.admin(), format!("/v1/shows/{GALA}/bookings:batch"));
    let sending = (0..20).map(|n| server.client.post(&path).bearer(&admin).json(&batch(&everything(n))).send());
    let answers: Vec<Value> = join_all(sending).await.into_iter().map(|answer| answer.ok(200)).collect();
    let answers: Vec<&Value> = answers.iter().flat_map(|answer| answer["results"].as_array().unwrap()).collect();
    assert_eq!(owners(answers.iter().copied()).len(), 30);
    let asked = tokio::task::spawn_blocking(move || redis.scripts_run()).await.unwrap();
    assert!(asked >= 30, "{asked}");
}

#[tokio::test]
async fn a_burst_of_the_same_batch_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let call = || server.post(super::BATCH).admin(&server).key("burst").json(batch(&everything(0))).send();
    let replies = join_all((0..20).map(|_| call())).await;
    let mut bookings = std::collections::BTreeSet::new();
    for reply in &replies {
        if reply.status == 200 {
            bookings.insert(format!("{:?}", super::ids(&results(reply))));
        } else {
            reply.is(409, "idempotency_in_flight");
        }
    }
    assert_eq!(bookings.len(), 1);
    assert_eq!(results(&call().await).len(), 60);
    server.stop().await;
}
