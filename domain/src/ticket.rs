//! Tickets: each seat of a confirmed booking has one.
//!
//! A ticket needs no event: it follows from the events of its booking, so a crash can't lose one. Its own stream has
//! only what was done with it: reissues, and who came in and went out with it.
//!
//! A code names the ticket and three numbers, and is void as soon as one of them is another. They count what makes a
//! paper worthless that somebody may have kept: reissues, transfers of the booking to other buyers, and the exchange
//! by which the booking got the seat.
//!
//! A ticket admits once. Its bearer may go out for a while: scanned out, they can come in again. What was scanned offline has
//! happened, and is recorded with what does not fit about it ([`conflict`]).

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Event, TicketAdmitted, TicketLeft, TicketReissued, TicketScannedOffline};
use crate::ids::{BookingId, DeviceId, GateId, SeatId, TicketId};
use crate::offline_scan::{ScanConflict, ScanKind};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use crate::void_ticket::VoidTicket;
use uuid::Uuid;

pub mod conflict;
mod facts;
mod scan;

pub use facts::TicketFacts;
pub use scan::{Scan, ScanId};

/// Most reissues of a ticket. Anybody with the booking's token can ask for one, and every scan and every list for an entrance reads
/// all of them. Nobody loses a ticket a hundred times; and a transfer of the booking voids its codes even then.
pub const MAX_REISSUES: u32 = 100;

/// What has been done with a ticket, as its events describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Number of its last reissue; 0 if there was none.
    pub issue: u32,
    /// When it was issued again, with the numbers.
    pub reissues: Vec<(u32, Timestamp)>,
    /// Its scans, in the order of the log.
    pub scans: Vec<Scan>,
}

/// What can be requested of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketCommand {
    /// Make its codes of this issue void, and those of all before it.
    Reissue {
        /// The booking that it is of.
        booking: BookingId,
        /// The seat that it is for.
        seat: SeatId,
        /// The issue that is to become void.
        voids: u32,
        /// Subject of the caller's token.
        by: String,
    },
    /// Let its bearer in, unless it has let somebody in who is inside. The booking was found to have the ticket that the
    /// code is of.
    Admit {
        /// What the code says.
        code: TicketFacts,
        /// Where it was scanned.
        gate: GateId,
        /// The scan: it has one effect, however often it is sent.
        scan: ScanId,
        /// Subject of the caller's token.
        by: String,
    },
    /// Let its bearer out, who may come in again. Its code may have become void in the meantime.
    Leave {
        /// What the code says.
        code: TicketFacts,
        /// Where it was scanned.
        gate: GateId,
        /// The scan, likewise.
        scan: ScanId,
        /// Subject of the caller's token.
        by: String,
    },
    /// Record a scan that was made offline, whatever it led to.
    Record {
        /// What the code says.
        code: TicketFacts,
        /// In or out.
        kind: ScanKind,
        /// Where it was scanned.
        gate: GateId,
        /// The device that scanned it.
        device: DeviceId,
        /// The device's id of the scan.
        scan: Uuid,
        /// When, by the device's clock.
        scanned_at: Timestamp,
        /// The time now.
        now: Timestamp,
        /// Why the code was void then, if its booking or show says so. Its issue is checked here.
        void: Option<VoidTicket>,
        /// Subject of the caller's token.
        by: String,
    },
}

impl Decider for Ticket {
    type Id = TicketId;
    type State = Self;
    type Command = TicketCommand;

    fn stream(id: &TicketId) -> StreamName {
        StreamName::ticket(*id)
    }

    fn initial() -> Self {
        Self::default()
    }

