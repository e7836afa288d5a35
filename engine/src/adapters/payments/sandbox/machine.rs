//! The rules of the sandbox: values in, values out. No clock, no I/O, no randomness.
//!
//! [`Machine::decide`] says what a request leads to and changes nothing; [`Machine::evolve`] makes
//! a change so. Between the two the caller writes the change down, so that nothing is answered
//! that a crash could undo.

use super::methods::{self, Behaviour};
use super::record::{Code, Decline, Record, Refusal, Status};
use chrono::TimeDelta;
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// Stripe forgets an idempotency key after a day at the earliest; the sandbox does so at once, to
/// show what depends on it.
const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Stripe's limit: eight digits.
const MAX_AMOUNT: i64 = 99_999_999;

/// What is asked of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// A new intent, to be captured by hand.
    Create {
        /// What it is for.
        booking: BookingId,
        /// How much.
        amount: Money,
        /// Anything else to remember with it.
        metadata: BTreeMap<String, String>,
    },
    /// Try a payment method.
    Confirm {
        /// On which intent.
        intent: IntentId,
        /// One of [`super::TEST_METHODS`].
        payment_method: String,
    },
    /// The buyer has been at the bank's page.
    Authenticate {
        /// For which intent.
        intent: IntentId,
        /// And has passed.
        success: bool,
    },
    /// Take the money.
    Capture {
        /// Of which intent.
        intent: IntentId,
        /// Minor units; all of it if not given. The rest is lifted.
        amount: Option<i64>,
    },
    /// Lift the reservation.
    Cancel {
        /// Of which intent.
        intent: IntentId,
    },
    /// Return money.
    Refund {
        /// Of which intent.
        intent: IntentId,
        /// Minor units; all that is left if not given.
        amount: Option<i64>,
    },
}

impl Command {
    /// Equal for equal commands, in every version of the program: it is kept with the key.
    fn fingerprint(&self) -> Uuid {
        // A value of these types can't fail to serialise; were it to, all such commands would
        // pass for one, and the key would still tell them apart.
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &serde_json::to_vec(self).unwrap_or_default())
    }
}

/// A command with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// When it came in.
    pub at: Timestamp,
    /// What is asked.
    pub command: Command,
}

/// What the gateway says: the intent as it is after the command, or no. A decline is an intent with
/// a reason in [`Record::last_decline`].
pub type Answer = Result<Arc<Record>, Refusal>;

/// How the answer gets to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Now.
    Answer(Answer),
    /// After a while; it is done already.
    Slow(Answer),
    /// Never: it is done, and the connection breaks.
    Lost,
    /// The gateway is down, and nothing is done.
    Unavailable,
}

/// What a request leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// For the caller, once the change is written.
    pub reply: Reply,
    /// What is different from now on.
    pub change: Option<Change>,
}

/// One step of the gateway's state; a line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The intent as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Arc<Record>>,
    /// The idempotency key that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
}

/// A used idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The key.
    pub key: String,
    /// Fingerprint of the command it was used for.
    pub params: Uuid,
    /// What was answered.
    pub given: Given,
}

/// The answer under a key, as a [`Change`] holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// The intent of the same change.
    Intent,
    /// An intent as it was then.
    Then(Arc<Record>),
    /// No.
    Refused(Refusal),
}

#[derive(Debug, Clone)]
struct Kept {
    at: Timestamp,
    params: Uuid,
    answer: Answer,
}

impl Kept {
    fn is_alive(&self, now: Timestamp) -> bool {
        now - self.at < KEY_LIFETIME
    }
}

/// The gateway's state.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    intents: HashMap<IntentId, Arc<Record>>,
    keys: HashMap<Arc<str>, Kept>,
    /// The keys, oldest first.
    key_ages: VecDeque<(Timestamp, Arc<str>)>,
}

/// What became of a command, before the key is considered.
enum Outcome {
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

impl Machine {
    /// What the request leads to. Under a key that was used: the first answer again, or
    /// `idempotency_error` if it was used for something else.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let params = request.command.fingerprint();
        if let Some(key) = &request.key
            && let Some(kept) = self.keys.get(key.as_str()).filter(|kept| kept.is_alive(request.at))
        {
            let answer = if kept.params == params { kept.answer.clone() } else { Err(other_request(key)) };
            return Decision { reply: Reply::Answer(answer), change: None };
        }
        let answered = |given| request.key.clone().map(|key| Answered { key, params, given });
        let done = |record: Record, reply: fn(Answer) -> Reply| {
            let record = Arc::new(record);
            let change = Change { at: request.at, intent: Some(Arc::clone(&record)), answered: answered(Given::Intent) };
            Decision { reply: reply(Ok(record)), change: Some(change) }
        };
        let refused = |intent: Option<Record>, refusal: Refusal| {
            let intent = intent.map(Arc::new);
            let answered = answered(Given::Refused(refusal.clone()));
            let change = (intent.is_some() || answered.is_some()).then_some(Change { at: request.at, intent, answered });
            Decision { reply: Reply::Answer(Err(refusal)), change }
        };
        match self.run(request) {
            Outcome::Done(record) => done(record, Reply::Answer),
            Outcome::DoneSlowly(record) => done(record, Reply::Slow),
            Outcome::DoneAnswerLost(record) => done(record, |_| Reply::Lost),
            Outcome::Undone(record, refusal) => refused(Some(record), refusal),
            Outcome::Refused(refusal) => refused(None, refusal),
            Outcome::Invalid(refusal) => Decision { reply: Reply::Answer(Err(refusal)), change: None },
            Outcome::Unavailable => Decision { reply: Reply::Unavailable, change: None },
        }
    }

