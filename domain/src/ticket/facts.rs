//! What the code of a ticket says, and which tickets a booking has.

use crate::booking::{Booking, PartialRefundState, Phase};
use crate::ids::{BookingId, NAMESPACE, SeatId, ShowId, TicketId};
use crate::rejection::Rejection;
use crate::void_ticket::VoidTicket;
use uuid::Uuid;

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

    /// Checks that its booking, as it is now, has the ticket that the code is of. Of its issue, the ticket's own stream
    /// knows.
    ///
    /// # Errors
    /// [`Rejection::TicketVoid`].
    pub fn check_live(&self, booking: &Booking) -> Result<(), Rejection> {
        let void = |why| Err(Rejection::TicketVoid { why });
        let Ok(tickets) = booking.tickets() else {
            let confirmed = matches!(booking.phase, Phase::Confirmed { .. } | Phase::Refunded);
            return void(if confirmed { VoidTicket::Refunded } else { VoidTicket::NotConfirmed });
        };
        if self.transfers != booking.transfers {
            return void(VoidTicket::Transferred);
        }
        if tickets.iter().any(|ticket| ticket.seat == self.seat && ticket.exchange == self.exchange) {
            return Ok(());
        }
        let refunded = booking.has_seat_refunded(&self.seat) && self.exchange == booking.exchange_that_brought(&self.seat);
        void(if refunded { VoidTicket::Refunded } else { VoidTicket::Exchanged })
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
        let seats = self.seats().iter().map(|priced| &priced.seat).filter(|seat| !self.has_seat_refunded(seat));
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

    /// Whether it was confirmed, and had the seat then or has got it since.
    #[must_use]
    pub fn has_sold(&self, seat: &SeatId) -> bool {
        let confirmed = matches!(self.phase, Phase::Confirmed { .. } | Phase::Refunded);
        let has = self.seats().iter().any(|own| own.seat == *seat) || self.given_up().contains(seat);
        confirmed && (has || self.seats_of_exchanges().contains(seat))
    }

    /// Whether it has given the seat up for a partial refund, or is about to.
    fn has_seat_refunded(&self, seat: &SeatId) -> bool {
        let parts = self.partial_refunds.iter().filter(|part| part.state != PartialRefundState::Abandoned);
        parts.into_iter().any(|part| part.requested.seats.contains(seat))
    }

    /// Number of the last exchange that brought it this seat; 0 if none did.
    fn exchange_that_brought(&self, seat: &SeatId) -> u32 {
        let made = self.past_exchanges.iter().filter(|past| past.made).map(|past| &past.requested);
        let brought = made.filter(|requested| requested.takes.iter().any(|taken| taken.seat == *seat));
        brought.map(|requested| requested.exchange).max().unwrap_or_default()
    }
}
