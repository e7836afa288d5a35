//! Payments at the till: a booking is paid there or at the gateway, never at both.

use super::bookings::Step;
use super::code::Code;
use super::facts::Pay;
use lastseat_domain::IntentId;
use lastseat_domain::event::{Event, Tender};

/// How the events of a payment at the till name it, where those of the gateway name an intent.
const OF_TILL: &str = "till_";

/// What an event calls the payment of its booking.
fn intent_in(event: &Event) -> Option<&IntentId> {
    match event {
        Event::PaymentActionRequired(e) => Some(&e.intent),
        Event::PaymentDeclined(e) => e.intent.as_ref(),
        Event::PaymentAuthorised(e) => Some(&e.intent),
        Event::PaymentCaptured(e) => Some(&e.intent),
        Event::PaymentVoided(e) => Some(&e.intent),
        Event::PaymentRefunded(e) => Some(&e.intent),
        Event::PaymentPartlyRefunded(e) => Some(&e.intent),
        _ => None,
    }
}

impl Step<'_> {
    /// An attempt to pay begins, at the till or at the gateway. To be asked before the attempt is counted.
    pub(super) fn choose_payment(&mut self, tender: Option<Tender>) {
        let before = self.book.tender;
        let at_gateway = self.book.gateway_intent || before.is_none() && self.book.pay != Pay::None;
        self.check(Code::PaidTwice, tender.is_none() || !at_gateway, || {
            "it is paid at the till, and may be paid at the gateway, too".to_owned()
        });
        self.check(Code::PaidTwice, tender.is_some() || before.is_none(), || {
            "the gateway is asked for a payment, and it is paid at the till".to_owned()
        });
        self.book.tender = tender;
    }

    /// What the event calls the payment has to be where it was begun.
    pub(super) fn check_place_of_payment(&mut self, event: &Event) {
        let Some(intent) = intent_in(event) else { return };
        let at_till = intent.as_str().starts_with(OF_TILL);
        self.check(Code::PaidTwice, at_till == self.book.tender.is_some(), || {
            format!("{intent} is not a payment where its last attempt was made")
        });
        self.book.gateway_intent |= !at_till;
    }
}
