//! What can be done to an intent, and when: one function a command.

use super::methods::{self, Behaviour};
use super::record::{Code, Decline, Record, Refusal, Status};
use lastseat_domain::IntentId;

/// Stripe's limit: eight digits.
pub(super) const MAX_AMOUNT: i64 = 99_999_999;

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

pub(super) fn confirm(mut record: Record, name: &str) -> Outcome {
    if !matches!(record.status, Status::RequiresPaymentMethod | Status::RequiresAction) {
        return Outcome::Refused(unexpected_state(&record, "confirmed", "requires_payment_method, requires_action"));
    }
    let Some(behaviour) = methods::behaviour(name) else {
        return Outcome::Refused(Refusal {
            code: Code::ResourceMissing,
            param: Some("payment_method".to_owned()),
            message: format!(
                "No such PaymentMethod: '{}'. This is a sandbox; use one of: {}",
                name.chars().take(80).collect::<String>(),
                methods::names()
            ),
        });
    };
    record.payment_method = Some(name.to_owned());
    record.last_decline = None;
    match behaviour {
        Behaviour::Unavailable => Outcome::Unavailable,
        Behaviour::Decline(reason) => Outcome::Done(declined(record, reason)),
        Behaviour::DeclineAnswerLost => Outcome::DoneAnswerLost(declined(record, Decline::Generic)),
        Behaviour::Authenticate => Outcome::Done(Record { status: Status::RequiresAction, ..record }),
        Behaviour::Approve | Behaviour::CaptureFails | Behaviour::CaptureAnswerLost => Outcome::Done(authorised(record)),
        Behaviour::ApproveSlowly => Outcome::DoneSlowly(authorised(record)),
        Behaviour::ApproveAnswerLost => Outcome::DoneAnswerLost(authorised(record)),
    }
}

pub(super) fn authenticate(record: Record, success: bool) -> Outcome {
    if record.status != Status::RequiresAction {
        return Outcome::Refused(unexpected_state(&record, "authenticated", "requires_action"));
    }
    Outcome::Done(if success { authorised(record) } else { declined(record, Decline::AuthenticationFailure) })
}

pub(super) fn capture(mut record: Record, amount: Option<i64>) -> Outcome {
    if record.status != Status::RequiresCapture {
        return Outcome::Refused(unexpected_state(&record, "captured", "requires_capture"));
    }
    let amount = amount.unwrap_or(record.amount.value);
    if let Err(refusal) = check_amount("amount_to_capture", amount, record.amount.value) {
        return Outcome::Refused(refusal);
    }
    let behaviour = record.payment_method.as_deref().and_then(methods::behaviour);
    if behaviour == Some(Behaviour::CaptureFails) {
        record.status = Status::Canceled;
        let refusal = unexpected_state(&record, "captured", "requires_capture");
        return Outcome::Undone(record, refusal);
    }
    record.status = Status::Succeeded;
    record.captured = amount;
    match behaviour {
        Some(Behaviour::CaptureAnswerLost) => Outcome::DoneAnswerLost(record),
        _ => Outcome::Done(record),
    }
}

pub(super) fn cancel(record: Record) -> Outcome {
    if matches!(record.status, Status::Succeeded | Status::Canceled) {
        let from = "requires_payment_method, requires_action, requires_capture";
        return Outcome::Refused(unexpected_state(&record, "canceled", from));
    }
    Outcome::Done(Record { status: Status::Canceled, ..record })
}

pub(super) fn refund(mut record: Record, amount: Option<i64>) -> Outcome {
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
    record.refunds.push(amount);
    Outcome::Done(record)
}

fn authorised(record: Record) -> Record {
    Record { status: Status::RequiresCapture, ..record }
}

fn declined(record: Record, reason: Decline) -> Record {
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
