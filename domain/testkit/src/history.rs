//! Random valid histories. A list of numbers is a history, so that a failing one shrinks.

use super::world::{World, plan, show_id};
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::seat::{Seat, SeatCommand};
use lastseat_domain::show::ShowCommand;
use lastseat_domain::{BookingId, BuyerId, SeatId, ShowId};
use proptest::prelude::*;

/// One step: what, and two dice.
pub type Step = (u8, u8, u16);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 1..most)
}

pub const SHOWS: [&str; 3] = ["gala", "rave", "club"];

/// The world after these steps. Nothing is left undone for longer than the audit's grace.
pub fn history(steps: &[Step], stride: u64) -> World {
    let mut world = World::new(stride);
    world.schedule(plan("gala", 2, 6, 9));
    world.schedule(plan("rave", 0, 0, 14));
    for (n, step) in steps.iter().enumerate() {
        // A show may come up while others sell.
        if n == 5 {
            world.schedule(plan("club", 1, 8, 0));
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
        while settle(world, *id) {}
    }
}

fn nth<'a, T>(of: impl IntoIterator<Item = &'a T>, dice: u16) -> Option<&'a T> {
    let all: Vec<_> = of.into_iter().collect();
    (!all.is_empty()).then(|| all[usize::from(dice) % all.len()])
}

fn pick(world: &World, dice: u16, wanted: impl Fn(&Booking) -> bool) -> Option<BookingId> {
    nth(world.bookings.values().filter(|b| wanted(b)).map(|b| &b.id), dice).copied()
}

fn take(world: &mut World, (what, small, dice): Step) {
    match what % 16 {
        0..=3 => hold(world, small, dice),
        4 | 5 => {
            let id = pick(world, dice, |b| matches!(b.phase, Phase::Held | Phase::ActionRequired { .. }));
            if let Some(id) = id.filter(|id| has_all(world, *id)) {
                world.start_payment(id);
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
                    BookingCommand::Extend { now: world.now, seconds: super::world::HOLD_SECONDS }
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
            world.command_show(&show, if small.is_multiple_of(2) { ShowCommand::Pause } else { ShowCommand::Resume });
        }
        _ => pass(world, i64::from(small % 45)),
    }
}

fn has_all(world: &World, id: BookingId) -> bool {
    let booking = &world.bookings[&id];
    let show = booking.show().unwrap();
    booking.seats().iter().all(|s| world.seats.get(&(show.clone(), s.seat.clone())).and_then(Seat::owner) == Some(id))
}

/// A hold of one to four seats, some of which may be another's; its events in any order that a log
/// may have them in.
fn hold(world: &mut World, small: u8, dice: u16) {
    let show: ShowId = show_id(SHOWS[usize::from(small) % SHOWS.len()]);
    let Some(state) = world.shows.get(&show) else { return };
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

/// One step of what has to follow for a booking. Whether there was one.
fn settle(world: &mut World, id: BookingId) -> bool {
    let booking = world.bookings[&id].clone();
    let held = world.held.get(&id).cloned().unwrap_or_default();
    let release = |world: &mut World, reason| {
        let Some((show, seat)) = held.first() else { return false };
        world.seat(show, seat, SeatCommand::Release { booking: id, reason })
    };
    let counted = booking.buyer().and_then(|b| world.accounts.get(b)).and_then(|a| a.counted.get(&id)).copied();
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
        Phase::Confirmed { refund_requested: true } => {
            world.return_money(id);
            true
        }
        Phase::Aborted { reason } => {
            if release(world, reason) {
                return true;
            }
            let intent = world.intent(id);
            !booking.voided && !booking.attempts.is_empty() && world.booking(id, BookingCommand::RecordVoid { intent })
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
    let over = |b: &&Booking| matches!(b.phase, Phase::Aborted { .. } | Phase::Refunded);
    let ids: Vec<_> = world.bookings.values().filter(over).map(|b| b.id).collect();
    for id in ids {
        while settle(world, id) {}
    }
}
