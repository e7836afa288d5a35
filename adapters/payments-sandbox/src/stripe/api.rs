//! What all routes share: how a command gets to the sandbox, and how its answer gets back.

use super::call::{Call, Role};
use super::disturbances::FaultInjector;
use super::error::ApiError;
use super::events::Events;
use super::objects;
use super::options::Options;
use super::webhooks::Deliveries;
use crate::details::Extras;
use crate::gateway::SandboxGateway;
use crate::machine::{self, Command, Request};
use crate::methods::{self, Behaviour};
use crate::record::Record;
use lastseat_domain::{IntentId, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Payment methods that the list shows; older ones still work.
const LISTED_METHODS: usize = 1000;

pub struct Api {
    pub sandbox: Arc<SandboxGateway>,
    pub options: Options,
    /// Idempotency keys of running requests.
    running: Mutex<HashSet<String>>,
    /// Payment methods made from cards, oldest first.
    pub methods: Mutex<VecDeque<(String, Timestamp)>>,
    pub events: Arc<Events>,
    pub injector: FaultInjector,
    /// Keeps the names of this start apart from those of others.
    started: Timestamp,
    count: AtomicU64,
}

/// What a command led to.
pub struct Done {
    pub record: Arc<Record>,
    /// The key's first answer again.
    pub replayed: bool,
}

impl Api {
    pub fn new(sandbox: Arc<SandboxGateway>, options: Options) -> Self {
        let started = sandbox.now();
        let base = options.public_url.clone().unwrap_or_else(|| "http://localhost".to_owned());
        let deliveries = Deliveries::start(options.webhooks.clone(), &sandbox, base);
        let events = Arc::new(Events::new(started, deliveries));
        let noted = Arc::clone(&events);
        sandbox.observe(Box::new(move |before, after, at| noted.note(before.map(Arc::as_ref), after, at)));
        let injector = FaultInjector::new(options.disturbances.clone(), started);
        Self {
            sandbox,
            options,
            running: Mutex::default(),
            methods: Mutex::default(),
            events,
            injector,
            started,
            count: AtomicU64::new(0),
        }
    }

    /// A name that no other request gets.
    pub fn fresh_name(&self, prefix: &str) -> String {
        let name = format!("{prefix} {} of {}", self.count.fetch_add(1, Ordering::Relaxed), self.started);
        format!("{prefix}_{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple())
    }

    /// Runs a command under the call's idempotency key.
    pub async fn perform(&self, call: &Call, mut command: Command, mut extras: Extras) -> Result<Done, ApiError> {
        if call.faults.decline {
            decline(&mut command, &mut extras);
        }
        let _running = self.begin(call.key.as_deref())?;
        let request = Request {
            extras,
            fingerprint: Some(call.fingerprint()),
            server_error: call.faults.server_error,
            ..Request::new(call.key.clone(), self.sandbox.now(), command)
        };
        let decision = self.sandbox.decide(request).await?;
        if call.faults.lost_answer {
            return Err(ApiError::lost());
        }
        let answer = match decision.reply {
            machine::Reply::Answer(answer) => answer,
            machine::Reply::Slow(answer) => {
                self.sandbox.be_slow().await;
                answer
            }
            machine::Reply::Lost => return Err(ApiError::lost()),
            machine::Reply::Unavailable => {
                return Err(ApiError::unavailable("The payment method says that the gateway is down."));
            }
        };
        let replayed = decision.replayed;
        match answer {
            Ok(record) => Ok(Done { record, replayed }),
            Err(refusal) => Err(ApiError::from(refusal).replayed(replayed)),
        }
    }

    /// Keeps a key to one request at a time.
    fn begin(&self, key: Option<&str>) -> Result<Option<Running<'_>>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        if self.running.lock().insert(key.to_owned()) {
            return Ok(Some(Running { keys: &self.running, key: key.to_owned() }));
        }
        let message = "There is currently another in-progress request using this idempotency key (that probably means you submitted \
                       twice, and the other request is still going through). Try again later.";
        let status = http::StatusCode::CONFLICT;
        Err(ApiError::new(status, "idempotency_error", message).code("idempotency_key_in_use"))
    }

    /// Lists a payment method that was made from a card.
    pub fn remember_method(&self, id: String) {
        let mut methods = self.methods.lock();
        if methods.iter().any(|(known, _)| *known == id) {
            return;
        }
        if methods.len() >= LISTED_METHODS {
            methods.pop_front();
        }
        methods.push_back((id, self.sandbox.now()));
    }

    /// The intent of this name.
    pub async fn find(&self, id: &str) -> Result<Arc<Record>, ApiError> {
        let unknown = || ApiError::not_found("payment_intent", id, "intent");
        let id = IntentId::new(id).map_err(|_| unknown())?;
        self.sandbox.find(&id).await?.ok_or_else(unknown)
    }

    /// An intent as this caller may see it.
    pub fn view(call: &Call, record: &Record) -> Value {
        let mut intent = objects::intent(record, &call.base);
        if let (Role::Browser, Some(fields)) = (call.role, intent.as_object_mut()) {
            for private in ["metadata", "latest_charge", "application", "transfer_data", "amount_received", "amount_capturable"] {
                fields.remove(private);
            }
        }
        intent
    }
}

/// Declines a payment method that would succeed.
fn decline(command: &mut Command, extras: &mut Extras) {
    let method = match command {
        Command::Confirm { payment_method, .. } => Some(payment_method),
        Command::Create { .. } if extras.confirm => extras.payment_method.as_mut(),
        _ => None,
    };
    if let Some(method) = method.filter(|method| methods::behaviour(method) == Some(Behaviour::Approve)) {
        "pm_card_chargeDeclined".clone_into(method);
    }
}

/// Frees its key when the request ends, even if its client goes away.
struct Running<'a> {
    keys: &'a Mutex<HashSet<String>>,
    key: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.key);
    }
}
