//! What the dice of a step choose from.

use crate::world::World;
use lastseat_domain::BookingId;
use lastseat_domain::booking::Booking;

pub const SHOWS: [&str; 3] = ["gala", "rave", "club"];

pub(super) fn nth<'a, T>(of: impl IntoIterator<Item = &'a T>, dice: u16) -> Option<&'a T> {
    let all: Vec<_> = of.into_iter().collect();
    (!all.is_empty()).then(|| all[usize::from(dice) % all.len()])
}

pub(super) fn pick(world: &World, dice: u16, wanted: impl Fn(&Booking) -> bool) -> Option<BookingId> {
    nth(world.bookings.values().filter(|b| wanted(b)).map(|b| &b.id), dice).copied()
}
