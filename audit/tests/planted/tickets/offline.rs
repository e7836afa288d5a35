//! Scans that were made offline: what fits, and what is named as not fitting, is found valid; what is not named is found.

use super::{admit, gate, let_out, reissue, show_of, transfer};
use crate::planting::*;
use chrono::TimeDelta;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::{RefundRequested, TicketScannedOffline};
use lastseat_domain::{BookingId, DeviceId, ScanConflict, ScanKind, StreamName, TicketId, Timestamp, VoidTicket};
use lastseat_testkit::world::{World, seat_id};
use uuid::Uuid;

use ScanKind::{Entry, Exit};

/// A scan of seat A-1 that is recorded now.
struct Scan {
    n: u128,
    kind: ScanKind,
    at: Timestamp,
    /// Issue, transfers and exchange of the code.
    numbers: (u32, u32, u32),
    conflicts: Vec<ScanConflict>,
}

fn device() -> DeviceId {
    DeviceId::new("hand-1").unwrap()
}

fn record(world: &mut World, booking: BookingId, scan: Scan) {
    let Scan { n, kind, at, numbers: (issue, transfers, exchange), conflicts } = scan;
    let (show, seat) = (show_of(world, booking), seat_id("A-1"));
    let ticket = TicketId::of(booking, &seat);
    let event = TicketScannedOffline {
        ticket,
        show,
        booking,
        seat,
        issue,
        transfers,
        exchange,
        kind,
        gate: gate(),
        device: device(),
        scan: Uuid::from_u128(n),
        scanned_at: at,
        by: "stan".into(),
        conflicts,
    };
    world.append(StreamName::ticket(ticket), &[event.into()]);
}

fn scan(world: &mut World, id: BookingId, n: u128, kind: ScanKind, at: Timestamp, conflicts: Vec<ScanConflict>) {
    record(world, id, Scan { n, kind, at, numbers: (0, 0, 0), conflicts });
}

fn double(n: u128, at: Timestamp) -> ScanConflict {
    ScanConflict::DoubleEntry { at, gate: gate(), device: Some(device()), scan: Uuid::from_u128(n) }
}

fn void() -> Vec<ScanConflict> {
    vec![ScanConflict::Void { reason: VoidTicket::Refunded }]
}

/// A sold booking, and ten minutes later.
fn world_of_late_scans() -> (World, BookingId, Timestamp) {
    let (mut world, id) = world_with_sale();
    let sold = world.now;
    world.now += TimeDelta::minutes(10);
    (world, id, sold)
}

fn minute(sold: Timestamp, n: i64) -> Timestamp {
    sold + TimeDelta::minutes(n)
}

#[test]
fn double_entries_and_exits_without_entry_that_are_named_are_facts_and_no_faults() {
    let (mut world, id, sold) = world_of_late_scans();
    let at = |n| minute(sold, n);
    scan(&mut world, id, 1, Exit, at(1), vec![ScanConflict::ExitWithoutEntry]);
    scan(&mut world, id, 5, Entry, at(5), vec![]);
    scan(&mut world, id, 3, Entry, at(3), vec![double(5, at(5))]);
    scan(&mut world, id, 4, Exit, at(4), vec![]);
    scan(&mut world, id, 6, Entry, at(60), vec![double(5, at(5)), ScanConflict::ClockAhead]);
    world.now += TimeDelta::minutes(1);
    let_out(&mut world, id, "A-1");
    admit(&mut world, id, "A-1", (0, 0, 0));
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let scans: Vec<_> = report.scans.iter().map(|(name, count)| (*name, *count)).collect();
    assert_eq!(scans, [("double_entries", 1), ("entries", 4), ("exits", 3), ("offline", 5)]);
    assert!(report.to_string().contains("double entries"), "{report}");
    plant(world, &["admitted_twice"], |world| admit(world, id, "A-1", (0, 0, 0)));
}

#[test]
fn a_conflict_that_is_not_named() {
    let (mut world, id, sold) = world_of_late_scans();
    scan(&mut world, id, 3, Entry, minute(sold, 3), vec![]);
    for at in [2, 3, 4] {
        let (mut world, id, sold) = world_of_late_scans();
        scan(&mut world, id, 3, Entry, minute(sold, 3), vec![]);
        plant(world, &["conflict_unrecorded"], |world| scan(world, id, 1, Entry, minute(sold, at), vec![]));
    }
    // In the middle of two, and only one is named.
    let other = minute(sold, 5);
    scan(&mut world, id, 5, Entry, other, vec![double(3, minute(sold, 3))]);
    plant(world, &["conflict_unrecorded"], |world| scan(world, id, 4, Entry, minute(sold, 4), vec![double(5, other)]));
    let (world, id, sold) = world_of_late_scans();
    plant(world, &["conflict_unrecorded"], |world| scan(world, id, 1, Exit, minute(sold, 1), vec![]));
    let (world, id, sold) = world_of_late_scans();
    plant(world, &["conflict_unrecorded"], |world| scan(world, id, 1, Entry, minute(sold, 16), vec![]));
}

