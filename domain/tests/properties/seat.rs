//! No sequence of commands gives a seat two live owners, however stale what they were decided on.

use crate::support::*;
use crate::{holds, is_caught};
use lastseat_domain::event::{AbortReason, Event, SeatBooked, SeatLocked, SeatReleased};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::{BookingId, Rejection};
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
    let command = (1..4_u8, 0..3, reason).prop_map(|(b, which, reason)| match which {
        0 => SeatCommand::Lock { booking: booking(b), buyer: buyer(b), price: 8500, expires_at: minute(10) },
        1 => SeatCommand::Book { booking: booking(b) },
        _ => SeatCommand::Release { booking: booking(b), reason },
    });
    prop::collection::vec((command, prop_oneof![3 => Just(0_usize), 1 => 1..4_usize]), 1..40)
}

/// The log: appends only what was decided on its last event, unless it is `blind`.
fn never_two_live_owners(decide: DecideFn, blind: bool, commands: Vec<Sent>) -> Result<(), TestCaseError> {
    let mut log: Vec<Event> = Vec::new();
    let mut owners: Vec<BookingId> = Vec::new();
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
                    owners.push(e.booking);
                }
                Event::SeatBooked(e) => prop_assert_eq!(&owners, &[e.booking], "sold to somebody else"),
                Event::SeatReleased(e) => {
                    prop_assert_eq!(&owners, &[e.booking], "taken from its owner");
                    owners.clear();
                }
                other => return Err(TestCaseError::fail(format!("{other:?} on a seat"))),
            }
            log.push(event);
        }
        let state = log.iter().fold(Seat::default(), seat::evolve);
        prop_assert_eq!(state.owner(), owners.first().copied(), "the state tells of another owner");
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
        SeatCommand::Release { booking, reason } if *state != Seat::Free => Ok(vec![SeatReleased { booking, reason }.into()]),
        command => real(state, command),
    };
    is_caught(&commands(), "taken from its owner", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_lock_that_does_not_look_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Lock { booking, buyer, price, expires_at } if state.owner() != Some(booking) => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at }.into()])
        }
        command => real(state, command),
    };
    is_caught(&commands(), "two live owners", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_sale_to_whoever_asks_is_caught() {
    let twin: DecideFn = |state, command| match command {
        SeatCommand::Book { booking } if !matches!(state, Seat::Booked { .. }) => Ok(vec![SeatBooked { booking }.into()]),
        command => real(state, command),
    };
    is_caught(&commands(), "sold to somebody else", |commands| never_two_live_owners(twin, false, commands));
}

#[test]
fn a_lock_that_is_given_twice_is_caught() {
    let twin: DecideFn = |state, command| match (state, command) {
        (Seat::Locked { booking: owner, expires_at }, SeatCommand::Lock { booking, buyer, price, .. }) if *owner == booking => {
            Ok(vec![SeatLocked { booking, buyer, price, expires_at: *expires_at }.into()])
        }
        (_, command) => real(state, command),
    };
    is_caught(&commands(), "", |commands| never_two_live_owners(twin, false, commands));
}
