//! The rules of what is sold: it is given to another buyer, and moved to other seats.

use crate::booking::in_every_phase;
use crate::support::*;
use lastseat_domain::Decider;
use lastseat_domain::booking::{Booking, BookingCommand as C};
use lastseat_domain::event::*;
use lastseat_domain::rejection::Rejection;
use lastseat_testkit::given::{TestedCommand, given};

#[test]
#[rustfmt::skip]
fn only_what_is_sold_is_transferred() {
    let transfer = C::Transfer { buyer: buyer(2), by: "admin".into() };
    in_every_phase(&transfer, [
        /* nothing    */ "booking_not_found",      /* held      */ "booking_not_changeable", /* paying    */ "booking_not_changeable",
        /* action     */ "booking_not_changeable", /* declined  */ "booking_not_changeable", /* authorised*/ "booking_not_changeable",
        /* committed  */ "booking_not_changeable", /* confirmed */ "BookingTransferred",     /* refunding */ "booking_not_changeable",
        /* refunded   */ "booking_not_changeable", /* aborted   */ "booking_not_changeable", /* fenced    */ "booking_not_changeable",
    ]);
    let own = C::Transfer { buyer: buyer(1), by: "admin".into() };
    given(history("confirmed")).at(minute(1)).when(own).then_nothing();
}

fn exchange(leaves: &[u32], takes: &[(u32, i64)]) -> C {
    C::RequestExchange {
        leaves: leaves.iter().map(|n| seat(*n)).collect(),
        takes: takes.iter().map(|(n, price)| PricedSeat::new(seat(*n), *price)).collect(),
        show_revision: 3,
        by: "staff-1".into(),
    }
}

fn requested(exchange: u32, leaves: &[u32], takes: &[(u32, i64)]) -> Event {
    ExchangeRequested {
        booking: booking(1),
        exchange,
        show_revision: 3,
        leaves: leaves.iter().map(|n| seat(*n)).collect(),
        takes: takes.iter().map(|(n, price)| PricedSeat::new(seat(*n), *price)).collect(),
        by: "staff-1".into(),
    }
    .into()
}

fn sold_and(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history("confirmed").into_iter().chain(more).collect()
}

#[test]
#[rustfmt::skip]
fn only_what_is_sold_is_exchanged() {
    in_every_phase(&exchange(&[1], &[(9, 8500)]), [
        /* nothing    */ "booking_not_found",      /* held      */ "booking_not_changeable", /* paying    */ "booking_not_changeable",
        /* action     */ "booking_not_changeable", /* declined  */ "booking_not_changeable", /* authorised*/ "booking_not_changeable",
        /* committed  */ "booking_not_changeable", /* confirmed */ "ExchangeRequested",      /* refunding */ "booking_not_changeable",
        /* refunded   */ "booking_not_changeable", /* aborted   */ "booking_not_changeable", /* fenced    */ "booking_not_changeable",
    ]);
}

#[test]
fn an_exchange_gives_up_own_seats_for_as_many_others_that_cost_no_more() {
    let price = |n: u32| opened().seats.iter().find(|own| own.seat == seat(n)).unwrap().price;
    let (one, both) = (price(1), price(1) + price(2));
    let refused = |command: C| {
        let state = given(history("confirmed")).at(minute(1)).state::<Booking>();
        Booking::decide(&C::id(), &state, command).unwrap_err()
    };
    for (command, code) in [
        (exchange(&[], &[]), "invalid_exchange"),
        (exchange(&[1], &[]), "invalid_exchange"),
        (exchange(&[1], &[(8, one), (9, 0)]), "invalid_exchange"),
        (exchange(&[1, 1], &[(8, one), (9, 0)]), "duplicate_seats"),
        (exchange(&[1, 2], &[(8, one), (8, 0)]), "duplicate_seats"),
        (exchange(&[7], &[(8, 0)]), "not_owner"),
        (exchange(&[1], &[(1, 0)]), "invalid_exchange"),
        (exchange(&[1], &[(2, 0)]), "invalid_exchange"),
        (exchange(&[1], &[(9, one + 1)]), "exchange_costs_more"),
        (exchange(&[1, 2], &[(8, both), (9, 1)]), "exchange_costs_more"),
    ] {
        assert_eq!(refused(command.clone()).code(), code, "{command:?}");
    }
    let more = refused(exchange(&[1], &[(9, one + 250)]));
    assert_eq!(more, Rejection::ExchangeCostsMore { more: eur(250) });
    let sorted = requested(1, &[1, 2], &[(8, 0), (9, both)]);
    given(history("confirmed")).at(minute(1)).when(exchange(&[2, 1], &[(9, both), (8, 0)])).then_events([sorted]);
}

#[test]
fn an_exchange_is_decided_or_abandoned_once_and_the_seats_follow() {
    let price = opened().seats.iter().find(|own| own.seat == seat(1)).unwrap().price;
    let under_way = sold_and([requested(1, &[1], &[(9, price)])]);
    let (decide, abandon) = (|exchange| C::DecideExchange { exchange }, |exchange| C::AbandonExchange { exchange });
    let decided: Event = BookingExchanged { booking: booking(1), exchange: 1 }.into();
    let abandoned: Event = ExchangeAbandoned { booking: booking(1), exchange: 1 }.into();
    given(under_way.clone()).at(minute(1)).when(decide(1)).then_events([decided.clone()]);
    given(under_way.clone()).at(minute(1)).when(abandon(1)).then_events([abandoned.clone()]);
    // Neither a late worker nor a second request changes what is decided, and a refund waits.
    given(under_way.clone()).at(minute(1)).when(decide(2)).then_nothing();
    given(under_way.clone()).at(minute(1)).when(exchange(&[2], &[(8, 0)])).then_rejected("exchange_in_progress");
    given(under_way.clone()).at(minute(1)).when(C::RequestRefund { by: "admin".into() }).then_rejected("exchange_in_progress");
    for over in [&decided, &abandoned] {
        let after = [under_way.clone(), vec![over.clone()]].concat();
        given(after.clone()).at(minute(1)).when(decide(1)).then_nothing();
        given(after.clone()).at(minute(1)).when(abandon(1)).then_nothing();
        let request: Event = RefundRequested { booking: booking(1), by: "admin".into() }.into();
        given(after).at(minute(1)).when(C::RequestRefund { by: "admin".into() }).then_events([request]);
    }
    let seats = |events: Vec<Event>| {
        let booking = given(events).at(minute(1)).state::<Booking>().unwrap();
        booking.seats().iter().map(|own| own.seat.clone()).collect::<Vec<_>>()
    };
    let before = seats(history("confirmed"));
    assert_eq!(seats(under_way.clone()), before);
    assert_eq!(seats([under_way.clone(), vec![abandoned]].concat()), before);
    let mut moved: Vec<_> = before.into_iter().filter(|own| *own != seat(1)).chain([seat(9)]).collect();
    moved.sort_unstable();
    assert_eq!(seats([under_way, vec![decided]].concat()), moved);
}
