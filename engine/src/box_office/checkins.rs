//! Scans of tickets at the entrance.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::{Context, Origin};
use lastseat_domain::show::SaleState;
use lastseat_domain::ticket::{ScanId, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::{CommandId, DeviceId, GateId, Rejection, ScanKind, Timestamp};
use uuid::Uuid;

/// A scan that is to be decided now.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// What the code says, whose signature is valid.
    pub code: TicketFacts,
    /// In or out.
    pub kind: ScanKind,
    /// Where.
    pub gate: GateId,
    /// The device and its id of the scan. Without them, the command makes the scan known again.
    pub scan: Option<(DeviceId, Uuid)>,
}

/// What a scan has led to. A repeat of the scan leads to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// In or out.
    pub kind: ScanKind,
    /// When it was decided.
    pub at: Timestamp,
    /// Where.
    pub gate: GateId,
    /// How often the ticket had let somebody in then, this time included.
    pub entries: usize,
}

impl BoxOffice {
    /// Lets the bearer of a ticket in or out. For an entry the booking is read first; then the ticket's own stream decides: of
    /// many gates at once, exactly one admits.
    ///
    /// # Errors
    /// `TicketVoid`, `AlreadyAdmitted`, `NotAdmitted`, `BookingNotFound`, `ShowCancelled`; faults.
    pub async fn check_in(&self, request: ScanRequest, by: impl Into<Origin>) -> Result<Scanned, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let origin = by.into();
        let ScanRequest { code, kind, gate, scan } = request;
        let (ticket, by) = (code.ticket(), origin.by.clone());
        let context = self.command(origin).belonging_to(code.booking.0);
        let scan = scan_id(scan, &context);
        let loaded = self.services.journal.load::<Ticket>(&ticket).await?;
        // A scan that is sent again has been decided, whatever became of the booking since.
        if kind == ScanKind::Entry && loaded.state.scan(&scan).is_none() {
            self.check_live(&code).await?;
        }
        let command = match kind {
            ScanKind::Entry => TicketCommand::Admit { code, gate, scan: scan.clone(), by },
            ScanKind::Exit => TicketCommand::Leave { code, gate, scan: scan.clone(), by },
        };
        let mut known = Some(loaded);
        self.services.journal.execute::<Ticket>(&ticket, command, &context, &mut known).await?;
        let state = match known {
            Some(loaded) => loaded.state,
            None => self.services.journal.load::<Ticket>(&ticket).await?.state,
        };
        let entries = state.entries_until(&scan);
        let lost = || Fault::Damaged(format!("ticket {ticket} has no scan {} in the log that was decided", scan.scan));
        let scan = state.scan(&scan).ok_or_else(lost)?;
        Ok(Scanned { kind: scan.kind, at: scan.at, gate: scan.gate.clone(), entries })
    }

    /// Checks that the show takes place, and that the booking has the ticket that the code is of.
    async fn check_live(&self, code: &TicketFacts) -> Result<(), CommandError> {
        if self.show(&code.show).is_some_and(|show| show.sale == SaleState::Cancelled) {
            return Err(Rejection::ShowCancelled { show: code.show.clone() }.into());
        }
        let booking = self.booking(code.booking).await?.ok_or(Rejection::BookingNotFound)?;
        Ok(code.check_live(&booking)?)
    }
}

fn scan_id(scan: Option<(DeviceId, Uuid)>, context: &Context) -> ScanId {
    match scan {
        Some((device, scan)) => ScanId { device: Some(device), scan },
        None => ScanId { device: None, scan: context.command_id().map(CommandId::uuid).unwrap_or_default() },
    }
}
