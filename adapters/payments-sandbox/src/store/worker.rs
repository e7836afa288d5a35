//! Carries out what callers want of the store: all changes of a moment in one transaction, then what only reads.

use super::payments::{Payments, Step, Undecided};
use crate::endpoint::WebhookEndpoint;
use crate::machine::{Decision, Request};
use crate::record::Record;
use crate::undelivered::Undelivered;
use lastseat_domain::Timestamp;
use parking_lot::{Mutex, RwLock};
use rusqlite::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Learns of every change of an intent: as it was, as it is, and when.
pub(crate) type Observer = Box<dyn Fn(Option<&Arc<Record>>, &Arc<Record>, Timestamp) + Send + Sync>;

/// Makes an endpoint of the one that is there; nothing leaves it as it is.
pub(crate) type EndpointChange = Box<dyn FnOnce(Option<&WebhookEndpoint>) -> Option<WebhookEndpoint> + Send>;

pub(super) type Answer<T> = oneshot::Sender<Result<T, Undelivered>>;

/// What a caller wants.
pub(super) enum Task {
    /// Carry out a request.
    Decide(Box<Request>, Answer<Decision>),
    /// Change the webhook endpoint of this name.
    Endpoint(String, EndpointChange, Timestamp, Answer<Option<Arc<WebhookEndpoint>>>),
    /// Read, after everything that was answered before.
    Read(Box<dyn FnOnce(&mut Payments) + Send>),
}

/// What is known outside of the store's thread.
#[derive(Default)]
pub(super) struct Shared {
    /// As they are stored. There are few, and each event looks at them.
    pub endpoints: RwLock<BTreeMap<String, Arc<WebhookEndpoint>>>,
    pub observer: Mutex<Option<Observer>>,
}

pub(super) struct Worker {
    payments: Payments,
    shared: Arc<Shared>,
    /// A transaction was rolled back, and counted further than what is stored.
    is_stale: bool,
}

/// Answers a caller once it is known whether the transaction was committed.
type Deliver = Box<dyn FnOnce(Result<(), Undelivered>) + Send>;

impl Worker {
    pub(super) fn new(payments: Payments) -> rusqlite::Result<(Self, Arc<Shared>)> {
        let endpoints = payments.endpoints()?.into_iter().map(|endpoint| (endpoint.id.clone(), Arc::new(endpoint)));
        let shared = Arc::new(Shared { endpoints: RwLock::new(endpoints.collect()), ..Shared::default() });
        Ok((Self { payments, shared: Arc::clone(&shared), is_stale: false }, shared))
    }

    #[cfg(test)]
    pub(super) fn payments(&mut self) -> &mut Payments {
        &mut self.payments
    }

    /// Carries out tasks, in one transaction as far as they change anything.
    pub(super) fn carry_out(&mut self, tasks: impl IntoIterator<Item = Task>) {
        let mut batch = Batch::default();
        let mut reads = Vec::new();
        let mut writes = Vec::new();
        for task in tasks {
            match task {
                Task::Read(read) => reads.push(read),
                write => writes.push(write),
            }
        }
        if !writes.is_empty() {
            let done = self.transaction(writes, &mut batch);
            if let Err(fault) = &done {
                tracing::error!(%fault, calls = batch.deliveries.len(), "the payment sandbox could not store changes");
                self.roll_back();
            } else {
                self.publish(&mut batch);
            }
            for deliver in batch.deliveries {
                deliver(done.clone());
            }
        }
        for read in reads {
            read(&mut self.payments);
        }
    }

    fn transaction(&mut self, tasks: Vec<Task>, batch: &mut Batch) -> Result<(), Undelivered> {
        let mut tasks = tasks.into_iter();
        let done = self.store(&mut tasks, batch);
        // Nothing of these was begun.
        batch.deliveries.extend(tasks.filter_map(refuse));
        done.map_err(|error| unavailable(&error))?;
        self.payments.commit().map_err(|error| commit_fault(&error))
    }

