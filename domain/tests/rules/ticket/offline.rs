//! Scans that were made offline: always recorded, with what does not fit.

use super::{admit, admitted, code, gate, leave, left, reissued};
use crate::support::*;

use chrono::TimeDelta;
use lastseat_domain::event::TicketScannedOffline;
use lastseat_domain::ticket::{Scan, ScanId, Ticket, TicketCommand, TicketFacts, conflict};
use lastseat_domain::{Decider, DeviceId, Event, ScanConflict, ScanKind, Timestamp, VoidTicket};
use lastseat_testkit::given::given;
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

use ScanKind::{Entry, Exit};

fn device(n: u8) -> DeviceId {
    DeviceId::new(&format!("hand-{n}")).unwrap()
}

/// A scan by device 1 at this minute, which is sent an hour later.
fn record(n: u128, kind: ScanKind, at: i64) -> TicketCommand {
    TicketCommand::Record {
        code: code(0),
        kind,
        gate: gate("south"),
        device: device(1),
        scan: Uuid::from_u128(n),
        scanned_at: minute(at),
        now: minute(at + 60),
        void: None,
        by: "stan".into(),
    }
}

fn recorded(n: u128, kind: ScanKind, at: i64, conflicts: &[ScanConflict]) -> Event {
    let TicketFacts { show, booking, seat, issue, transfers, exchange } = code(0);
    let conflicts = conflicts.to_vec();
    let (ticket, gate, scan) = (code(0).ticket(), gate("south"), Uuid::from_u128(n));
    let (device, scanned_at, by) = (device(1), minute(at), "stan".into());
    TicketScannedOffline {
        ticket,
        show,
        booking,
        seat,
        issue,
        transfers,
        exchange,
        kind,
        gate,
        device,
        scan,
        scanned_at,
        by,
        conflicts,
    }
    .into()
}

fn double(n: u128, at: i64) -> ScanConflict {
    ScanConflict::DoubleEntry { at: minute(at), gate: gate("south"), device: Some(device(1)), scan: Uuid::from_u128(n) }
}

fn void(reason: VoidTicket) -> ScanConflict {
    ScanConflict::Void { reason }
}

/// The events were recorded at minute 100.
fn known(events: impl IntoIterator<Item = Event>) -> lastseat_testkit::given::Given {
    given(events).at(minute(100))
}

#[test]
fn what_fits_is_recorded_without_a_conflict() {
    known([]).when(record(1, Entry, 5)).then_events([recorded(1, Entry, 5, &[])]);
    known([recorded(1, Entry, 5, &[])]).when(record(2, Exit, 9)).then_events([recorded(2, Exit, 9, &[])]);
    let out = [recorded(1, Entry, 5, &[]), recorded(2, Exit, 9, &[])];
    known(out).when(record(3, Entry, 9)).then_events([recorded(3, Entry, 9, &[])]);
}

#[test]
fn two_entries_are_found_in_whichever_order_they_are_sent() {
    known([recorded(1, Entry, 5, &[])]).when(record(2, Entry, 7)).then_events([recorded(2, Entry, 7, &[double(1, 5)])]);
    known([recorded(2, Entry, 7, &[])]).when(record(1, Entry, 5)).then_events([recorded(1, Entry, 5, &[double(2, 7)])]);
    // In the middle of two: of both.
    let around = [recorded(1, Entry, 5, &[]), recorded(3, Entry, 9, &[double(1, 5)])];
    known(around).when(record(2, Entry, 7)).then_events([recorded(2, Entry, 7, &[double(1, 5), double(3, 9)])]);
    // An entry that was decided online counts as any other.
    let online = ScanConflict::DoubleEntry {
        at: minute(100),
        gate: gate("north"),
        device: Some(DeviceId::new("scanner-7").unwrap()),
        scan: Uuid::from_u128(1),
    };
    known([admitted(1, 0, "north")]).when(record(2, Entry, 7)).then_events([recorded(2, Entry, 7, &[online])]);
    // At the same moment: what was recorded first is taken for the first.
    known([recorded(1, Entry, 5, &[])]).when(record(2, Entry, 5)).then_events([recorded(2, Entry, 5, &[double(1, 5)])]);
}

#[test]
fn an_exit_without_an_entry_is_noted_and_recorded() {
    known([]).when(record(1, Exit, 5)).then_events([recorded(1, Exit, 5, &[ScanConflict::ExitWithoutEntry])]);
    // The entry before it comes later: then it fits.
    let early = [recorded(2, Exit, 9, &[ScanConflict::ExitWithoutEntry])];
    known(early).when(record(1, Entry, 5)).then_events([recorded(1, Entry, 5, &[])]);
}