#[test]
fn a_conflict_that_was_not() {
    for conflict in [double(7, world_of_late_scans().2), ScanConflict::ClockAhead] {
        let (world, id, sold) = world_of_late_scans();
        plant(world, &["conflict_invented"], |world| scan(world, id, 1, Entry, minute(sold, 1), vec![conflict]));
    }
    let (mut world, id, sold) = world_of_late_scans();
    scan(&mut world, id, 1, Entry, minute(sold, 1), vec![]);
    let lost = vec![ScanConflict::ExitWithoutEntry];
    plant(world, &["conflict_invented"], |world| scan(world, id, 2, Exit, minute(sold, 2), lost));
}

#[test]
fn a_scan_that_is_recorded_twice() {
    let (mut world, id, sold) = world_of_late_scans();
    scan(&mut world, id, 1, Entry, minute(sold, 1), vec![]);
    scan(&mut world, id, 2, Exit, minute(sold, 2), vec![]);
    plant(world, &["scan_twice"], |world| scan(world, id, 1, Entry, minute(sold, 3), vec![]));
}

#[test]
fn an_entry_that_was_void_at_the_time_of_its_scan_and_does_not_say_so() {
    // Refunded at minute 5.
    let refunded = || {
        let (mut world, id, sold) = world_of_late_scans();
        world.now = minute(sold, 5);
        world.append(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()]);
        world.now = minute(sold, 10);
        (world, id, sold)
    };
    let (mut world, id, sold) = refunded();
    scan(&mut world, id, 1, Entry, minute(sold, 4), vec![]);
    scan(&mut world, id, 2, Exit, minute(sold, 8), vec![]);
    scan(&mut world, id, 3, Entry, minute(sold, 9), void());
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let (world, id, sold) = refunded();
    plant(world, &["admitted_void"], |world| scan(world, id, 1, Entry, minute(sold, 7), vec![]));
    // Before it was sold.
    let (world, id, sold) = world_of_late_scans();
    plant(world, &["admitted_void"], |world| scan(world, id, 1, Entry, minute(sold, -5), vec![]));
    // Transferred at minute 2 and at minute 8: each code has its time.
    let transferred = || {
        let (mut world, id, sold) = world_of_late_scans();
        for at in [2, 8] {
            world.now = minute(sold, at);
            transfer(&mut world, id);
        }
        world.now = minute(sold, 20);
        (world, id, sold)
    };
    for (transfers, at, fits) in
        [(0, 1, true), (0, 4, false), (1, 0, false), (1, 5, true), (1, 12, false), (2, 5, false), (2, 12, true)]
    {
        let (mut world, id, sold) = transferred();
        let made = Scan { n: 1, kind: Entry, at: minute(sold, at), numbers: (0, transfers, 0), conflicts: vec![] };
        if fits {
            record(&mut world, id, made);
            let report = audit(&world.log);
            assert!(report.holds(), "{transfers} at {at}: {report}");
        } else {
            plant(world, &["admitted_void"], |world| record(world, id, made));
        }
    }
    // Issued again at minute 4.
    for (issue, at, fits) in [(0, 3, true), (0, 6, false), (1, 2, false), (1, 6, true)] {
        let (mut world, id, sold) = world_of_late_scans();
        world.now = minute(sold, 4);
        reissue(&mut world, id, "A-1", 1);
        world.now = minute(sold, 10);
        let made = Scan { n: 1, kind: Entry, at: minute(sold, at), numbers: (issue, 0, 0), conflicts: vec![] };
        if fits {
            record(&mut world, id, made);
            assert!(audit(&world.log).holds(), "{issue} at {at}");
        } else {
            plant(world, &["admitted_void"], |world| record(world, id, made));
        }
    }
}

#[test]
fn a_seat_that_left_its_booking_and_came_back_has_other_codes() {
    let moved = || {
        let (mut world, id, sold) = world_of_late_scans();
        for (number, at, from, to) in [(1, 3, "A-1", "B-1"), (2, 8, "B-1", "A-1")] {
            world.now = minute(sold, at);
            assert!(world.request_exchange(id, &[seat_id(from)], &[seat_id(to)]) && world.take_seats(id));
            assert!(world.booking(id, BookingCommand::DecideExchange { exchange: number }));
            world.finish_exchanges(id);
        }
        world.now = minute(sold, 20);
        (world, id, sold)
    };
    for (exchange, at, fits) in [(0, 1, true), (0, 5, false), (0, 12, false), (2, 5, false), (2, 12, true), (1, 5, false)] {
        let (mut world, id, sold) = moved();
        let made = Scan { n: 1, kind: Entry, at: minute(sold, at), numbers: (0, 0, exchange), conflicts: vec![] };
        if fits {
            record(&mut world, id, made);
            assert!(audit(&world.log).holds(), "{exchange} at {at}");
        } else {
            plant(world, &["admitted_void"], |world| record(world, id, made));
        }
    }
}