    /// Stores what the tasks change, in a transaction that is not committed yet.
    fn store(&mut self, tasks: &mut impl Iterator<Item = Task>, batch: &mut Batch) -> rusqlite::Result<()> {
        if self.is_stale {
            self.payments.reload()?;
            self.is_stale = false;
        }
        self.payments.begin()?;
        for task in tasks {
            match task {
                Task::Decide(request, answer) => {
                    batch.now = batch.now.max(Some(request.at));
                    match self.payments.decide(&request) {
                        Ok((decision, step)) => {
                            batch.steps.extend(step);
                            batch.deliveries.push(deliver(answer, Some(decision)));
                        }
                        // Only this caller's payment is concerned: the others must not fail with it, again and again.
                        Err(Undecided::Unread(error)) if self.payments.is_in_transaction() => {
                            tracing::error!(%error, "the payment sandbox can't read a payment");
                            let refused = Err(unavailable(&error));
                            batch.deliveries.push(Box::new(move |_| drop(answer.send(refused))));
                        }
                        Err(Undecided::Unread(error) | Undecided::Unstored(error)) => {
                            batch.deliveries.push(deliver(answer, None));
                            return Err(error);
                        }
                    }
                }
                Task::Endpoint(id, change, at, answer) => {
                    batch.now = batch.now.max(Some(at));
                    let before = batch.endpoint(&self.shared, &id);
                    let after = change(before.as_deref()).map(Arc::new);
                    let stored = after.as_ref().map_or(Ok(()), |after| self.payments.store_endpoint(after));
                    batch.endpoints.extend(after.clone());
                    batch.deliveries.push(deliver(answer, Some(after.or(before))));
                    stored?;
                }
                Task::Read(_) => {}
            }
        }
        batch.now.map_or(Ok(()), |now| self.payments.finish(now))
    }

    fn roll_back(&mut self) {
        self.is_stale = true;
        if let Err(error) = self.payments.roll_back() {
            tracing::error!(%error, "the payment sandbox could not roll back a transaction");
        }
    }

    /// Makes known what is stored, before the callers are answered.
    fn publish(&self, batch: &mut Batch) {
        for endpoint in batch.endpoints.drain(..) {
            let mut endpoints = self.shared.endpoints.write();
            match endpoint.deleted {
                true => endpoints.remove(&endpoint.id),
                false => endpoints.insert(endpoint.id.clone(), endpoint),
            };
        }
        if let Some(observer) = &*self.shared.observer.lock() {
            for Step { before, after, at } in &batch.steps {
                observer(before.as_ref(), after, *at);
            }
        }
    }
}

/// What one transaction does.
#[derive(Default)]
struct Batch {
    now: Option<Timestamp>,
    steps: Vec<Step>,
    endpoints: Vec<Arc<WebhookEndpoint>>,
    deliveries: Vec<Deliver>,
}

impl Batch {
    /// The endpoint as this transaction has left it.
    fn endpoint(&self, shared: &Shared, id: &str) -> Option<Arc<WebhookEndpoint>> {
        match self.endpoints.iter().rev().find(|endpoint| endpoint.id == id) {
            Some(changed) => Some(Arc::clone(changed)).filter(|endpoint| !endpoint.deleted),
            None => shared.endpoints.read().get(id).cloned(),
        }
    }
}

/// `value` is missing if it could not be found out, which fails the transaction.
fn deliver<T: Send + 'static>(answer: Answer<T>, value: Option<T>) -> Deliver {
    Box::new(move |committed| {
        let value = committed.and_then(|()| value.ok_or(Undelivered::Lost));
        // The caller may have given up.
        drop(answer.send(value));
    })
}

fn refuse(task: Task) -> Option<Deliver> {
    match task {
        Task::Decide(_, answer) => Some(deliver(answer, None)),
        Task::Endpoint(_, _, _, answer) => Some(deliver(answer, None)),
        Task::Read(_) => None,
    }
}

/// A call that changed nothing.
pub(super) fn unavailable(error: &rusqlite::Error) -> Undelivered {
    Undelivered::Unavailable(format!("the sandbox can't use its file: {error}"))
}

/// On a full disk the commit record, which comes last, was not written. After any other error nobody knows.
fn commit_fault(error: &rusqlite::Error) -> Undelivered {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => unavailable(error),
        _ => {
            tracing::error!(%error, "a commit of the payment sandbox failed");
            Undelivered::Lost
        }
    }
}
