//! The rules of a seat: every command in every state, for the owner and for another booking.

use crate::support;

use lastseat_domain::event::{AbortReason, Event, SeatBlocked, SeatBooked, SeatLocked, SeatReleased, SeatUnblocked};
use lastseat_domain::rejection::Rejection;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::seat_state::SeatState;
use lastseat_testkit::given::given;
use support::*;

const EVERY_REASON: [AbortReason; 8] = [
    AbortReason::Expired,
    AbortReason::Cancelled,
    AbortReason::SeatLost,
    AbortReason::Fenced,
    AbortReason::CaptureFailed,
    AbortReason::ShowCancelled,
    AbortReason::Refunded,
    AbortReason::Exchanged,
];

fn locked(n: u8) -> Event {
    SeatLocked { booking: booking(n), buyer: buyer(n), price: 8500, expires_at: too_late(), block: None, exchange: 0 }.into()
}

fn booked(n: u8) -> Event {
    SeatBooked { booking: booking(n), block: None, exchange: 0 }.into()
}

fn released(n: u8, reason: AbortReason) -> Event {
    SeatReleased { booking: booking(n), reason, block: None }.into()
}

fn lock(n: u8) -> SeatCommand {
    SeatCommand::Lock { booking: booking(n), buyer: buyer(n), price: 8500, expires_at: too_late(), blocks: vec![] }
}

fn book(n: u8) -> SeatCommand {
    SeatCommand::Book { booking: booking(n) }
}

fn release(n: u8, reason: AbortReason) -> SeatCommand {
    SeatCommand::Release { booking: booking(n), reason }
}

#[test]
fn a_free_seat_is_given_to_who_asks() {
    given([]).when(lock(1)).then_events([locked(1)]);
}

#[test]
fn a_freed_seat_is_given_to_the_next() {
    given([locked(1), released(1, AbortReason::Expired)]).when(lock(2)).then_events([locked(2)]);
    given([locked(1), booked(1), released(1, AbortReason::Refunded)]).when(lock(2)).then_events([locked(2)]);
}

#[test]
fn a_locked_seat_is_refused_to_others_with_the_time_it_may_come_free() {
    let rejection = given([locked(1)]).when(lock(2)).then_rejected("seat_unavailable");
    let expected =
        Rejection::SeatUnavailable { seat: seat(1), state: SeatState::Locked, free_at: Some(too_late()), position: None };
    assert_eq!(rejection, expected);
}

#[test]
fn a_sold_seat_is_refused_to_others_without_hope() {
    let rejection = given([locked(1), booked(1)]).when(lock(2)).then_rejected("seat_unavailable");
    assert_eq!(rejection, Rejection::SeatUnavailable { seat: seat(1), state: SeatState::Booked, free_at: None, position: None });
}

#[test]
fn a_repeated_lock_of_the_owner_is_a_success_without_effect() {
    given([locked(1)]).when(lock(1)).then_nothing();
    given([locked(1), booked(1)]).when(lock(1)).then_nothing();
}

#[test]
fn a_seat_never_expires_by_itself() {
    // Long past its `expires_at` it is still refused: only the end of its booking frees it.
    given([locked(1)]).when(lock(2)).then_rejected("seat_unavailable");
}

#[test]
fn only_the_owner_can_have_it_booked() {
    given([locked(1)]).when(book(1)).then_events([booked(1)]);
    given([locked(1), booked(1)]).when(book(1)).then_nothing();
    for history in [vec![], vec![locked(1)], vec![locked(1), booked(1)], vec![locked(2), released(2, AbortReason::Expired)]] {
        given(history).when(book(2)).then_rejected("not_owner");
    }
}

#[test]
fn the_owner_releases_its_lock_for_any_reason() {
    for reason in EVERY_REASON {
        given([locked(1)]).when(release(1, reason)).then_events([released(1, reason)]);
    }
}

#[test]
fn a_sold_seat_is_freed_only_by_a_refund_an_exchange_or_a_failed_capture() {
    for reason in EVERY_REASON {
        let then = given([locked(1), booked(1)]).when(release(1, reason));
        if matches!(reason, AbortReason::Refunded | AbortReason::CaptureFailed | AbortReason::Exchanged) {
            then.then_events([released(1, reason)]);
        } else {
            then.then_rejected("out_of_order");
        }
    }
}

