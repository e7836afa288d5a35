//! What can differ between gateway and log, what it means, and what helps.

use chrono::{SecondsFormat, TimeDelta};
use lastseat_domain::ports::payments::PaymentRecord;
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use serde::Serialize;

/// Gateway and log say different things about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub kind: Kind,
    /// `None` if the payment is not lastseat's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingId>,
    pub intent: IntentId,
    /// For people.
    pub text: &'static str,
    /// Nothing under way explains it.
    pub wrong: bool,
    /// Since when a server has had it to do, if it does that by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    pub remedy: Remedy,
}

/// What a server does by itself takes seconds, and longer only while the gateway or all servers are down. After this it is
/// overdue and reported as wrong.
const OVERDUE: TimeDelta = TimeDelta::hours(1);

impl Difference {
    /// The same, as of `now`: what a server has had to do for too long is wrong.
    pub(super) fn waiting(self, since: Option<Timestamp>, now: Timestamp) -> Self {
        let since = since.filter(|_| self.remedy == Remedy::Wait);
        let overdue = since.is_some_and(|since| now.signed_duration_since(since) >= OVERDUE);
        Self { wrong: self.wrong || overdue, since, ..self }
    }

    /// What differs, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let since = self.since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, true));
        since.map_or_else(|| self.text.to_owned(), |since| format!("{}; due since {since}", self.text))
    }

    /// What it is about, for people.
    #[must_use]
    pub fn subject(&self) -> String {
        self.booking.map_or_else(|| "no booking".to_owned(), |booking| format!("booking {booking}"))
    }
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Remedy {
    /// Return money at the gateway. `number`: the booking's refund of that number.
    Refund { number: u32, amount: Money },
    /// Cancel the intent at the gateway.
    Cancel,
    /// Take the money at the gateway.
    Capture,
    /// Refund the booking: the engine records it and releases the seats.
    RefundBooking,
    /// A running server does it by itself.
    Wait,
    /// A person decides.
    Decide,
    /// Nothing.
    Nothing,
}

impl Remedy {
    /// For people; completes "would …".
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Refund { amount, .. } => format!("return {amount} at the gateway"),
            Self::Cancel => "cancel the payment at the gateway".to_owned(),
            Self::Capture => "take the money at the gateway".to_owned(),
            Self::RefundBooking => "refund the booking: record it and release its seats".to_owned(),
            Self::Wait => "leave it to a running server, which does it by itself".to_owned(),
            Self::Decide => "do nothing: a person decides".to_owned(),
            Self::Nothing => "do nothing".to_owned(),
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident, $wrong:literal, $text:literal;)*) => {
        /// A kind of difference. Its name in JSON is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[doc = $doc])* $name,)*
        }

        impl Kind {
            fn wrong(self) -> bool {
                match self { $(Self::$name => $wrong,)* }
            }

            fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    NotOurs, false, "it names no booking of lastseat; another program or a person made it";
    UnknownBookingCharged, true, "the gateway has taken money for a booking that is not in the log; refund it there";
    UnknownBookingAuthorised, true, "the gateway has reserved money for a booking that is not in the log; cancel it there";
    ChargedWithoutPayment, true, "the gateway has taken money, and the log knows of no payment; refund it there";
    AuthorisedWithoutPayment, true, "the gateway has reserved money, and the log knows of no payment; cancel it there";
    SecondCharge, true, "the gateway has taken money twice: the log names another intent of this booking; refund this one there";
    SecondAuthorisation, true, "the gateway has reserved money twice: the log names another intent of this booking; cancel this one there";
    AmountDiffers, true, "amount or currency are not those of the booking";
    ReturnedByHand, true, "it is confirmed in the log, and the gateway has returned money; refund the booking";
    PartlyReturnedByHand, true, "it is confirmed in the log, and the gateway has returned a part of the money; refund the booking, or take note";
    ConfirmedAuthorised, true, "it is confirmed in the log, and the gateway has only reserved the money; take it there";
    ConfirmedUnpaid, true, "it is confirmed in the log, and the gateway has not taken the money";
    SoldFlagged, true, "its seats are sold, and its payment is flagged: look at the gateway, then POST /v1/bookings/{id}/review";
    /// No answer said that it is confirmed. The next capture finds the reservation gone and ends the booking.
    SoldUnpaid, false, "its seats are sold, and the reservation at the gateway is gone; a running server ends the booking";
    NotAtGateway, true, "the log says that it was paid, and the gateway does not list it; is this the account and mode that it was paid in?";
    RefundUnrecorded, false, "the gateway has returned the money, and the log does not say so yet; a running server records it";
    RefundFlagged, true, "its refund is in the log and flagged, and the gateway has not returned the money: look at the gateway, then POST /v1/bookings/{id}/review";
    RefundDue, false, "the refund is in the log, and the gateway has not returned the money yet";
    RefundedCharged, true, "it is refunded in the log, and the gateway still has the money: the bank has refused the refund; if the buyer has it by another way, POST /v1/bookings/{id}/review with `returned_elsewhere`, else return it there";
    PartRefundFailed, true, "a part of it is refunded in the log, and the gateway has returned less: the bank has refused a refund; return it there";
    AbortedCharged, true, "it is over in the log, and the gateway has the money; refund it there";
    VoidDue, false, "it is over in the log, and the reservation at the gateway is not cancelled yet";
    AbortedAuthorised, true, "it is over in the log, nothing is left to do there, and the gateway still reserves the money; cancel it there";
    Flagged, false, "its payment is flagged: look at the gateway, then POST /v1/bookings/{id}/review";
    /// Nothing can take it back from the buyer by itself.
    ReturnedTwice, true, "the log says that the buyer got the money back by another way, and the gateway has returned all of it, too; ask the buyer for it";
    /// The rest may have gone the other way.
    PartlyReturnedElsewhere, false, "the log says that the buyer got the money back by another way, and the gateway has returned a part of it; check that the two are not more than was paid";
    DisputeLost, true, "the buyer's bank has given the money back (dispute lost), and the booking still counts as paid; request its refund, and when that is flagged, POST /v1/bookings/{id}/review with `returned_elsewhere`";
    Disputed, true, "the buyer disputes the charge at their bank; answer at the gateway";
}

impl Kind {
    /// Whether it is about a booking that this log does not have. With several shops in one account, that may be
    /// another shop's.
    #[must_use]
    pub fn is_unknown_booking(self) -> bool {
        matches!(self, Self::UnknownBookingCharged | Self::UnknownBookingAuthorised)
    }

    pub(super) fn of(self, record: &PaymentRecord, remedy: Remedy) -> Difference {
        self.difference(record.booking, record.intent.clone(), remedy)
    }

    pub(super) fn difference(self, booking: Option<BookingId>, intent: IntentId, remedy: Remedy) -> Difference {
        Difference { kind: self, booking, intent, text: self.text(), wrong: self.wrong(), since: None, remedy }
    }
}
