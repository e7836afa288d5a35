//! The rules of a voucher: who may have it, what it takes off, and when it is given back.

use crate::support::*;
use lastseat_domain::booking::{self, Booking, BookingCommand, MAX_VOUCHER_APPLICATIONS};
use lastseat_domain::campaign::{CampaignCommand, MAX_VOUCHERS};
use lastseat_domain::event::*;
use lastseat_domain::rejection::Rejection;
use lastseat_domain::voucher::{self, MAX_USES, VoucherCommand as C, VoucherStep, next_step};
use lastseat_domain::{CampaignId, CategoryId, Currency, Money, SeatId, Timestamp, VoucherHash};
use lastseat_testkit::given::{TestedCommand, given};
use uuid::Uuid;

pub fn hash() -> VoucherHash {
    C::id()
}

fn terms(discount: Discount) -> VoucherTerms {
    VoucherTerms { discount, uses: 1, valid_from: None, valid_until: None, shows: vec![], categories: vec![], opens: vec![] }
}

fn created(terms: VoucherTerms) -> VoucherCreated {
    let source = VoucherSource::Campaign { campaign: CampaignId(Uuid::from_u128(0xca3b)), number: 1 };
    VoucherCreated { voucher: hash(), terms, source }
}

pub fn half() -> Event {
    created(terms(Discount::Percent(50))).into()
}

pub fn reserve(n: u8) -> C {
    C::Reserve { now: in_time(), booking: booking(n), application: 1 }
}

pub fn reserved(n: u8) -> Event {
    VoucherReserved { voucher: hash(), booking: booking(n), application: 1 }.into()
}

pub fn freed(n: u8) -> Event {
    VoucherFreed { voucher: hash(), booking: booking(n), application: 1 }.into()
}

pub fn used(n: u8) -> Event {
    VoucherUsed { voucher: hash(), booking: booking(n), application: 1 }.into()
}

pub fn free(n: u8) -> C {
    C::Free { booking: booking(n), application: 1 }
}

pub fn use_up(n: u8) -> C {
    C::Use { booking: booking(n), application: 1 }
}

pub fn hand_over() -> C {
    C::HandOver { now: in_time(), by: "staff".into() }
}

#[test]
fn a_single_use_is_one_bookings_until_it_is_freed() {
    given([]).when(reserve(1)).then_rejected("unknown_voucher");
    given([half()]).when(reserve(1)).then_events([reserved(1)]);
    given([half(), reserved(1)]).when(reserve(2)).then_rejected("voucher_used_up");
    given([half(), reserved(1), used(1)]).when(reserve(2)).then_rejected("voucher_used_up");
    given([half(), reserved(1), freed(1)]).when(reserve(2)).then_events([reserved(2)]);
    given([half(), reserved(1)]).when(free(1)).then_events([freed(1)]);
    given([half(), reserved(1), used(1)]).when(free(1)).then_events([freed(1)]);
}

#[test]
fn nobody_frees_or_uses_up_what_is_anothers() {
    given([half(), reserved(1)]).when(free(2)).then_nothing();
    given([half(), reserved(1)]).when(C::Free { booking: booking(1), application: 2 }).then_nothing();
    given([half(), reserved(1)]).when(use_up(2)).then_rejected("out_of_order");
    given([half()]).when(use_up(1)).then_rejected("out_of_order");
    given([half(), reserved(1)]).when(use_up(1)).then_events([used(1)]);
    given([]).when(free(1)).then_nothing();
}

#[test]
fn another_application_of_the_same_booking_waits_until_the_first_is_freed() {
    let second = C::Reserve { now: in_time(), booking: booking(1), application: 2 };
    given([half(), reserved(1)]).when(second.clone()).then_rejected("voucher_used_up");
    let again = VoucherReserved { voucher: hash(), booking: booking(1), application: 2 };
    given([half(), reserved(1), freed(1)]).when(second).then_events([again.into()]);
}

#[test]
fn a_voucher_of_many_uses_is_used_as_often_as_it_says() {
    let twice: Event = created(VoucherTerms { uses: 2, ..terms(Discount::Percent(50)) }).into();
    given([twice.clone(), reserved(1)]).when(reserve(2)).then_events([reserved(2)]);
    given([twice.clone(), reserved(1), used(1), reserved(2)]).when(reserve(3)).then_rejected("voucher_used_up");
    given([twice, reserved(1), reserved(2), freed(1)]).when(reserve(3)).then_events([reserved(3)]);
}

