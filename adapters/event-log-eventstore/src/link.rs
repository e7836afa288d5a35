//! The link to the store: the client, made anew when its connection is lost, behind the circuit
//! breaker, with a deadline for every call.

use crate::circuit::{Circuit, CircuitState};
use crate::connection::Connection;
use crate::options::Options;
use crate::trouble::Trouble;
use eventstore::Client;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How the link to the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether calls go through. Anything but [`CircuitState::Closed`] means that the store was not
    /// there a moment ago.
    pub circuit: CircuitState,
    /// For how long they have not.
    pub failing_for: Option<Duration>,
    /// What went wrong last, and how long ago. Stays after the store is back.
    pub last_fault: Option<(Duration, String)>,
}

/// A client, and which one: the number grows with every client made.
#[derive(Clone)]
pub(crate) struct Held {
    pub client: Client,
    pub number: u64,
}

pub(crate) struct Link {
    pub connection: Connection,
    pub options: Options,
    state: Mutex<State>,
    closed: CancellationToken,
}

type Making = Shared<BoxFuture<'static, Result<Client, Trouble>>>;

struct State {
    circuit: Circuit,
    /// The client, or the making of it, which goes on whoever waits for it.
    current: Option<(u64, Making)>,
    made: u64,
    last_fault: Option<(Instant, String)>,
}

impl Link {
    pub(crate) fn new(connection: Connection, options: Options) -> Arc<Self> {
        let circuit = Circuit::new(options.circuit.clone());
        Arc::new(Self {
            connection,
            options,
            state: Mutex::new(State { circuit, current: None, made: 0, last_fault: None }),
            closed: CancellationToken::new(),
        })
    }

    /// Lets every call under way and to come fail, and ends the subscriptions.
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

    /// Calls the store, within a time limit.
    pub(crate) async fn call<T, Fut>(&self, within: Duration, op: impl FnOnce(Held) -> Fut) -> Result<T, Trouble>
    where
        Fut: Future<Output = Result<T, Trouble>>,
    {
        let permit = self.admit(within)?;
        let mut number = None;
        let work = async {
            let held = self.held().await?;
            number = Some(held.number);
            op(held).await
        };
        // The client takes for granted that a server keeps to the protocol.
        let guarded = tokio::time::timeout(within, AssertUnwindSafe(work).catch_unwind());
        let mut stalled = false;
        let outcome = match self.closed.run_until_cancelled(guarded).await {
            None => Err(Trouble::Lost("the log was closed".to_owned())),
            Some(Err(_)) if number.is_none() => Err(Trouble::Unreachable(format!("no connection within {within:?}"))),
            Some(Err(_)) => {
                stalled = true;
                Err(Trouble::Lost(format!("no answer within {within:?}")))
            }
            Some(Ok(Err(_))) => Err(Trouble::Lost("the client failed on the server's answer".to_owned())),
            Some(Ok(Ok(outcome))) => outcome,
        };
        if let (Err(trouble), Some(number)) = (&outcome, number) {
            // After a failed connect the client's own task is gone; in a cluster the client keeps
            // to its node even when that is; on a stalled connection it waits for long.
            let gone = matches!(trouble, Trouble::Unreachable(_));
            if gone || stalled || (trouble.is_failure() && self.connection.is_cluster()) {
                self.forget(number);
            }
        }
        permit.report(&outcome);
        outcome
    }

    fn admit(&self, within: Duration) -> Result<Permit<'_>, Trouble> {
        if self.closed.is_cancelled() {
            return Err(Trouble::Resting("the log is closed".to_owned()));
        }
        let mut state = self.state.lock();
        match state.circuit.admit(Instant::now(), within) {
            Ok(()) => Ok(Permit { link: self, open: true }),
            Err(_) => {
                let why = state.last_fault.as_ref().map_or("", |(_, why)| why);
                Err(Trouble::Resting(format!("{} does not answer: {why}", self.connection.shown)))
            }
        }
    }

    /// The client, made if there is none.
    async fn held(&self) -> Result<Held, Trouble> {
        let (number, making) = {
            let mut state = self.state.lock();
            match &state.current {
                Some((number, making)) => (*number, making.clone()),
                None => {
                    state.made += 1;
                    let making = make(self.connection.settings.clone());
                    state.current = Some((state.made, making.clone()));
                    (state.made, making)
                }
            }
        };
        match making.await {
            Ok(client) => Ok(Held { client, number }),
            Err(trouble) => {
                self.forget(number);
                Err(trouble)
            }
        }
    }

    /// Has the next call make a new client, unless that was done already.
    fn forget(&self, number: u64) {
        let mut state = self.state.lock();
        if state.current.as_ref().is_some_and(|(current, _)| *current == number) {
            state.current = None;
        }
    }
}

/// Makes a client. Reads certificates from files, and panics on some that are damaged.
fn make(settings: eventstore::ClientSettings) -> Making {
    let runtime = tokio::runtime::Handle::current();
    let making = tokio::task::spawn_blocking(move || Client::with_runtime_handle(runtime, settings));
    let made = making.map(|made| match made {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(e)) => Err(Trouble::Odd(format!("no client can be made: {e}"))),
        Err(_) => Err(Trouble::Odd("no client can be made; are the certificate files what they should be?".to_owned())),
    });
    made.boxed().shared()
}

/// Leave to call; reports how the call went, also if its caller loses patience.
struct Permit<'a> {
    link: &'a Link,
    open: bool,
}

impl Permit<'_> {
    fn report<T>(mut self, outcome: &Result<T, Trouble>) {
        self.open = false;
        let mut state = self.link.state.lock();
        let now = Instant::now();
        match outcome {
            // The end of a session and another node's being the leader say nothing either way.
            Err(Trouble::SessionEnded | Trouble::NotLeader(_) | Trouble::Resting(_)) => state.circuit.abandoned(now),
            Err(trouble) if trouble.is_failure() => {
                let (Trouble::Unreachable(why) | Trouble::Lost(why)) = trouble else { return };
                state.last_fault = Some((now, why.clone()));
                let before = state.circuit.state();
                state.circuit.failed(now);
                if before == CircuitState::Closed && state.circuit.state() == CircuitState::Open {
                    tracing::error!(
                        store = self.link.connection.shown,
                        why,
                        "the event store does not answer; it is given a rest"
                    );
                }
            }
            _ => {
                if state.circuit.state() != CircuitState::Closed {
                    tracing::info!(store = self.link.connection.shown, "the event store answers again");
                }
                state.circuit.succeeded();
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.open {
            self.link.state.lock().circuit.abandoned(Instant::now());
        }
    }
}
