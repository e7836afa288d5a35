//! What a step of a random history does.

use super::dice::{SHOWS, nth, pick};
use crate::world::{World, show_id, terms};
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};
use lastseat_domain::event::{AbortReason, Discount, VoucherTerms};
use lastseat_domain::plan::{Category, PriceType, Row, merged};
use lastseat_domain::seat::Seat;
use lastseat_domain::show::{SaleState, Show, ShowChanges, ShowCommand};
use lastseat_domain::{BookingId, BuyerId, CategoryId, Currency, Money, SeatId, ShowId};

fn dearer(category: &Category, by: i64) -> Category {
    let types = category.price_types.iter().map(|known| PriceType { price: known.price + by, ..known.clone() });
    Category { price: category.price + by, price_types: types.collect(), ..category.clone() }
}

/// Other prices, another title, or more seats: rows in an area that has rows, places in one that has places, or an area of
/// its own.
pub fn revision(show: &Show, small: u8) -> ShowCommand {
    let mut changes = ShowChanges::default();
    match small >> 2 {
        n if n.is_multiple_of(4) => changes.title = Some(format!("The {n}")),
        n if n.is_multiple_of(2) => {
            let prices = show.facts.categories.iter().map(|c| dearer(c, n.into()));
            changes.categories = Some(prices.collect());
        }
        n => {
            let mut areas = merged(&show.facts.areas);
            let next = areas.iter().map(|area| area.rows.len()).sum::<usize>();
            let row = Row { row: format!("N{next}"), seats: 2, gaps_after: vec![1] };
            match areas.iter_mut().find(|area| area.capacity.is_some() == n.is_multiple_of(3)) {
                Some(area) if area.capacity.is_some() => area.capacity = area.capacity.map(|places| places + 2),
                Some(area) => area.rows.push(row),
                None => {}
            }
            changes.areas = Some(areas);
        }
    }
    ShowCommand::Revise { changes: Box::new(changes), expected: None }
}

/// A payment is left to a person: its outcome can't be found out, or its money can't be returned.
pub fn flag(world: &mut World, small: u8, dice: u16) {
    let is_stuck = |b: &Booking| match b.phase {
        Phase::Paying => small.is_multiple_of(4),
        Phase::Confirmed { refund_requested } => refund_requested,
        Phase::Aborted { .. } => !b.voided && !b.attempts.is_empty(),
        _ => false,
    };
    if let Some(id) = pick(world, dice, is_stuck) {
        world.booking(id, BookingCommand::Flag { reason: "the gateway does not say".into() });
    }
}

/// Ends what is under way without a move.
pub fn give_up_exchange(world: &mut World, id: BookingId) {
    if let Some(exchange) = world.bookings[&id].exchange.as_ref().map(|requested| requested.exchange) {
        world.booking(id, BookingCommand::AbandonExchange { exchange });
        world.finish_exchanges(id);
    }
}

/// A person has looked at a flagged payment.
pub fn review(world: &mut World, small: u8, dice: u16) {
    let Some(id) = pick(world, dice, |b| b.flagged) else { return };
    if small.is_multiple_of(3) {
        let outcome = Review::Continue;
        world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() });
    } else {
        look_at(world, id);
    }
}

/// They have seen to the money of a flagged payment, if it is theirs to do.
pub fn look_at(world: &mut World, id: BookingId) {
    let outcome = match world.bookings[&id].phase {
        Phase::Confirmed { .. } => Review::ReturnedElsewhere,
        Phase::Aborted { .. } => Review::Settled,
        _ => Review::Continue,
    };
    world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() });
}

pub fn has_all(world: &World, id: BookingId) -> bool {
    let booking = &world.bookings[&id];
    let show = booking.show().unwrap();
    booking.seats().iter().all(|s| world.seats.get(&(show.clone(), s.seat.clone())).and_then(Seat::owner) == Some(id))
}

/// A hold of one to four seats, some of which may be another's; its events in any order that a log
/// may have them in.
pub fn hold(world: &mut World, small: u8, dice: u16) {
    let show: ShowId = show_id(SHOWS[usize::from(small) % SHOWS.len()]);
    let Some(state) = world.shows.get(&show).filter(|show| show.sale != SaleState::Cancelled) else { return };
    let plan = std::sync::Arc::clone(&state.plan);
    let count = 1 + usize::from(small >> 2) % 4;
    let start = u32::from(dice) % plan.len();
    let mut seats: Vec<SeatId> = (0..plan.len()).cycle().skip(start as usize).take(count).filter_map(|i| plan.id_of(i)).collect();
    seats.sort();
    let id = world.new_booking();
    let buyer = match small >> 4 {
        0 => BuyerId::guest(id),
        n => BuyerId::new(&format!("buyer-{}", n % 3)).unwrap(),
    };
    let opened = world.opening(id, &buyer, &show, &seats);
    let open_after = usize::from(dice >> 8) % (count + 2);
    let mut lost = false;
    for (n, seat) in seats.iter().enumerate() {
        if n == open_after {
            world.booking(id, BookingCommand::Open(opened.clone()));
        }
        lost |= !world.lock(id, &buyer, &show, seat);
    }
    match open_after {
        n if n < count => {}
        n if n == count => drop(world.booking(id, BookingCommand::Open(opened))),
        // The opener died in between: the recoverer closes the booking before it opens.
        _ => drop(world.booking(id, BookingCommand::Fence { booking: id })),
    }
    if lost {
        world.booking(id, BookingCommand::Cancel { reason: AbortReason::SeatLost });
    }
}

