//! What can be done to an intent, and when: one function a command.

use super::decline::Decline;
use super::details::{Cancellation, CaptureMethod, ChargeNote, Extras, RefundNote, Update};
use super::methods::{self, Behaviour};
use super::record::{Code, Record, Refusal, Status};
use lastseat_domain::{IntentId, Timestamp};

/// Stripe's limit: eight digits.
pub(super) const MAX_AMOUNT: i64 = 99_999_999;

/// A server error that the key keeps, as Stripe's keys do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerError {
    /// Nothing was done.
    Instead,
    /// The step was done.
    Afterwards,
}

/// What became of a command, before the key is considered.
pub(super) enum Outcome {
    Done(Record),
    DoneSlowly(Record),
    DoneAnswerLost(Record),
    /// Refused, and the intent is another for it.
    Undone(Record, Refusal),
    Refused(Refusal),
    /// Not a request at all. Its key stays free, as with Stripe.
    Invalid(Refusal),
    Unavailable,
}

/// Puts a server error in the place of the answer. A step that is refused anyway is answered as such.
pub(super) fn with_server_error(outcome: Outcome, error: Option<ServerError>) -> Outcome {
    let refusal = || Refusal {
        code: Code::ApiError,
        param: None,
        message: "An unknown error occurred. (The sandbox was asked for such errors.)".to_owned(),
    };
    match (error, outcome) {
        (Some(ServerError::Instead), Outcome::Done(_)) => Outcome::Refused(refusal()),
        (Some(ServerError::Afterwards), Outcome::Done(record)) => Outcome::Undone(record, refusal()),
        (_, outcome) => outcome,
    }
}

/// What a payment method does.
pub(super) fn known_method(name: &str) -> Result<Behaviour, Refusal> {
    methods::behaviour(name).ok_or_else(|| Refusal {
        code: Code::ResourceMissing,
        param: Some("payment_method".to_owned()),
        message: format!(
            "No such PaymentMethod: '{}'. This is a sandbox; use one of: {}",
            name.chars().take(80).collect::<String>(),
            methods::names()
        ),
    })
}

/// The record with the page that the buyer returns to.
pub(super) fn returning_to(mut record: Record, extras: &Extras) -> Record {
    if extras.return_url.is_some() {
        record.details.return_url.clone_from(&extras.return_url);
    }
    record
}

