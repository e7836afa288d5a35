//! The scans of a show's tickets: who is inside, and what does not fit.
//!
//! Scans are put in order ticket by ticket and by the time of each scan, whenever it was recorded: what a device scanned
//! offline is sent later, and may explain what seemed not to fit. So double entries are found here among all scans that there
//! are by now, and not read from the events, each of which says what was known when it was recorded.

use crate::bookings::Page;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ticket::conflict;
use lastseat_domain::{BookingId, DeviceId, Envelope, GateId, ScanConflict, ScanKind, SeatId, ShowId, TicketId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A scan of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanView {
    pub ticket: TicketId,
    pub show: ShowId,
    pub booking: BookingId,
    pub seat: SeatId,
    pub kind: ScanKind,
    pub gate: GateId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The device's id of it; without a device, that of the command.
    pub scan: Uuid,
    /// When it counts as made.
    pub at: Timestamp,
    /// When it was recorded, if it was made offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// What was noted then that more scans don't change: that the code was void, that the device's clock was ahead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<ScanConflict>,
    /// Position of its event.
    pub position: Position,
}

impl ScanView {
    /// The scan that an event records, if it records one.
    pub(crate) fn of(envelope: &Envelope) -> Option<Self> {
        let (position, at) = (envelope.position, envelope.metadata.at);
        Some(match &envelope.event {
            Event::TicketAdmitted(e) => Self {
                ticket: e.ticket,
                show: e.show.clone(),
                booking: e.booking,
                seat: e.seat.clone(),
                kind: ScanKind::Entry,
                gate: e.gate.clone(),
                device: e.device.clone(),
                scan: e.scan,
                at,
                recorded_at: None,
                noted: vec![],
                position,
            },
            Event::TicketLeft(e) => Self {
                ticket: e.ticket,
                show: e.show.clone(),
                booking: e.booking,
                seat: e.seat.clone(),
                kind: ScanKind::Exit,
                gate: e.gate.clone(),
                device: e.device.clone(),
                scan: e.scan,
                at,
                recorded_at: None,
                noted: vec![],
                position,
            },
            Event::TicketScannedOffline(e) => Self {
                ticket: e.ticket,
                show: e.show.clone(),
                booking: e.booking,
                seat: e.seat.clone(),
                kind: e.kind,
                gate: e.gate.clone(),
                device: Some(e.device.clone()),
                scan: e.scan,
                at: conflict::counts_at(e.scanned_at, at),
                recorded_at: Some(at),
                noted: e.conflicts.iter().filter(|conflict| stays(conflict)).cloned().collect(),
                position,
            },
            _ => return None,
        })
    }

    /// The double entry of the entry beside it.
    fn as_double(&self) -> ScanConflict {
        ScanConflict::DoubleEntry { at: self.at, gate: self.gate.clone(), device: self.device.clone(), scan: self.scan }
    }
}

/// Whether no other scan changes it.
fn stays(conflict: &ScanConflict) -> bool {
    matches!(conflict, ScanConflict::Void { .. } | ScanConflict::ClockAhead)
}

/// A scan that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanInConflict {
    pub scan: ScanView,
    /// A double entry names the entry before it, the one after it, or both.
    pub conflicts: Vec<ScanConflict>,
}

/// Scans of one gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GateView {
    pub entries: u64,
    pub exits: u64,
}

/// The entrance of a show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckinsView {
    pub entries: u64,
    pub exits: u64,
    /// Tickets that were scanned.
    pub tickets: u64,
    /// Of these, those with which somebody is inside.
    pub inside: u64,
    /// Scans that were made offline.
    pub offline: u64,
    /// Entries while somebody was inside with the ticket.
    pub double_entries: u64,
    pub exits_without_entry: u64,
    /// Entries with a code that was void then.
    pub void_entries: u64,
    pub gates: BTreeMap<GateId, GateView>,
    /// The scans that don't fit, ticket by ticket and by time.
    pub conflicts: Page<ScanInConflict>,
}

/// A scan in its order, not yet read as a whole.
#[derive(Debug, Clone)]
pub(crate) struct ScanRow {
    pub ticket: [u8; 16],
    pub kind: ScanKind,
    pub gate: String,
    pub is_offline: bool,
    pub is_noted: bool,
    pub position: Position,
    /// JSON of its [`ScanView`].
    pub view: String,
}

/// Why a show's scans can't be put together.
#[derive(Debug)]
pub(crate) enum Unfolded {
    /// The scan after which the page was to start is not there.
    UnknownCursor,
    Damaged(String),
}

