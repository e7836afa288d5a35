//! No sequence of commands gives a seat two live owners, however stale what they were decided on.

use crate::support::*;
use crate::{holds, is_caught};
use lastseat_domain::event::{AbortReason, Event, SeatBlocked, SeatBooked, SeatLocked, SeatReleased};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::{BlockId, BookingId, Rejection};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

type DecideFn = fn(&Seat, SeatCommand) -> Result<Vec<Event>, Rejection>;

/// A command, and how many events its sender has not seen.
type Sent = (SeatCommand, usize);

fn real(state: &Seat, command: SeatCommand) -> Result<Vec<Event>, Rejection> {
    seat::decide(&seat(1), state, command)
}

fn seat(n: u32) -> lastseat_domain::SeatId {
    crate::support::seat(n)
}

fn commands() -> impl Strategy<Value = Vec<Sent>> {
    let reason = prop_oneof![
        Just(AbortReason::Expired),
        Just(AbortReason::SeatLost),
        Just(AbortReason::CaptureFailed),
        Just(AbortReason::Refunded)
    ];
    let command = (1..4_u8, 0..6, reason).prop_map(|(b, which, reason)| match which {
        // Booking 1 may buy from block 1.
        0 => {
            let blocks = if b == 1 { vec![block(1)] } else { vec![] };
            SeatCommand::Lock { booking: booking(b), buyer: buyer(b), price: 8500, expires_at: minute(10), blocks }
        }
        1 => SeatCommand::Book { booking: booking(b) },
        2 => SeatCommand::Block { block: block(b % 2) },
        3 => SeatCommand::Unblock { block: block(b % 2) },
        _ => SeatCommand::Release { booking: booking(b), reason },
    });
    prop::collection::vec((command, prop_oneof![3 => Just(0_usize), 1 => 1..4_usize]), 1..40)
}

/// The log: appends only what was decided on its last event, unless it is `blind`.
fn never_two_live_owners(decide: DecideFn, blind: bool, commands: Vec<Sent>) -> Result<(), TestCaseError> {
    let mut log: Vec<Event> = Vec::new();
    let mut owners: Vec<BookingId> = Vec::new();
    // Who has blocked it, also while a booking has it from there.
    let mut blocked: Option<BlockId> = None;
    for (command, unseen) in commands {
        let seen = log.len().saturating_sub(unseen);
        let state = log[..seen].iter().fold(Seat::default(), seat::evolve);
        let Ok(events) = decide(&state, command.clone()) else { continue };
        if seen != log.len() && !blind {
            continue;
        }
        for event in events {
            match &event {
                Event::SeatLocked(e) => {
                    prop_assert!(owners.is_empty(), "two live owners: {:?} and {:?}", owners, e.booking);
                    prop_assert_eq!(e.block, blocked, "taken out of a block that it does not name");
                    prop_assert!(blocked.is_none() || e.booking == booking(1), "sold from a block without access");
                    owners.push(e.booking);
                }
                Event::SeatBooked(e) => prop_assert_eq!(&owners, &[e.booking], "sold to somebody else"),
                Event::SeatReleased(e) => {
                    prop_assert_eq!(&owners, &[e.booking], "taken from its owner");
                    prop_assert_eq!(e.block, blocked, "does not return to its block");
                    owners.clear();
                }
                Event::SeatBlocked(e) => {
                    prop_assert!(owners.is_empty() && blocked.is_none(), "blocked while taken");
                    blocked = Some(e.block);
                }
                Event::SeatUnblocked(e) => {
                    prop_assert!(owners.is_empty() && blocked == Some(e.block), "taken from another block");
                    blocked = None;
                }
                other => return Err(TestCaseError::fail(format!("{other:?} on a seat"))),
            }
            log.push(event);
        }
        let state = log.iter().fold(Seat::default(), seat::evolve);
        prop_assert_eq!(state.owner(), owners.first().copied(), "the state names another owner");
        if !blind {
            prop_assert_eq!(decide(&state, command).unwrap_or_default(), vec![], "a repeat has a second effect");
        }
    }
    Ok(())
}

#[test]
fn a_seat_never_has_two_live_owners() {
    holds(&commands(), |commands| never_two_live_owners(real, false, commands));
}

#[test]
fn a_log_that_does_not_compare_revisions_is_caught() {
    is_caught(&commands(), "", |commands| never_two_live_owners(real, true, commands));
}

#[test]
fn a_release_that_does_not_look_whose_lock_it_is_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Release { booking, reason } if state.owner().is_some() => {
            let (Seat::Locked { block, .. } | Seat::Booked { block, .. }) = *state else { return Ok(vec![]) };
            Ok(vec![SeatReleased { booking, reason, block }.into()])
        }
        command => real(state, command),
    };
    is_caught(&commands(), "taken from its owner", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_lock_that_does_not_look_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Lock { booking, buyer, price, expires_at, .. } if state.owner().is_some_and(|owner| owner != booking) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: None, exchange: 0 }.into()])
        }
        command => real(state, command),
    };
    is_caught(&commands(), "two live owners", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_sale_to_whoever_asks_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Book { booking } if state.owner() != Some(booking) => {
            Ok(vec![SeatBooked { booking, block: None, exchange: 0 }.into()])
        }
        command => real(state, command),
    };
    is_caught(&commands(), "sold to somebody else", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_lock_that_is_given_twice_is_caught() {
    let twin: DecideFn = |state, command| match (state, command) {
        (Seat::Locked { booking: owner, expires_at, .. }, SeatCommand::Lock { booking, buyer, price, .. })
            if *owner == booking =>
        {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at: *expires_at, block: None, exchange: 0 }.into()])
        }
        (_, command) => real(state, command),
    };
    is_caught(&commands(), "", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_block_that_does_not_look_who_has_the_seat_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Block { block } if !matches!(state, Seat::Blocked { .. }) => Ok(vec![SeatBlocked { block }.into()]),
        command => real(state, command),
    };
    is_caught(&commands(), "blocked while taken", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_release_that_forgets_the_block_is_caught() {
    let twin: DecideFn = |state, command| {
        let events = real(state, command)?;
        let forget = |event: Event| match event {
            Event::SeatReleased(e) => SeatReleased { block: None, ..e }.into(),
            event => event,
        };
        Ok(events.into_iter().map(forget).collect())
    };
    is_caught(&commands(), "does not return to its block", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_sale_from_a_block_without_access_is_caught() {
    let twin: DecideFn = |state, command| match (state, command) {
        (Seat::Blocked { block }, SeatCommand::Lock { booking, buyer, price, expires_at, .. }) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at, block: Some(*block), exchange: 0 }.into()])
        }
        (_, command) => real(state, command),
    };
    is_caught(&commands(), "sold from a block without access", |commands| never_two_live_owners(twin, false, commands));
}
