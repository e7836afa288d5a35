//! Scans that were made offline and are sent later.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::Origin;
use futures::StreamExt;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::Event;
use lastseat_domain::ids::NAMESPACE;
use lastseat_domain::show::{SaleState, Show};
use lastseat_domain::ticket::{ScanId, Ticket, TicketCommand, TicketFacts, conflict};
use lastseat_domain::{CommandId, DeviceId, GateId, Rejection, ScanConflict, ScanKind, TicketId, Timestamp, VoidTicket};
use std::collections::HashMap;
use uuid::Uuid;

/// Tickets whose scans are recorded at the same time.
const AT_ONCE: usize = 16;

/// A scan that was made offline.
#[derive(Debug, Clone)]
pub struct OfflineScan {
    /// What the code says, whose signature is valid.
    pub code: TicketFacts,
    /// In or out.
    pub kind: ScanKind,
    /// Where.
    pub gate: GateId,
    /// The device that scanned it.
    pub device: DeviceId,
    /// The device's id of the scan.
    pub scan: Uuid,
    /// When, by the device's clock.
    pub scanned_at: Timestamp,
}

/// What was recorded of a scan that was made offline, now or when it was sent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedScan {
    /// Whether it was recorded before.
    pub is_repeat: bool,
    /// In or out.
    pub kind: ScanKind,
    /// When it counts as made.
    pub at: Timestamp,
    /// When, by the device's clock; `None` if it was decided online, and is sent once more as made offline.
    pub scanned_at: Option<Timestamp>,
    /// Where.
    pub gate: GateId,
    /// What did not fit then.
    pub conflicts: Vec<ScanConflict>,
}

impl BoxOffice {
    /// Records scans that were made offline, each for itself. The answers have their order.
    ///
    /// Scans of one ticket are recorded in their order. A scan that is recorded already has no second effect, and gets the
    /// answer that it had.
    ///
    /// # Errors
    /// Busy. Of a scan: `BookingNotFound`, because a ticket of no booking has no stream; faults.
    pub async fn record_scans(
        &self,
        scans: Vec<OfflineScan>,
        by: impl Into<Origin>,
    ) -> Result<Vec<Result<RecordedScan, CommandError>>, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let origin = &by.into();
        let mut of_tickets: HashMap<TicketId, Vec<(usize, OfflineScan)>> = HashMap::new();
        for (index, scan) in scans.into_iter().enumerate() {
            of_tickets.entry(scan.code.ticket()).or_default().push((index, scan));
        }
        let of_ticket = |mut scans: Vec<(usize, OfflineScan)>| async move {
            // As they were made: of a clock that is ahead, all count from when they are recorded, one after the other.
            scans.sort_by_key(|(_, scan)| scan.scanned_at);
            let mut answers = Vec::with_capacity(scans.len());
            for (index, scan) in scans {
                answers.push((index, self.record_scan(scan, origin.clone()).await));
            }
            answers
        };
        let mut answers: Vec<_> =
            futures::stream::iter(of_tickets.into_values().map(of_ticket)).buffer_unordered(AT_ONCE).concat().await;
        answers.sort_unstable_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    async fn record_scan(&self, scan: OfflineScan, origin: Origin) -> Result<RecordedScan, CommandError> {
        let OfflineScan { code, kind, gate, device, scan, scanned_at } = scan;
        let (ticket, by, booking) = (code.ticket(), origin.by.clone(), code.booking);
        let command_id = command_of(ticket, &device, scan);
        let context = self.command(origin.repeatable(Some(command_id))).belonging_to(booking.0);
        let known = ScanId { device: Some(device.clone()), scan };
        let loaded = self.services.journal.load::<Ticket>(&ticket).await?;
        if let Some(recorded) = recorded(&loaded.state, &known) {
            return Ok(recorded);
        }
        let now = self.services.now();
        let at = conflict::counts_at(scanned_at, now);
        let void = self.void_at(&code, at).await?.filter(|_| kind == ScanKind::Entry);
        let command = TicketCommand::Record { code, kind, gate, device, scan, scanned_at, now, void, by };
        let mut loaded = Some(loaded);
        let executed = self.services.journal.execute::<Ticket>(&ticket, command, &context, &mut loaded).await?;
        let state = match loaded {
            Some(loaded) => loaded.state,
            None => self.services.journal.load::<Ticket>(&ticket).await?.state,
        };
        let lost = || Fault::Damaged(format!("ticket {ticket} has no scan {scan} in the log that was recorded"));
        let recorded = recorded(&state, &known).ok_or_else(lost)?;
        let is_repeat = !executed.events.iter().any(|event| matches!(event, Event::TicketScannedOffline(_)));
        Ok(RecordedScan { is_repeat, ..recorded })
    }

    /// Why the code was void at that time, as far as its show and booking say. Of its issue, the ticket knows.
    async fn void_at(&self, code: &TicketFacts, at: Timestamp) -> Result<Option<VoidTicket>, CommandError> {
        let journal = &self.services.journal;
        let (booking, has_more) = journal.load_until::<Booking>(&code.booking, at).await?;
        let today = if has_more { self.booking(code.booking).await? } else { booking.clone() };
        // The code was signed for a booking that was sold. If the log does not have that, it has lost it.
        let Some(today) = today.filter(|booking| booking.has_sold(&code.seat)) else {
            return Err(Rejection::BookingNotFound.into());
        };
        if self.show(&code.show).is_some_and(|show| show.sale == SaleState::Cancelled) {
            let (show, _) = journal.load_until::<Show>(&code.show, at).await?;
            if show.is_some_and(|show| show.sale == SaleState::Cancelled) {
                return Ok(Some(VoidTicket::ShowCancelled));
            }
        }
        // The booking was not there yet: the device's clock is wrong.
        let Some(booking) = booking.filter(|booking| booking.opened.is_some()) else {
            return Ok(Some(VoidTicket::NotConfirmed));
        };
        match code.check_live(&booking) {
            Err(Rejection::TicketVoid { why }) => Ok(Some(why)),
            Ok(()) => Ok(exchanged_since(code, &today)),
            Err(other) => Err(other.into()),
        }
    }
}

/// The seat was exchanged after the scan and before it was sent, when nobody knew that somebody was inside. So the booking has
/// a seat for which somebody else may come in.
fn exchanged_since(code: &TicketFacts, today: &Booking) -> Option<VoidTicket> {
    let why = VoidTicket::Exchanged;
    (code.check_live(today) == Err(Rejection::TicketVoid { why })).then_some(why)
}

/// The command that records a scan: the same, no matter who sends it again.
fn command_of(ticket: TicketId, device: &DeviceId, scan: Uuid) -> CommandId {
    CommandId::new(Uuid::new_v5(&NAMESPACE, format!("scan|{ticket}|{device}|{scan}").as_bytes()).into_bytes())
}

/// A scan that is in the log.
fn recorded(ticket: &Ticket, id: &ScanId) -> Option<RecordedScan> {
    let scan = ticket.scan(id)?;
    let (kind, at, scanned_at) = (scan.kind, scan.at, scan.scanned_at);
    let (gate, conflicts) = (scan.gate.clone(), scan.conflicts.clone());
    Some(RecordedScan { is_repeat: true, kind, at, scanned_at, gate, conflicts })
}
