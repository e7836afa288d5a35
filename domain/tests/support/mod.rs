//! Values for the tests of the rules, and a history for every phase of a booking.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use chrono::TimeDelta;
use lastseat_domain::event::*;
use lastseat_domain::*;
use uuid::Uuid;

pub const HOLD: TimeDelta = TimeDelta::minutes(10);

/// The moment of the first event: minutes since the sale's opening.
pub fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

pub fn in_time() -> Timestamp {
    minute(5)
}

pub fn too_late() -> Timestamp {
    minute(10)
}

pub fn booking(n: u8) -> BookingId {
    BookingId(Uuid::from_u128(u128::from(n)))
}

/// What a booking's reward is drawn by.
pub fn draw() -> Uuid {
    Uuid::from_u128(0xd1ce)
}

pub fn block(n: u8) -> BlockId {
    BlockId(Uuid::from_u128(0xb10c_0000 + u128::from(n)))
}

pub fn buyer(n: u8) -> BuyerId {
    BuyerId::new(&format!("buyer-{n}")).unwrap()
}

pub fn show() -> ShowId {
    ShowId::new("hamlet").unwrap()
}

pub fn seat(n: u32) -> SeatId {
    SeatId::in_row("A", n)
}

pub fn intent(n: u8) -> IntentId {
    IntentId::new(&format!("pi_{n}")).unwrap()
}

pub fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

/// A block of two seats, for buyers with its code.
pub fn block_opened() -> BlockOpened {
    BlockOpened {
        block: block(1),
        show: show(),
        seats: vec![seat(1), seat(2)],
        reason: "Sponsor".to_owned(),
        channel: Some(ChannelId::new("sponsor").unwrap()),
        access_code: Some(AccessCodeHash("5e884898da280471".to_owned())),
        by: "admin".to_owned(),
        request: None,
    }
}

/// The hold of two seats at 85.00 and 60.00 that most tests are about.
pub fn opened() -> BookingOpened {
    BookingOpened {
        booking: booking(1),
        show: show(),
        buyer: buyer(1),
        seats: vec![PricedSeat::new(seat(1), 8500), PricedSeat::new(seat(2), 6000)],
        amount: eur(14_500),
        expires_at: minute(0) + HOLD,
        show_revision: 0,
        fee: 0,
        channel: None,
        access_code: None,
        voucher: None,
        shop: ShopData::default(),
        request: None,
    }
}

pub fn started(attempt: u32) -> Event {
    PaymentStarted {
        booking: booking(1),
        attempt,
        payment_method: Some("pm_card_visa".into()),
        tender: None,
        return_url: None,
        request: None,
    }
    .into()
}

pub fn action(attempt: u32) -> Event {
    PaymentActionRequired { booking: booking(1), attempt, intent: intent(1), url: Some("https://bank.example/3ds".into()) }.into()
}

pub fn declined(attempt: u32) -> Event {
    PaymentDeclined { booking: booking(1), attempt, intent: Some(intent(1)), code: "card_declined".into() }.into()
}

pub fn authorised(attempt: u32) -> Event {
    PaymentAuthorised { booking: booking(1), attempt, intent: intent(1), amount: eur(14_500), capture_before: None }.into()
}

pub fn committed() -> Event {
    BookingCommitted { booking: booking(1) }.into()
}

pub fn captured() -> Event {
    PaymentCaptured { booking: booking(1), intent: intent(1), amount: eur(14_500), draw: Some(draw()) }.into()
}

pub fn aborted(reason: AbortReason) -> Event {
    BookingAborted { booking: booking(1), reason }.into()
}

pub fn voided() -> Event {
    PaymentVoided { booking: booking(1), intent: intent(1) }.into()
}

pub fn flagged() -> Event {
    PaymentFlagged { booking: booking(1), reason: "lost".into() }.into()
}

pub fn reviewed(outcome: ReviewOutcome) -> Event {
    PaymentReviewed { booking: booking(1), outcome, reason: "looked at the gateway".into(), by: "admin".into() }.into()
}

pub fn returned_elsewhere() -> Event {
    PaymentReturnedElsewhere {
        booking: booking(1),
        amount: eur(14_500),
        refund: None,
        reason: "looked at the gateway".into(),
        by: "admin".into(),
    }
    .into()
}

pub fn refund_requested() -> Event {
    RefundRequested { booking: booking(1), by: "admin".into() }.into()
}

pub fn refunded() -> Event {
    PaymentRefunded { booking: booking(1), intent: intent(1), amount: eur(14_500) }.into()
}

/// Every phase of a booking, by name, with a history that leads there. The tables over
/// phase and command go through all of them.
pub const PHASES: [&str; 12] = [
    "nothing",
    "held",
    "paying",
    "action_required",
    "held_after_decline",
    "authorised",
    "committed",
    "confirmed",
    "refunding",
    "refunded",
    "aborted",
    "fenced",
];

pub fn history(phase: &str) -> Vec<Event> {
    let open = || Event::from(opened());
    match phase {
        "nothing" => vec![],
        "held" => vec![open()],
        "paying" => vec![open(), started(1)],
        "action_required" => vec![open(), started(1), action(1)],
        "held_after_decline" => vec![open(), started(1), declined(1)],
        "authorised" => vec![open(), started(1), authorised(1)],
        "committed" => vec![open(), started(1), authorised(1), committed()],
        "confirmed" => [history("committed"), vec![captured()]].concat(),
        "refunding" => [history("confirmed"), vec![refund_requested()]].concat(),
        "refunded" => [history("refunding"), vec![refunded()]].concat(),
        "aborted" => vec![open(), aborted(AbortReason::Expired)],
        "fenced" => vec![aborted(AbortReason::Fenced)],
        other => panic!("no phase {other}"),
    }
}
