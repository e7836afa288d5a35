//! What a client of the HTTP front gets: refusals, holds, bookings.

use super::plan::{Plan, rate};
use super::sale::{buy, hold_request, schedule};
use crate::client::{Connection, post};
use crate::figure::{Figure, Measured};
use crate::outcome::Outcome;
use crate::raw_log;
use crate::server::{Backing, Server};
use lastseat_redis_testkit::RedisServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Places on sale: more than can be sold in the time.
const PLACES: u32 = 150_000;

/// Refusals of a taken seat, against an axum that does nothing else.
pub(super) async fn refusals(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let figure = Figure::new("refusals of a taken seat", connections, "requests/s", "bare axum, same POST");
    refuse(figure, connections, plan, &Backing::default(), Key::None).await
}

/// The same with every request counted against a limit that is never reached.
pub(super) async fn counted_refusals(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let figure = Figure::new("refusals, each one counted", connections, "requests/s", "bare axum, same POST");
    refuse(figure, connections, plan, &Backing { counts: true, ..Backing::default() }, Key::None).await
}

/// The same with a new `Idempotency-Key` for every request. Bare axum gets one, too.
pub(super) async fn keyed_refusals(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let figure = Figure::new("refusals, each with a new key", connections, "requests/s", "bare axum, same POST");
    refuse(figure, connections, plan, &Backing::default(), Key::New).await
}

/// Whether the requests carry an `Idempotency-Key`.
#[derive(Clone, Copy)]
enum Key {
    None,
    New,
}