#[test]
fn a_scan_that_is_sent_again_is_no_second_one() {
    let events = [recorded(1, Entry, 5, &[]), recorded(2, Entry, 7, &[double(1, 5)])];
    for (n, kind, at) in [(1, Entry, 5), (2, Entry, 7), (1, Exit, 50)] {
        known(events.clone()).when(record(n, kind, at)).then_nothing();
    }
    // It was sent online first, and the answer was lost.
    let scan = TicketCommand::Record {
        code: code(0),
        kind: Entry,
        gate: gate("north"),
        device: DeviceId::new("scanner-7").unwrap(),
        scan: Uuid::from_u128(1),
        scanned_at: minute(2),
        now: minute(100),
        void: None,
        by: "stan".into(),
    };
    known([admitted(1, 0, "north")]).when(scan).then_nothing();
}

#[test]
fn a_code_is_judged_by_the_time_of_its_scan() {
    let entry = |issue, at| match record(1, Entry, at) {
        TicketCommand::Record { kind, gate, device, scan, scanned_at, now, void, by, .. } => {
            TicketCommand::Record { code: code(issue), kind, gate, device, scan, scanned_at, now, void, by }
        }
        other => other,
    };
    let conflicts = |command: TicketCommand, issued: i64| {
        let state = Ticket::evolve(Ticket::default(), &reissued(1), minute(issued));
        match Ticket::decide(&code(0).ticket(), &state, command).unwrap().remove(0) {
            Event::TicketScannedOffline(e) => e.conflicts,
            other => panic!("{other:?}"),
        }
    };
    // It was issued again at minute 8.
    assert_eq!(conflicts(entry(0, 7), 8), []);
    assert_eq!(conflicts(entry(0, 8), 8), [void(VoidTicket::Reissued)]);
    assert_eq!(conflicts(entry(1, 7), 8), [void(VoidTicket::Reissued)], "there was no such code then");
    assert_eq!(conflicts(entry(1, 8), 8), []);
    let refunded = |kind| match record(1, kind, 5) {
        TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, by, .. } => {
            let void = Some(VoidTicket::Refunded);
            TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, void, by }
        }
        other => other,
    };
    known([]).when(refunded(Entry)).then_events([recorded(1, Entry, 5, &[void(VoidTicket::Refunded)])]);
    // Any code lets its bearer out.
    known([recorded(2, Entry, 4, &[])]).when(refunded(Exit)).then_events([recorded(1, Exit, 5, &[])]);
}

#[test]
fn a_clock_that_is_ahead_does_not_reach_into_the_future() {
    let at = |scanned: i64| match record(1, Entry, 0) {
        TicketCommand::Record { code, kind, gate, device, scan, void, by, .. } => {
            let (scanned_at, now) = (minute(scanned), minute(100));
            TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, void, by }
        }
        other => other,
    };
    known([]).when(at(105)).then_events([recorded(1, Entry, 105, &[])]);
    known([]).when(at(106)).then_events([recorded(1, Entry, 106, &[ScanConflict::ClockAhead])]);
    // It counts as made when it was recorded: who leaves after that is out, and can come in again.
    let ahead = recorded(1, Entry, 160, &[ScanConflict::ClockAhead]);
    assert_eq!(known([ahead.clone()]).state::<Ticket>().inside().unwrap().at, minute(100));
    known([ahead.clone(), left(2)]).when(admit(3, 0, "north")).then_events([admitted(3, 0, "north")]);
}

#[test]
fn an_online_scan_respects_what_was_made_offline_before_it() {
    let inside = [recorded(1, Entry, 5, &[])];
    known(inside.clone()).when(admit(2, 0, "north")).then_rejected("already_admitted");
    known(inside.clone()).when(leave(2, 0)).then_events([left(2)]);
    // The exit was made before, and sent after, the second entry.
    let out = [recorded(1, Entry, 5, &[]), recorded(3, Exit, 20, &[]), recorded(2, Entry, 9, &[double(1, 5)])];
    known(out.clone()).when(leave(4, 0)).then_rejected("not_admitted");
    known(out).when(admit(4, 0, "north")).then_events([admitted(4, 0, "north")]);
}

