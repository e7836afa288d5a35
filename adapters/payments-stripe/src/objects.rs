//! Stripe's objects, read independently of the API's version: only the members that are needed.

use super::amounts::from_stripe;
use chrono::DateTime;
use lastseat_domain::ports::payments::{DECLINED, Dispute, GatewayFault, Intent, IntentStatus, NextAction, PaymentRecord};
use lastseat_domain::{BookingId, Currency, IntentId, Money, Secret, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// Where the booking is in an intent's metadata.
pub(crate) const BOOKING: &str = "lastseat_booking";
/// Where a refund's metadata say which of its booking's refunds it is.
pub(crate) const REFUND_NUMBER: &str = "lastseat_refund";

#[derive(Deserialize)]
pub(crate) struct IntentObject {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    client_secret: Option<String>,
    metadata: Option<HashMap<String, String>>,
    last_payment_error: Option<ErrorObject>,
    next_action: Option<Value>,
    /// An id, or the charge itself where it was asked for.
    latest_charge: Option<Value>,
    amount_received: Option<i64>,
    created: Option<i64>,
}

/// An intent has something that can't be understood.
pub(crate) struct Strange {
    intent: String,
    pub what: String,
}

impl From<Strange> for GatewayFault {
    fn from(Strange { intent, what }: Strange) -> Self {
        Self::OutcomeUnknown(format!("Stripe's intent {intent} has {what}"))
    }
}

/// What went wrong: of a request, or at the last try of an intent.
#[derive(Deserialize)]
pub(crate) struct ErrorObject {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    decline_code: Option<String>,
    pub message: Option<String>,
    pub payment_intent: Option<Box<IntentObject>>,
    payment_method: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// A refund.
#[derive(Deserialize)]
pub(crate) struct RefundObject {
    pub status: Option<String>,
    pub failure_reason: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
}

impl RefundObject {
    /// Whether no money goes back.
    pub(crate) fn failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    /// Which of its booking's refunds it is, if lastseat made it.
    pub(crate) fn number(&self) -> Option<u32> {
        self.metadata.as_ref()?.get(REFUND_NUMBER)?.parse().ok()
    }

    /// Whether it is this booking's refund of that number. Refunds made by hand have no number.
    pub(crate) fn is(&self, booking: BookingId, number: u32) -> bool {
        let has = |key: &str, value: String| self.metadata.as_ref().and_then(|all| all.get(key)) == Some(&value);
        has(BOOKING, booking.to_string()) && has(REFUND_NUMBER, number.to_string())
    }
}

impl ErrorObject {
    /// The reason that says most: the bank's where it gave one, else Stripe's.
    pub(crate) fn reason(&self) -> String {
        let bank = self.decline_code.as_deref().filter(|code| *code != "generic_decline");
        bank.or(self.code.as_deref()).unwrap_or(DECLINED).to_owned()
    }
}

/// A dispute of a charge.
#[derive(Deserialize)]
pub(crate) struct DisputeObject {
    status: Option<Value>,
}

impl DisputeObject {
    /// How it stands. A status that Stripe adds one day, or that can't be read, counts as open, so that a person looks.
    pub(crate) fn outcome(&self) -> Dispute {
        match self.status.as_ref().and_then(Value::as_str) {
            Some("won" | "warning_closed" | "prevented") => Dispute::None,
            Some("lost") => Dispute::Lost,
            _ => Dispute::Open,
        }
    }

    /// Several disputes of one charge: what one of them took is gone, whatever becomes of the others.
    pub(crate) fn of_all(disputes: &[Self]) -> Dispute {
        let has = |outcome| disputes.iter().any(|dispute| dispute.outcome() == outcome);
        [Dispute::Lost, Dispute::Open].into_iter().find(|outcome| has(*outcome)).unwrap_or_default()
    }
}

impl IntentObject {
    /// As the engine sees it.
    ///
    /// # Errors
    /// It can't be understood.
    pub(crate) fn view(self) -> Result<Intent, GatewayFault> {
        let record = self.record()?;
        Ok(Intent {
            id: record.intent,
            booking: record.booking,
            amount: record.amount,
            last_decline: self.decline().filter(|_| record.status == IntentStatus::RequiresPaymentMethod),
            capture_before: self.capture_before().filter(|_| record.status == IntentStatus::RequiresCapture),
            client_secret: self.client_secret.and_then(Secret::new),
            status: record.status,
            captured: record.captured,
            refunded: record.refunded,
        })
    }

    /// As reconciliation sees it, created by lastseat or not.
    ///
    /// # Errors
    /// It can't be understood.
    pub(crate) fn record(&self) -> Result<PaymentRecord, Strange> {
        let strange = |what: String| Strange { intent: self.id.clone(), what };
        let currency = Currency::new(&self.currency.to_ascii_uppercase()).map_err(|error| strange(error.to_string()))?;
        let status = self.status().ok_or_else(|| strange(format!("an unknown status, {}", self.status)))?;
        // A cancelled authorisation has a charge that is `refunded` in full, although no money moved.
        let moved = |value| if status == IntentStatus::Succeeded { from_stripe(value, currency) } else { 0 };
        Ok(PaymentRecord {
            intent: IntentId::new(&self.id).map_err(|error| strange(error.to_string()))?,
            booking: self.metadata.as_ref().and_then(|all| all.get(BOOKING)).and_then(|id| id.parse::<BookingId>().ok()),
            amount: Money { value: from_stripe(self.amount, currency), currency },
            captured: moved(self.amount_received.unwrap_or(0)),
            refunded: moved(self.charge_number("amount_refunded")),
            status,
            dispute: if self.is_disputed() { Dispute::Open } else { Dispute::None },
            created: self.created.and_then(|at| DateTime::from_timestamp(at, 0)).unwrap_or_default(),
        })
    }

    fn status(&self) -> Option<IntentStatus> {
        Some(match self.status.as_str() {
            "requires_payment_method" | "requires_confirmation" => IntentStatus::RequiresPaymentMethod,
            "requires_action" => IntentStatus::RequiresAction(self.action()),
            "processing" => IntentStatus::Processing,
            "requires_capture" => IntentStatus::RequiresCapture,
            "succeeded" => IntentStatus::Succeeded,
            "canceled" => IntentStatus::Canceled,
            _ => return None,
        })
    }

    /// A page to visit if there is one; anything else is the business of Stripe's own form.
    fn action(&self) -> NextAction {
        let url = self.next_action.as_ref().and_then(|action| action.pointer("/redirect_to_url/url")).and_then(Value::as_str);
        url.map_or(NextAction::ConfirmClientSide, |url| NextAction::Redirect { url: url.to_owned() })
    }

    fn decline(&self) -> Option<String> {
        self.last_payment_error.as_ref().map(ErrorObject::reason)
    }

    /// Whether the last decline was that of this payment method.
    pub(crate) fn declined(&self, method: &str) -> bool {
        let declined = self.last_payment_error.as_ref().and_then(|error| error.payment_method.as_ref());
        declined.and_then(|method| method.get("id")).and_then(Value::as_str) == Some(method)
    }

    fn charge(&self) -> Option<&Value> {
        self.latest_charge.as_ref().filter(|charge| charge.is_object())
    }

    /// Whether there ever was a dispute.
    fn is_disputed(&self) -> bool {
        self.charge().and_then(|charge| charge.get("disputed")).and_then(Value::as_bool).unwrap_or(false)
    }

    fn charge_number(&self, member: &str) -> i64 {
        self.charge().and_then(|charge| charge.get(member)).and_then(Value::as_i64).unwrap_or(0)
    }

    fn capture_before(&self) -> Option<Timestamp> {
        let at = self.charge()?.pointer("/payment_method_details/card/capture_before")?.as_i64()?;
        DateTime::from_timestamp(at, 0)
    }
}