/// Up to three seats are blocked, which may be another's. If one is, none is kept.
pub fn block(world: &mut World, small: u8, dice: u16) {
    let show: ShowId = show_id(SHOWS[usize::from(small) % SHOWS.len()]);
    let Some(state) = world.shows.get(&show) else { return };
    let plan = std::sync::Arc::clone(&state.plan);
    let first = u32::from(dice) % plan.len();
    let last = plan.len().min(first + 1 + u32::from(small >> 2) % 3);
    let seats: Vec<SeatId> = (first..last).filter_map(|i| plan.id_of(i)).collect();
    let is_free = |seat: &SeatId| world.seats.get(&(show.clone(), seat.clone())).copied().unwrap_or_default() == Seat::Free;
    if seats.iter().all(is_free) {
        world.block(show.as_str(), &seats.iter().map(SeatId::as_str).collect::<Vec<_>>());
    }
}

/// A sold booking is to be moved, or what is under way is decided, given up or completed.
pub fn exchange(world: &mut World, small: u8, dice: u16) {
    let is_sold = |b: &Booking| b.phase == (Phase::Confirmed { refund_requested: false });
    let Some(id) = pick(world, dice, is_sold) else { return };
    let booking = world.bookings[&id].clone();
    if small.is_multiple_of(16) {
        let buyer = BuyerId::new(&format!("buyer-{}", dice % 3)).unwrap();
        world.booking(id, BookingCommand::Transfer { buyer, by: "admin".into() });
    }
    if let Some(requested) = &booking.exchange {
        let exchange = requested.exchange;
        let command = if world.take_seats(id) && !small.is_multiple_of(4) {
            BookingCommand::DecideExchange { exchange }
        } else {
            BookingCommand::AbandonExchange { exchange }
        };
        world.booking(id, command);
    } else if !small.is_multiple_of(3) {
        let show = booking.show().unwrap();
        let plan = std::sync::Arc::clone(&world.shows[show].plan);
        let wanted = plan.id_of(u32::from(dice) % plan.len()).unwrap();
        world.request_exchange(id, &[booking.seats()[0].seat.clone()], &[wanted]);
    }
    world.finish_exchanges(id);
}

pub fn lift(world: &mut World, dice: u16) {
    let open = world.blocks.iter().filter(|(_, block)| block.is_open()).map(|(id, _)| id);
    if let Some(block) = nth(open, dice).copied() {
        world.lift(block);
    }
}

/// A voucher, of a new campaign or of one that is there, for a booking.
pub fn use_voucher(world: &mut World, small: u8, dice: u16) {
    if world.vouchers.is_empty() || small.is_multiple_of(4) {
        let discount = match small % 3 {
            0 => Discount::Percent(u32::from(dice % 100) + 1),
            1 => Discount::Amount(Money { value: i64::from(dice) + 1, currency: Currency::new("EUR").unwrap() }),
            _ => Discount::FreeSeats(u32::from(dice % 3) + 1),
        };
        let categories = if dice.is_multiple_of(5) { vec![CategoryId::new("first").unwrap()] } else { vec![] };
        world.campaign(&VoucherTerms { uses: u32::from(small % 2) + 1, categories, ..terms(discount) }, 2);
    }
    let voucher = nth(world.vouchers.keys(), dice).cloned().unwrap();
    if let Some(id) = pick(world, dice, |b| b.phase == Phase::Held) {
        world.apply_voucher(id, &voucher);
    }
}

/// Off a booking, or kept from being applied after it was reserved.
pub fn take_voucher_off(world: &mut World, small: u8, dice: u16) {
    let Some(id) = pick(world, dice, |b| b.phase == Phase::Held) else { return };
    let voucher = nth(world.vouchers.keys(), dice).cloned();
    match voucher.filter(|_| small.is_multiple_of(2) && world.bookings[&id].voucher.is_none()) {
        Some(voucher) => drop(world.reserve_voucher(id, &voucher)),
        None => drop(world.booking(id, BookingCommand::RemoveVoucher { now: world.now })),
    }
}