#[test]
fn anothers_seat_is_never_released() {
    for history in [vec![], vec![locked(1)], vec![locked(1), booked(1)], vec![locked(2), released(2, AbortReason::Expired)]] {
        for reason in EVERY_REASON {
            given(history.clone()).when(release(2, reason)).then_nothing();
        }
    }
}

fn blocked(n: u8) -> Event {
    SeatBlocked { block: block(n) }.into()
}

/// The seat as booking 1 has it from block 1.
fn from_block() -> [Event; 2] {
    let lock = SeatLocked {
        booking: booking(1),
        buyer: buyer(1),
        price: 8500,
        expires_at: too_late(),
        block: Some(block(1)),
        exchange: 0,
    };
    [blocked(1), lock.into()]
}

fn lock_from(n: u8, blocks: &[u8]) -> SeatCommand {
    let blocks = blocks.iter().map(|n| block(*n)).collect();
    SeatCommand::Lock { booking: booking(n), buyer: buyer(n), price: 8500, expires_at: too_late(), blocks }
}

#[test]
fn a_free_seat_can_be_blocked_and_no_other() {
    let block_it = |n| SeatCommand::Block { block: block(n) };
    given([]).when(block_it(1)).then_events([blocked(1)]);
    given([blocked(1)]).when(block_it(1)).then_nothing();
    for (history, state) in [
        (vec![locked(1)], SeatState::Locked),
        (vec![locked(1), booked(1)], SeatState::Booked),
        (vec![blocked(2)], SeatState::Unavailable),
    ] {
        let rejection = given(history).when(block_it(1)).then_rejected("seat_unavailable");
        assert!(matches!(rejection, Rejection::SeatUnavailable { state: found, .. } if found == state), "{rejection:?}");
    }
}

#[test]
fn a_blocked_seat_is_refused_to_all_who_do_not_name_its_block() {
    for command in [lock(1), lock_from(1, &[2, 3])] {
        let rejection = given([blocked(1)]).when(command).then_rejected("seat_unavailable");
        let state = SeatState::Unavailable;
        assert_eq!(rejection, Rejection::SeatUnavailable { seat: seat(1), state, free_at: None, position: None });
    }
    given([blocked(1)]).when(lock_from(1, &[2, 1])).then_events([from_block()[1].clone()]);
    // Access to a block is no claim on a seat that is not in it.
    given([locked(2)]).when(lock_from(1, &[1])).then_rejected("seat_unavailable");
    given([]).when(lock_from(1, &[1])).then_events([locked(1)]);
}

#[test]
fn a_seat_from_a_block_returns_there_when_its_booking_ends() {
    let sold: Event = SeatBooked { booking: booking(1), block: Some(block(1)), exchange: 0 }.into();
    given(from_block()).when(book(1)).then_events([sold.clone()]);
    let back = |reason| -> Event { SeatReleased { booking: booking(1), reason, block: Some(block(1)) }.into() };
    given(from_block()).when(release(1, AbortReason::Expired)).then_events([back(AbortReason::Expired)]);
    let after_sale = from_block().into_iter().chain([sold]);
    given(after_sale).when(release(1, AbortReason::Refunded)).then_events([back(AbortReason::Refunded)]);
    let returned = || from_block().into_iter().chain([back(AbortReason::Expired)]);
    given(returned()).when(lock(2)).then_rejected("seat_unavailable");
    given(returned()).when(SeatCommand::Block { block: block(1) }).then_nothing();
}

