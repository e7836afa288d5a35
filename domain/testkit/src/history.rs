//! Random valid histories. A list of numbers is a history, so that a failing one shrinks.

mod all_events;
mod dice;
mod moves;

pub use all_events::{every_event, use_ticket};
pub use dice::SHOWS;

use super::kept_seats::hold_kept_seat;
use super::partial_refunds;
use super::world::{World, plan, plan_with_price_types};
use dice::{nth, pick};
use lastseat_domain::booking::{Booking, BookingCommand, Phase, Review};
use lastseat_domain::event::{AbortReason, Discount, Reward, Tender};
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::seat::{Seat, SeatCommand};
use lastseat_domain::show::ShowCommand;
use lastseat_domain::{BookingId, SeatId, ShowId};
use moves::{
    block, exchange, flag, give_up_exchange, has_all, hold, lift, look_at, review, revision, take_voucher_off, use_voucher,
};
use proptest::prelude::*;

/// One step: what, and two dice.
pub type Step = (u8, u8, u16);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 1..most)
}

/// The world after these steps. Nothing is left undone for longer than the audit's grace.
pub fn history(steps: &[Step], stride: u64) -> World {
    let mut world = World::new(stride);
    world.schedule(plan("gala", 2, 6, 9));
    // Some of its bookings earn a code.
    let mut rave = plan("rave", 0, 0, 14);
    rave.rewards.push(Reward { reward: "Half price".into(), weight: 4, discount: Some(Discount::Percent(50)) });
    world.schedule(rave);
    for (n, step) in steps.iter().enumerate() {
        // A show may come up while others sell.
        if n == 5 {
            world.schedule(plan_with_price_types("club", 1, 8, 0));
        }
        take(&mut world, *step);
    }
    world
}

/// Ends all that is under way.
pub fn finish(world: &mut World) {
    pass(world, 40);
    let ids: Vec<_> = world.bookings.keys().copied().collect();
    for id in &ids {
        if world.bookings[id].flagged {
            look_at(world, *id);
        }
        give_up_exchange(world, *id);
        while settle(world, *id) {}
    }
    world.unblock_lifted();
}

fn take(world: &mut World, (what, small, dice): Step) {
    match what % 26 {
        22 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Confirmed { .. })) {
                partial_refunds::request(world, id, small);
            }
        }
        23 if small.is_multiple_of(3) => hold_kept_seat(world, small / 3, dice),
        23 => use_voucher(world, small, dice),
        24 => take_voucher_off(world, small, dice),
        25 => exchange(world, small, dice),
        20 => block(world, small, dice),
        21 => lift(world, dice),
        0..=3 => hold(world, small, dice),
        4 | 5 => {
            let id = pick(world, dice, |b| matches!(b.phase, Phase::Held | Phase::ActionRequired { .. }));
            if let Some(id) = id.filter(|id| has_all(world, *id)) {
                match (small % 8, small % 3) {
                    (0, 0) => world.start_at_till(id, Tender::Complimentary),
                    (0, 1) => world.start_at_till(id, Tender::Invoice),
                    (0, _) => world.start_at_till(id, Tender::Cash),
                    _ => world.start_payment(id),
                };
            }
        }
        6 | 7 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Paying | Phase::ActionRequired { .. })) {
                let intent = world.intent(id);
                let attempt = world.bookings.get(&id).map_or(0, Booking::attempt);
                match small % 5 {
                    0 => {
                        world.booking(id, BookingCommand::Decline { attempt, intent: Some(intent), code: "card_declined".into() })
                    }
                    1 => world
                        .booking(id, BookingCommand::RequireAction { attempt, intent, url: Some("https://bank.example".into()) }),
                    _ => world.commit(id),
                };
            }
        }
        8 | 9 => {
            if let Some(id) = nth(world.bookings.keys(), dice).copied() {
                settle(world, id);
            }
        }
        10 => {
            if let Some(id) = pick(world, dice, Booking::is_undecided) {
                let command = if small.is_multiple_of(2) {
                    BookingCommand::Extend { now: world.now, seconds: crate::world::HOLD_SECONDS }
                } else {
                    BookingCommand::Cancel { reason: AbortReason::Cancelled }
                };
                world.booking(id, command);
            }
        }
        11 => {
            if let Some(id) = pick(world, dice, |b| matches!(b.phase, Phase::Confirmed { .. })) {
                world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
            }
        }
        12 => {
            let good = world.accounts.iter().flat_map(|(buyer, a)| a.vouchers.keys().map(move |v| (buyer.clone(), *v)));
            let all: Vec<_> = good.collect();
            if let Some((buyer, voucher)) = nth(&all, dice) {
                world.loyalty(buyer, LoyaltyCommand::Redeem { voucher: *voucher });
            }
        }
        13 => {
            if let Some(id) = pick(world, dice, |b| b.phase == Phase::Committed) {
                let intent = world.intent(id);
                world.booking(id, BookingCommand::FailCapture { intent });
            }
        }
        14 => {
            let show = nth(world.shows.keys(), dice).cloned().unwrap();
            let command = match small % 4 {
                0 => ShowCommand::Pause,
                1 => ShowCommand::Resume,
                _ => revision(&world.shows[&show], small),
            };
            world.command_show(&show, command);
        }
        15 => flag(world, small, dice),
        16 | 17 => review(world, small, dice),
        18 if small.is_multiple_of(8) => {
            let show = nth(world.shows.keys(), dice).cloned().unwrap();
            world.command_show(&show, ShowCommand::Cancel);
        }
        _ => pass(world, i64::from(small % 45)),
    }
}

