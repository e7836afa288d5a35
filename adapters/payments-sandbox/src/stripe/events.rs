//! Events: what has happened to intents, in order.

use super::objects;
use crate::record::{Record, Status};
use lastseat_domain::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

/// Events that are listed; older ones are forgotten.
const KEPT: usize = 10_000;

/// One event.
#[derive(Debug)]
pub struct Event {
    pub id: String,
    pub kind: &'static str,
    pub at: Timestamp,
    /// The intent as it was then.
    record: Arc<Record>,
    about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Intent,
    Charge,
    Refund,
    Dispute,
}

impl Event {
    /// `base` is where the bank's page is served.
    pub fn render(&self, base: &str) -> Value {
        let record = &self.record;
        let object = match self.about {
            About::Intent => Some(objects::intent(record, base)),
            About::Charge => objects::charge(record, record.charges().len()),
            About::Refund => objects::refund(record, record.refunds.len()),
            About::Dispute => objects::dispute(record),
        };
        json!({
            "id": self.id,
            "object": "event",
            "api_version": super::options::API_VERSION,
            "created": self.at.timestamp(),
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.kind,
        })
    }
}

/// What a change of an intent is announced as.
fn kinds(before: Option<&Record>, after: &Record) -> Vec<(&'static str, About)> {
    let Some(before) = before else {
        // Created and confirmed at once is two steps.
        let mut kinds = vec![("payment_intent.created", About::Intent)];
        kinds.extend(steps(None, after));
        return kinds;
    };
    steps(Some(before), after)
}

fn steps(before: Option<&Record>, after: &Record) -> Vec<(&'static str, About)> {
    let mut kinds = Vec::new();
    let charges_before = before.map_or(0, |before| before.charges().len());
    let new_charge = after.charges().len() > charges_before;
    let status_before = before.map_or(Status::RequiresPaymentMethod, |before| before.status);
    let now = |status| after.status == status && status_before != status;
    if after.last_decline.is_some() && (new_charge || status_before == Status::RequiresAction) {
        if new_charge {
            kinds.push(("charge.failed", About::Charge));
        }
        kinds.push(("payment_intent.payment_failed", About::Intent));
    }
    if now(Status::RequiresAction) {
        kinds.push(("payment_intent.requires_action", About::Intent));
    }
    if after.last_decline.is_none() && new_charge {
        kinds.push(("charge.succeeded", About::Charge));
    }
    if now(Status::RequiresCapture) {
        kinds.push(("payment_intent.amount_capturable_updated", About::Intent));
    }
    if now(Status::Succeeded) {
        if !new_charge {
            kinds.push(("charge.captured", About::Charge));
        }
        kinds.push(("payment_intent.succeeded", About::Intent));
    }
    if now(Status::Canceled) {
        if after.charges().last().is_some_and(|charge| charge.decline.is_none()) {
            kinds.push(("charge.refunded", About::Charge));
        }
        kinds.push(("payment_intent.canceled", About::Intent));
    }
    if after.refunds.len() > before.map_or(0, |before| before.refunds.len()) {
        kinds.extend([("refund.created", About::Refund), ("charge.refunded", About::Charge)]);
    }
    if after.details.disputed.is_some() && before.is_none_or(|before| before.details.disputed.is_none()) {
        kinds.push(("charge.dispute.created", About::Dispute));
    }
    kinds
}

/// The newest events, and what delivers them.
#[derive(Debug)]
pub struct Events {
    newest: Mutex<VecDeque<Arc<Event>>>,
    deliveries: Sender<Arc<Event>>,
    /// Keeps the events of this start apart from those of others.
    started: Timestamp,
    count: AtomicU64,
}

impl Events {
    pub fn new(started: Timestamp, deliveries: Sender<Arc<Event>>) -> Self {
        Self { newest: Mutex::default(), deliveries, started, count: AtomicU64::new(0) }
    }

    /// Takes down a change of an intent.
    pub fn note(&self, before: Option<&Record>, after: &Arc<Record>, at: Timestamp) {
        for (kind, about) in kinds(before, after) {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let name = format!("event {number} of {}", self.started);
            let id = format!("evt_{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple());
            let event = Arc::new(Event { id, kind, at, record: Arc::clone(after), about });
            if self.deliveries.try_send(Arc::clone(&event)).is_err() {
                tracing::warn!(event = event.id, "too many webhooks wait; this one is never sent");
            }
            let mut newest = self.newest.lock();
            if newest.len() >= KEPT {
                newest.pop_front();
            }
            newest.push_back(event);
        }
    }

    /// Newest first.
    pub fn newest(&self) -> Vec<Arc<Event>> {
        self.newest.lock().iter().rev().cloned().collect()
    }
}