    fn decide(id: &TicketId, state: &Self, command: TicketCommand) -> Result<Vec<Event>, Rejection> {
        match command {
            TicketCommand::Reissue { voids, .. } if voids < state.issue => Ok(vec![]),
            TicketCommand::Reissue { .. } if state.issue >= MAX_REISSUES => {
                Err(Rejection::TooManyReissues { most: MAX_REISSUES })
            }
            TicketCommand::Reissue { booking, seat, by, .. } => {
                let issue = state.issue.saturating_add(1);
                Ok(vec![TicketReissued { ticket: *id, booking, seat, issue, by }.into()])
            }
            TicketCommand::Admit { scan, .. } | TicketCommand::Leave { scan, .. } if state.scan(&scan).is_some() => Ok(vec![]),
            TicketCommand::Admit { code, gate, scan: ScanId { device, scan }, by } => {
                if code.issue != state.issue {
                    return Err(Rejection::TicketVoid { why: VoidTicket::Reissued });
                }
                if let Some(Scan { at, gate, .. }) = state.inside() {
                    return Err(Rejection::AlreadyAdmitted { at: *at, gate: gate.clone() });
                }
                let TicketFacts { show, booking, seat, issue, transfers, exchange } = code;
                let event =
                    TicketAdmitted { ticket: *id, show, booking, seat, issue, transfers, exchange, gate, device, scan, by };
                Ok(vec![event.into()])
            }
            TicketCommand::Leave { code, gate, scan: ScanId { device, scan }, by } => {
                if state.inside().is_none() {
                    return Err(Rejection::NotAdmitted);
                }
                let TicketFacts { show, booking, seat, .. } = code;
                Ok(vec![TicketLeft { ticket: *id, show, booking, seat, gate, device, scan, by }.into()])
            }
            TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, void, by } => {
                let known = ScanId { device: Some(device.clone()), scan };
                if state.scan(&known).is_some() {
                    return Ok(vec![]);
                }
                let conflicts = state.conflicts_of(code.issue, kind, scanned_at, now, void);
                let TicketFacts { show, booking, seat, issue, transfers, exchange } = code;
                let event = TicketScannedOffline {
                    ticket: *id,
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
                };
                Ok(vec![event.into()])
            }
        }
    }

    fn not_before(command: TicketCommand, last: Timestamp) -> TicketCommand {
        match command {
            TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, void, by } => {
                TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now: now.max(last), void, by }
            }
            command => command,
        }
    }

    fn evolve(mut state: Self, event: &Event, at: Timestamp) -> Self {
        let scan = |kind, gate: &GateId, device: &Option<DeviceId>, scan| {
            let id = ScanId { device: device.clone(), scan };
            Scan { id, kind, at, scanned_at: None, gate: gate.clone(), conflicts: vec![] }
        };
        match event {
            Event::TicketReissued(e) => {
                state.issue = e.issue;
                state.reissues.push((e.issue, at));
            }
            Event::TicketAdmitted(e) => state.scans.push(scan(ScanKind::Entry, &e.gate, &e.device, e.scan)),
            Event::TicketLeft(e) => state.scans.push(scan(ScanKind::Exit, &e.gate, &e.device, e.scan)),
            Event::TicketScannedOffline(e) => state.scans.push(Scan {
                id: ScanId { device: Some(e.device.clone()), scan: e.scan },
                kind: e.kind,
                at: conflict::counts_at(e.scanned_at, at),
                scanned_at: Some(e.scanned_at),
                gate: e.gate.clone(),
                conflicts: e.conflicts.clone(),
            }),
            _ => {}
        }
        state
    }
}

impl Ticket {
    /// The scan that let in who is inside, by the times of the scans.
    #[must_use]
    pub fn inside(&self) -> Option<&Scan> {
        conflict::last_by_time(&self.scans).filter(|scan| scan.kind == ScanKind::Entry)
    }

    /// Number of the issue that was valid at that time.
    fn issue_at(&self, at: Timestamp) -> u32 {
        self.reissues.iter().rev().find(|(_, since)| *since <= at).map_or(0, |(issue, _)| *issue)
    }

    /// What does not fit about a scan that was made offline. Any code lets its bearer out.
    fn conflicts_of(
        &self,
        issue: u32,
        kind: ScanKind,
        scanned_at: Timestamp,
        now: Timestamp,
        void: Option<VoidTicket>,
    ) -> Vec<ScanConflict> {
        let at = conflict::counts_at(scanned_at, now);
        let mut conflicts = conflict::of_scan(&self.scans, kind, at);
        let void = void.or((issue != self.issue_at(at)).then_some(VoidTicket::Reissued));
        conflicts.extend(void.filter(|_| kind == ScanKind::Entry).map(|reason| ScanConflict::Void { reason }));
        conflicts.extend(conflict::is_ahead(scanned_at, now).then_some(ScanConflict::ClockAhead));
        conflicts
    }

    /// A scan of it.
    #[must_use]
    pub fn scan(&self, id: &ScanId) -> Option<&Scan> {
        self.scans.iter().find(|scan| scan.id == *id)
    }

    /// How often it had let somebody in when it was scanned so, that time included.
    #[must_use]
    pub fn entries_until(&self, id: &ScanId) -> usize {
        let until = self.scans.iter().position(|scan| scan.id == *id).map_or(0, |place| place + 1);
        self.scans.iter().take(until).filter(|scan| scan.kind == ScanKind::Entry).count()
    }
}
