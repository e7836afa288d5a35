//! Tickets of confirmed bookings.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::Origin;
use futures::{StreamExt, TryStreamExt};
use lastseat_domain::booking::Booking;
use lastseat_domain::ticket::{Scan, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::{BookingId, SeatId};

/// Tickets of a booking that are read at the same time.
const READ_AT_ONCE: usize = 16;

/// A ticket as a device at the entrance has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTicket {
    /// What a good code of it says.
    pub facts: TicketFacts,
    /// The scan that let in who is inside.
    pub inside: Option<Scan>,
}

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

    /// The tickets of bookings, as the log has them now, for a device at the entrance. None of a booking that has none by now.
    ///
    /// # Errors
    /// Faults.
    pub async fn listed_tickets(&self, bookings: &[BookingId]) -> Result<Vec<(BookingId, Vec<ListedTicket>)>, Fault> {
        let of_booking = |id: BookingId| async move {
            let found = self.booking(id).await?.and_then(|booking| booking.tickets().ok());
            let mut listed = Vec::new();
            for facts in found.unwrap_or_default() {
                let ticket = self.services.journal.load::<Ticket>(&facts.ticket()).await?.state;
                let inside = ticket.inside().cloned();
                listed.push(ListedTicket { facts: TicketFacts { issue: ticket.issue, ..facts }, inside });
            }
            Ok::<_, Fault>((id, listed))
        };
        futures::stream::iter(bookings.iter().copied().map(of_booking)).buffered(READ_AT_ONCE).try_collect().await
    }

    /// Issues a ticket again: its codes until now are void. Of two requests at the same moment, one is enough for both.
    ///
    /// # Errors
    /// `NoTickets`, `TicketNotFound`, `TooManyReissues`; faults.
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
        let (context, mut known) = (self.command(origin).belonging_to(booking.id.0), Some(loaded));
        self.services.journal.execute::<Ticket>(&ticket, command, &context, &mut known).await?;
        self.issued(facts).await
    }
}
