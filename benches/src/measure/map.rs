//! The seat map of a large show, compressed.

use super::plan::{Plan, rate};
use crate::client::{Connection, get, post};
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::server::{Backing, Server};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

const SEATS: usize = 100_000;
const ROWS: usize = 1000;
const SEATS_A_ROW: usize = SEATS / ROWS;
/// Batches of 1,000 holds of ten seats that are taken first, so that there is something to compress.
const TAKEN_BATCHES: usize = 3;
const CONNECTIONS: usize = 64;
/// Requests one after the other, each for a map that has changed.
const CHANGES: usize = 20;
const MAP: &str = "/v1/shows/large/seats";
const ROW_FORM: &str = "application/vnd.lastseat.seat-rows+json";
const SEAT_FORM: &str = "application/json";

/// Maps from memory, a second, in both forms; and the milliseconds until one is there that has just changed.
pub(super) async fn snapshots(plan: &Plan) -> Outcome<Vec<Figure>> {
    let folder = tempfile::tempdir_in(".")?;
    let (ours, bare) = (Server::lastseat(folder.path(), &Backing::default()).await?, Server::bare().await?);
    prepare(&ours).await?;
    let mut figures = Vec::new();
    for (form, unchanged, changed) in [
        (ROW_FORM, "seat map of 100,000, rows, br", "seat map in rows after a change"),
        (SEAT_FORM, "seat map of 100,000, objects, br", "seat map in objects after a change"),
    ] {
        let request = get(MAP, form, "br");
        let length = Connection::open(ours.address).await?.send(&request).await?.body.len();
        eprintln!("{unchanged}: {length} bytes on the wire");
        let as_many = get(&format!("/bytes/{length}"), form, "br");
        let mut cached = Figure::new(unchanged, CONNECTIONS, "maps/s", "bare axum, as many bytes");
        let mut fresh = Figure::new(changed, 1, "ms", "bare axum, as many bytes");
        for _ in 0..plan.rounds {
            let limit = flood(&bare, &as_many, plan.seconds).await?;
            cached.add(flood(&ours, &request, plan.seconds).await?, limit);
            let limit = after_a_change(&bare, &as_many, &[]).await?;
            fresh.add(after_a_change(&ours, &request, &hold(&ours)).await?, limit);
        }
        figures.extend([cached, fresh]);
    }
    Ok(figures)
}

/// Puts the show on sale and sells seats all over it.
async fn prepare(server: &Server) -> Outcome<()> {
    let rows: Vec<_> = (0..ROWS).map(|row| json!({"row": format!("R{row}"), "seats": SEATS_A_ROW})).collect();
    let show = json!({
        "id": "large", "title": "A large show", "currency": "EUR", "hold_seconds": 3600,
        "categories": [{"category": "any", "price": 1000}],
        "areas": [
            {"area": "stalls", "category": "any", "rows": rows},
            {"area": "floor", "category": "any", "capacity": 10_000}
        ],
    });
    let mut connection = Connection::open(server.address).await?;
    let answer = connection.send(&post("/v1/shows", Some(&server.token), &show.to_string())).await?;
    if answer.status != 201 {
        return Err(format!("no show: {}", String::from_utf8_lossy(answer.body)).into());
    }
    for batch in 0..TAKEN_BATCHES {
        let holds: Vec<_> =
            (0..1000).map(|n| json!({"buyer": format!("buyer-{n}"), "seats": scattered(batch * 1000 + n)})).collect();
        let body = json!({ "holds": holds }).to_string();
        let answer = connection.send(&post("/v1/shows/large/bookings:batch", Some(&server.token), &body)).await?;
        if answer.status != 200 {
            return Err(format!("a batch was answered {}", answer.status).into());
        }
    }
    Ok(())
}

/// Ten seats of the show, no two holds the same: the step and the number of seats have no common divisor.
fn scattered(hold: usize) -> Vec<String> {
    let seat = |n: usize| (hold * 10 + n) * 7_919 % SEATS;
    (0..10).map(seat).map(|seat| format!("R{}-{}", seat / SEATS_A_ROW, seat % SEATS_A_ROW + 1)).collect()
}

async fn flood(server: &Server, request: &[u8], seconds: f64) -> Outcome<Measured> {
    let (request, address): (Arc<[u8]>, _) = (request.into(), server.address);
    rate(Some(server), CONNECTIONS, seconds, |_, until| {
        let request = Arc::clone(&request);
        async move {
            let mut connection = Connection::open(address).await?;
            let mut answered = 0;
            while Instant::now() < until {
                let status = connection.send(&request).await?.status;
                if status != 200 {
                    return Err(format!("200 was expected, not {status}").into());
                }
                answered += 1;
            }
            Ok(answered)
        }
    })
    .await
}

/// A hold of any place: it changes the map.
fn hold(server: &Server) -> Vec<u8> {
    let buyer = server.buyers.first().map(String::as_str);
    post("/v1/shows/large/bookings", buyer, r#"{"area":"floor","quantity":1}"#)
}

/// Mean of the milliseconds that a request takes which follows a change.
async fn after_a_change(server: &Server, request: &[u8], change: &[u8]) -> Outcome<f64> {
    let mut connection = Connection::open(server.address).await?;
    let mut took = 0.0;
    for _ in 0..CHANGES {
        if !change.is_empty() && connection.send(change).await?.status != 201 {
            return Err("the map could not be changed".into());
        }
        let begun = Instant::now();
        connection.send(request).await?;
        took += begun.elapsed().as_secs_f64() * 1e3;
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    Ok(took / CHANGES as f64)
}
