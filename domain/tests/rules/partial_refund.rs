//! The rules of partial refunds.

use crate::support;

use lastseat_domain::booking::{Booking, BookingCommand, PartialRefundState, Review, decide, evolve};
use lastseat_domain::event::{BookingOpened, Event, PricedSeat, ReviewOutcome, VoucherApplied};
use lastseat_domain::settle::{Step, next_step};
use lastseat_domain::{Rejection, SeatId, VoucherHash};
use support::*;

/// Three seats at 8,500 with a fee of 150, and 200 for the booking: 26,150, less a voucher's discount. Paid.
fn sold(discount: i64) -> Booking {
    let seats: Vec<_> = (1..4).map(|n| PricedSeat { fee: 150, ..PricedSeat::new(seat(n), 8_500) }).collect();
    let opened = BookingOpened {
        booking: booking(1),
        show: show(),
        buyer: buyer(1),
        amount: PricedSeat::total(&seats, 200, eur(0).currency).unwrap(),
        seats,
        expires_at: minute(10),
        show_revision: 0,
        fee: 200,
        channel: None,
        access_code: None,
        voucher: None,
        shop: Default::default(),
        request: None,
    };
    let mut state = evolve(None, &opened.into(), minute(0));
    if discount > 0 {
        let voucher = VoucherHash::new(&"0f".repeat(32)).unwrap();
        let applied = VoucherApplied { booking: booking(1), voucher, application: 1, discount };
        state = evolve(state, &applied.into(), minute(0));
    }
    let amount = state.as_ref().and_then(Booking::amount).unwrap();
    let mut run = |command| {
        for event in decide(state.as_ref(), command).unwrap() {
            state = evolve(state.take(), &event, minute(1));
        }
    };
    run(BookingCommand::StartPayment {
        now: minute(1),
        payment_method: Some("pm_card_visa".into()),
        return_url: None,
        request: None,
    });
    run(BookingCommand::Commit { now: minute(1), intent: intent(1), amount, capture_before: None });
    run(BookingCommand::RecordCapture { intent: intent(1), amount, draw: draw() });
    state.unwrap()
}

fn request(state: &Booking, seats: &[u32], amount: Option<i64>) -> Result<Vec<Event>, Rejection> {
    let seats = seats.iter().map(|n| seat(*n)).collect();
    decide(Some(state), BookingCommand::RequestPartialRefund { seats, amount, by: "staff".into() })
}

fn after(state: Booking, events: &[Event]) -> Booking {
    events.iter().try_fold(state, |state, event| evolve(Some(state), event, minute(2))).unwrap()
}

fn make(state: Booking) -> Booking {
    let part = state.refund_under_way().unwrap().requested.clone();
    let record = BookingCommand::RecordPartialRefund { refund: part.refund, intent: intent(1), amount: part.amount };
    let events = decide(Some(&state), record).unwrap();
    after(state, &events)
}

