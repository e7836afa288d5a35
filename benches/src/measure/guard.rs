//! The guard over Redis by itself, against `redis-benchmark` calling the same script on the same
//! server: one key, the same arguments.

use super::plan::{Plan, rate};
use crate::figure::Figure;
use crate::outcome::Outcome;
use lastseat_domain::ports::SeatGuard;
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_domain::{BookingId, SeatId, ShowId};
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use lastseat_redis_testkit::RedisServer;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Command;
use uuid::Uuid;

const SCRIPT: &str = include_str!("../../../lua/lock_seats.lua");
const SHOW: &str = "bench";
/// The one seat that is taken.
const TAKEN: &str = "A-1";
/// Longer than a measurement.
const LEASE: Duration = Duration::from_secs(630);
/// Calls of `redis-benchmark` that find out how many it does in the time.
const PROBE: f64 = 50_000.0;

/// How `redis-benchmark` keeps as many calls under way as the callers of the guard do, who share one
/// connection.
struct Shape {
    clients: usize,
    pipelined: usize,
    fresh: &'static str,
    taken: &'static str,
}

const SHAPES: [Shape; 3] = [
    Shape {
        clients: 50,
        pipelined: 1,
        fresh: "redis-benchmark -c 50, fresh seats",
        taken: "redis-benchmark -c 50, a taken seat",
    },
    Shape {
        clients: 1,
        pipelined: 50,
        fresh: "redis-benchmark -c 1 -P 50, fresh seats",
        taken: "redis-benchmark -c 1 -P 50, a taken seat",
    },
    Shape {
        clients: 50,
        pipelined: 10,
        fresh: "redis-benchmark -c 50 -P 10, fresh seats",
        taken: "redis-benchmark -c 50 -P 10, a taken seat",
    },
];

/// Guard calls in each shape, on fresh seats and on a taken one. None where Redis is not installed.
pub(super) async fn calls(plan: &Plan) -> Outcome<Vec<Figure>> {
    let Some(server) = tokio::task::spawn_blocking(RedisServer::start).await? else { return Ok(Vec::new()) };
    if Command::new("redis-benchmark").arg("--version").output().await.is_err() {
        eprintln!("stepping aside: redis-benchmark is not installed; install the package redis-tools");
        return Ok(Vec::new());
    }
    let bench = Bench { server: Arc::new(server), show: ShowId::new(SHOW)? };
    bench.ask(&["SCRIPT", "LOAD", SCRIPT]).await?;
    let mut figures = Vec::new();
    for shape in &SHAPES {
        figures.push(bench.fresh(shape, plan).await?);
        figures.push(bench.taken(shape, plan).await?);
    }
    Ok(figures)
}

struct Bench {
    server: Arc<RedisServer>,
    show: ShowId,
}

impl Bench {
    async fn fresh(&self, shape: &Shape, plan: &Plan) -> Outcome<Figure> {
        let at_once = shape.clients * shape.pipelined;
        let mut figure = Figure::new("guard calls, fresh seats", at_once, "calls/s", shape.fresh);
        for _ in 0..plan.rounds {
            self.ask(&["FLUSHALL"]).await?;
            let (limit, called) = self.redis_benchmark(shape, plan.seconds, "floor:__rand_int__").await?;
            self.must_have_locked(called).await?;
            self.ask(&["FLUSHALL"]).await?;
            let ours = self.lock(at_once, plan.seconds, false).await?;
            self.must_have_locked(ours * plan.seconds).await?;
            figure.add(ours, limit);
        }
        Ok(figure)
    }

    async fn taken(&self, shape: &Shape, plan: &Plan) -> Outcome<Figure> {
        let at_once = shape.clients * shape.pipelined;
        let mut figure = Figure::new("guard calls, a taken seat", at_once, "calls/s", shape.taken);
        for _ in 0..plan.rounds {
            self.ask(&["FLUSHALL"]).await?;
            let key = format!("seat:{{{SHOW}}}:{TAKEN}");
            self.ask(&["SET", &key, &Uuid::from_u128(1).to_string(), "PX", &LEASE.as_millis().to_string()]).await?;
            let (limit, _) = self.redis_benchmark(shape, plan.seconds, TAKEN).await?;
            figure.add(self.lock(at_once, plan.seconds, true).await?, limit);
        }
        Ok(figure)
    }

    /// Calls of the guard a second. Each gets what it must.
    async fn lock(&self, callers: usize, seconds: f64, taken: bool) -> Outcome<f64> {
        let guard = RedisGuard::new(Redis::open(&self.server.url(), RedisOptions::default())?);
        let called = rate(None, callers, seconds, |caller, until| {
            let (guard, show) = (guard.clone(), self.show.clone());
            async move {
                let owner = BookingId(Uuid::from_u128(caller as u128 + 2));
                let mut done = 0_u32;
                while Instant::now() < until {
                    let seat = if taken { SeatId::new(TAKEN)? } else { SeatId::new(&format!("floor:{caller:05}{done:07}"))? };
                    match guard.lock(&show, &[seat], owner, LEASE).await? {
                        Lock::Taken { .. } if taken => {}
                        Lock::Locked { fresh: 1, already: 0 } if !taken => {}
                        other => return Err(format!("the guard answered {other:?}").into()),
                    }
                    done += 1;
                }
                Ok(done)
            }
        });
        Ok(called.await?.value)
    }

    /// Calls of the script a second, over about so many seconds, and how many.
    async fn redis_benchmark(&self, shape: &Shape, seconds: f64, seat: &str) -> Outcome<(f64, f64)> {
        let probed = self.run_redis_benchmark(shape, PROBE, seat).await?;
        let calls = (probed * seconds).max(PROBE);
        Ok((self.run_redis_benchmark(shape, calls, seat).await?, calls))
    }

    async fn run_redis_benchmark(&self, shape: &Shape, calls: f64, seat: &str) -> Outcome<f64> {
        let port = self.server.port();
        let (clients, pipelined) = (shape.clients, shape.pipelined);
        let options = format!("-p {port} -c {clients} -P {pipelined} -n {calls:.0} -r 1000000000 --csv");
        let hash = redis::Script::new(SCRIPT).get_hash().to_owned();
        let (owner, lease) = (Uuid::from_u128(2).to_string(), LEASE.as_millis().to_string());
        let output = Command::new("redis-benchmark")
            .args(options.split(' '))
            .args(["EVALSHA", &hash, "1", &format!("seat:{{{SHOW}}}:{seat}"), &owner, &lease])
            .kill_on_drop(true)
            .output()
            .await?;
        let output_text = String::from_utf8_lossy(&output.stdout);
        let row = output_text.lines().last().unwrap_or_default();
        let rate = row.split(',').nth(1).and_then(|field| field.trim_matches('"').parse().ok());
        rate.ok_or_else(|| format!("redis-benchmark: {output_text}{}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// That calls were no mere errors. A few may have met by chance.
    async fn must_have_locked(&self, calls: f64) -> Outcome<()> {
        let redis::Value::Int(locked) = self.ask(&["DBSIZE"]).await? else { return Err("Redis does not count".into()) };
        #[expect(clippy::cast_precision_loss, reason = "far below what a float holds")]
        if (locked as f64) < calls * 0.9 {
            return Err(format!("only {locked} seats were locked by {calls:.0} calls").into());
        }
        Ok(())
    }

    async fn ask(&self, command: &[&str]) -> Outcome<redis::Value> {
        let server = self.server.clone();
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let asked = move || server.ask(&command.iter().map(String::as_str).collect::<Vec<_>>());
        Ok(tokio::task::spawn_blocking(asked).await??)
    }
}