/// One step of what has to follow for a booking. Whether there was one.
fn settle(world: &mut World, id: BookingId) -> bool {
    if world.settle_voucher(id) {
        return true;
    }
    let booking = world.bookings[&id].clone();
    let held = world.held.get(&id).cloned().unwrap_or_default();
    let release = |world: &mut World, reason| {
        let Some((show, seat)) = held.first() else { return false };
        world.seat(show, seat, SeatCommand::Release { booking: id, reason })
    };
    // The account of who paid, whose ever it is now.
    let counted = booking
        .opened
        .as_ref()
        .map(|opened| &opened.buyer)
        .and_then(|b| world.accounts.get(b))
        .and_then(|a| a.counted.get(&id))
        .copied();
    match booking.phase {
        Phase::Committed => {
            let sold = |key: &&(ShowId, SeatId)| matches!(world.seats[*key], Seat::Booked { .. });
            match held.iter().find(|key| !sold(key)) {
                Some((show, seat)) => world.seat(show, seat, SeatCommand::Book { booking: id }),
                None => world.capture(id),
            }
        }
        Phase::Confirmed { .. } if counted.is_none() => {
            world.credit(id);
            true
        }
        Phase::Confirmed { refund_requested: true } if !booking.flagged => {
            world.return_money(id);
            true
        }
        Phase::Confirmed { refund_requested: false } => partial_refunds::settle(world, id),
        Phase::Aborted { reason } => {
            if release(world, reason) {
                return true;
            }
            let intent = world.intent(id);
            let is_settled = booking.voided || booking.flagged || booking.reviewed == Some(Review::Settled);
            !is_settled
                && !booking.attempts.is_empty()
                && booking.tender().is_none()
                && world.booking(id, BookingCommand::RecordVoid { intent })
        }
        Phase::Refunded => {
            if release(world, AbortReason::Refunded) {
                return true;
            }
            if counted.is_some_and(|seats| seats > 0) {
                world.revoke(id);
                return true;
            }
            false
        }
        _ => false,
    }
}

/// Time passes; what is over is settled before and after, so that nothing is late.
fn pass(world: &mut World, seconds: i64) {
    let moving: Vec<_> = world.bookings.values().filter(|b| b.exchange.is_some()).map(|b| b.id).collect();
    for id in moving {
        give_up_exchange(world, id);
    }
    settle_all_over(world);
    world.pass(seconds);
    let overdue: Vec<_> = world.bookings.values().filter(|b| b.is_overdue(world.now)).map(|b| b.id).collect();
    for id in overdue {
        let now = world.now;
        world.booking(id, BookingCommand::Expire { now });
    }
    settle_all_over(world);
}

fn settle_all_over(world: &mut World) {
    let all: Vec<_> = world.bookings.keys().copied().collect();
    for id in all {
        while world.settle_voucher(id) {}
    }
    let over = |b: &&Booking| matches!(b.phase, Phase::Aborted { .. } | Phase::Refunded) || partial_refunds::is_begun(b);
    let ids: Vec<_> = world.bookings.values().filter(over).map(|b| b.id).collect();
    for id in ids {
        while settle(world, id) {}
    }
    world.unblock_lifted();
}
