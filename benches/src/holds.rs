//! Durable holds.

use futures::StreamExt;
use lastseat_domain::event::{Category, ShowScheduled};
use lastseat_domain::ports::Ids;
use lastseat_domain::show::Area;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, Currency, ShowId};
use lastseat_engine::adapters::event_log::SqliteLog;
use lastseat_engine::adapters::payments::SandboxGateway;
use lastseat_engine::adapters::seat_guard::InProcessGuard;
use lastseat_engine::adapters::world::{RandomIds, SystemClock};
use lastseat_engine::{BoxOffice, HoldRequest, Paid, PayRequest, Ports, Settings, Wanted};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub async fn engine(in_flight: usize, holds: u32, pay: bool) {
    let folder = tempfile::tempdir_in(".").expect("dir");
    let clock = Arc::new(SystemClock);
    let log = Arc::new(SqliteLog::open(folder.path().join("events.db"), clock.clone()).expect("log"));
    let ports = Ports {
        log: log.clone(),
        guard: Arc::new(InProcessGuard::new(clock.clone())),
        payments: Arc::new(SandboxGateway::open(&folder.path().join("sandbox.ndjson"), clock.clone()).expect("sandbox")),
        clock,
        ids: Arc::new(RandomIds),
    };
    let office = BoxOffice::open(ports, Settings::default()).await.expect("open");
    let (show, area, category) =
        (ShowId::new("s").expect("id"), AreaId::new("floor").expect("id"), CategoryId::new("c").expect("id"));
    let facts = ShowScheduled {
        show: show.clone(),
        title: "S".into(),
        currency: Currency::new("EUR").expect("EUR"),
        categories: vec![Category { category: category.clone(), price: 100 }],
        areas: vec![Area { area: area.clone(), category, rows: vec![], capacity: Some(holds) }],
        max_seats_per_booking: 10,
        max_seats_per_buyer: None,
        hold_seconds: 600,
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![],
    };
    office.schedule_show(facts, "bench").await.expect("show");
    let start = Instant::now();
    let results: Vec<bool> = futures::stream::iter(0..holds)
        .map(|_| {
            let (office, show, area) = (office.clone(), show.clone(), area.clone());
            tokio::spawn(async move {
                let booking = BookingId(RandomIds.uuid());
                let request = HoldRequest {
                    booking,
                    show,
                    wanted: Wanted::Any { area, quantity: 1 },
                    buyer: BuyerId::guest(booking),
                    request: None,
                };
                let held = office.hold(request).await;
                if !pay || held.is_err() {
                    return held.is_ok();
                }
                let paid = office
                    .pay(booking, PayRequest { payment_method: Some("pm_card_visa".into()), request: None, by: "b".into() })
                    .await;
                matches!(paid, Ok(Paid::Confirmed(_)))
            })
        })
        .buffer_unordered(in_flight)
        .map(|r| r.unwrap_or(false))
        .collect()
        .await;
    let seconds = start.elapsed().as_secs_f64();
    let ok = results.iter().filter(|ok| **ok).count();
    println!(
        "in flight {in_flight} pay {pay}: {ok} of {holds} in {seconds:.2} s = {:.0}/s, actors {}",
        ok as f64 / seconds,
        office.status().actors
    );
    let t = Instant::now();
    while office.status().lag > 0 && t.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("   lag gone after {:.0} ms", t.elapsed().as_secs_f64() * 1e3);
    office.drain(Duration::from_secs(5)).await;
    log.close().await.expect("close");
}
