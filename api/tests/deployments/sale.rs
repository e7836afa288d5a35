//! 500 buyers on shows of both deployments, and one store killed in the middle.

use crate::deployment::Deployments;
use crate::market::{Market, all_done, show};
use crate::support::client::{Answer, Client};
use crate::support::{PATIENCE, eventually};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

const BUYERS: usize = 250;
/// Fewer than buyers.
const SEATS: usize = 200;

/// A hold of the seat that nobody else wants.
async fn hold_first(common: &Client, show: &str) -> Answer {
    common.post(&format!("/v1/shows/{show}/bookings")).key("first").json(&json!({"seats": ["first-1"]})).send().await
}

/// How a deployment without a store answers through the proxy.
async fn is_out(common: &Client, show: &str) {
    let hold = hold_first(common, show).await;
    // Busy while the silence is still short: new holds wait in front, for some seconds.
    assert!(["unavailable", "outcome_unknown", "busy"].contains(&hold.code().as_str()), "{hold:?}");
    assert_eq!((hold.status, hold.header("content-type")), (503, Some("application/problem+json")), "{hold:?}");
    assert!(hold.header("retry-after").is_some(), "{hold:?}");
    // Seats are answered from memory.
    common.get(&format!("/v1/shows/{show}/seats")).send().await.ok(200);
}

/// The hold of the outage, sent again, has one effect, whatever became of the first try; then it is cancelled.
async fn is_back(market: &Market) {
    let hold = eventually("the hold comes through", async || {
        Some(hold_first(&market.common, market.show).await).filter(|answer| answer.status != 503)
    })
    .await;
    market.cancel(&hold.ok(201)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_does_not_notice_that_the_other_deployments_store_is_killed() {
    let Some(mut all) = Deployments::start().await else { return };
    all.put_on_sale(&all.north, &show("gala", SEATS)).await;
    all.put_on_sale(&all.south, &show("opera", SEATS)).await;
    let gala = Arc::new(Market::new(&all, &all.north, "gala", SEATS));
    let opera = Arc::new(Market::new(&all, &all.south, "opera", SEATS));
    let _gala_stream = gala.unbuffered_stream().await;
    let mut opera_stream = opera.unbuffered_stream().await;
    let watching = tokio::spawn(async move {
        let mut booked = 0;
        while booked < SEATS {
            let change = opera_stream.next_seat(PATIENCE).await.expect("the other deployment's stream goes on");
            booked += usize::from(change.name == "seat_booked");
        }
    });

    let started = Instant::now();
    let (gala_buyers, early) = (gala.send(0..BUYERS), opera.send(0..BUYERS / 2));
    eventually("a quarter of the gala is sold", async || (gala.sold() >= SEATS / 4).then_some(())).await;
    all.north.kill_store();
    let sold = gala.sold();

    // The other show sells out meanwhile: half of its buyers come only now.
    let late = opera.send(BUYERS / 2..BUYERS);
    all_done(early).await;
    all_done(late).await;
    watching.await.unwrap();
    assert_eq!(*opera.failed.lock(), Vec::<String>::new());
    assert!(gala.sold() < SEATS, "the gala was sold without a store");
    is_out(&gala.common, "gala").await;

    all.north.restart_store();
    all_done(gala_buyers).await;
    is_back(&gala).await;
    let took = started.elapsed();
    gala.books_agree(&all.north, BUYERS).await;
    opera.books_agree(&all.south, BUYERS).await;
    eprintln!(
        "gala's store killed after {sold} were sold; both shows sold out in {took:.1?}; {} answers of 503 for the gala",
        gala.failed.lock().len(),
    );

    // No node left: nginx answers in their place, until they are back.
    all.north.kill_nodes();
    let seats = gala.common.get("/v1/shows/gala/seats").send().await;
    seats.problem(503, "unavailable");
    let hold = hold_first(&gala.common, "gala").await;
    hold.problem(503, "outcome_unknown");
    assert_eq!(hold.header("retry-after"), Some("1"));
    opera.common.get("/v1/shows/opera/seats").send().await.ok(200);
    all.north.restart_nodes().await;
    eventually("nginx finds the nodes again", async || {
        Some(gala.common.get("/v1/shows/gala/seats").send().await).filter(|answer| answer.status == 200)
    })
    .await;
}
