//! The connection to the store: recreates the client when its connection is lost, and passes every call
//! through the circuit breaker, with a deadline. A slow call ends neither: only a store, or a connection, that answers nothing
//! at all is given up.

use crate::call_error::CallError;
use crate::circuit::{Admitted, Circuit, CircuitState, Verdict};
use crate::connection_string::Target;
use crate::options::Options;
use crate::probing::is_connectable;
use eventstore::{Client, ReadAllOptions, StreamPosition};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Anything but [`CircuitState::Closed`] means that the store answers nothing.
    pub circuit: CircuitState,
    /// How long the circuit has not been closed.
    pub failing_for: Option<Duration>,
    /// The last failure, and how long ago it was. Kept after the store is back.
    pub last_fault: Option<(Duration, String)>,
}

/// A client, and its number: each new client gets a greater one.
#[derive(Clone)]
pub(crate) struct NumberedClient {
    pub client: Client,
    pub number: u64,
}

/// What happened since the start.
pub(crate) struct Counts {
    pub slow_subscriptions: u64,
    pub suspensions: u64,
}

/// Clients that may be in use at a time: the current one, and older ones that calls and subscriptions in progress keep.
const CLIENTS: usize = 8;

pub(crate) struct Connection {
    pub target: Target,
    pub options: Options,
    state: Mutex<State>,
    closed: CancellationToken,
    slow_subscriptions: AtomicU64,
    suspensions: AtomicU64,
    this: Weak<Self>,
}

type PendingClient = Shared<BoxFuture<'static, Result<Client, CallError>>>;

struct State {
    circuit: Circuit,
    /// The client, or its creation, which continues even if the caller gives up.
    current: Option<(u64, PendingClient)>,
    created: u64,
    /// The newest clients that answers came through, and when the last one did.
    heard: Vec<(u64, Instant)>,
    last_fault: Option<(Instant, String)>,
}

impl Connection {
    pub(crate) fn new(target: Target, options: Options) -> Arc<Self> {
        let circuit = Circuit::new(options.circuit.clone());
        Arc::new_cyclic(|this| Self {
            target,
            options,
            state: Mutex::new(State { circuit, current: None, created: 0, heard: Vec::new(), last_fault: None }),
            closed: CancellationToken::new(),
            slow_subscriptions: AtomicU64::new(0),
            suspensions: AtomicU64::new(0),
            this: this.clone(),
        })
    }

    /// Fails all calls from now on, those under way included, and ends the subscriptions.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        self.state.lock().current = None;
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    pub(crate) fn health(&self) -> Health {
        let (state, now) = (self.state.lock(), Instant::now());
        let since = |then: Instant| now.saturating_duration_since(then);
        Health {
            circuit: state.circuit.state(),
            failing_for: state.circuit.opened().map(since),
            last_fault: state.last_fault.as_ref().map(|(when, why)| (since(*when), why.clone())),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            slow_subscriptions: self.slow_subscriptions.load(Ordering::Relaxed),
            suspensions: self.suspensions.load(Ordering::Relaxed),
        }
    }

    /// Counts a live subscription that was too slow for the server.
    pub(crate) fn count_slow_subscription(&self) {
        self.slow_subscriptions.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs a call with a time limit, counted by the circuit breaker.
    pub(crate) async fn call<T, Fut>(&self, within: Duration, op: impl FnOnce(NumberedClient) -> Fut) -> Result<T, CallError>
    where
        Fut: Future<Output = Result<T, CallError>>,
    {
        let permit = self.admit()?;
        let mut number = None;
        let work = async {
            let client = self.client().await?;
            number = Some(client.number);
            op(client).await
        };
        // The client panics on servers that violate the protocol.
        let guarded = tokio::time::timeout(within, AssertUnwindSafe(work).catch_unwind());
        let outcome = match self.closed.run_until_cancelled(guarded).await {
            None => Err(CallError::Lost("the log was closed".to_owned())),
            Some(Err(_)) if number.is_none() => Err(CallError::Unreachable(format!("no connection within {within:?}"))),
            Some(Err(_)) => Err(CallError::Lost(format!("no answer within {within:?}"))),
            Some(Ok(Err(_))) => Err(CallError::Lost("the client failed on the server's answer".to_owned())),
            Some(Ok(Ok(outcome))) => outcome,
        };
        if let (Err(error), Some(number)) = (&outcome, number)
            && self.is_given_up(error, number, permit.started, within)
        {
            self.forget(number);
        }
        permit.report(&outcome, number);
        outcome
    }

    /// Whether the next call should get a new client after this failure of a call.
    fn is_given_up(&self, error: &CallError, number: u64, started: Instant, within: Duration) -> bool {
        // After a failed connect the client's own task has ended.
        if matches!(error, CallError::Unreachable(_)) {
            return true;
        }
        // On a stalled connection the client waits for a long time. In a cluster it stays with its node even when that is gone.
        let is_stalled = started.elapsed() >= within * 4 / 5;
        let is_silent = !self.state.lock().heard.iter().any(|(client, at)| *client == number && *at >= started);
        error.is_failure() && is_silent && (is_stalled || self.target.is_cluster())
    }

    /// Something came from the store outside of a call.
    pub(crate) fn heard(&self, number: u64) {
        self.note_answer(&mut self.state.lock(), Some(number));
    }

    fn note_answer(&self, state: &mut State, number: Option<u64>) {
        let now = Instant::now();
        if let Some(number) = number {
            match state.heard.iter_mut().find(|(client, _)| *client == number) {
                Some((_, at)) => *at = now,
                None => {
                    state.heard.truncate(CLIENTS - 1);
                    state.heard.insert(0, (number, now));
                }
            }
        }
        if state.circuit.answered(now) {
            tracing::info!(store = self.target.shown, "the event store answers again");
        }
    }

    fn note_failure(&self, state: &mut State, why: &str, started: Instant) {
        let now = Instant::now();
        state.last_fault = Some((now, why.to_owned()));
        match state.circuit.failed(started, now) {
            Verdict::Nothing => {}
            Verdict::AskStore => drop(tokio::spawn(ask(self.this.clone()))),
            Verdict::Opened => {
                // Calls in progress keep their client.
                state.current = None;
                self.suspensions.fetch_add(1, Ordering::Relaxed);
                let store = &self.target.shown;
                tracing::error!(store, why, "the event store answers nothing; calls to it are suspended until it does");
                tokio::spawn(probe(self.this.clone(), now));
            }
        }
    }

    /// Whether something has come through this client. If not, a call through it may have waited for the connection.
    pub(crate) fn has_heard(&self, number: u64) -> bool {
        self.state.lock().heard.iter().any(|(client, _)| *client == number)
    }

    fn admit(&self) -> Result<Permit<'_>, CallError> {
        if self.closed.is_cancelled() {
            return Err(CallError::Suspended("the log is closed".to_owned()));
        }
        let (mut state, started) = (self.state.lock(), Instant::now());
        match state.circuit.admit(started) {
            Some(admitted) => {
                if admitted == Admitted::OnTrial {
                    // Not on the connection of a trial that has got no answer.
                    state.current = None;
                }
                Ok(Permit { connection: self, started, pending: true })
            }
            None => {
                let why = state.last_fault.as_ref().map_or("", |(_, why)| why);
                Err(CallError::Suspended(format!("{} does not answer: {why}", self.target.shown)))
            }
        }
    }

