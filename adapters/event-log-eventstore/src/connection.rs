//! The connection to the store: recreates the client when its connection is lost, and passes every call
//! through the circuit breaker, with a deadline.

use crate::call_error::CallError;
use crate::circuit::{Circuit, CircuitState};
use crate::connection_string::Target;
use crate::options::Options;
use eventstore::Client;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Anything but [`CircuitState::Closed`] means that the store did not answer a moment ago.
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

pub(crate) struct Connection {
    pub target: Target,
    pub options: Options,
    state: Mutex<State>,
    closed: CancellationToken,
}

type PendingClient = Shared<BoxFuture<'static, Result<Client, CallError>>>;

struct State {
    circuit: Circuit,
    /// The client, or its creation, which continues even if the caller gives up.
    current: Option<(u64, PendingClient)>,
    created: u64,
    last_fault: Option<(Instant, String)>,
}

impl Connection {
    pub(crate) fn new(target: Target, options: Options) -> Arc<Self> {
        let circuit = Circuit::new(options.circuit.clone());
        Arc::new(Self {
            target,
            options,
            state: Mutex::new(State { circuit, current: None, created: 0, last_fault: None }),
            closed: CancellationToken::new(),
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

    /// Runs a call with a time limit, counted by the circuit breaker.
    pub(crate) async fn call<T, Fut>(&self, within: Duration, op: impl FnOnce(NumberedClient) -> Fut) -> Result<T, CallError>
    where
        Fut: Future<Output = Result<T, CallError>>,
    {
        let permit = self.admit(within)?;
        let mut number = None;
        let work = async {
            let client = self.client().await?;
            number = Some(client.number);
            op(client).await
        };
        // The client panics on servers that violate the protocol.
        let guarded = tokio::time::timeout(within, AssertUnwindSafe(work).catch_unwind());
        let mut stalled = false;
        let outcome = match self.closed.run_until_cancelled(guarded).await {
            None => Err(CallError::Lost("the log was closed".to_owned())),
            Some(Err(_)) if number.is_none() => Err(CallError::Unreachable(format!("no connection within {within:?}"))),
            Some(Err(_)) => {
                stalled = true;
                Err(CallError::Lost(format!("no answer within {within:?}")))
            }
            Some(Ok(Err(_))) => Err(CallError::Lost("the client failed on the server's answer".to_owned())),
            Some(Ok(Ok(outcome))) => outcome,
        };
        if let (Err(error), Some(number)) = (&outcome, number) {
            // After a failed connect the client's own task has ended. In a cluster the client stays
            // with its node even when that is gone. On a stalled connection it waits for a long time.
            let gone = matches!(error, CallError::Unreachable(_));
            if gone || stalled || (error.is_failure() && self.target.is_cluster()) {
                self.forget(number);
            }
        }
        permit.report(&outcome);
        outcome
    }

    fn admit(&self, within: Duration) -> Result<Permit<'_>, CallError> {
        if self.closed.is_cancelled() {
            return Err(CallError::Suspended("the log is closed".to_owned()));
        }
        let mut state = self.state.lock();
        match state.circuit.admit(Instant::now(), within) {
            Ok(()) => Ok(Permit { connection: self, pending: true }),
            Err(_) => {
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

/// Permission for one call. Reports its outcome to the circuit, also if the caller gives up.
struct Permit<'a> {
    connection: &'a Connection,
    pending: bool,
}

impl Permit<'_> {
    fn report<T>(mut self, outcome: &Result<T, CallError>) {
        self.pending = false;
        let mut state = self.connection.state.lock();
        let now = Instant::now();
        match outcome {
            // These say nothing about the store's health.
            Err(CallError::SessionEnded | CallError::NotLeader(_) | CallError::Suspended(_)) => state.circuit.abandoned(now),
            Err(error) if error.is_failure() => {
                let (CallError::Unreachable(why) | CallError::Lost(why)) = error else { return };
                state.last_fault = Some((now, why.clone()));
                let before = state.circuit.state();
                state.circuit.failed(now);
                if before == CircuitState::Closed && state.circuit.state() == CircuitState::Open {
                    tracing::error!(
                        store = self.connection.target.shown,
                        why,
                        "the event store does not answer; the circuit breaker pauses calls to it"
                    );
                }
            }
            _ => {
                if state.circuit.state() != CircuitState::Closed {
                    tracing::info!(store = self.connection.target.shown, "the event store answers again");
                }
                state.circuit.succeeded();
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.pending {
            self.connection.state.lock().circuit.abandoned(Instant::now());
        }
    }
}