#[test]
fn it_is_used_while_it_is_valid() {
    let at = |from: Option<Timestamp>, until: Option<Timestamp>| {
        let terms = VoucherTerms { valid_from: from, valid_until: until, ..terms(Discount::Percent(50)) };
        given([created(terms).into()]).when(reserve(1))
    };
    at(Some(in_time()), None).then_events([reserved(1)]);
    at(Some(minute(6)), None).then_rejected("voucher_not_usable");
    at(None, Some(minute(6))).then_events([reserved(1)]);
    at(None, Some(in_time())).then_rejected("voucher_not_usable");
}

#[test]
fn goods_are_handed_over_and_discounts_are_not() {
    let goods: Event = created(terms(Discount::Goods("A drink".into()))).into();
    let handed_over: Event = GoodsHandedOver { voucher: hash(), by: "staff".into() }.into();
    given([goods.clone()]).when(hand_over()).then_events([handed_over.clone()]);
    given([goods, handed_over]).when(hand_over()).then_rejected("voucher_used_up");
    given([half()]).when(hand_over()).then_rejected("voucher_not_usable");
    given([]).when(hand_over()).then_rejected("unknown_voucher");
}

#[test]
fn terms_that_make_no_sense_are_refused() {
    let euros = |value| Money { value, currency: Currency::new("EUR").unwrap() };
    let ok = terms(Discount::Percent(100));
    for wrong in [
        terms(Discount::Percent(0)),
        terms(Discount::Percent(101)),
        terms(Discount::Amount(euros(0))),
        terms(Discount::Amount(euros(-5))),
        terms(Discount::FreeSeats(0)),
        terms(Discount::Goods(" ".into())),
        terms(Discount::Goods("x".repeat(201))),
        terms(Discount::Goods("two\nlines".into())),
        VoucherTerms { uses: 0, ..ok.clone() },
        VoucherTerms { uses: MAX_USES + 1, ..ok.clone() },
        VoucherTerms { valid_from: Some(minute(2)), valid_until: Some(minute(2)), ..ok.clone() },
        VoucherTerms { shows: vec![show(); 101], ..ok.clone() },
        VoucherTerms { categories: vec![CategoryId::new("front").unwrap(); 101], ..ok.clone() },
        terms(Discount::Nothing),
        VoucherTerms { opens: vec![block(1); 101], ..ok.clone() },
        VoucherTerms { opens: vec![block(1)], ..terms(Discount::Goods("A drink".into())) },
    ] {
        given([]).when(C::Create(created(wrong))).then_rejected("invalid_voucher");
    }
    let opens = VoucherTerms { opens: vec![block(1)], ..terms(Discount::Nothing) };
    for ok in [ok, opens] {
        given([]).when(C::Create(created(ok.clone()))).then_events([created(ok).into()]);
    }
}

#[test]
fn a_campaign_is_started_once_and_completed_once() {
    let campaign = CampaignCommand::id();
    let started = |count| CampaignStarted {
        campaign,
        terms: terms(Discount::Percent(50)),
        count,
        first: hash(),
        by: "manager".into(),
        request: None,
    };
    let start = |started| CampaignCommand::Start(Box::new(started));
    let completed: Event = CampaignCompleted { campaign }.into();
    given([]).when(start(started(500))).then_events([started(500).into()]);
    given([started(500).into()]).when(start(started(501))).then_rejected("idempotency_key_reused");
    for count in [0, MAX_VOUCHERS + 1] {
        given([]).when(start(started(count))).then_rejected("invalid_voucher");
    }
    given([]).when(CampaignCommand::Complete).then_rejected("campaign_not_found");
    given([started(500).into()]).when(CampaignCommand::Complete).then_events([completed.clone()]);
    given([started(500).into(), completed]).when(CampaignCommand::Complete).then_nothing();
}

/// What a voucher takes off two seats at 85.00 and 60.00 with 1.50 each, and a fee of 2.00.
fn off(terms: &VoucherTerms) -> Result<i64, Rejection> {
    let mut opened = opened();
    opened.seats.iter_mut().for_each(|seat| seat.fee = 150);
    let opened = BookingOpened { fee: 200, amount: eur(15_000), ..opened };
    let booking = given([opened.into()]).state::<Booking>().unwrap();
    let category = |seat: &SeatId| CategoryId::new(if seat.as_str() == "A-1" { "front" } else { "back" }).ok();
    terms.discount_of(&booking, category)
}