async fn refuse(mut figure: Figure, connections: usize, plan: &Plan, backing: &Backing, key: Key) -> Outcome<Figure> {
    let folder = tempfile::tempdir_in(".")?;
    let (ours, bare) = (Server::lastseat(folder.path(), backing).await?, Server::bare().await?);
    schedule(&ours, "taken", 10).await?;
    let request = post("/v1/shows/taken/bookings", None, r#"{"seats":["A-1"]}"#);
    if Connection::open(ours.address).await?.send(&request).await?.status != 201 {
        return Err("the seat could not be taken".into());
    }
    for _ in 0..plan.rounds {
        let limit = flood(&bare, &request, key, connections, plan.seconds).await?;
        figure.add(flood(&ours, &request, key, connections, plan.seconds).await?, limit);
    }
    Ok(figure)
}

/// Durable holds of any free place, against SQLite writing the same rows.
pub(super) async fn holds(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let mut figure = Figure::new("durable holds", connections, "holds/s", "raw SQLite group commit, same rows");
    for _ in 0..plan.rounds {
        let folder = tempfile::tempdir_in(".")?;
        let limit = raw_log::holds_per_second(folder.path(), connections, plan.seconds).await?;
        figure.add(hold(connections, plan, &Backing::default()).await?, limit);
    }
    Ok(figure)
}

/// Confirmed bookings: hold and payment. They have no simpler thing to be compared with; the holds
/// of the same round stand beside them.
pub(super) async fn bookings(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let mut figure = Figure::new("confirmed bookings", connections, "bookings/s", "durable holds");
    for _ in 0..plan.rounds {
        let limit = hold(connections, plan, &Backing::default()).await?;
        figure.add(sell(connections, plan, &Backing::default(), true).await?, limit);
    }
    Ok(figure)
}

/// Confirmed bookings with the gateway over Stripe's API, in another process, against those with the gateway in
/// the same process.
pub(super) async fn bookings_over_stripe(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let mut figure =
        Figure::new("bookings, gateway over Stripe's API", connections, "bookings/s", "the same, gateway in the process");
    for _ in 0..plan.rounds {
        let limit = sell(connections, plan, &Backing::default(), true).await?;
        let sandbox = Server::sandbox().await?;
        let backing = Backing { stripe: Some(format!("http://{}", sandbox.address)), ..Backing::default() };
        figure.add(sell(connections, plan, &backing, true).await?, limit);
    }
    Ok(figure)
}

/// Durable holds with Redis as the guard, against those with the guard in the process. None where
/// Redis is not installed.
pub(super) async fn holds_with_redis(connections: usize, plan: &Plan) -> Outcome<Option<Figure>> {
    let mut figure = Figure::new("holds, Redis as guard", connections, "holds/s", "the same, guard in the process");
    for _ in 0..plan.rounds {
        let Some(redis) = tokio::task::spawn_blocking(RedisServer::start).await? else { return Ok(None) };
        let limit = hold(connections, plan, &Backing::default()).await?;
        let ours = hold(connections, plan, &Backing { redis: Some(redis.url()), ..Backing::default() }).await?;
        let asked = tokio::task::spawn_blocking(move || redis.scripts_run()).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below what a float holds")]
        if (asked as f64) < ours.value * plan.seconds {
            return Err(format!("Redis was asked only {asked} times").into());
        }
        figure.add(ours, limit);
    }
    Ok(Some(figure))
}

/// Durable holds of a node whose log is in another process against those of a node
/// with the same log in itself.
pub(super) async fn holds_on_a_served_log(connections: usize, plan: &Plan) -> Outcome<Figure> {
    let mut figure = Figure::new("holds, log in another process", connections, "holds/s", "the same, log in the process");
    for _ in 0..plan.rounds {
        let limit = hold(connections, plan, &Backing::default()).await?;
        let folder = tempfile::tempdir_in(".")?;
        let server = Server::eventstore_server(folder.path()).await?;
        let backing = Backing { eventstore: Some(format!("esdb://{}?tls=false", server.address)), ..Backing::default() };
        figure.add(hold(connections, plan, &backing).await?, limit);
    }
    Ok(figure)
}

/// The same request over and over on every connection; answers a second.
async fn flood(server: &Server, request: &[u8], key: Key, connections: usize, seconds: f64) -> Outcome<Measured> {
    let (request, address): (Arc<[u8]>, _) = (request.into(), server.address);
    rate(Some(server), connections, seconds, |_, until| {
        let mut request = match key {
            Key::None => request.to_vec(),
            Key::New => with_key(&request),
        };
        async move {
            let mut connection = Connection::open(address).await?;
            let mut answered = 0;
            while Instant::now() < until {
                if matches!(key, Key::New) {
                    renew(&mut request);
                }
                let status = connection.send(&request).await?.status;
                if status != 409 {
                    return Err(format!("409 was expected, not {status}").into());
                }
                answered += 1;
            }
            Ok(answered)
        }
    })
    .await
}

/// Bytes of the header before the key.
const KEY_AT: usize = 17;
const KEY: &str = "idempotency-key: xxxxxxxxxxxxxxxx-0c0ffee1dea4bad9\r\n";

/// Adds a key as the last header.
fn with_key(request: &[u8]) -> Vec<u8> {
    let head = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(0) + 2;
    let (head, rest) = request.split_at(head);
    [head, KEY.as_bytes(), rest].concat()
}

/// Makes the key one that was never sent.
fn renew(request: &mut [u8]) {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let key = format!("{:016x}", SENT.fetch_add(1, Ordering::Relaxed));
    let at = request.windows(KEY_AT).position(|name| name == b"idempotency-key: ").map_or(0, |at| at + KEY_AT);
    if let Some(place) = request.get_mut(at..at + key.len()) {
        place.copy_from_slice(key.as_bytes());
    }
}

/// Durable holds a second, one a request.
pub(super) async fn hold(connections: usize, plan: &Plan, backing: &Backing) -> Outcome<Measured> {
    sell(connections, plan, backing, false).await
}

/// Holds, or holds and pays for, one place after the other on every connection; successes a second.
async fn sell(connections: usize, plan: &Plan, backing: &Backing, pay: bool) -> Outcome<Measured> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::lastseat(folder.path(), backing).await?;
    schedule(&server, "sale", PLACES).await?;
    let address = server.address;
    rate(Some(&server), connections, plan.seconds, |number, until| {
        let hold = hold_request(&server, number, "sale");
        async move {
            let mut connection = Connection::open(address).await?;
            let mut done = 0;
            while Instant::now() < until {
                buy(&mut connection, &hold, pay).await?;
                done += 1;
            }
            Ok(done)
        }
    })
    .await
}
