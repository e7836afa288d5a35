//! Tickets of confirmed bookings.

use super::BoxOffice;
use crate::error::CommandError;
use crate::origin::Origin;
use futures::{StreamExt, TryStreamExt};
use lastseat_domain::SeatId;
use lastseat_domain::booking::Booking;
use lastseat_domain::ticket::{Ticket, TicketCommand, TicketFacts};

/// Tickets of a booking that are read at the same time.
const READ_AT_ONCE: usize = 16;

impl BoxOffice {
    /// The tickets of a booking, sorted by seat, with their issues as the log has them now.
    ///
    /// # Errors
    /// `NoTickets`; faults.
    pub async fn tickets(&self, booking: &Booking) -> Result<Vec<TicketFacts>, CommandError> {
        let issued = booking.tickets()?.into_iter().map(|ticket| self.issued(ticket));
        futures::stream::iter(issued).buffered(READ_AT_ONCE).try_collect().await
    }

    /// The ticket of a booking for a seat, likewise.
    ///
    /// # Errors
    /// `NoTickets`, `TicketNotFound`; faults.
    pub async fn ticket(&self, booking: &Booking, seat: &SeatId) -> Result<TicketFacts, CommandError> {
        self.issued(booking.ticket(seat)?).await
    }

    async fn issued(&self, ticket: TicketFacts) -> Result<TicketFacts, CommandError> {
        let issue = self.services.journal.load::<Ticket>(&ticket.ticket()).await?.state.issue;
        Ok(TicketFacts { issue, ..ticket })
    }

    /// Issues a ticket again: its codes until now are void. Of two requests at the same moment, one is enough for both.
    ///
    /// # Errors
    /// `NoTickets`, `TicketNotFound`; faults.
    pub async fn reissue_ticket(
        &self,
        booking: &Booking,
        seat: &SeatId,
        by: impl Into<Origin>,
    ) -> Result<TicketFacts, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let (facts, origin) = (booking.ticket(seat)?, by.into());
        let ticket = facts.ticket();
        let loaded = self.services.journal.load::<Ticket>(&ticket).await?;
        let (voids, by) = (loaded.state.issue, origin.by.clone());
        let command = TicketCommand::Reissue { booking: booking.id, seat: seat.clone(), voids, by };
        let (context, mut known) = (self.command(origin).of_booking(booking.id), Some(loaded));
        self.services.journal.execute::<Ticket>(&ticket, command, &context, &mut known).await?;
        self.issued(facts).await
    }
}