#[test]
fn the_discount_follows_from_the_terms() {
    let front = |discount| VoucherTerms { categories: vec![CategoryId::new("front").unwrap()], ..terms(discount) };
    for (terms, expected) in [
        (terms(Discount::Percent(50)), 7_500),
        (terms(Discount::Percent(1)), 150),
        (terms(Discount::Percent(100)), 15_000),
        (terms(Discount::Amount(eur(1_000))), 1_000),
        (terms(Discount::Amount(eur(99_999))), 15_000),
        (terms(Discount::FreeSeats(1)), 8_650),
        (terms(Discount::FreeSeats(2)), 15_000),
        (terms(Discount::FreeSeats(3)), 15_000),
        (front(Discount::Percent(100)), 8_650),
        (front(Discount::Amount(eur(99_999))), 8_650),
        (front(Discount::FreeSeats(2)), 8_650),
    ] {
        assert_eq!(off(&terms), Ok(expected), "{terms:?}");
    }
    let nowhere = VoucherTerms { categories: vec![CategoryId::new("box").unwrap()], ..terms(Discount::Percent(50)) };
    let elsewhere = VoucherTerms { shows: vec!["othello".parse().unwrap()], ..terms(Discount::Percent(50)) };
    let dollars = Money { value: 100, currency: Currency::new("USD").unwrap() };
    for wrong in [nowhere, elsewhere, terms(Discount::Amount(dollars)), terms(Discount::Goods("A drink".into()))] {
        assert_eq!(off(&wrong).unwrap_err().code(), "voucher_not_usable", "{wrong:?}");
    }
}

fn apply(application: u32) -> BookingCommand {
    BookingCommand::ApplyVoucher { now: in_time(), voucher: hash(), application, discount: 1_000 }
}

fn applied(application: u32) -> Event {
    VoucherApplied { booking: booking(1), voucher: hash(), application, discount: 1_000 }.into()
}

fn removed(application: u32) -> Event {
    VoucherRemoved { booking: booking(1), voucher: hash(), application }.into()
}

fn fence(application: u32) -> BookingCommand {
    BookingCommand::FenceVoucher { voucher: hash(), application }
}

fn remove() -> BookingCommand {
    BookingCommand::RemoveVoucher { now: in_time() }
}

#[test]
fn a_booking_takes_a_voucher_before_its_first_payment() {
    given(history("held")).when(apply(1)).then_events([applied(1)]);
    for (phase, why) in [
        ("nothing", "booking_not_found"),
        ("paying", "payment_begun"),
        ("action_required", "payment_begun"),
        ("held_after_decline", "payment_begun"),
        ("authorised", "payment_begun"),
        ("committed", "already_confirmed"),
        ("confirmed", "already_confirmed"),
        ("refunded", "already_refunded"),
        ("aborted", "booking_over"),
    ] {
        given(history(phase)).when(apply(1)).then_rejected(why);
    }
    let late = BookingCommand::ApplyVoucher { now: too_late(), voucher: hash(), application: 1, discount: 1_000 };
    given(history("held")).when(late).then_rejected("booking_over");
    for discount in [0, -1, 14_501] {
        let odd = BookingCommand::ApplyVoucher { now: in_time(), voucher: hash(), application: 1, discount };
        given(history("held")).when(odd).then_rejected("out_of_order");
    }
}

#[test]
fn a_booking_has_one_voucher_at_a_time_and_numbers_its_applications() {
    let with = |events: &[Event]| given([history("held"), events.to_vec()].concat());
    let other =
        BookingCommand::ApplyVoucher { now: in_time(), voucher: VoucherHash::of_bytes([2; 32]), application: 2, discount: 1_000 };
    with(&[applied(1)]).when(other).then_rejected("booking_has_voucher");
    with(&[applied(1)]).when(remove()).then_events([removed(1)]);
    with(&[]).when(remove()).then_nothing();
    with(&[applied(1), removed(1)]).when(apply(1)).then_rejected("out_of_order");
    with(&[applied(1), removed(1)]).when(apply(2)).then_events([applied(2)]);
    with(&[applied(1), started(1)]).when(remove()).then_rejected("payment_begun");
    let booking = with(&[applied(1)]).state::<Booking>().unwrap();
    assert_eq!(booking.amount(), Some(eur(13_500)));
}

