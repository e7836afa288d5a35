//! What is measured against what.

use crate::Outcome;
use crate::client::{Connection, post};
use crate::raw_log;
use crate::server::Server;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Connections of each measurement.
const CONNECTIONS: [usize; 2] = [64, 500];
/// Places on sale: more than can be sold in the time.
const PLACES: u32 = 150_000;

/// One line of the result.
struct Figure {
    name: &'static str,
    connections: usize,
    unit: &'static str,
    ours: Vec<f64>,
    limit_name: &'static str,
    limit: Vec<f64>,
}

/// Measures everything and prints it.
pub(crate) async fn all(rounds: usize, seconds: f64, as_json: bool) -> Outcome<()> {
    let mut figures = Vec::new();
    for connections in CONNECTIONS {
        figures.push(refusals(connections, rounds, seconds).await?);
        figures.push(holds(connections, rounds, seconds).await?);
        figures.push(bookings(connections, rounds, seconds).await?);
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&figures.iter().map(Figure::to_json).collect::<Vec<_>>())?);
    } else {
        println!("{}", Figure::table(&figures));
    }
    Ok(())
}

/// Refusals of a taken seat, against an axum that does nothing else.
async fn refusals(connections: usize, rounds: usize, seconds: f64) -> Outcome<Figure> {
    let folder = tempfile::tempdir_in(".")?;
    let (ours, bare) = (Server::lastseat(folder.path()).await?, Server::bare().await?);
    schedule(&ours, "taken", 10).await?;
    let request = post("/v1/shows/taken/bookings", None, r#"{"seats":["A-1"]}"#);
    if Connection::open(ours.address).await?.send(&request).await?.status != 201 {
        return Err("the seat could not be taken".into());
    }
    let mut figure = Figure::new("refusals of a taken seat", connections, "requests/s", "bare axum, same POST");
    for round in 1..=rounds {
        progress(&figure, round, rounds);
        figure.limit.push(flood(bare.address, &request, connections, seconds).await?);
        figure.ours.push(flood(ours.address, &request, connections, seconds).await?);
    }
    Ok(figure)
}

/// Durable holds of any free place, against SQLite writing the same rows.
async fn holds(connections: usize, rounds: usize, seconds: f64) -> Outcome<Figure> {
    let mut figure = Figure::new("durable holds", connections, "holds/s", "raw SQLite group commit, same rows");
    for round in 1..=rounds {
        progress(&figure, round, rounds);
        let folder = tempfile::tempdir_in(".")?;
        figure.limit.push(raw_log::holds_per_second(folder.path(), connections, seconds).await?);
        figure.ours.push(sell(connections, seconds, false).await?);
    }
    Ok(figure)
}

/// Confirmed bookings: hold and payment. They have no simpler thing to be compared with; the holds
/// of the same round stand beside them.
async fn bookings(connections: usize, rounds: usize, seconds: f64) -> Outcome<Figure> {
    let mut figure = Figure::new("confirmed bookings", connections, "bookings/s", "durable holds");
    for round in 1..=rounds {
        progress(&figure, round, rounds);
        figure.limit.push(sell(connections, seconds, false).await?);
        figure.ours.push(sell(connections, seconds, true).await?);
    }
    Ok(figure)
}

/// The same request over and over on every connection; answers a second.
async fn flood(address: SocketAddr, request: &[u8], connections: usize, seconds: f64) -> Outcome<f64> {
    let request: std::sync::Arc<[u8]> = request.into();
    rate(connections, seconds, |until| {
        let request = request.clone();
        async move {
            let mut connection = Connection::open(address).await?;
            let mut answered = 0;
            while Instant::now() < until {
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

/// Holds, or holds and pays for, one place after the other on every connection; successes a second.
async fn sell(connections: usize, seconds: f64, pay: bool) -> Outcome<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::lastseat(folder.path()).await?;
    schedule(&server, "sale", PLACES).await?;
    let address = server.address;
    rate(connections, seconds, |until| async move {
        let hold = post("/v1/shows/sale/bookings", None, r#"{"area":"floor","quantity":1}"#);
        let mut connection = Connection::open(address).await?;
        let mut done = 0;
        while Instant::now() < until {
            let answer = connection.send(&hold).await?;
            if answer.status != 201 {
                return Err(format!("a hold was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
            }
            if pay {
                let (Some(id), Some(token)) = (answer.text("id"), answer.text("token")) else {
                    return Err("a hold without id".into());
                };
                let pay = post(&format!("/v1/bookings/{id}/payment"), Some(&token), r#"{"payment_method":"pm_card_visa"}"#);
                let answer = connection.send(&pay).await?;
                if answer.status != 200 {
                    return Err(
                        format!("a payment was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into()
                    );
                }
            }
            done += 1;
        }
        Ok(done)
    })
    .await
}

/// Runs one task a connection for some seconds; what they did a second, all together.
async fn rate<Work, F>(connections: usize, seconds: f64, work: Work) -> Outcome<f64>
where
    Work: Fn(Instant) -> F,
    F: Future<Output = Outcome<u32>> + Send + 'static,
{
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(work(until))).collect();
    let mut done = 0.0;
    for task in tasks {
        done += f64::from(task.await??);
    }
    Ok(done / start.elapsed().as_secs_f64())
}

/// Puts a show on sale: row A of ten seats, and a floor.
async fn schedule(server: &Server, show: &str, places: u32) -> Outcome<()> {
    let body = json!({
        "id": show, "title": "A measurement", "currency": "EUR", "hold_seconds": 3600,
        "categories": [{"category": "any", "price": 1000}],
        "areas": [
            {"area": "stalls", "category": "any", "rows": [{"row": "A", "seats": 10}]},
            {"area": "floor", "category": "any", "capacity": places}
        ],
    });
    let request = post("/v1/shows", Some(&server.token), &body.to_string());
    let mut connection = Connection::open(server.address).await?;
    let answer = connection.send(&request).await?;
    if answer.status == 201 { Ok(()) } else { Err(format!("no show: {}", String::from_utf8_lossy(answer.body)).into()) }
}

fn progress(figure: &Figure, round: usize, rounds: usize) {
    eprintln!("{} over {} connections: round {round} of {rounds}", figure.name, figure.connections);
}

impl Figure {
    fn new(name: &'static str, connections: usize, unit: &'static str, limit_name: &'static str) -> Self {
        Self { name, connections, unit, ours: Vec::new(), limit_name, limit: Vec::new() }
    }

    fn ratio(&self) -> f64 {
        median(self.ours.iter().zip(&self.limit).map(|(ours, limit)| ours / limit))
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "figure": self.name, "connections": self.connections, "unit": self.unit, "limit": self.limit_name,
            "ratio": self.ratio(), "median": median(self.ours.iter().copied()), "limit_median": median(self.limit.iter().copied()),
            "rounds": self.ours, "limit_rounds": self.limit,
        })
    }

    fn table(figures: &[Self]) -> String {
        let mut table =
            format!("\n{:<26}{:>6}{:>12}{:>12}{:>8}   {}\n", "figure", "conn.", "median", "limit", "ratio", "limit is");
        for figure in figures {
            let (ours, limit) = (median(figure.ours.iter().copied()), median(figure.limit.iter().copied()));
            table += &format!(
                "{:<26}{:>6}{:>12.0}{:>12.0}{:>8.2}   {}\n",
                figure.name,
                figure.connections,
                ours,
                limit,
                figure.ratio(),
                figure.limit_name
            );
        }
        table
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
