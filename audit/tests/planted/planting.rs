//! Worlds to plant faults in, and what the audit has to say of them.

use lastseat_audit::{Audit, Report};
use lastseat_domain::event::{Event, SeatLocked};
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::{BookingId, BuyerId, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn audit(events: &[Arc<RecordedEvent>]) -> Report {
    let mut audit = Audit::new();
    for event in events {
        audit.observe(event);
    }
    audit.finish()
}

/// Somebody else locks a seat for this booking.
pub fn locked(world: &World, booking: BookingId, price: i64) -> Event {
    let buyer = BuyerId::new("mallory").unwrap();
    SeatLocked { booking, buyer, price, expires_at: world.now + chrono::TimeDelta::seconds(120), block: None, exchange: 0 }.into()
}

/// A world with a show, two buyers, and a hold of.
pub fn world_with_hold() -> (World, BookingId) {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("alice", "gala", &["A-1", "A-2"]);
    (world, id)
}

/// Likewise, paid.
pub fn world_with_sale() -> (World, BookingId) {
    let (mut world, id) = world_with_hold();
    world.pay(id);
    (world, id)
}

pub fn seat_stream(seat: &str) -> StreamName {
    StreamName::seat(&show_id("gala"), &seat_id(seat))
}

/// The world is found valid before the fault is planted, and has exactly these codes after it.
#[track_caller]
pub fn plant(mut world: World, codes: &[&str], fault: impl FnOnce(&mut World)) {
    let before = audit(&world.log);
    assert!(before.holds(), "before the fault: {before}");
    fault(&mut world);
    expect(&world.log, codes);
}

#[track_caller]
pub fn expect(log: &[Arc<RecordedEvent>], codes: &[&str]) {
    let report = audit(log);
    let found: BTreeSet<&str> = report.violations.iter().map(|v| v.code.name()).collect();
    assert_eq!(found, codes.iter().copied().collect(), "{report}");
    assert!(!report.holds());
    assert_eq!(report.violations_total, report.violations.len() as u64);
    for violation in &report.violations {
        let guarantee = report.guarantees.iter().find(|g| g.number == violation.code.guarantee()).unwrap();
        assert!(!guarantee.holds);
    }
    let json = serde_json::to_value(&report).unwrap();
    assert!(codes.iter().all(|code| json["violations"].as_array().unwrap().iter().any(|v| v["code"] == *code)));
    assert!(codes.iter().all(|code| report.to_string().contains(code)), "{report}");
}
