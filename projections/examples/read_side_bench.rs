//! How fast the read side is: folding, auditing, listing bookings, encoding a seat map, telling readers.
//!
//! `cargo run --release -p lastseat-projections --example read_side_bench [readers]`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "a measurement, not a part of the program"
)]

use futures::StreamExt;
use lastseat_audit::Audit;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{BookingId, BuyerId};
use lastseat_projections::{MapForm, ReadModel, rebuild};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::{World, epoch, plan, show_id};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SHOWS: usize = 8;
const ROWS: u32 = 26;
const PER_ROW: u32 = 400;
const LISTS: u32 = 2000;

/// Every seat of every show sold, two at a time, and every tenth booking given back.
fn a_busy_day() -> Vec<Arc<RecordedEvent>> {
    let mut world = World::new(1);
    for n in 0..SHOWS {
        world.schedule(plan(&format!("show-{n}"), ROWS, PER_ROW, 0));
    }
    for row in 0..ROWS {
        for pair in 0..PER_ROW / 2 {
            for n in 0..SHOWS {
                let letter = char::from(b'A' + row as u8);
                let seats = [format!("{letter}-{}", pair * 2 + 1), format!("{letter}-{}", pair * 2 + 2)];
                let buyer = format!("buyer-{}", (row * 7 + pair) % 5000);
                let id: BookingId = world.hold(&buyer, &format!("show-{n}"), &[&seats[0], &seats[1]]);
                world.pay(id);
                if pair % 10 == 0 {
                    world.refund(id);
                }
            }
        }
    }
    world.log
}

fn rate(what: &str, n: u64, took: Duration) {
    println!("{what:<44} {n:>10} in {:>7.3} s  {:>12.0}/s", took.as_secs_f64(), n as f64 / took.as_secs_f64());
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let readers: u64 = std::env::args().nth(1).map_or(1000, |n| n.parse().unwrap());
    let events = a_busy_day();
    let total = events.len() as u64;
    let clock = TokioClock::new(epoch());
    let patience = Duration::from_secs(600);

    let log = ScriptedLog::of(&events);
    let start = Instant::now();
    let model = ReadModel::open(Arc::clone(&log) as Arc<dyn EventLog>, clock.clone(), None).await.unwrap();
    assert!(model.wait_for(log.end(), patience).await);
    rate("events folded into all views", total, start.elapsed());

    let show = show_id("show-0");
    let start = Instant::now();
    let body = model.seat_map_body(&show, MapForm::Seats).unwrap().bytes;
    println!("{:<44} {:>10} bytes in {:?} (first time)", "a seat map of 10,400 seats", body.len(), start.elapsed());
    model.stop().await;

    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    rebuild(log.clone(), clock.clone(), Some(dir.path().into()), |_, _| {}).await.unwrap();
    rate("events rebuilt and stored", total, start.elapsed());
    let start = Instant::now();
    let model = ReadModel::open(Arc::clone(&log) as Arc<dyn EventLog>, clock.clone(), Some(dir.path().into())).await.unwrap();
    assert!(model.wait_for(log.end(), patience).await);
    println!("{:<44} {:?}", "opened from the stored views", start.elapsed());
    let start = Instant::now();
    for n in 0..LISTS {
        let page = model.bookings_of(&BuyerId::new(&format!("buyer-{}", n % 375)).unwrap(), None, 20).await.unwrap();
        assert!(!page.data.is_empty());
    }
    println!("{:<44} {:?} each", "a page of a buyer's bookings, one after another", start.elapsed() / LISTS);
    model.stop().await;
    let bytes = std::fs::metadata(dir.path().join("views.db")).unwrap().len();
    let bookings = SHOWS as u64 * u64::from(ROWS * PER_ROW / 2);
    println!("{:<44} {:>10} bytes a booking", "the file of views", bytes / bookings);

    let start = Instant::now();
    let mut audit = Audit::new();
    events.iter().for_each(|e| audit.observe(e));
    let report = audit.finish();
    rate("events audited", total, start.elapsed());
    assert!(report.holds());

    // Readers of one show, who are sent the changes of a log that grows as fast as 1,000 events a second, and as fast as
    // it can.
    let of_show: Vec<_> =
        events.iter().filter(|e| e.stream.as_str().contains("show-0") || e.stream.category() == "booking").collect();
    for (pace, count) in [(Some(Duration::from_millis(1)), 3000), (None, 60_000)] {
        let part = &of_show[..count.min(of_show.len())];
        let log = ScriptedLog::of(&events[..SHOWS]);
        let model = ReadModel::open(Arc::clone(&log) as Arc<dyn EventLog>, clock.clone(), None).await.unwrap();
        assert!(model.wait_for(log.end(), patience).await);
        let (delivered, wakes, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let end = part.last().unwrap().position;
        let last_of_show = part.iter().rev().find(|e| e.stream.category() == "seat").unwrap().position;
        let tasks: Vec<_> = (0..readers)
            .map(|_| {
                let mut feed = model.seat_feed(&show, Position(SHOWS as u64)).unwrap();
                let (delivered, wakes, bytes) = (Arc::clone(&delivered), Arc::clone(&wakes), Arc::clone(&bytes));
                tokio::spawn(async move {
                    let last = format!("id: {last_of_show}\n");
                    while let Some(chunk) = feed.next().await {
                        wakes.fetch_add(1, Ordering::Relaxed);
                        bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                        let tail = &chunk[chunk.len().saturating_sub(400)..];
                        if tail.windows(last.len()).any(|w| w == last.as_bytes()) {
                            delivered.fetch_add(1, Ordering::Relaxed);
                            break;
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        for some in part.chunks(if pace.is_some() { 10 } else { 500 }) {
            let some: Vec<_> = some.iter().map(|e| Arc::clone(e)).collect();
            log.push(&some);
            if pace.is_some() {
                tick.tick().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        assert!(model.wait_for(end, patience).await);
        for task in tasks {
            task.await.unwrap();
        }
        let took = start.elapsed();
        let seats = |e: &&&Arc<RecordedEvent>| e.stream.as_str().contains("seat-show-0") || e.event_type == "PaymentStarted";
        let changes = part.iter().filter(seats).count() as u64;
        println!(
            "\n{readers} readers, {} events, {}: {} of them to the end, {} chunks, {:.1} MB",
            part.len(),
            pace.map_or("as fast as it goes".to_owned(), |_| "1,000 a second".to_owned()),
            delivered.load(Ordering::Relaxed),
            wakes.load(Ordering::Relaxed),
            bytes.load(Ordering::Relaxed) as f64 / 1e6
        );
        rate("deliveries", changes * delivered.load(Ordering::Relaxed), took);
        model.stop().await;
    }
}
