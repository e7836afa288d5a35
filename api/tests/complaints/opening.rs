//! The opening of a sale, and buyers who hold and don't buy.

use crate::at_once;
use crate::support::client::Answer;
use crate::support::test_server::{GALA, TestServer};
use crate::support::{PATIENCE, show, text};
use chrono::SubsecRound;
use lastseat_domain::Timestamp;
use serde_json::json;
use std::time::{Duration, Instant};

/// pretix#329, emfcamp#1901 (sold out in 13 s, with 500s): everybody is there before the sale opens
/// and retries. Nothing is sold early, nothing breaks, and everything is sold.
#[tokio::test(flavor = "multi_thread")]
async fn a_rush_at_the_opening() {
    let server = TestServer::open(600).await;
    let opens = (server.running().clock.now() + chrono::TimeDelta::seconds(3)).trunc_subsecs(3);
    let mut rush = show("rush", 600, 50);
    rush["sale_opens_at"] = json!(opens);
    server.put_on_sale(&rush).await;
    let clock = server.running().clock.clone();
    let answers = at_once(150, |_| {
        let (client, clock) = (server.client.clone(), clock.clone());
        async move {
            let given_up = Instant::now() + PATIENCE;
            let mut early = 0;
            loop {
                let answer = client.post("/v1/shows/rush/bookings").json(&json!({"area": "floor", "quantity": 1})).send().await;
                let now = clock.now();
                if answer.status != 403 {
                    return (answer, now, early);
                }
                let problem = answer.problem(403, "sale_not_open");
                assert_eq!(text(&problem, "opens_at").parse::<Timestamp>().unwrap(), opens, "{problem}");
                early += 1;
                assert!(Instant::now() < given_up, "the sale never opens");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
    .await;
    assert!(answers.iter().any(|(_, _, early)| *early > 0), "nobody was early");
    let sold = answers.iter().filter(|(answer, ..)| answer.status == 201).count();
    for (answer, at, _) in &answers {
        assert!(*at >= opens, "somebody was served before the opening: {answer:?}");
        if answer.status != 201 {
            answer.problem(410, "sold_out");
        }
    }
    assert_eq!(sold, 50);
    assert_eq!(server.close().await.seats.len(), 50);
}

/// virtual-waiting-room-on-aws#154: buyers who hold and never pay block the queue. Here their holds
/// expire, the waiting buyers learn when, and every place is sold.
#[tokio::test(flavor = "multi_thread")]
async fn abandoners_do_not_jam_the_queue() {
    let server = TestServer::open(1).await;
    let abandoners =
        at_once(20, |_| server.client.post("/v1/shows/gala/bookings").json(&json!({"area": "floor", "quantity": 1})).send())
            .await;
    assert!(abandoners.iter().all(|answer| answer.status == 201));
    let full = server.try_hold(&json!({"area": "floor", "quantity": 1})).await;
    if full.status != 201 {
        let free_at: Timestamp = text(&full.problem(410, "sold_out"), "free_at").parse().unwrap();
        assert!(free_at <= server.running().clock.now() + chrono::TimeDelta::seconds(1), "{free_at}");
    }
    let buy = |_| {
        let client = server.client.clone();
        async move {
            let given_up = Instant::now() + PATIENCE;
            loop {
                let held: Answer =
                    client.post("/v1/shows/gala/bookings").json(&json!({"area": "floor", "quantity": 1})).send().await;
                if held.status == 201 {
                    let booking = held.json();
                    let path = format!("/v1/bookings/{}/payment", text(&booking, "id"));
                    let paid = client
                        .post(&path)
                        .bearer(text(&booking, "token"))
                        .json(&json!({"payment_method": "pm_card_visa"}))
                        .send()
                        .await;
                    if paid.status == 200 {
                        return true;
                    }
                    // On a busy machine a second may pass between the two, and the hold is over.
                    paid.problem(410, "booking_over");
                } else if !held.json().as_object().unwrap().contains_key("free_at") {
                    held.problem(410, "sold_out");
                    return false;
                }
                assert!(Instant::now() < given_up, "the queue does not move");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let served = at_once(30, buy).await.into_iter().filter(|served| *served).count();
    assert_eq!(served, 20);
    assert_eq!(server.map(GALA).await["areas"][1]["available"], 0);
    assert_eq!(server.close().await.revenue(), 20 * 3000);
}