#[test]
fn a_lifted_block_frees_its_seats_before_and_after_a_booking_has_them() {
    let unblock = |n| SeatCommand::Unblock { block: block(n) };
    let unblocked: Event = SeatUnblocked { block: block(1) }.into();
    given([blocked(1)]).when(unblock(1)).then_events([unblocked.clone()]);
    given([blocked(1), unblocked.clone()]).when(unblock(1)).then_nothing();
    given([blocked(1), unblocked.clone()]).when(lock(2)).then_events([locked(2)]);
    // Lifted while a booking has the seat: nothing to do yet. It is unblocked once it has returned.
    given(from_block()).when(unblock(1)).then_nothing();
    let back: Event = SeatReleased { booking: booking(1), reason: AbortReason::Expired, block: Some(block(1)) }.into();
    given(from_block().into_iter().chain([back])).when(unblock(1)).then_events([unblocked]);
    given([blocked(1)]).when(unblock(2)).then_nothing();
    given([locked(1)]).when(unblock(1)).then_nothing();
}

/// The exchange `n` of booking 1.
fn taken(n: u32) -> Event {
    SeatLocked { booking: booking(1), buyer: buyer(1), price: 8500, expires_at: too_late(), block: None, exchange: n }.into()
}

fn booked_by(n: u32) -> Event {
    SeatBooked { booking: booking(1), block: None, exchange: n }.into()
}

fn take(exchange: u32, blocks: &[u8]) -> SeatCommand {
    let blocks = blocks.iter().map(|n| block(*n)).collect();
    SeatCommand::Take { booking: booking(1), buyer: buyer(1), price: 8500, expires_at: too_late(), blocks, exchange }
}

#[test]
fn a_lock_is_for_one_exchange_and_no_other() {
    given([]).when(take(2, &[])).then_events([taken(2)]);
    given([taken(2)]).when(take(2, &[])).then_nothing();
    given([taken(2), booked_by(2)]).when(take(2, &[])).then_nothing();
    // What an earlier exchange of the same booking has left is still to be released.
    for history in [vec![taken(1)], vec![locked(1), booked(1)], vec![locked(2)], vec![blocked(1)]] {
        given(history).when(take(2, &[])).then_rejected("seat_unavailable");
    }
    let from_block = SeatLocked {
        booking: booking(1),
        buyer: buyer(1),
        price: 8500,
        expires_at: too_late(),
        block: Some(block(1)),
        exchange: 2,
    };
    given([blocked(1)]).when(take(2, &[1])).then_events([from_block.into()]);
}

#[test]
fn a_taken_seat_is_sold_for_its_own_exchange_only() {
    let book = |exchange| SeatCommand::BookTaken { booking: booking(1), exchange };
    given([taken(2)]).when(book(2)).then_events([booked_by(2)]);
    given([taken(2), booked_by(2)]).when(book(2)).then_nothing();
    for history in [vec![], vec![taken(1)], vec![locked(1), booked(1)], vec![locked(2)]] {
        given(history).when(book(2)).then_rejected("not_owner");
    }
}

/// To whom the booking still is as it was sold: the exchange may yet give the seat up.
#[test]
fn a_slow_worker_sells_no_seat_that_is_locked_for_an_exchange() {
    given([taken(2)]).when(book(1)).then_rejected("not_owner");
    given([taken(0)]).when(book(1)).then_events([booked(1)]);
}

#[test]
fn a_slow_worker_gives_up_no_seat_that_a_later_exchange_has_brought_back() {
    let give_up = |reason, by| SeatCommand::GiveUp { booking: booking(1), reason, by };
    let gone = released(1, AbortReason::Exchanged);
    let leaves = |exchange: u32| give_up(AbortReason::Exchanged, (0, exchange - 1));
    given([locked(1), booked(1)]).when(leaves(1)).then_events([gone.clone()]);
    given([taken(1), booked_by(1)]).when(leaves(2)).then_events([gone]);
    given([taken(2), booked_by(2)]).when(leaves(1)).then_nothing();
    given([taken(2)]).when(leaves(2)).then_nothing();
    // An abandoned one frees what was locked for it, and nothing that is sold.
    let abandoned = |exchange| give_up(AbortReason::SeatLost, (exchange, exchange));
    given([taken(1)]).when(abandoned(1)).then_events([released(1, AbortReason::SeatLost)]);
    for history in [vec![taken(2)], vec![locked(1)], vec![locked(2)], vec![taken(1), booked_by(1)], vec![]] {
        given(history).when(abandoned(1)).then_nothing();
    }
}
