//! Durable holds that come in batches.

use super::over_http;
use super::plan::{Plan, rate};
use super::sale::schedule;
use crate::client::{Connection, post};
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::raw_log;
use crate::server::{Backing, Server};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

const HOLDS: u32 = 100;
/// Sellers, each with one batch at a time.
const SELLERS: usize = 8;
/// Connections of the single holds: many, so that they share commits as well.
const SINGLES: usize = 500;
/// Places on sale: more than can be sold in the time.
const PLACES: u32 = 199_000;

/// Durable holds in batches, against single ones, and against SQLite writing the same rows with as many holds in
/// flight.
pub(super) async fn holds(plan: &Plan) -> Outcome<[Figure; 2]> {
    let mut single = Figure::new("durable holds, in batches of 100", SELLERS, "holds/s", "holds, one a request, 500 at once");
    let mut raw = Figure::new("durable holds, in batches of 100", SELLERS, "holds/s", "raw SQLite group commit, same rows");
    for _ in 0..plan.rounds {
        let folder = tempfile::tempdir_in(".")?;
        let rows = raw_log::holds_per_second(folder.path(), SELLERS * HOLDS as usize, plan.seconds).await?;
        let one_by_one = over_http::hold(SINGLES, plan, &Backing::default()).await?;
        let in_batches = sell(plan).await?;
        single.add(in_batches, one_by_one);
        raw.add(in_batches, rows);
    }
    Ok([single, raw])
}

/// Sends one batch after the other on every connection; holds a second.
async fn sell(plan: &Plan) -> Outcome<Measured> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::lastseat(folder.path(), &Backing::default()).await?;
    schedule(&server, "sale", PLACES).await?;
    let address = server.address;
    rate(Some(&server), SELLERS, plan.seconds, |seller, until| {
        let batch = batch(&server, seller);
        async move {
            let mut connection = Connection::open(address).await?;
            let mut held = 0;
            while Instant::now() < until {
                let answer = connection.send(&batch).await?;
                let text = String::from_utf8_lossy(answer.body);
                if answer.status != 200 || text.matches("\"status\":201").count() != HOLDS as usize {
                    return Err(format!("a batch was answered {}: {text:.300}", answer.status).into());
                }
                held += HOLDS;
            }
            Ok(held)
        }
    })
    .await
}

/// A batch of one seller, for buyers of its own.
fn batch(server: &Server, seller: usize) -> Arc<[u8]> {
    let hold = |n| json!({"buyer": format!("buyer-{seller}-{n}"), "area": "floor", "quantity": 1});
    let body = json!({"holds": (0..HOLDS).map(hold).collect::<Vec<_>>()});
    post("/v1/shows/sale/bookings:batch", Some(&server.token), &body.to_string()).into()
}