#[test]
fn a_booking_takes_only_so_many_applications() {
    let most = MAX_VOUCHER_APPLICATIONS;
    let times = |n| (1..=n).flat_map(|n| [applied(n), removed(n)]).collect::<Vec<_>>();
    let with = |events: Vec<Event>| given([history("held"), events].concat());
    with(times(most - 1)).when(apply(most)).then_events([applied(most)]);
    with(times(most)).when(apply(most + 1)).then_rejected("too_many_voucher_changes");
    // One that was kept from taking place is counted, and every one can be taken off and ended.
    with(vec![removed(most)]).when(apply(most + 1)).then_rejected("too_many_voucher_changes");
    with(vec![applied(most)]).when(remove()).then_events([removed(most)]);
    with(times(most)).when(fence(most + 1)).then_events([removed(most + 1)]);
    // A log in which an earlier version took more is read as it is.
    let booking = with(vec![applied(most + 7)]).state::<Booking>().unwrap();
    assert_eq!(booking.amount(), Some(eur(13_500)));
}

#[test]
fn an_application_that_was_fenced_never_takes_place() {
    let with = |events: &[Event]| given([history("held"), events.to_vec()].concat());
    with(&[]).when(fence(1)).then_events([removed(1)]);
    with(&[removed(1)]).when(apply(1)).then_rejected("out_of_order");
    with(&[applied(1)]).when(fence(1)).then_nothing();
    with(&[applied(1)]).when(fence(2)).then_events([removed(2)]);
    given(history("aborted")).when(fence(1)).then_nothing();
    given(history("confirmed")).when(fence(1)).then_events([removed(1)]);
    let booking = with(&[applied(1), removed(2)]).state::<Booking>().unwrap();
    assert!(booking.has_voucher(&hash(), 1), "the fence of another application takes nothing off");
}

#[test]
fn what_is_to_be_done_follows_from_the_booking() {
    let step = |phase: &str, events: &[Event], returns| {
        let mut history = history(phase);
        history.splice(1..1, events.iter().cloned());
        next_step(&given(history).at(minute(1)).state::<Booking>().unwrap(), &hash(), 1, returns)
    };
    for phase in ["held", "paying", "action_required", "authorised", "committed"] {
        assert_eq!(step(phase, &[applied(1)], false), VoucherStep::Keep, "{phase}");
        assert_eq!(step(phase, &[applied(1), removed(1)], false), VoucherStep::Free, "{phase}");
        assert_eq!(step(phase, &[], false), VoucherStep::Fence, "{phase}");
    }
    assert_eq!(step("confirmed", &[applied(1)], true), VoucherStep::UseUp);
    assert_eq!(step("confirmed", &[], true), VoucherStep::Fence);
    for events in [&[][..], &[applied(1)], &[applied(1), removed(1)]] {
        assert_eq!(step("aborted", events, false), VoucherStep::Free);
    }
    assert_eq!(step("refunded", &[applied(1)], false), VoucherStep::UseUp);
    assert_eq!(step("refunded", &[applied(1)], true), VoucherStep::Free);
    assert_eq!(step("refunded", &[], false), VoucherStep::Free);
}

/// A hold that a voucher has opened.
fn held_with_voucher() -> Event {
    BookingOpened { voucher: Some(hash()), ..opened() }.into()
}

#[test]
fn a_booking_that_a_voucher_has_opened_is_paid_for_with_it_or_not_at_all() {
    let pay = BookingCommand::StartPayment {
        now: in_time(),
        payment_method: Some("pm_card_visa".into()),
        return_url: None,
        request: None,
    };
    let at_till = |tender| BookingCommand::PayAtTill { now: in_time(), tender, request: None };
    let ways = [pay, at_till(Tender::Cash), at_till(Tender::Invoice), at_till(Tender::Complimentary)];
    let other: Event =
        VoucherApplied { booking: booking(1), voucher: VoucherHash::of_bytes([2; 32]), application: 1, discount: 1_000 }.into();
    for way in ways {
        given([held_with_voucher()]).when(way.clone()).then_rejected("voucher_missing");
        given([held_with_voucher(), removed(1)]).when(way.clone()).then_rejected("voucher_missing");
        // Only a foreign log has these.
        given([held_with_voucher(), applied(1), removed(1)]).when(way.clone()).then_rejected("voucher_missing");
        given([held_with_voucher(), other.clone()]).when(way.clone()).then_rejected("voucher_missing");
        let decided = booking::decide(given([held_with_voucher(), applied(1)]).state::<Booking>().as_ref(), way.clone());
        assert!(matches!(decided.unwrap().as_slice(), [Event::PaymentStarted(_)]), "{way:?}");
    }
}