/// A scan of several devices, in the order in which they are sent.
#[derive(Debug, Clone, Copy)]
struct Made {
    kind: ScanKind,
    at: i64,
    by: u8,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = (prop_oneof![Just(Entry), Just(Exit)], 0..12_i64, 0..5_u8).prop_map(|(kind, at, by)| Made { kind, at, by });
    prop::collection::vec(one, 0..12)
}

fn sync(scans: &[Made]) -> (Ticket, Vec<Event>) {
    let now: Timestamp = minute(100);
    let mut events = Vec::new();
    let mut state = Ticket::default();
    for (n, Made { kind, at, by }) in scans.iter().enumerate() {
        let command = TicketCommand::Record {
            code: code(0),
            kind: *kind,
            gate: gate("south"),
            device: device(*by),
            scan: Uuid::from_u128(n as u128),
            scanned_at: minute(*at),
            now,
            void: None,
            by: "stan".into(),
        };
        for event in Ticket::decide(&code(0).ticket(), &state, command).unwrap() {
            state = Ticket::evolve(state, &event, now);
            events.push(event);
        }
    }
    (state, events)
}

/// Both scans of a double entry, in any order.
fn pair(one: Uuid, other: Uuid) -> (Uuid, Uuid) {
    (one.min(other), one.max(other))
}

proptest! {
    /// Whatever is sent in whatever order: each is recorded, every double entry there is in the end is named by one of its two
    /// scans, and nothing is called one that was none when it was sent.
    #[test]
    fn every_double_entry_is_named_by_the_scan_that_was_sent_last(scans in made()) {
        let (state, events) = sync(&scans);
        prop_assert_eq!(events.len(), scans.len());
        let mut named = BTreeSet::new();
        for (n, event) in events.iter().enumerate() {
            let Event::TicketScannedOffline(e) = event else { panic!("{event:?}") };
            let (before, _) = sync(&scans[..=n]);
            let real: BTreeSet<_> =
                conflict::double_entries(&before.scans).into_iter().map(|(a, b)| pair(a.id.scan, b.id.scan)).collect();
            for conflict in &e.conflicts {
                if let ScanConflict::DoubleEntry { scan, .. } = conflict {
                    prop_assert!(real.contains(&pair(e.scan, *scan)));
                    named.insert(pair(e.scan, *scan));
                }
            }
        }
        for (first, second) in conflict::double_entries(&state.scans) {
            prop_assert!(first.at <= second.at);
            prop_assert!(named.contains(&pair(first.id.scan, second.id.scan)), "{first:?} and {second:?}");
        }
    }

    /// What is true of the scans in the end does not depend on who sent first, but for scans at the same moment.
    #[test]
    fn the_order_of_sending_does_not_matter(scans in made(), turn in 0..12_usize) {
        let mut scans = scans;
        scans.sort_by_key(|made| made.at);
        scans.dedup_by_key(|made| made.at);
        let mut turned = scans.clone();
        turned.rotate_left(turn.min(scans.len()));
        let times = |scans: &[Scan]| -> Vec<_> {
            conflict::double_entries(scans).into_iter().map(|(a, b)| (a.at, b.at)).collect()
        };
        let ((one, _), (other, _)) = (sync(&scans), sync(&turned));
        prop_assert_eq!(times(&one.scans), times(&other.scans));
        prop_assert_eq!(one.inside().map(|scan| scan.at), other.inside().map(|scan| scan.at));
    }
}

/// The failing twin: who goes by the order of sending finds a double entry where there is none, and misses one.
#[test]
fn the_order_of_the_log_would_be_wrong() {
    let scan = |n: u128, kind, at: i64| Scan {
        id: ScanId { device: Some(device(1)), scan: Uuid::from_u128(n) },
        kind,
        at: minute(0) + TimeDelta::minutes(at),
        scanned_at: Some(minute(0) + TimeDelta::minutes(at)),
        gate: gate("south"),
        conflicts: vec![],
    };
    // In, in again, and only then the exit between them is sent.
    let sent = [scan(1, Entry, 1), scan(3, Entry, 3), scan(2, Exit, 2)];
    assert!(conflict::double_entries(&sent).is_empty());
    let in_the_log = |scans: &[Scan]| scans.windows(2).filter(|w| w[0].kind == Entry && w[1].kind == Entry).count();
    assert_eq!(in_the_log(&sent), 1);
    let sent = [scan(1, Entry, 1), scan(3, Exit, 3), scan(2, Entry, 2)];
    assert_eq!((conflict::double_entries(&sent).len(), in_the_log(&sent)), (1, 0));
}
