//! The rules of the sandbox: values in, values out. No clock, no I/O, no randomness.
//!
//! [`Request::replay`] answers a request whose key was used before; [`Request::decide`] says what any other leads to.
//! Neither changes anything. The caller stores the change before it answers, so that nothing is answered that a crash
//! could undo.

use super::change::{Answer, Answered, Change, Given, Kept};
use super::details::{Details, Extras, Update};
use super::record::{Code, Record, Refusal, Status};
use super::rules::{self, Outcome};
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// A request to the gateway.
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
    /// Change what is said about it.
    Update {
        /// Of which intent.
        intent: IntentId,
        /// What is different.
        update: Update,
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
    /// Accept the buyer's dispute, which loses it.
    CloseDispute {
        /// Of which intent.
        intent: IntentId,
    },
}

impl Command {
    /// The intent that it names; none for a new one.
    #[must_use]
    pub fn intent(&self) -> Option<&IntentId> {
        match self {
            Self::Create { .. } => None,
            Self::Confirm { intent, .. }
            | Self::Update { intent, .. }
            | Self::Authenticate { intent, .. }
            | Self::Capture { intent, .. }
            | Self::Cancel { intent }
            | Self::Refund { intent, .. }
            | Self::CloseDispute { intent } => Some(intent),
        }
    }

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
    /// The request.
    pub command: Command,
    /// What Stripe's API sends with it.
    pub extras: Extras,
    /// Equal for equal requests, where the command alone does not tell them apart.
    pub fingerprint: Option<Uuid>,
    /// A server error to answer with.
    pub server_error: Option<rules::ServerError>,
}

impl Request {
    /// A command without anything beside it.
    #[must_use]
    pub fn new(key: Option<String>, at: Timestamp, command: Command) -> Self {
        Self { key, at, command, extras: Extras::default(), fingerprint: None, server_error: None }
    }
}

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
    /// For the caller, once the change is stored.
    pub reply: Reply,
    /// What is different from now on.
    pub change: Option<Change>,
    /// The key's first answer again.
    pub replayed: bool,
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The intent that it names, as it is now, if there is one.
    Intent(Option<Arc<Record>>),
    /// A new intent, with the first of its booking's [`names`] that is free.
    New(Option<IntentId>),
}

/// The names of a booking's intents, in the order in which they are given. It gets a second intent only by a key that is new
/// or forgotten.
pub fn names(booking: BookingId) -> impl Iterator<Item = IntentId> {
    let first = format!("pi_sandbox_{}", booking.0.simple());
    let further = (2_u32..).map({
        let first = first.clone();
        move |n| format!("{first}_{n}")
    });
    std::iter::once(first).chain(further).filter_map(|name| IntentId::new(&name).ok())
}

impl Request {
    /// The answer, if the key was used before: the first one again, or `idempotency_error` if it was used for something
    /// else. `kept` is what is kept under the key.
    #[must_use]
    pub fn replay(&self, kept: Option<&Kept>) -> Option<Decision> {
        let kept = kept.filter(|kept| kept.is_alive(self.at))?;
        let replayed = kept.params == self.params();
        let answer = if replayed { kept.answer.clone() } else { Err(other_request(self.key.as_deref().unwrap_or_default())) };
        Some(Decision { reply: Reply::Answer(answer), change: None, replayed })
    }

    /// What the request leads to, if its key was not used before.
    #[must_use]
    pub fn decide(&self, subject: &Subject) -> Decision {
        let answered = |given| self.key.clone().map(|key| Answered { key, params: self.params(), given });
        let done = |record: Record, reply: fn(Answer) -> Reply| {
            let record = Arc::new(record);
            let change = Change { intent: Some(Arc::clone(&record)), answered: answered(Given::Intent), ..Change::at(self.at) };
            Decision { reply: reply(Ok(record)), change: Some(change), replayed: false }
        };
        let refused = |intent: Option<Record>, refusal: Refusal| {
            let intent = intent.map(Arc::new);
            let answered = answered(Given::Refused(refusal.clone()));
            let change = (intent.is_some() || answered.is_some()).then_some(Change { intent, answered, ..Change::at(self.at) });
            Decision { reply: Reply::Answer(Err(refusal)), change, replayed: false }
        };
        let nothing = |reply| Decision { reply, change: None, replayed: false };
        match rules::with_server_error(self.run(subject), self.server_error) {
            Outcome::Done(record) => done(record, Reply::Answer),
            Outcome::DoneSlowly(record) => done(record, Reply::Slow),
            Outcome::DoneAnswerLost(record) => done(record, |_| Reply::Lost),
            Outcome::Undone(record, refusal) => refused(Some(record), refusal),
            Outcome::Refused(refusal) => refused(None, refusal),
            Outcome::Invalid(refusal) => nothing(Reply::Answer(Err(refusal))),
            Outcome::Unavailable => nothing(Reply::Unavailable),
        }
    }

    fn params(&self) -> Uuid {
        self.fingerprint.unwrap_or_else(|| self.command.fingerprint())
    }

    fn run(&self, subject: &Subject) -> Outcome {
        let (at, extras) = (self.at, &self.extras);
        let record = match (&self.command, subject) {
            (Command::Create { booking, amount, metadata }, Subject::New(id)) => {
                return create(id.as_ref(), *booking, *amount, metadata, at, extras);
            }
            (_, Subject::Intent(Some(record))) => Record::clone(record),
            (command, _) => {
                return command.intent().map_or(Outcome::Unavailable, |id| Outcome::Refused(rules::no_such_intent(id)));
            }
        };
        match &self.command {
            Command::Create { .. } => Outcome::Unavailable,
            Command::Confirm { payment_method, .. } => rules::confirm(rules::returning_to(record, extras), payment_method, at),
            Command::Update { update, .. } => rules::update(record, update),
            Command::Authenticate { success, .. } => rules::authenticate(record, *success, at),
            Command::Capture { amount, .. } => rules::capture(record, *amount, at),
            Command::Cancel { .. } => rules::cancel(record, at, extras),
            Command::Refund { amount, .. } => rules::refund(record, *amount, at, extras),
            Command::CloseDispute { .. } => rules::close_dispute(record),
        }
    }
}

fn create(
    id: Option<&IntentId>,
    booking: BookingId,
    amount: Money,
    metadata: &BTreeMap<String, String>,
    at: Timestamp,
    extras: &Extras,
) -> Outcome {
    if let Err(refusal) = rules::check_amount("amount", amount.value, rules::MAX_AMOUNT) {
        return Outcome::Invalid(refusal);
    }
    let Some(id) = id.cloned() else {
        return Outcome::Unavailable;
    };
    let record = Record {
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
        details: Details {
            foreign: extras.foreign,
            description: extras.description.clone(),
            capture: extras.capture,
            attached: extras.payment_method.clone(),
            return_url: extras.return_url.clone(),
            ..Details::default()
        },
    };
    match &extras.payment_method {
        Some(method) if extras.confirm => rules::confirm(record, method, at),
        Some(method) => rules::known_method(method).map_or_else(Outcome::Refused, |_| Outcome::Done(record)),
        None => Outcome::Done(record),
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
