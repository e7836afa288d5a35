//! Holds of kept seats with a voucher that opens them.

use super::world::{World, terms};
use lastseat_domain::block::Block;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::{BookingOpened, Discount, VoucherTerms};
use lastseat_domain::seat::{Seat, SeatCommand};
use lastseat_domain::show::SaleState;
use lastseat_domain::{BlockId, BookingId, BuyerId, SeatId, ShowId, VoucherHash};

/// A seat that is in an open block, of a show that takes place.
type KeptSeat = (ShowId, SeatId, BlockId);

/// A hold of a kept seat with a new voucher, which it gets unless its node dies before.
pub(super) fn hold_kept_seat(world: &mut World, small: u8, dice: u16) {
    let kept = kept_seats(world);
    let Some(seat) = kept.get(usize::from(dice) % kept.len().max(1)) else { return };
    let discount = if small.is_multiple_of(2) { Discount::Nothing } else { Discount::Percent(10) };
    let voucher = world.campaign(&VoucherTerms { opens: vec![seat.2], ..terms(discount) }, 1).remove(0);
    let id = world.hold_with_voucher(seat, "buyer-1", &voucher);
    if !small.is_multiple_of(3) {
        assert!(world.apply_voucher(id, &voucher));
    }
}

fn kept_seats(world: &World) -> Vec<KeptSeat> {
    let takes_place = |show: &ShowId| world.shows.get(show).is_some_and(|show| show.sale != SaleState::Cancelled);
    let of = |((show, seat), state): (&(ShowId, SeatId), &Seat)| match state {
        Seat::Blocked { block } if world.blocks.get(block).is_some_and(Block::is_open) && takes_place(show) => {
            Some((show.clone(), seat.clone(), *block))
        }
        _ => None,
    };
    let mut kept: Vec<KeptSeat> = world.seats.iter().filter_map(of).collect();
    kept.sort();
    kept
}

impl World {
    /// A hold of a seat of a block with a voucher that opens it, which is not applied yet.
    pub fn hold_with_voucher(&mut self, (show, seat, block): &KeptSeat, buyer: &str, voucher: &VoucherHash) -> BookingId {
        let (id, buyer) = (self.new_booking(), BuyerId::new(buyer).unwrap());
        let opening = self.opening(id, &buyer, show, std::slice::from_ref(seat));
        let (price, expires_at) = (opening.seats[0].price, opening.expires_at);
        assert!(self.booking(id, BookingCommand::Open(BookingOpened { voucher: Some(voucher.clone()), ..opening })));
        let lock = SeatCommand::Lock { booking: id, buyer, price, expires_at, blocks: vec![*block] };
        assert!(self.seat(show, seat, lock));
        id
    }
}
