//! Scans that were made offline. That a ticket let in two people is a fact of the world; that its event does not say so would
//! be a fault. So would be an entry with a code that was void at the time of the scan, and no word of it.

use super::code::Code;
use super::facts::{Book, GRACE, ScanFact, ShowFacts, TicketFact};
use super::report::Place;
use super::state::Audit;
use chrono::TimeDelta;
use lastseat_domain::event::TicketScannedOffline;
use lastseat_domain::{DeviceId, ScanConflict, ScanKind, Timestamp};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How far a device's clock may be ahead without a note.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// What a scan says, or should say, that other scans or the clock show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    /// Another entry with the ticket.
    Double(Option<DeviceId>, Uuid, Timestamp),
    ExitWithoutEntry,
    ClockAhead,
}

impl Note {
    fn double(scan: &ScanFact) -> Self {
        Self::Double(scan.device.clone(), scan.scan, scan.at)
    }

    fn text(&self) -> String {
        match self {
            Self::Double(_, scan, at) => format!("a double entry with scan {scan} of {at}"),
            Self::ExitWithoutEntry => "an exit without an entry".to_owned(),
            Self::ClockAhead => "a time ahead of the server's".to_owned(),
        }
    }
}

/// What the event names.
fn named(e: &TicketScannedOffline) -> BTreeSet<Note> {
    let note = |conflict: &ScanConflict| match conflict {
        ScanConflict::DoubleEntry { at, device, scan, .. } => Some(Note::Double(device.clone(), *scan, *at)),
        ScanConflict::ExitWithoutEntry => Some(Note::ExitWithoutEntry),
        ScanConflict::ClockAhead => Some(Note::ClockAhead),
        ScanConflict::Void { .. } => None,
    };
    e.conflicts.iter().filter_map(note).collect()
}

/// What it should name, as the scans before it in the log show.
fn due(e: &TicketScannedOffline, fact: &TicketFact, at: Timestamp, recorded_at: Timestamp) -> BTreeSet<Note> {
    let (before, after) = (fact.last_scan(Some(at)), fact.next_scan(at));
    let mut due = BTreeSet::new();
    match e.kind {
        ScanKind::Entry => due.extend(before.into_iter().chain(after).filter(|scan| scan.is_entry).map(Note::double)),
        ScanKind::Exit if before.is_some_and(|scan| scan.is_entry) => {}
        ScanKind::Exit => due.extend([Note::ExitWithoutEntry]),
    }
    if e.scanned_at > recorded_at + SKEW {
        due.insert(Note::ClockAhead);
    }
    due
}

impl Audit {
    pub(super) fn scan_offline(&mut self, e: &TicketScannedOffline, recorded_at: Timestamp, sold: bool, place: &Place) {
        let at = if e.scanned_at > recorded_at { recorded_at } else { e.scanned_at };
        let fact = self.tickets.entry(e.ticket).or_default();
        let (due, named) = (due(e, fact, at, recorded_at), named(e));
        let reissued = why_other_issue(fact, e.issue, at);
        let is_entry = e.kind == ScanKind::Entry;
        let again =
            fact.record(ScanFact { is_entry, is_offline: true, at, recorded_at, device: Some(e.device.clone()), scan: e.scan });
        self.findings.check(Code::ScanTwice, !again, place, || format!("scan {} of {} is there already", e.scan, e.device));
        let (missing, extra) = (due.difference(&named).next(), named.difference(&due).next());
        self.findings.check(Code::ConflictUnrecorded, missing.is_none(), place, || {
            format!("it does not name {}", missing.map(Note::text).unwrap_or_default())
        });
        self.findings.check(Code::ConflictInvented, extra.is_none(), place, || {
            format!("it names {}, and there was none", extra.map(Note::text).unwrap_or_default())
        });
        if !is_entry {
            return;
        }
        let book = self.bookings.get(&e.booking).filter(|_| sold);
        let show = book.and_then(|book| book.opened.as_ref()).and_then(|opened| self.shows.get(&opened.show));
        let why = reissued.or_else(|| why_void_at(book?, show, e, at));
        let is_noted = e.conflicts.iter().any(|conflict| matches!(conflict, ScanConflict::Void { .. }));
        self.findings.check(Code::AdmittedVoid, why.is_none() || is_noted, place, || {
            format!("{}, and it does not say that its code was void", why.unwrap_or_default())
        });
    }
}

/// Whether something had not begun at `at`. The device and the nodes have clocks of their own.
fn not_begun(since: Timestamp, at: Timestamp) -> bool {
    since - at > GRACE
}

/// Whether something was over at `at`, likewise.
fn was_over(until: Timestamp, at: Timestamp) -> bool {
    at - until > GRACE
}

fn why_other_issue(fact: &TicketFact, issue: u32, at: Timestamp) -> Option<&'static str> {
    let since = |number: u32| fact.reissued.iter().find(|(known, _)| *known == number).map(|(_, since)| *since);
    let begun = issue == 0 || since(issue).is_some_and(|since| !not_begun(since, at));
    let over = issue.checked_add(1).and_then(since).is_some_and(|until| was_over(until, at));
    (!begun || over).then_some("it was issued again before, or not yet")
}

/// Why the booking did not have this ticket at that time.
fn why_void_at(book: &Book, show: Option<&ShowFacts>, e: &TicketScannedOffline, at: Timestamp) -> Option<&'static str> {
    if book.captured_at.is_none_or(|since| not_begun(since, at)) {
        return Some("its booking was not paid yet");
    }
    if book.refund_at.or(book.over_at).is_some_and(|until| was_over(until, at)) {
        return Some("its booking was over, or its refund was requested");
    }
    let number = e.transfers as usize;
    let begun = number.checked_sub(1).is_none_or(|before| book.transfers.get(before).is_some_and(|t| !not_begun(*t, at)));
    if !begun || book.transfers.get(number).is_some_and(|until| was_over(*until, at)) {
        return Some("its booking was transferred after its code was made, or before");
    }
    let seat = show.and_then(|show| show.latest().plan.index_of(&e.seat))?;
    let had = book.opened.as_ref().and_then(|opened| opened.tenure(seat, e.exchange));
    let has = had.is_some_and(|(since, until)| {
        since.is_none_or(|since| !not_begun(since, at)) && until.is_none_or(|until| !was_over(until, at))
    });
    if !has {
        return Some("its booking did not have the seat by that exchange");
    }
    book.gave_up_at(seat).filter(|until| was_over(*until, at)).map(|_| "its booking had given the seat back for a refund")
}
