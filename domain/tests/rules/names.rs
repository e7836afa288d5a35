//! Identifiers, amounts and codes: what is accepted, and what people read.

use crate::support;

use lastseat_domain::rejection::Rejection;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::*;
use std::collections::BTreeMap;
use support::*;

#[test]
fn ids_contain_nothing_that_needs_escaping() {
    let long = |n| "x".repeat(n);
    for good in ["a", "hamlet-2026", "0_1", &long(64)] {
        assert!(ShowId::new(good).is_ok() && AreaId::new(good).is_ok() && CategoryId::new(good).is_ok(), "{good}");
    }
    for bad in ["", "-a", "_a", "A", "a b", "a.b", "a/b", "a:b", "{a}", "ä", "a\n", &long(65)] {
        assert!(ShowId::new(bad).is_err() && AreaId::new(bad).is_err() && CategoryId::new(bad).is_err(), "{bad:?}");
    }
    for good in ["A-1", "balcony.A-1", "floor:17", "a_b", &long(80)] {
        assert!(SeatId::new(good).is_ok(), "{good}");
    }
    for bad in ["", "A,1", "A 1", "A/1", "{A}", "Ä-1", "A-1\0", &long(81)] {
        assert!(SeatId::new(bad).is_err(), "{bad:?}");
    }
    for good in ["auth0|17", "me@example.org", "guest:1", &long(128)] {
        assert!(BuyerId::new(good).is_ok(), "{good}");
    }
    for bad in ["", "two words", "ä", "a\t", &long(129)] {
        assert!(BuyerId::new(bad).is_err() && bad.len() != 128, "{bad:?}");
    }
    let why = ShowId::new("A").unwrap_err().to_string();
    assert_eq!(why, "a show id must be 1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit");
}