    /// Makes a change so, and forgets the keys that are older than a day by then.
    pub fn evolve(&mut self, change: Change) {
        if let Some(record) = &change.intent {
            self.intents.insert(record.id.clone(), Arc::clone(record));
        }
        if let Some(Answered { key, params, given }) = change.answered {
            let answer = match (given, change.intent) {
                (Given::Intent, Some(record)) | (Given::Then(record), _) => Ok(record),
                (Given::Refused(refusal), _) => Err(refusal),
                // Nothing was said, so there is nothing to repeat.
                (Given::Intent, None) => return,
            };
            let key: Arc<str> = key.into();
            self.key_ages.push_back((change.at, Arc::clone(&key)));
            self.keys.insert(key, Kept { at: change.at, params, answer });
        }
        self.forget_keys(change.at);
    }

    fn forget_keys(&mut self, now: Timestamp) {
        while let Some((_, key)) = self.key_ages.pop_front_if(|(at, _)| now - *at >= KEY_LIFETIME) {
            // The key may have been used again since; then a younger entry stands for it.
            if self.keys.get(&key).is_some_and(|kept| !kept.is_alive(now)) {
                self.keys.remove(&key);
            }
        }
    }

    /// The intent as it is.
    #[must_use]
    pub fn intent(&self, id: &IntentId) -> Option<&Arc<Record>> {
        self.intents.get(id)
    }

    /// All intents, in no order.
    pub fn intents(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.intents.values()
    }

    /// The fewest changes that lead here from nothing.
    pub fn snapshot(&self) -> impl Iterator<Item = Change> {
        let intents =
            self.intents.values().map(|record| Change { at: record.created, intent: Some(Arc::clone(record)), answered: None });
        // By age, which is the order they have to be forgotten in.
        let keys = self.key_ages.iter().filter_map(|(at, key)| {
            let kept = self.keys.get(key).filter(|kept| kept.at == *at)?;
            let given = match &kept.answer {
                Ok(record) => Given::Then(Arc::clone(record)),
                Err(refusal) => Given::Refused(refusal.clone()),
            };
            let answered = Answered { key: key.as_ref().to_owned(), params: kept.params, given };
            Some(Change { at: *at, intent: None, answered: Some(answered) })
        });
        intents.chain(keys)
    }

    fn run(&self, request: &Request) -> Outcome {
        match &request.command {
            Command::Create { booking, amount, metadata } => self.create(*booking, *amount, metadata, request.at),
            Command::Confirm { intent, payment_method } => self.on(intent, |record| confirm(record, payment_method)),
            Command::Authenticate { intent, success } => self.on(intent, |record| authenticate(record, *success)),
            Command::Capture { intent, amount } => self.on(intent, |record| capture(record, *amount)),
            Command::Cancel { intent } => self.on(intent, cancel),
            Command::Refund { intent, amount } => self.on(intent, |record| refund(record, *amount)),
        }
    }

    fn on(&self, id: &IntentId, act: impl FnOnce(Record) -> Outcome) -> Outcome {
        match self.intents.get(id) {
            Some(record) => act(Record::clone(record)),
            None => Outcome::Refused(no_such_intent(id)),
        }
    }

    fn create(&self, booking: BookingId, amount: Money, metadata: &BTreeMap<String, String>, at: Timestamp) -> Outcome {
        if let Err(refusal) = check_amount("amount", amount.value, MAX_AMOUNT) {
            return Outcome::Invalid(refusal);
        }
        let Some(id) = self.fresh_id(booking) else {
            return Outcome::Unavailable;
        };
        Outcome::Done(Record {
            id,
            booking,
            amount,
            status: Status::RequiresPaymentMethod,
            created: at,
            payment_method: None,
            last_decline: None,
            captured: 0,
            refunds: Vec::new(),
            metadata: metadata.clone(),
        })
    }

    /// The booking's first name that is free. A second intent of a booking can only come of a key
    /// that is new or forgotten.
    fn fresh_id(&self, booking: BookingId) -> Option<IntentId> {
        let first = format!("pi_sandbox_{}", booking.0.simple());
        let further = (2_u32..).map(|n| format!("{first}_{n}"));
        std::iter::once(first.clone())
            .chain(further)
            .filter_map(|name| IntentId::new(&name).ok())
            .find(|id| !self.intents.contains_key(id))
    }
}

fn confirm(mut record: Record, name: &str) -> Outcome {
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

fn authenticate(record: Record, success: bool) -> Outcome {
    if record.status != Status::RequiresAction {
        return Outcome::Refused(unexpected_state(&record, "authenticated", "requires_action"));
    }
    Outcome::Done(if success { authorised(record) } else { declined(record, Decline::AuthenticationFailure) })
}

fn capture(mut record: Record, amount: Option<i64>) -> Outcome {
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

fn cancel(record: Record) -> Outcome {
    if matches!(record.status, Status::Succeeded | Status::Canceled) {
        let from = "requires_payment_method, requires_action, requires_capture";
        return Outcome::Refused(unexpected_state(&record, "canceled", from));
    }
    Outcome::Done(Record { status: Status::Canceled, ..record })
}

fn refund(mut record: Record, amount: Option<i64>) -> Outcome {
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

fn check_amount(param: &str, amount: i64, most: i64) -> Result<(), Refusal> {
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

fn other_request(key: &str) -> Refusal {
    Refusal {
        code: Code::IdempotencyError,
        param: None,
        message: format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. \
             Try another key than '{key}' if you meant to make a different request."
        ),
    }
}
