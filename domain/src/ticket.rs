//! Tickets: each seat of a confirmed booking has one.
//!
//! A ticket needs no event: it follows from the events of its booking, so a crash can't lose one. Its own stream has
//! only what was done with it, such as a reissue.
//!
//! A code names the ticket and three numbers, and is void as soon as one of them is another. They count what makes a
//! paper worthless that somebody may have kept: reissues, transfers of the booking to other buyers, and the exchange
//! by which the booking got the seat.

use crate::Timestamp;
use crate::booking::{Booking, Phase};
use crate::decider::Decider;
use crate::event::{Event, TicketReissued};
use crate::ids::{BookingId, NAMESPACE, SeatId, ShowId, TicketId};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use uuid::Uuid;

/// What has been done with a ticket, as its events describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Number of its last reissue; 0 if there was none.
    pub issue: u32,
}

/// What the code of a ticket says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketFacts {
    /// The show that it admits to.
    pub show: ShowId,
    /// The booking that it is of.
    pub booking: BookingId,
    /// The seat that it is for.
    pub seat: SeatId,
    /// How often the ticket was issued again.
    pub issue: u32,
    /// How often the booking was transferred.
    pub transfers: u32,
    /// Number of the exchange that brought the booking the seat; 0 if it was opened with it.
    pub exchange: u32,
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
}

impl TicketId {
    /// The ticket of a booking for a seat; always the same for the same two.
    #[must_use]
    pub fn of(booking: BookingId, seat: &SeatId) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("ticket|{booking}|{seat}").as_bytes()))
    }
}

impl TicketFacts {
    /// The ticket that the code is of.
    #[must_use]
    pub fn ticket(&self) -> TicketId {
        TicketId::of(self.booking, &self.seat)
    }
}

impl Booking {
    /// Its tickets, sorted by seat, as they were issued first. A seat that is being given up for a refund has none.
    ///
    /// # Errors
    /// [`Rejection::NoTickets`] if it is not confirmed, or all of it is being refunded.
    pub fn tickets(&self) -> Result<Vec<TicketFacts>, Rejection> {
        let confirmed = self.phase == (Phase::Confirmed { refund_requested: false });
        let Some(show) = self.show().filter(|_| confirmed) else { return Err(Rejection::NoTickets) };
        let leaving = self.refund_under_way().map_or(&[][..], |refund| &refund.requested.seats);
        let seats = self.seats().iter().map(|priced| &priced.seat).filter(|seat| !leaving.contains(seat));
        let of = |seat: &SeatId| TicketFacts {
            show: show.clone(),
            booking: self.id,
            seat: seat.clone(),
            issue: 0,
            transfers: self.transfers,
            exchange: self.exchange_that_brought(seat),
        };
        Ok(seats.map(of).collect())
    }

    /// Its ticket for a seat, as it was issued first.
    ///
    /// # Errors
    /// As those of [`Self::tickets`]; [`Rejection::TicketNotFound`] if it has no ticket for this seat.
    pub fn ticket(&self, seat: &SeatId) -> Result<TicketFacts, Rejection> {
        let found = self.tickets()?.into_iter().find(|ticket| ticket.seat == *seat);
        found.ok_or_else(|| Rejection::TicketNotFound { seat: seat.clone() })
    }

    /// Number of the last exchange that brought it this seat; 0 if none did.
    fn exchange_that_brought(&self, seat: &SeatId) -> u32 {
        let made = self.past_exchanges.iter().filter(|past| past.made).map(|past| &past.requested);
        let brought = made.filter(|requested| requested.takes.iter().any(|taken| taken.seat == *seat));
        brought.map(|requested| requested.exchange).max().unwrap_or_default()
    }
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
        let TicketCommand::Reissue { booking, seat, voids, by } = command;
        if voids < state.issue {
            return Ok(vec![]);
        }
        let issue = state.issue.saturating_add(1);
        Ok(vec![TicketReissued { ticket: *id, booking, seat, issue, by }.into()])
    }

    fn evolve(mut state: Self, event: &Event, _at: Timestamp) -> Self {
        if let Event::TicketReissued(e) = event {
            state.issue = e.issue;
        }
        state
    }
}
