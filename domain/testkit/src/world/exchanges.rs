//! Exchanges of a world.

use super::{World, seat_id};
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::AbortReason;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{BookingId, SeatId};

impl World {
    /// Requests to move a sold booking to other seats.
    pub fn request_exchange(&mut self, id: BookingId, leaves: &[SeatId], takes: &[SeatId]) -> bool {
        let show = self.bookings[&id].show().unwrap().clone();
        let takes = takes.iter().map(|seat| self.priced(&show, seat)).collect();
        let (show_revision, by) = (self.shows[&show].revision, "admin".to_owned());
        self.booking(id, BookingCommand::RequestExchange { leaves: leaves.to_vec(), takes, show_revision, by })
    }

    /// Locks what an exchange that is under way takes. Whether all of it could be had.
    pub fn take_seats(&mut self, id: BookingId) -> bool {
        let requested = self.bookings[&id].exchange.clone().unwrap();
        let (show, buyer) = (self.bookings[&id].show().unwrap().clone(), self.bookings[&id].buyer().unwrap().clone());
        requested.takes.iter().all(|taken| {
            let (price, expires_at, exchange) = (taken.price, self.now, requested.exchange);
            let blocks = vec![];
            self.seat(
                &show,
                &taken.seat,
                SeatCommand::Take { booking: id, buyer: buyer.clone(), price, expires_at, blocks, exchange },
            )
        })
    }

    /// Books and releases what past exchanges have left to do.
    pub fn finish_exchanges(&mut self, id: BookingId) {
        let booking = self.bookings[&id].clone();
        let show = booking.show().unwrap().clone();
        for past in &booking.past_exchanges {
            let exchange = past.requested.exchange;
            for seat in past.kept(&booking) {
                assert!(self.seat(&show, seat, SeatCommand::BookTaken { booking: id, exchange }));
            }
            let leaves =
                past.requested.leaves.iter().filter(|_| past.made).map(|seat| (seat, (0, exchange - 1), AbortReason::Exchanged));
            let takes = past.requested.takes.iter().filter(|_| !past.made);
            let takes = takes.map(|taken| (&taken.seat, (exchange, exchange), AbortReason::SeatLost));
            for (seat, by, reason) in leaves.chain(takes) {
                assert!(self.seat(&show, seat, SeatCommand::GiveUp { booking: id, reason, by }));
            }
        }
    }

    /// Moves a sold booking to seats that are free.
    pub fn exchange(&mut self, id: BookingId, leaves: &[&str], takes: &[&str]) {
        let ids = |names: &[&str]| names.iter().map(|name| seat_id(name)).collect::<Vec<_>>();
        assert!(self.request_exchange(id, &ids(leaves), &ids(takes)));
        assert!(self.take_seats(id));
        let exchange = self.bookings[&id].exchanges;
        assert!(self.booking(id, BookingCommand::DecideExchange { exchange }));
        self.finish_exchanges(id);
    }
}