    /// The client, created if there is none.
    async fn client(&self) -> Result<NumberedClient, CallError> {
        let (number, pending) = {
            let mut state = self.state.lock();
            match &state.current {
                Some((number, pending)) => (*number, pending.clone()),
                None => {
                    state.created += 1;
                    let pending = create(self.target.settings.clone());
                    state.current = Some((state.created, pending.clone()));
                    (state.created, pending)
                }
            }
        };
        match pending.await {
            Ok(client) => Ok(NumberedClient { client, number }),
            Err(error) => {
                self.forget(number);
                Err(error)
            }
        }
    }

    /// Makes the next call create a new client, unless one was created already.
    fn forget(&self, number: u64) {
        let mut state = self.state.lock();
        if state.current.as_ref().is_some_and(|(current, _)| *current == number) {
            state.current = None;
        }
    }
}

/// The client reads certificate files while it is created, and panics on some that are damaged.
fn create(settings: eventstore::ClientSettings) -> PendingClient {
    let runtime = tokio::runtime::Handle::current();
    let creating = tokio::task::spawn_blocking(move || Client::with_runtime_handle(runtime, settings));
    let created = creating.map(|created| match created {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(e)) => Err(CallError::Other(format!("the client can't be created: {e}"))),
        Err(_) => Err(CallError::Other("the client can't be created; are the certificate files valid?".to_owned())),
    });
    created.boxed().shared()
}

/// Asks the store for something easy. Like every call, its outcome is reported to the circuit.
async fn ask(connection: Weak<Connection>) {
    let Some(connection) = connection.upgrade() else { return };
    let within = connection.options.circuit.trial;
    let mut options = ReadAllOptions::default().position(StreamPosition::End).backwards().max_count(1);
    if let Some(credentials) = &connection.target.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = |numbered: NumberedClient| async move { Ok(numbered.client.read_all(options).await?.next().await?) };
    if let Err(error) = connection.call(within, read).await {
        tracing::debug!(?error, "the event store was asked after a call without an answer");
    }
}

/// Tries to connect until the circuit, which opened at `opened`, has closed.
async fn probe(connection: Weak<Connection>, opened: Instant) {
    loop {
        let Some(target) = connection.upgrade() else { return };
        let (pause, nodes) = (target.options.circuit.probe, target.target.settings.hosts().clone());
        drop(target);
        tokio::time::sleep(pause).await;
        let is_connectable = is_connectable(&nodes).await;
        let Some(connection) = connection.upgrade() else { return };
        let mut state = connection.state.lock();
        if connection.closed.is_cancelled() || state.circuit.opened() != Some(opened) {
            return;
        }
        if is_connectable {
            state.circuit.connectable();
        }
    }
}

/// Permission for one call. Reports its outcome to the circuit, also if the caller gives up.
struct Permit<'a> {
    connection: &'a Connection,
    started: Instant,
    pending: bool,
}

impl Permit<'_> {
    fn report<T>(mut self, outcome: &Result<T, CallError>, number: Option<u64>) {
        self.pending = false;
        let mut state = self.connection.state.lock();
        match outcome {
            Err(CallError::Unreachable(why) | CallError::Lost(why)) => {
                self.connection.note_failure(&mut state, why, self.started);
            }
            Err(error) if !error.is_answer() => state.circuit.abandoned(self.started),
            _ => self.connection.note_answer(&mut state, number),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.pending {
            self.connection.state.lock().circuit.abandoned(self.started);
        }
    }
}
