//! 500 buyers on shows of both deployments, and one store killed in the middle.

use crate::deployment::{Deployment, Deployments};
use crate::market::Market;
use crate::support::books::End;
use crate::support::client::{Answer, Client};
use crate::support::sse::Stream;
use crate::support::{PATIENCE, eventually, text};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::task::JoinSet;

const BUYERS: usize = 250;
const ROWS: usize = 10;
/// Fewer than buyers.
const SEATS: usize = 20 * ROWS;

fn show(id: &str) -> Value {
    let mut rows: Vec<_> = (0..ROWS).map(|row| json!({"row": format!("R{row}"), "seats": SEATS / ROWS})).collect();
    // With this seat the stream is tried before the sale.
    rows.push(json!({"row": "first", "seats": 1}));
    json!({
        "id": id, "title": id, "currency": "EUR", "hold_seconds": 600,
        "categories": [{"category": "stalls", "price": 4500}],
        "areas": [{"area": "hall", "category": "stalls", "rows": rows}],
    })
}

/// Opens a seat stream through the common host, and sees one hold and its end arrive while it is open.
async fn unbuffered_stream(market: &Market) -> Stream {
    let mut stream = Stream::open(&market.common, market.show, None, None).await;
    let path = format!("/v1/shows/{}/bookings", market.show);
    let booking = market.common.post(&path).json(&json!({"seats": ["first-1"]})).send().await.ok(201);
    let change = stream.next_seat(PATIENCE).await.expect("the stream shows the hold");
    assert_eq!((change.name.as_str(), text(&change.data, "seat")), ("seat_locked", "first-1"));
    cancel(market, &booking).await;
    assert_eq!(stream.next_seat(PATIENCE).await.unwrap().name, "seat_released");
    stream
}

/// Sends buyers.
fn send(market: &Arc<Market>, numbers: Range<usize>) -> JoinSet<()> {
    let mut buyers = JoinSet::new();
    for buyer in numbers {
        let market = market.clone();
        buyers.spawn(async move {
            let seat = buyer % SEATS;
            market.buy(buyer, &format!("R{}-{}", seat % ROWS, seat / ROWS + 1)).await;
        });
    }
    buyers
}

async fn all_done(mut buyers: JoinSet<()>) {
    while let Some(done) = tokio::time::timeout(PATIENCE, buyers.join_next()).await.expect("the sale makes no progress") {
        done.unwrap();
    }
}

/// The log has exactly the sales that were answered, and each seat once.
async fn books_agree(deployment: &Deployment, market: &Market) {
    let books = deployment.at_rest(market.show).await;
    let (sold, refused) = (market.sold(), market.refused.load(Ordering::Relaxed));
    assert_eq!((books.count(End::Confirmed), books.seats.len(), sold + refused), (sold, sold, BUYERS));
    assert_eq!(sold, SEATS, "{}: somebody wanted each seat until it was sold", market.show);
}

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
    cancel(market, &hold.ok(201)).await;
}

async fn cancel(market: &Market, booking: &Value) {
    let call = market.own.delete(&format!("/v1/bookings/{}", text(booking, "id")));
    call.bearer(text(booking, "token")).send().await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_does_not_notice_that_the_other_deployments_store_is_killed() {
    let Some(mut all) = Deployments::start().await else { return };
    all.put_on_sale(&all.north, &show("gala")).await;
    all.put_on_sale(&all.south, &show("opera")).await;
    let gala = Arc::new(Market::new(&all, &all.north, "gala"));
    let opera = Arc::new(Market::new(&all, &all.south, "opera"));
    let _gala_stream = unbuffered_stream(&gala).await;
    let mut opera_stream = unbuffered_stream(&opera).await;
    let watching = tokio::spawn(async move {
        let mut booked = 0;
        while booked < SEATS {
            let change = opera_stream.next_seat(PATIENCE).await.expect("the other deployment's stream goes on");
            booked += usize::from(change.name == "seat_booked");
        }
    });

    let started = Instant::now();
    let (gala_buyers, early) = (send(&gala, 0..BUYERS), send(&opera, 0..BUYERS / 2));
    eventually("a quarter of the gala is sold", async || (gala.sold() >= SEATS / 4).then_some(())).await;
    all.north.kill_store();
    let sold = gala.sold();

    // The other show sells out meanwhile: half of its buyers come only now.
    let late = send(&opera, BUYERS / 2..BUYERS);
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
    books_agree(&all.north, &gala).await;
    books_agree(&all.south, &opera).await;
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
