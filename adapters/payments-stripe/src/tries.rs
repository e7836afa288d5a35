//! The rule of the idempotency keys, as a pure function.
//!
//! Stripe stores the first answer to a key for a day, its own errors (5xx) included. So:
//!
//! - no answer: the same key again, whoever asks and whenever (within that day),
//! - an answered 5xx: the intent shows whether the step happened. Only if it did not, the next try's key,
//! - any other answer is the answer.

use lastseat_domain::ports::payments::{Intent, IntentStatus};

/// Tries of one step in one call. A new process begins at the first again and gets the stored answers.
pub(crate) const TRIES: u32 = 4;

/// A step that changes an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Confirm,
    Capture,
    Cancel,
}

/// What the intent shows after a step was answered with a 5xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The step has its outcome, or the intent has another: this is the answer.
    Outcome,
    /// It did not happen.
    NotDone,
    /// Not yet decided.
    Unclear,
}

/// Reads an intent for the outcome of a step that was answered with a 5xx.
pub(crate) fn after_server_error(step: Step, intent: &Intent) -> Shown {
    match (step, &intent.status) {
        (_, IntentStatus::Processing) => Shown::Unclear,
        (Step::Capture, IntentStatus::RequiresCapture) => Shown::NotDone,
        (Step::Cancel, IntentStatus::Canceled | IntentStatus::Succeeded) => Shown::Outcome,
        (Step::Cancel, _) => Shown::NotDone,
        (Step::Confirm, IntentStatus::RequiresPaymentMethod) if intent.last_decline.is_none() => Shown::NotDone,
        (Step::Confirm | Step::Capture, _) => Shown::Outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::ports::payments::NextAction;
    use lastseat_domain::{BookingId, Currency, IntentId, Money};

    fn intent(status: IntentStatus, last_decline: Option<&str>) -> Intent {
        Intent {
            id: IntentId::new("pi_1").unwrap(),
            booking: BookingId::from_key("tries", "rule"),
            amount: Money { value: 100, currency: Currency::new("EUR").unwrap() },
            status,
            last_decline: last_decline.map(ToOwned::to_owned),
            client_secret: None,
            capture_before: None,
            captured: 0,
            refunded: 0,
        }
    }

    #[test]
    fn the_intent_decides_whether_another_key_may_be_used() {
        use IntentStatus as S;
        let action = || S::RequiresAction(NextAction::ConfirmClientSide);
        let table = [
            (Step::Confirm, S::RequiresPaymentMethod, None, Shown::NotDone),
            (Step::Confirm, S::RequiresPaymentMethod, Some("card_declined"), Shown::Outcome),
            (Step::Confirm, action(), None, Shown::Outcome),
            (Step::Confirm, S::Processing, None, Shown::Unclear),
            (Step::Confirm, S::RequiresCapture, None, Shown::Outcome),
            (Step::Confirm, S::Canceled, None, Shown::Outcome),
            (Step::Capture, S::RequiresCapture, None, Shown::NotDone),
            (Step::Capture, S::Processing, None, Shown::Unclear),
            (Step::Capture, S::Succeeded, None, Shown::Outcome),
            (Step::Capture, S::Canceled, None, Shown::Outcome),
            (Step::Cancel, S::RequiresPaymentMethod, None, Shown::NotDone),
            (Step::Cancel, action(), None, Shown::NotDone),
            (Step::Cancel, S::RequiresCapture, None, Shown::NotDone),
            (Step::Cancel, S::Canceled, None, Shown::Outcome),
            (Step::Cancel, S::Succeeded, None, Shown::Outcome),
        ];
        for (step, status, declined, expected) in table {
            let what = format!("{step:?} {status:?} {declined:?}");
            assert_eq!(after_server_error(step, &intent(status, declined)), expected, "{what}");
        }
    }
}
