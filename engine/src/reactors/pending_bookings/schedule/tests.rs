//! What is due, and what waits for the gateway, whatever passes meanwhile.

use super::*;
use chrono::TimeDelta;
use lastseat_domain::booking::evolve;
use lastseat_domain::event::{BookingCommitted, BookingOpened, Event, PaymentAuthorised, PaymentStarted, PricedSeat, ShopData};
use lastseat_domain::{Currency, IntentId, Money, SeatId, ShowId};
use std::sync::Arc;
use uuid::Uuid;

/// When the hold of each booking ends.
const END: i64 = 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn id() -> BookingId {
    BookingId(Uuid::from_u128(1))
}

fn opened() -> Event {
    let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
    BookingOpened {
        booking: id(),
        show: ShowId::new("gala").unwrap(),
        buyer: "ann".parse().unwrap(),
        seats: vec![PricedSeat::new(SeatId::new("A-1").unwrap(), 100)],
        amount,
        expires_at: at(END),
        show_revision: 0,
        fee: 0,
        channel: None,
        access_code: None,
        voucher: None,
        shop: ShopData::default(),
        request: None,
    }
    .into()
}

fn started() -> Event {
    PaymentStarted {
        booking: id(),
        attempt: 1,
        payment_method: Some("pm_card_visa".to_owned()),
        tender: None,
        return_url: None,
        request: None,
    }
    .into()
}

/// The booking after these events, due at 10.
fn with(events: &[Event]) -> Schedule {
    let mut schedule = Schedule::default();
    let booking = events.iter().fold(None, |booking, event| evolve(booking, event, at(0)));
    schedule.change(id(), at(0), |entry| {
        entry.booking = booking.map(Arc::new);
        Some(at(10))
    });
    schedule
}

fn taken(taken: &[Taken]) -> Vec<BookingId> {
    taken.iter().map(|(booking, _)| *booking).collect()
}

#[test]
fn what_needs_the_gateway_waits_for_its_turn_and_stays_due_at_the_end_of_its_hold() {
    let mut schedule = with(&[opened(), started()]);
    assert_eq!(taken(&schedule.take_due(at(10), 1)), []);
    assert_eq!(schedule.next_due(), Some(at(END)));
    assert_eq!(taken(&schedule.take_waiting(at(11), 1)), [id()]);
    assert_eq!(schedule.next_due(), Some(at(END)), "while it is at the gateway, too");
    assert_eq!(taken(&schedule.take_due(at(END), 1)), [id()]);
}

/// The look at the log began in time and says that the gateway is needed. When it comes back, the hold has ended.
#[test]
fn a_hold_that_ends_while_its_booking_is_looked_at_ends_at_once() {
    let mut schedule = with(&[opened()]);
    assert_eq!(taken(&schedule.take_due(at(10), 1)), [id()]);
    schedule.wait_for_gateway(id(), at(END - 1), at(END + 12));
    assert_eq!(schedule.next_due(), Some(at(END)));
    // The gateway may hang: it is not asked before the log.
    assert_eq!(taken(&schedule.take_waiting(at(END + 2), 1)), []);
    assert_eq!(taken(&schedule.take_due(at(END + 2), 1)), [id()]);
}

/// Another worker has committed it in time, and this node has not read that yet. The log says each time that the gateway
/// is needed, so asking it again at once would never end.
#[test]
fn a_decision_that_is_not_read_yet_is_not_asked_for_again_and_again() {
    let mut schedule = with(&[opened(), started()]);
    let later = at(END + 12);
    assert_eq!(taken(&schedule.take_due(at(END + 1), 1)), [id()], "as far as this node knows it has ended");
    schedule.wait_for_gateway(id(), at(END + 2), later);
    assert_eq!((taken(&schedule.take_due(at(END + 3), 1)), schedule.next_due()), (vec![], Some(later)));
    assert_eq!(taken(&schedule.take_waiting(at(END + 3), 1)), [id()], "its turn at the gateway comes");
    assert_eq!((taken(&schedule.take_due(at(END + 3), 1)), schedule.next_due()), (vec![], Some(later)));
    // The decision is read.
    let intent = IntentId::new("pi_1").unwrap();
    let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
    let authorised = PaymentAuthorised { booking: id(), attempt: 1, intent, amount, capture_before: None };
    for event in [authorised.into(), BookingCommitted { booking: id() }.into()] {
        schedule.change(id(), at(END - 1), |entry| {
            let before = entry.booking.take().map(Arc::unwrap_or_clone);
            entry.booking = evolve(before, &event, at(END - 1)).map(Arc::new);
            Some(at(END + 20))
        });
    }
    assert_eq!(schedule.next_due(), Some(at(END + 20)));
}
