//! Partial refunds in a world: their steps, and random ones for histories.

use super::world::World;
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::seat::{Seat, SeatCommand};
use lastseat_domain::{BookingId, SeatId};

impl World {
    /// Whether the decider took it.
    pub fn request_part(&mut self, id: BookingId, seats: &[SeatId], amount: Option<i64>) -> bool {
        self.booking(id, BookingCommand::RequestPartialRefund { seats: seats.to_vec(), amount, by: "staff".into() })
    }

    /// The gateway makes the partial refund that is under way.
    pub fn return_part(&mut self, id: BookingId) {
        let part = self.bookings[&id].refund_under_way().unwrap().requested.clone();
        let intent = self.intent(id);
        assert!(self.booking(id, BookingCommand::RecordPartialRefund { refund: part.refund, intent, amount: part.amount }));
    }

    /// What follows from a partial refund that was made: its seats are free, and their points are taken back.
    pub fn finish_part(&mut self, id: BookingId) {
        let booking = self.bookings[&id].clone();
        let show = booking.show().unwrap().clone();
        for seat in booking.given_up() {
            assert!(self.seat(&show, &seat, SeatCommand::Release { booking: id, reason: AbortReason::Refunded }));
        }
        self.revoke_parts(id);
    }

    /// Takes back the points of the seats that partial refunds gave up.
    pub fn revoke_parts(&mut self, id: BookingId) {
        let booking = self.bookings[&id].clone();
        let buyer = booking.opened.as_ref().unwrap().buyer.clone();
        for part in booking.partial_refunds.iter().filter(|part| part.is_returned() && !part.requested.seats.is_empty()) {
            let (refund, seats) = (part.requested.refund, part.requested.seats.len() as u32);
            let withdrawn = self.withdraw_reward(id, Some((refund, seats)));
            self.loyalty(&buyer, LoyaltyCommand::RevokePart { booking: id, refund, seats, withdrawn });
        }
    }

    /// From confirmed to confirmed with less.
    pub fn refund_part(&mut self, id: BookingId, seats: &[&str], amount: Option<i64>) {
        let seats: Vec<SeatId> = seats.iter().map(|seat| SeatId::new(seat).unwrap()).collect();
        assert!(self.request_part(id, &seats, amount));
        self.return_part(id);
        self.finish_part(id);
    }
}

/// Requests a partial refund of a booking: of a seat, of a seat for less, or of an amount.
pub(super) fn request(world: &mut World, id: BookingId, small: u8) {
    let seats = world.bookings[&id].seats().to_vec();
    let Some(seat) = seats.get(usize::from(small) % seats.len().max(1)) else { return };
    let (one, worth) = (std::slice::from_ref(&seat.seat), world.bookings[&id].worth(seat));
    match small % 3 {
        0 => world.request_part(id, one, None),
        1 => world.request_part(id, one, Some(worth / 2)),
        _ => world.request_part(id, &[], Some(1 + i64::from(small))),
    };
}

/// Whether the booking may have something of a partial refund left to be done.
pub(super) fn is_begun(booking: &Booking) -> bool {
    matches!(booking.phase, Phase::Confirmed { refund_requested: false }) && !booking.partial_refunds.is_empty()
}

/// One step of what has to follow. Whether there was one.
pub(super) fn settle(world: &mut World, id: BookingId) -> bool {
    let booking = world.bookings[&id].clone();
    if booking.refund_under_way().is_some() && !booking.flagged {
        world.return_part(id);
        return true;
    }
    let show = booking.show().unwrap().clone();
    let has = |seat: &SeatId| world.seats.get(&(show.clone(), seat.clone())).and_then(Seat::owner) == Some(id);
    if let Some(seat) = booking.given_up().into_iter().find(has) {
        return world.seat(&show, &seat, SeatCommand::Release { booking: id, reason: AbortReason::Refunded });
    }
    let before = world.log.len();
    world.revoke_parts(id);
    world.log.len() > before
}