pub(super) fn confirm(mut record: Record, name: &str, at: Timestamp) -> Outcome {
    if !matches!(record.status, Status::RequiresPaymentMethod | Status::RequiresAction) {
        return Outcome::Refused(unexpected_state(&record, "confirmed", "requires_payment_method, requires_action"));
    }
    let behaviour = match known_method(name) {
        Ok(behaviour) => behaviour,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    record.payment_method = Some(name.to_owned());
    record.last_decline = None;
    record.details.attached = None;
    match behaviour {
        Behaviour::Unavailable => Outcome::Unavailable,
        Behaviour::Decline(reason) => Outcome::Done(declined(record, reason, at)),
        Behaviour::DeclineAnswerLost => Outcome::DoneAnswerLost(declined(record, Decline::Generic, at)),
        Behaviour::Authenticate | Behaviour::AuthenticateThenDecline => {
            Outcome::Done(Record { status: Status::RequiresAction, ..record })
        }
        Behaviour::Approve | Behaviour::CaptureFails | Behaviour::CaptureAnswerLost | Behaviour::Dispute => {
            Outcome::Done(authorised(record, at))
        }
        Behaviour::ApproveSlowly => Outcome::DoneSlowly(authorised(record, at)),
        Behaviour::ApproveAnswerLost => Outcome::DoneAnswerLost(authorised(record, at)),
    }
}

pub(super) fn update(mut record: Record, update: &Update) -> Outcome {
    let before_payment = matches!(record.status, Status::RequiresPaymentMethod | Status::RequiresAction);
    if (update.amount.is_some() || update.payment_method.is_some()) && !before_payment {
        return Outcome::Refused(unexpected_state(&record, "updated", "requires_payment_method, requires_action"));
    }
    if let Some(method) = &update.payment_method {
        if let Err(refusal) = known_method(method) {
            return Outcome::Refused(refusal);
        }
        record.status = Status::RequiresPaymentMethod;
        record.details.attached = Some(method.clone());
    }
    if let Some(amount) = update.amount {
        if let Err(refusal) = check_amount("amount", amount, MAX_AMOUNT) {
            return Outcome::Refused(refusal);
        }
        record.amount.value = amount;
    }
    if let Some(description) = &update.description {
        record.details.description = Some(description.clone()).filter(|text| !text.is_empty());
    }
    for (name, value) in &update.metadata {
        if value.is_empty() {
            record.metadata.remove(name);
        } else {
            record.metadata.insert(name.clone(), value.clone());
        }
    }
    Outcome::Done(record)
}

pub(super) fn authenticate(record: Record, success: bool, at: Timestamp) -> Outcome {
    if record.status != Status::RequiresAction {
        return Outcome::Refused(unexpected_state(&record, "authenticated", "requires_action"));
    }
    let behaviour = record.payment_method.as_deref().and_then(methods::behaviour);
    Outcome::Done(match (success, behaviour) {
        (false, _) => declined(record, Decline::AuthenticationFailure, at),
        (true, Some(Behaviour::AuthenticateThenDecline)) => declined(record, Decline::InsufficientFunds, at),
        (true, _) => authorised(record, at),
    })
}

pub(super) fn capture(mut record: Record, amount: Option<i64>, at: Timestamp) -> Outcome {
    if record.status != Status::RequiresCapture {
        return Outcome::Refused(unexpected_state(&record, "captured", "requires_capture"));
    }
    let amount = amount.unwrap_or(record.amount.value);
    if let Err(refusal) = check_amount("amount_to_capture", amount, record.amount.value) {
        return Outcome::Refused(refusal);
    }
    let behaviour = record.payment_method.as_deref().and_then(methods::behaviour);
    let canceled = |record| canceled(record, at, Some("automatic".to_owned()));
    if record.capture_before().is_some_and(|end| at > end) {
        let message = format!("The authorisation of {} has expired; it can't be captured any more.", record.id);
        return Outcome::Undone(canceled(record), Refusal { code: Code::ChargeExpiredForCapture, param: None, message });
    }
    if behaviour == Some(Behaviour::CaptureFails) {
        record = canceled(record);
        let refusal = unexpected_state(&record, "captured", "requires_capture");
        return Outcome::Undone(record, refusal);
    }
    let record = captured(record, amount, at);
    match behaviour {
        Some(Behaviour::CaptureAnswerLost) => Outcome::DoneAnswerLost(record),
        _ => Outcome::Done(record),
    }
}

pub(super) fn cancel(record: Record, at: Timestamp, extras: &Extras) -> Outcome {
    if matches!(record.status, Status::Succeeded | Status::Canceled) {
        let from = "requires_payment_method, requires_action, requires_capture";
        return Outcome::Refused(unexpected_state(&record, "canceled", from));
    }
    Outcome::Done(canceled(record, at, extras.reason.clone()))
}

pub(super) fn refund(mut record: Record, amount: Option<i64>, at: Timestamp, extras: &Extras) -> Outcome {
    if record.status != Status::Succeeded {
        return Outcome::Refused(Refusal {
            code: Code::PaymentIntentUnexpectedState,
            param: Some("payment_intent".to_owned()),
            message: format!("This PaymentIntent ({}) does not have a successful charge to refund.", record.id),
        });
    }
    let left = record.kept();
    if left == 0 {
        return Outcome::Refused(Refusal {
            code: Code::ChargeAlreadyRefunded,
            param: None,
            message: format!("The charge of {} has already been refunded.", record.id),
        });
    }
    let amount = amount.unwrap_or(left);
    if let Err(refusal) = check_amount("amount", amount, left) {
        return Outcome::Refused(refusal);
    }
    // A journal of an older version may have refunds without a note.
    let created = record.created;
    record.details.refunds.resize_with(record.refunds.len(), || RefundNote::unknown(created));
    record.refunds.push(amount);
    record.details.refunds.push(RefundNote { at, reason: extras.reason.clone(), metadata: extras.metadata.clone() });
    Outcome::Done(record)
}

pub(super) fn close_dispute(mut record: Record) -> Outcome {
    record.details.dispute_lost = record.details.disputed.is_some();
    Outcome::Done(record)
}

fn authorised(mut record: Record, at: Timestamp) -> Record {
    record.details.note_charge(charge(&record, None, at));
    match record.details.capture {
        CaptureMethod::Manual => Record { status: Status::RequiresCapture, ..record },
        CaptureMethod::Automatic => {
            let amount = record.amount.value;
            captured(record, amount, at)
        }
    }
}

fn captured(mut record: Record, amount: i64, at: Timestamp) -> Record {
    if record.payment_method.as_deref().and_then(methods::behaviour) == Some(Behaviour::Dispute) {
        record.details.disputed = Some(at);
    }
    Record { status: Status::Succeeded, captured: amount, ..record }
}

fn canceled(mut record: Record, at: Timestamp, reason: Option<String>) -> Record {
    record.details.canceled = Some(Cancellation { at, reason });
    Record { status: Status::Canceled, ..record }
}

fn charge(record: &Record, decline: Option<Decline>, at: Timestamp) -> ChargeNote {
    ChargeNote { at, payment_method: record.payment_method.clone().unwrap_or_default(), decline }
}

fn declined(mut record: Record, reason: Decline, at: Timestamp) -> Record {
    // Who fails to authenticate does not get as far as the bank.
    if reason != Decline::AuthenticationFailure {
        record.details.note_charge(charge(&record, Some(reason), at));
    }
    Record { status: Status::RequiresPaymentMethod, payment_method: None, last_decline: Some(reason), ..record }
}

pub(super) fn check_amount(param: &str, amount: i64, most: i64) -> Result<(), Refusal> {
    let refuse = |code, message| Err(Refusal { code, param: Some(param.to_owned()), message });
    if amount < 1 {
        return refuse(Code::ParameterInvalidInteger, format!("{param} must be a positive number of minor units, not {amount}."));
    }
    if amount > most {
        return refuse(Code::AmountTooLarge, format!("{param} must be no more than {most} minor units, not {amount}."));
    }
    Ok(())
}

/// The refusal of an unknown intent.
pub(super) fn no_such_intent(id: &IntentId) -> Refusal {
    Refusal { code: Code::ResourceMissing, param: Some("intent".to_owned()), message: format!("No such payment_intent: '{id}'") }
}

fn unexpected_state(record: &Record, done: &str, from: &str) -> Refusal {
    Refusal {
        code: Code::PaymentIntentUnexpectedState,
        param: None,
        message: format!(
            "This PaymentIntent could not be {done} because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be {done}: {from}.",
            record.status
        ),
    }
}
