//! 500 buyers of one seat, spread over two nodes.

use crate::nodes::Cluster;
use crate::support::books::End;
use crate::support::{eventually, show, text};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

async fn five_hundred_buyers(with_redis: bool) {
    let Some(cluster) = Cluster::start(2, with_redis).await else { return };
    cluster.put_on_sale(&show("gala", 600, 20)).await;
    let clients = cluster.clients();
    for client in &clients {
        client.warm_up(250).await;
    }
    let start = Arc::new(Barrier::new(500));
    let mut buyers = JoinSet::new();
    for buyer in 0..500 {
        let (client, start) = (clients[buyer % clients.len()].clone(), start.clone());
        buyers.spawn(async move {
            start.wait().await;
            let answer = client.post("/v1/shows/gala/bookings").json(&json!({"seats": ["B-7"]})).send().await;
            (client, answer)
        });
    }
    let mut tally: BTreeMap<(u16, String), usize> = BTreeMap::new();
    let mut winner = None;
    while let Some(answered) = buyers.join_next().await {
        let (client, answer) = answered.unwrap();
        *tally.entry((answer.status, answer.code())).or_default() += 1;
        if answer.status == 201 {
            winner = Some((client, answer.json()));
        }
    }
    let wanted = BTreeMap::from([((201, String::new()), 1), ((409, "seat_unavailable".to_owned()), 499)]);
    assert_eq!(tally, wanted, "with Redis: {with_redis}");

    // Paid on either node; refused on both from then on.
    let (client, booking) = winner.unwrap();
    let pay = client.post(&format!("/v1/bookings/{}/payment", text(&booking, "id"))).bearer(text(&booking, "token"));
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    let paid = Instant::now();
    for client in &clients {
        eventually("the node knows that the seat is sold", async || {
            let answer = client.post("/v1/shows/gala/bookings").json(&json!({"seats": ["B-7"]})).send().await;
            let problem = answer.problem(409, "seat_unavailable");
            (problem["state"] == "booked").then_some(())
        })
        .await;
    }
    eprintln!("with Redis: {with_redis}; all nodes refuse the sold seat {:.1?} after the payment was answered", paid.elapsed());
    let books = cluster.at_rest(&["gala"]).await;
    // Without Redis both nodes may have opened a booking: the loser's is aborted.
    let confirmed = books.count(End::Confirmed);
    assert_eq!(confirmed + books.count(End::Aborted), books.bookings.len());
    assert_eq!((confirmed, books.seats.len(), books.revenue()), (1, 1, 4500));
    cluster.assert_nothing_stays_in_redis();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_buyers_of_one_seat() {
    five_hundred_buyers(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_buyers_of_one_seat_with_redis() {
    five_hundred_buyers(true).await;
}
