//! The rules of the sandbox: values in, values out. No clock, no I/O, no randomness.
//!
//! [`Machine::decide`] says what a request leads to and changes nothing; [`Machine::evolve`] makes
//! a change so. Between the two the caller writes the change down, so that nothing is answered
//! that a crash could undo.

use super::details::{Details, Extras, Update};
use super::endpoint::WebhookEndpoint;
use super::record::{Code, Record, Refusal, Status};
use super::rules::{self, Outcome};
use chrono::TimeDelta;
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// Stripe forgets an idempotency key after a day at the earliest; the sandbox does so at once, to
/// show what depends on it.
const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

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
    /// The key's first answer again.
    pub replayed: bool,
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
    /// A webhook endpoint as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Arc<WebhookEndpoint>>,
}

impl Change {
    /// Nothing has changed by then.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, intent: None, answered: None, endpoint: None }
    }
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
    endpoints: BTreeMap<String, Arc<WebhookEndpoint>>,
}

impl Machine {
    /// What the request leads to. Under a key that was used: the first answer again, or
    /// `idempotency_error` if it was used for something else.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let params = request.fingerprint.unwrap_or_else(|| request.command.fingerprint());
        if let Some(key) = &request.key
            && let Some(kept) = self.keys.get(key.as_str()).filter(|kept| kept.is_alive(request.at))
        {
            let replayed = kept.params == params;
            let answer = if replayed { kept.answer.clone() } else { Err(other_request(key)) };
            return Decision { reply: Reply::Answer(answer), change: None, replayed };
        }
        let answered = |given| request.key.clone().map(|key| Answered { key, params, given });
        let done = |record: Record, reply: fn(Answer) -> Reply| {
            let record = Arc::new(record);
            let change =
                Change { intent: Some(Arc::clone(&record)), answered: answered(Given::Intent), ..Change::at(request.at) };
            Decision { reply: reply(Ok(record)), change: Some(change), replayed: false }
        };
        let refused = |intent: Option<Record>, refusal: Refusal| {
            let intent = intent.map(Arc::new);
            let answered = answered(Given::Refused(refusal.clone()));
            let change =
                (intent.is_some() || answered.is_some()).then_some(Change { intent, answered, ..Change::at(request.at) });
            Decision { reply: Reply::Answer(Err(refusal)), change, replayed: false }
        };
        let nothing = |reply| Decision { reply, change: None, replayed: false };
        match rules::with_server_error(self.run(request), request.server_error) {
            Outcome::Done(record) => done(record, Reply::Answer),
            Outcome::DoneSlowly(record) => done(record, Reply::Slow),
            Outcome::DoneAnswerLost(record) => done(record, |_| Reply::Lost),
            Outcome::Undone(record, refusal) => refused(Some(record), refusal),
            Outcome::Refused(refusal) => refused(None, refusal),
            Outcome::Invalid(refusal) => nothing(Reply::Answer(Err(refusal))),
            Outcome::Unavailable => nothing(Reply::Unavailable),
        }
    }

    /// Makes a change so, and forgets the keys that are older than a day by then.
    pub fn evolve(&mut self, change: Change) {
        if let Some(record) = &change.intent {
            self.intents.insert(record.id.clone(), Arc::clone(record));
        }
        if let Some(endpoint) = change.endpoint {
            match endpoint.deleted {
                true => self.endpoints.remove(&endpoint.id),
                false => self.endpoints.insert(endpoint.id.clone(), endpoint),
            };
        }
        if let Some(Answered { key, params, given }) = change.answered {
            let answer = match (given, change.intent) {
                (Given::Intent, Some(record)) | (Given::Then(record), _) => Ok(record),
                (Given::Refused(refusal), _) => Err(refusal),
                // There was no answer, so there is none to repeat.
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
            // The key may have been used again since; then it has a younger entry.
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

    /// The webhook endpoint of this name.
    #[must_use]
    pub fn endpoint(&self, id: &str) -> Option<&Arc<WebhookEndpoint>> {
        self.endpoints.get(id)
    }

    /// All webhook endpoints, in no order.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<WebhookEndpoint>> {
        self.endpoints.values()
    }

    /// The fewest changes that lead here from nothing.
    pub fn snapshot(&self) -> impl Iterator<Item = Change> {
        let intents =
            self.intents.values().map(|record| Change { intent: Some(Arc::clone(record)), ..Change::at(record.created) });
        let endpoints = self
            .endpoints
            .values()
            .map(|endpoint| Change { endpoint: Some(Arc::clone(endpoint)), ..Change::at(endpoint.created) });
        // By age, which is the order they have to be forgotten in.
        let keys = self.key_ages.iter().filter_map(|(at, key)| {
            let kept = self.keys.get(key).filter(|kept| kept.at == *at)?;
            let given = match &kept.answer {
                Ok(record) => Given::Then(Arc::clone(record)),
                Err(refusal) => Given::Refused(refusal.clone()),
            };
            let answered = Answered { key: key.as_ref().to_owned(), params: kept.params, given };
            Some(Change { answered: Some(answered), ..Change::at(*at) })
        });
        // The keys last: what is older than they are forgets none.
        intents.chain(endpoints).chain(keys)
    }

    fn run(&self, request: &Request) -> Outcome {
        let (at, extras) = (request.at, &request.extras);
        match &request.command {
            Command::Create { booking, amount, metadata } => self.create(*booking, *amount, metadata, at, extras),
            Command::Confirm { intent, payment_method } => {
                self.on(intent, |record| rules::confirm(rules::returning_to(record, extras), payment_method, at))
            }
            Command::Update { intent, update } => self.on(intent, |record| rules::update(record, update)),
            Command::Authenticate { intent, success } => self.on(intent, |record| rules::authenticate(record, *success, at)),
            Command::Capture { intent, amount } => self.on(intent, |record| rules::capture(record, *amount, at)),
            Command::Cancel { intent } => self.on(intent, |record| rules::cancel(record, at, extras)),
            Command::Refund { intent, amount } => self.on(intent, |record| rules::refund(record, *amount, at, extras)),
            Command::CloseDispute { intent } => self.on(intent, rules::close_dispute),
        }
    }

    fn on(&self, id: &IntentId, act: impl FnOnce(Record) -> Outcome) -> Outcome {
        match self.intents.get(id) {
            Some(record) => act(Record::clone(record)),
            None => Outcome::Refused(rules::no_such_intent(id)),
        }
    }

    fn create(
        &self,
        booking: BookingId,
        amount: Money,
        metadata: &BTreeMap<String, String>,
        at: Timestamp,
        extras: &Extras,
    ) -> Outcome {
        if let Err(refusal) = rules::check_amount("amount", amount.value, rules::MAX_AMOUNT) {
            return Outcome::Invalid(refusal);
        }
        let Some(id) = self.fresh_id(booking) else {
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