fn requested(events: &[Event]) -> (u32, Vec<SeatId>, i64) {
    match events {
        [Event::PartialRefundRequested(e)] => (e.refund, e.seats.clone(), e.amount.value),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_seat_is_worth_its_price_and_fee() {
    let state = sold(0);
    let events = request(&state, &[2, 1], None).unwrap();
    assert_eq!(requested(&events), (1, vec![seat(1), seat(2)], 17_300));
    let state = make(after(state, &events));
    assert_eq!(state.seats().iter().map(|s| s.seat.clone()).collect::<Vec<_>>(), [seat(3)]);
    assert_eq!((state.left(), state.next_refund(), state.given_up()), (Some(eur(8_850)), 2, vec![seat(1), seat(2)]));
    // The booking's own fee stays until all of it is refunded.
    assert_eq!(request(&state, &[3], None), Err(Rejection::RefundsAll));
    assert_eq!(request(&state, &[1], None), Err(Rejection::NotOwner { seat: seat(1) }));
}

#[test]
fn a_discount_lowers_what_each_seat_is_worth_and_all_of_them_never_exceed_what_was_taken() {
    for discount in [1, 999, 13_075, 26_000, 26_149] {
        let mut state = sold(discount);
        let taken = state.amount().unwrap().value;
        let mut returned = 0;
        for n in [1, 2] {
            match request(&state, &[n], None) {
                Ok(events) => {
                    returned += requested(&events).2;
                    state = make(after(state, &events));
                }
                Err(rejection) => assert_eq!(rejection, Rejection::RefundsAll, "{discount}"),
            }
        }
        assert!(returned < taken, "{discount}: {returned} of {taken}");
        assert_eq!(returned + state.left().unwrap().value, taken);
    }
    assert_eq!(requested(&request(&sold(13_075), &[1], None).unwrap()).2, 4_325, "half of its price and fee");
}

#[test]
fn an_amount_lowers_what_seats_return_and_never_raises_it() {
    let state = sold(0);
    assert_eq!(requested(&request(&state, &[1], Some(0)).unwrap()).2, 0);
    assert_eq!(requested(&request(&state, &[1], Some(8_650)).unwrap()).2, 8_650);
    for (seats, amount) in [(&[1_u32][..], 8_651), (&[1], -1), (&[], 0), (&[], -5), (&[], 26_151)] {
        let refused = request(&state, seats, Some(amount));
        assert!(matches!(refused, Err(Rejection::InvalidRefund { field: "amount", .. })), "{seats:?} {amount}: {refused:?}");
    }
    assert_eq!(request(&state, &[], Some(26_150)), Err(Rejection::RefundsAll));
    assert_eq!(request(&state, &[1, 2, 3], Some(1)), Err(Rejection::RefundsAll));
    assert_eq!(request(&state, &[1, 1], None), Err(Rejection::DuplicateSeats { seat: seat(1) }));
    assert!(matches!(request(&state, &[], None), Err(Rejection::InvalidRefund { .. })));
}

#[test]
fn one_refund_is_made_at_a_time() {
    let state = sold(0);
    let events = request(&state, &[], Some(100)).unwrap();
    let state = after(state, &events);
    assert_eq!(next_step(&state, minute(3)), Step::RefundPart);
    assert_eq!(request(&state, &[1], None), Err(Rejection::RefundInProgress));
    let whole = BookingCommand::RequestRefund { by: "admin".into() };
    assert_eq!(decide(Some(&state), whole.clone()), Err(Rejection::RefundInProgress));
    // Made once, with this number and amount.
    let record = |refund, amount| BookingCommand::RecordPartialRefund { refund, intent: intent(1), amount: eur(amount) };
    assert_eq!(decide(Some(&state), record(1, 99)), Err(Rejection::PaymentMismatch));
    assert!(matches!(decide(Some(&state), record(2, 100)), Err(Rejection::OutOfOrder { .. })));
    let state = make(state);
    assert_eq!(decide(Some(&state), record(1, 100)), Ok(vec![]));
    assert_eq!(next_step(&state, minute(3)), Step::Done);
    // The whole refund returns the rest.
    let events = decide(Some(&state), whole).unwrap();
    let state = after(state, &events);
    assert_eq!(request(&state, &[1], None), Err(Rejection::RefundInProgress));
    let all = BookingCommand::RecordRefund { intent: intent(1), amount: eur(26_150) };
    assert_eq!(decide(Some(&state), all), Err(Rejection::PaymentMismatch));
    let rest = BookingCommand::RecordRefund { intent: intent(1), amount: eur(26_050) };
    assert_eq!(decide(Some(&state), rest).unwrap().len(), 1);
}

#[test]
fn a_refused_part_is_ended_by_a_person() {
    let flagged = || {
        let state = sold(0);
        let events = request(&state, &[1], None).unwrap();
        let state = after(state, &events);
        let flag = decide(Some(&state), BookingCommand::Flag { reason: "refused".into() }).unwrap();
        after(state, &flag)
    };
    let review = |state: &Booking, outcome| {
        let (reason, by) = ("seen".to_owned(), "admin".to_owned());
        decide(Some(state), BookingCommand::Review { outcome, kept: None, reason, by })
    };
    assert_eq!(next_step(&flagged(), minute(3)), Step::Done, "it waits for a person");
    assert_eq!(review(&flagged(), Review::Settled), Err(Rejection::NotOver));
    for (outcome, end, step, seats) in [
        (Review::Continue, PartialRefundState::UnderWay, Step::RefundPart, 3),
        (Review::ReturnedElsewhere, PartialRefundState::ReturnedElsewhere, Step::ReleaseGivenUp, 2),
        (Review::Abandoned, PartialRefundState::Abandoned, Step::Done, 3),
    ] {
        let state = flagged();
        let events = review(&state, outcome).unwrap();
        let state = after(state, &events);
        assert_eq!((state.partial_refunds[0].state, state.flagged), (end, false), "{outcome:?}");
        assert_eq!((next_step(&state, minute(3)), state.seats().len()), (step, seats), "{outcome:?}");
        if outcome == Review::Abandoned {
            assert!(matches!(&events[..], [Event::PaymentReviewed(e)] if e.outcome == ReviewOutcome::Abandoned));
            assert_eq!(requested(&request(&state, &[1], None).unwrap()).0, 2, "the next has the next number");
        }
    }
    assert_eq!(review(&sold(0), Review::Abandoned), Err(Rejection::NotFlagged));
}

/// Its answer was lost or wrong, and the gateway has made the refund. What a person says then is a mistake.
#[test]
fn a_part_that_the_gateway_has_made_is_recorded_as_made() {
    let flagged = |seats: &[u32], amount| {
        let events = request(&sold(0), seats, amount).unwrap();
        let state = after(sold(0), &events);
        let flag = decide(Some(&state), BookingCommand::Flag { reason: "refused".into() }).unwrap();
        after(state, &flag)
    };
    let review = |state: &Booking, outcome, kept: i64| {
        let (reason, by) = ("seen".to_owned(), "admin".to_owned());
        let command = BookingCommand::Review { outcome, kept: Some(eur(kept)), reason, by };
        after(state.clone(), &decide(Some(state), command).unwrap()).partial_refunds[0].state
    };
    let state = flagged(&[1], None);
    for (outcome, said) in
        [(Review::Abandoned, PartialRefundState::Abandoned), (Review::ReturnedElsewhere, PartialRefundState::ReturnedElsewhere)]
    {
        assert_eq!(review(&state, outcome, 26_150 - 8_650), PartialRefundState::Made, "{outcome:?}");
        // It has all of the money, or a person has returned another sum by hand.
        assert_eq!(review(&state, outcome, 26_150), said, "{outcome:?}");
        assert_eq!(review(&state, outcome, 26_150 - 8_651), said, "{outcome:?}");
        // Seats that are given up for nothing: there is nothing to be seen at the gateway.
        assert_eq!(review(&flagged(&[1], Some(0)), outcome, 26_150), said, "{outcome:?}");
    }
    assert_eq!(review(&state, Review::Continue, 26_150 - 8_650), PartialRefundState::UnderWay, "the process finds out");
}

/// The gateway accepted it, and the bank has refused it days later: the gateway has the money of the part again.
#[test]
fn a_part_that_failed_later_is_ended_only_while_the_gateway_has_its_money() {
    let with = |parts: &[(&[u32], Option<i64>)]| {
        parts.iter().fold(sold(0), |state, (seats, amount)| {
            let events = request(&state, seats, *amount).unwrap();
            make(after(state, &events))
        })
    };
    let review = |state: &Booking, kept: Option<i64>| {
        let (outcome, reason, by) = (Review::ReturnedElsewhere, "transferred".to_owned(), "admin".to_owned());
        decide(Some(state), BookingCommand::Review { outcome, kept: kept.map(eur), reason, by })
    };
    let state = with(&[(&[1], None), (&[], Some(300)), (&[], Some(300))]);
    let left = 26_150 - 8_650 - 600;
    for kept in [None, Some(left), Some(left - 1)] {
        assert_eq!(review(&state, kept), Err(Rejection::RefundStands), "{kept:?}");
    }
    assert_eq!(review(&state, Some(left + 299)), Err(Rejection::RefundUnclear { missing: eur(299) }));
    // The latest of those that add up to it.
    for (kept, failed) in [(8_650, vec![1]), (300, vec![3]), (600, vec![3, 2]), (8_950, vec![3, 1]), (9_250, vec![3, 2, 1])] {
        let events = review(&state, Some(left + kept)).unwrap();
        assert!(matches!(&events[0], Event::PaymentFlagged(_)));
        let elsewhere = events[1..].iter().map(|event| match event {
            Event::PaymentReturnedElsewhere(e) => e.refund.unwrap(),
            other => panic!("{other:?}"),
        });
        assert_eq!(elsewhere.collect::<Vec<_>>(), failed);
        let ended = after(state.clone(), &events);
        assert_eq!((ended.flagged, ended.seats().len(), ended.left()), (false, 2, Some(eur(left))));
        assert_eq!((ended.parts_elsewhere(), ended.partly_refunded()), (kept, 9_250));
        // What went another way stays at the gateway, and is said once: also by a person who looked when the first did.
        let again = review(&ended, Some(left + kept));
        assert_eq!(again, Err(if failed.len() == 3 { Rejection::NotFlagged } else { Rejection::RefundStands }));
    }
    assert_eq!(review(&sold(0), Some(26_150)), Err(Rejection::NotFlagged), "none was made");
}

/// The part that is under way was made, and one before has failed: what the gateway has explains only that.
#[test]
fn a_part_that_was_made_is_recorded_as_made_although_one_before_has_failed() {
    let first = request(&sold(0), &[], Some(3_000)).unwrap();
    let state = make(after(sold(0), &first));
    let second = request(&state, &[], Some(2_000)).unwrap();
    let state = after(state, &second);
    let flag = decide(Some(&state), BookingCommand::Flag { reason: "its answer was lost".into() }).unwrap();
    let state = after(state, &flag);
    for (kept, end) in [
        (Some(26_150 - 2_000), PartialRefundState::Made),
        (Some(26_150 - 5_000), PartialRefundState::Made),
        (Some(26_150 - 3_000), PartialRefundState::Abandoned),
        (Some(26_150), PartialRefundState::Abandoned),
        (None, PartialRefundState::Abandoned),
    ] {
        let (outcome, reason, by) = (Review::Abandoned, "seen".to_owned(), "admin".to_owned());
        let review = BookingCommand::Review { outcome, kept: kept.map(eur), reason, by };
        let ended = after(state.clone(), &decide(Some(&state), review).unwrap());
        assert_eq!(ended.partial_refunds[1].state, end, "{kept:?}");
    }
}

/// Of a booking that is refunded in parts and then as a whole, the last refund may have failed. Another sum is nothing that
/// the log can say.
#[test]
fn after_a_whole_refund_only_the_failed_rest_is_called_returned() {
    let part = request(&sold(0), &[], Some(3_000)).unwrap();
    let state = make(after(sold(0), &part));
    let whole = decide(Some(&state), BookingCommand::RequestRefund { by: "staff".into() }).unwrap();
    let refunding = after(state, &whole);
    let amount = refunding.left().unwrap();
    let review = |state: &Booking, kept: i64| {
        let (outcome, reason, by) = (Review::ReturnedElsewhere, "transferred".to_owned(), "admin".to_owned());
        decide(Some(state), BookingCommand::Review { outcome, kept: Some(eur(kept)), reason, by })
    };
    // It was refused, as it seemed, and the gateway has returned all.
    let flag = decide(Some(&refunding), BookingCommand::Flag { reason: "refused".into() }).unwrap();
    let flagged = after(refunding.clone(), &flag);
    assert!(matches!(&review(&flagged, 0).unwrap()[..], [Event::PaymentRefunded(e)] if e.amount == amount));
    assert!(matches!(&review(&flagged, 23_150).unwrap()[..], [Event::PaymentReturnedElsewhere(e)] if e.amount == amount));

    let intent = refunding.intent.clone().unwrap();
    let made = decide(Some(&refunding), BookingCommand::RecordRefund { intent, amount }).unwrap();
    let refunded = after(refunding, &made);
    assert_eq!(review(&refunded, 0), Err(Rejection::RefundStands));
    for missing in [3_000, 26_150] {
        assert_eq!(review(&refunded, missing), Err(Rejection::RefundUnclear { missing: eur(missing) }));
    }
    let events = review(&refunded, 23_150).unwrap();
    assert!(matches!(&events[..], [Event::PaymentFlagged(_), Event::PaymentReturnedElsewhere(e)] if e.amount == amount));
}

fn exchange(state: &Booking, leaves: &[u32], takes: &[(u32, i64)]) -> Result<Vec<Event>, Rejection> {
    let leaves = leaves.iter().map(|n| seat(*n)).collect();
    let takes = takes.iter().map(|(n, price)| PricedSeat { fee: 150, ..PricedSeat::new(seat(*n), *price) }).collect();
    decide(Some(state), BookingCommand::RequestExchange { leaves, takes, show_revision: 0, by: "staff".into() })
}

fn refused(answer: Result<Vec<Event>, Rejection>) -> &'static str {
    answer.unwrap_err().code()
}

/// Moves it, with all steps.
fn moved(state: Booking, leaves: &[u32], takes: &[(u32, i64)]) -> Booking {
    let requested = exchange(&state, leaves, takes).unwrap();
    let moving = after(state, &requested);
    let exchange = moving.exchanges;
    let decided = decide(Some(&moving), BookingCommand::DecideExchange { exchange }).unwrap();
    after(moving, &decided)
}

fn seats(state: &Booking) -> Vec<SeatId> {
    state.seats().iter().map(|own| own.seat.clone()).collect()
}

#[test]
fn no_exchange_while_money_is_returned_and_none_of_a_seat_that_was_given_back() {
    let state = sold(0);
    let part = request(&state, &[1], None).unwrap();
    let state = after(state, &part);
    assert_eq!(refused(exchange(&state, &[2], &[(9, 8_500)])), "refund_in_progress");
    let state = make(state);
    assert_eq!(refused(exchange(&state, &[1], &[(9, 8_500)])), "not_owner");
    assert_eq!(refused(exchange(&state, &[2], &[(1, 8_500)])), "invalid_exchange");
    // With the rest it goes on as ever, and no refund begins meanwhile.
    let requested = exchange(&state, &[2], &[(9, 8_500)]).unwrap();
    let moving = after(state.clone(), &requested);
    assert_eq!(refused(request(&moving, &[3], None)), "exchange_in_progress");
    assert_eq!(next_step(&moving, minute(3)), Step::Exchange);
    let state = moved(state, &[2], &[(9, 8_500)]);
    assert_eq!(seats(&state), [seat(3), seat(9)]);
    assert_eq!(next_step(&state, minute(3)), Step::ReleaseGivenUp);
    let whole = decide(Some(&state), BookingCommand::RequestRefund { by: "staff".into() }).unwrap();
    assert_eq!(refused(exchange(&after(state, &whole), &[3], &[(8, 0)])), "booking_not_changeable");
}

#[test]
fn an_exchange_keeps_what_was_paid_with_a_voucher() {
    // Half of it.
    let state = sold(13_075);
    let paid = state.amount();
    assert_eq!(refused(exchange(&state, &[1], &[(9, 8_501)])), "exchange_costs_more");
    let state = moved(state, &[1], &[(9, 5_000)]);
    assert_eq!((state.amount(), state.left()), (paid, paid));
    // A refund returns as much of the new seat's price as was paid of the old one's.
    let part = request(&state, &[9], None).unwrap();
    assert_eq!(requested(&part), (1, vec![seat(9)], 2_575));
}