#[test]
fn a_booking_keeps_the_voucher_that_has_opened_it() {
    let apply = |voucher, application, discount| BookingCommand::ApplyVoucher { now: in_time(), voucher, application, discount };
    let other = VoucherHash::of_bytes([2; 32]);
    given([held_with_voucher()]).when(apply(other.clone(), 1, 1_000)).then_rejected("booking_keeps_voucher");
    given([held_with_voucher(), applied(1)]).when(apply(other, 2, 1_000)).then_rejected("booking_has_voucher");
    for events in [vec![held_with_voucher()], vec![held_with_voucher(), applied(1)]] {
        given(events).when(remove()).then_rejected("booking_keeps_voucher");
    }
    given([held_with_voucher(), applied(1), started(1)]).when(remove()).then_rejected("payment_begun");
    // An application that did not take place is followed by another.
    given([held_with_voucher(), removed(1)]).when(apply(hash(), 2, 1_000)).then_events([applied(2)]);
    // It may take nothing off, and what does so can't be for another booking.
    let nothing = VoucherApplied { booking: booking(1), voucher: hash(), application: 1, discount: 0 };
    given([held_with_voucher()]).when(apply(hash(), 1, 0)).then_events([nothing.into()]);
    given([held_with_voucher()]).when(apply(hash(), 1, -1)).then_rejected("out_of_order");
    // Cancelling it gives the voucher back.
    let cancel = BookingCommand::Cancel { reason: AbortReason::Cancelled };
    given([held_with_voucher(), applied(1)]).when(cancel).then_events([aborted(AbortReason::Cancelled)]);
}

#[test]
fn what_only_opens_seats_takes_nothing_off_and_only_the_booking_that_it_has_opened() {
    let opens = |discount| VoucherTerms { opens: vec![block(1)], ..terms(discount) };
    let with = given([held_with_voucher()]).state::<Booking>().unwrap();
    let category = |_: &SeatId| CategoryId::new("front").ok();
    assert_eq!(opens(Discount::Nothing).discount_of(&with, category), Ok(0));
    assert_eq!(opens(Discount::Percent(50)).discount_of(&with, category), Ok(7_250));
    assert_eq!(off(&opens(Discount::Nothing)).unwrap_err().code(), "voucher_not_usable");
    assert_eq!(off(&opens(Discount::Percent(50))), Ok(7_500), "on a booking of the open sale it is like any other");
    let free = BookingOpened { seats: vec![PricedSeat::new(seat(1), 0)], amount: eur(0), ..opened() };
    let free = |voucher| given([BookingOpened { voucher, ..free.clone() }.into()]).state::<Booking>().unwrap();
    assert_eq!(opens(Discount::Percent(50)).discount_of(&free(Some(hash())), category), Ok(0));
    assert!(opens(Discount::Percent(50)).discount_of(&free(None), category).is_err());
}

#[test]
fn a_hold_may_send_what_opens_seats_of_its_show_and_can_be_used() {
    let opens = || VoucherTerms { opens: vec![block(1)], ..terms(Discount::Nothing) };
    let elsewhere: lastseat_domain::ShowId = "othello".parse().unwrap();
    for (terms, claims, expected) in [
        (opens(), vec![], Ok(())),
        (VoucherTerms { shows: vec![show()], ..opens() }, vec![], Ok(())),
        (VoucherTerms { shows: vec![elsewhere], ..opens() }, vec![], Err("voucher_not_usable")),
        (VoucherTerms { valid_from: Some(too_late()), ..opens() }, vec![], Err("voucher_not_usable")),
        (VoucherTerms { valid_until: Some(in_time()), ..opens() }, vec![], Err("voucher_not_usable")),
        (terms(Discount::Percent(50)), vec![], Err("voucher_not_usable")),
        (opens(), vec![reserved(2)], Err("voucher_used_up")),
        (opens(), vec![reserved(2), freed(2)], Ok(())),
        (VoucherTerms { uses: 2, ..opens() }, vec![reserved(2)], Ok(())),
    ] {
        let events = std::iter::once(Event::from(created(terms.clone()))).chain(claims);
        let voucher = events.fold(None, |state, event| voucher::evolve(state, &event)).unwrap();
        let checked = voucher.created.terms.check_opens(&show()).and_then(|()| voucher.check_usable(in_time()));
        assert_eq!(checked.map_err(|refused| refused.code()), expected, "{terms:?}");
    }
}