#[test]
fn an_id_that_breaks_its_rule_is_not_read_from_json_either() {
    assert!(serde_json::from_str::<SeatId>(r#""A 1""#).is_err());
    assert!(serde_json::from_str::<BookingId>(r#""17""#).is_err());
    assert!(serde_json::from_str::<Currency>(r#""eur""#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"value":1,"currency":"EUR","tax":1}"#).is_err());
}

#[test]
fn a_guest_is_known_by_the_booking() {
    let guest = BuyerId::guest(booking(1));
    assert!(guest.is_guest() && BuyerId::new(guest.as_str()).is_ok());
    assert!(!buyer(1).is_guest());
}

#[test]
fn streams_are_named_by_category_and_key_and_read_back() {
    let seat_stream = StreamName::seat(&show(), &SeatId::unit(&AreaId::new("floor-1").unwrap(), 17));
    assert_eq!(seat_stream.as_str(), "seat-hamlet.floor-1:17");
    assert_eq!((seat_stream.category(), seat_stream.key()), ("seat", "hamlet.floor-1:17"));
    assert_eq!(seat_stream.as_seat(), Some((show(), SeatId::new("floor-1:17").unwrap())));

    // A show's id has no dot, so the first one parts it from the seat's.
    let in_area = SeatId::new("balcony.A-1").unwrap();
    assert_eq!(StreamName::seat(&show(), &in_area).as_seat(), Some((show(), in_area)));
    let plan = PlanId::new("a-b-c").unwrap();
    assert_eq!(StreamName::plan(&plan).as_plan(), Some(plan));

    let dashed = ShowId::new("a-b-c").unwrap();
    assert_eq!(StreamName::seat(&dashed, &seat(1)).as_seat(), Some((dashed.clone(), seat(1))));
    assert_eq!(StreamName::picture(&dashed).as_picture(), Some(dashed.clone()));
    assert_eq!(StreamName::show(&dashed).as_picture(), None);
    assert_eq!(StreamName::show(&dashed).as_show(), Some(dashed));
    assert_eq!(StreamName::booking(booking(1)).as_booking(), Some(booking(1)));
    assert_eq!(StreamName::block(block(1)).as_block(), Some(block(1)));
    assert_eq!(StreamName::loyalty(&buyer(1)).as_loyalty(), Some(buyer(1)));
    let (voucher, campaign) = (VoucherHash::of_bytes([0xa7; 32]), CampaignId(booking(1).0));
    assert_eq!(StreamName::voucher(&voucher).as_voucher(), Some(voucher));
    assert_eq!(StreamName::campaign(campaign).as_campaign(), Some(campaign));
    let ticket = TicketId::of(booking(1), &seat(1));
    assert_eq!(StreamName::ticket(ticket).as_ticket(), Some(ticket));
}

#[test]
fn streams_of_other_programs_are_not_taken_for_ours() {
    let streams = [
        "",
        "seat",
        "seat-",
        "seat-hamlet",
        "seat-hamlet.",
        "seat-Hamlet.A-1",
        "booking-17",
        "booking-00000000000000000000000000000001",
        "booking-{00000000-0000-0000-0000-000000000001}",
        "booking-0000000A-0000-0000-0000-000000000001",
        "block-17",
        "block-00000000000000000000000000000001",
        "loyalty-",
        "voucher-0f",
        "campaign-17",
        "ticket-17",
        "ticket-00000000000000000000000000000001",
        "show-",
        "$$seat-hamlet.A-1",
        "$ce-seat",
    ];
    for name in streams.map(StreamName::from_log) {
        assert_eq!(
            (name.as_seat(), name.as_booking(), name.as_block(), name.as_loyalty(), name.as_show()),
            (None, None, None, None, None),
            "{name}"
        );
        assert_eq!((name.as_voucher(), name.as_campaign(), name.as_ticket()), (None, None, None), "{name}");
    }
}

#[test]
fn amounts_are_shown_with_the_digits_of_their_currency() {
    let shown = |value, code| Money { value, currency: Currency::new(code).unwrap() }.to_string();
    assert_eq!(shown(14_500, "EUR"), "145.00 EUR");
    assert_eq!(shown(5, "EUR"), "0.05 EUR");
    assert_eq!(shown(14_500, "JPY"), "14500 JPY");
    assert_eq!(shown(14_500, "KWD"), "14.500 KWD");
    for bad in ["", "eur", "EU", "EURO", "AAA", "€"] {
        assert!(Currency::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_sum_that_does_not_fit_is_no_sum() {
    let euro = Currency::new("EUR").unwrap();
    assert_eq!(Money::sum(euro, [8500, 6000]), Some(eur(14_500)));
    assert_eq!(Money::sum(euro, []), Some(eur(0)));
    assert_eq!(Money::sum(euro, [i64::MAX, 1]), None);
    // The most that a show may ask for one booking fits by far.
    let most = std::iter::repeat_n(show::MAX_AMOUNT, show::MAX_SEATS_PER_BOOKING as usize);
    assert!(Money::sum(euro, most).is_some());
}

#[test]
fn codes_are_stable_words_and_say_one_thing_each() {
    let mut meanings: BTreeMap<&str, usize> = BTreeMap::new();
    for (code, text) in Rejection::CODES {
        assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
        assert!(text.ends_with('.') || text.ends_with('}'), "{code}: {text}");
        *meanings.entry(code).or_default() += 1;
    }
    // A named seat, or not enough of any: for the caller both are "taken".
    meanings.retain(|_, n| *n > 1);
    assert_eq!(meanings.into_keys().collect::<Vec<_>>(), ["seat_unavailable"]);
}

#[test]
fn a_rejection_says_what_to_do() {
    let taken = Rejection::SeatUnavailable { seat: seat(1), state: SeatState::Locked, free_at: None, position: None };
    assert_eq!((taken.code(), taken.to_string().as_str()), ("seat_unavailable", "Seat `A-1` is taken. Choose another one."));
    assert_eq!(serde_json::to_string(&SeatState::InProcess).unwrap(), format!("{:?}", SeatState::InProcess.name()));
}