/// Puts the scans of a show together, which come ticket by ticket and by time. Keeps the page, and three rows.
pub(crate) struct CheckinsFold {
    view: CheckinsView,
    gates: BTreeMap<String, GateView>,
    limit: usize,
    /// Conflicts up to this scan are on pages before.
    after: Option<Position>,
    /// The scan before `current`.
    before: Option<ScanRow>,
    current: Option<ScanRow>,
}

impl CheckinsFold {
    pub fn new(after: Option<Position>, limit: usize) -> Self {
        let view = CheckinsView {
            entries: 0,
            exits: 0,
            tickets: 0,
            inside: 0,
            offline: 0,
            double_entries: 0,
            exits_without_entry: 0,
            void_entries: 0,
            gates: BTreeMap::new(),
            conflicts: Page { data: vec![], has_more: false },
        };
        Self { view, gates: BTreeMap::new(), limit, after, before: None, current: None }
    }

    /// Takes the next scan.
    pub fn push(&mut self, row: ScanRow) -> Result<(), Unfolded> {
        let gate = match self.gates.get_mut(&row.gate) {
            Some(gate) => gate,
            None => self.gates.entry(row.gate.clone()).or_default(),
        };
        match row.kind {
            ScanKind::Entry => (gate.entries, self.view.entries) = (gate.entries + 1, self.view.entries + 1),
            ScanKind::Exit => (gate.exits, self.view.exits) = (gate.exits + 1, self.view.exits + 1),
        }
        self.view.offline += u64::from(row.is_offline);
        self.settle(Some(&row))?;
        self.before = self.current.replace(row);
        Ok(())
    }

    /// Judges the current scan, which this one follows.
    fn settle(&mut self, next: Option<&ScanRow>) -> Result<(), Unfolded> {
        let Some(current) = &self.current else { return Ok(()) };
        let of_ticket = |row: &&ScanRow| row.ticket == current.ticket;
        let (before, next) = (self.before.as_ref().filter(of_ticket), next.filter(of_ticket));
        if before.is_none() {
            self.view.tickets += 1;
        }
        if next.is_none() && current.kind == ScanKind::Entry {
            self.view.inside += 1;
        }
        let is_entry = |row: &&ScanRow| row.kind == ScanKind::Entry;
        let (first, second) = match current.kind {
            ScanKind::Entry => (before.filter(is_entry), next.filter(is_entry)),
            ScanKind::Exit => (None, None),
        };
        let is_lost = current.kind == ScanKind::Exit && before.filter(is_entry).is_none();
        self.view.double_entries += u64::from(first.is_some());
        self.view.exits_without_entry += u64::from(is_lost);
        let is_after = self.after.is_none();
        let mut found = None;
        if first.is_some() || second.is_some() || is_lost || current.is_noted {
            let scan = read(current)?;
            let others = first.into_iter().chain(second).map(|row| read(row).map(|scan| scan.as_double()));
            let mut conflicts = others.collect::<Result<Vec<_>, Unfolded>>()?;
            conflicts.extend(is_lost.then_some(ScanConflict::ExitWithoutEntry));
            conflicts.extend(scan.noted.iter().cloned());
            found = Some(ScanInConflict { scan, conflicts });
        }
        let is_cursor = self.after == Some(current.position);
        if let Some(found) = found {
            let is_void = |conflict: &ScanConflict| matches!(conflict, ScanConflict::Void { .. });
            self.view.void_entries += u64::from(found.conflicts.iter().any(is_void));
            let page = &mut self.view.conflicts;
            if is_after && page.data.len() < self.limit {
                page.data.push(found);
            } else if is_after {
                page.has_more = true;
            }
        }
        if is_cursor {
            self.after = None;
        }
        Ok(())
    }

    /// All scans were taken.
    pub fn finish(mut self) -> Result<CheckinsView, Unfolded> {
        self.settle(None)?;
        if self.after.is_some() {
            return Err(Unfolded::UnknownCursor);
        }
        for (gate, counts) in self.gates {
            let gate = GateId::new(&gate).map_err(|why| Unfolded::Damaged(format!("a scan has the gate {gate}: {why}")))?;
            self.view.gates.insert(gate, counts);
        }
        Ok(self.view)
    }
}

fn read(row: &ScanRow) -> Result<ScanView, Unfolded> {
    serde_json::from_str(&row.view).map_err(|why| Unfolded::Damaged(format!("the scan at {}: {why}", row.position)))
}
