//! A connection to Redis that is opened in the background, monitored, and reopened when it breaks. Callers
//! wait only for the first attempt to connect, and for that no longer than for an answer.

use super::NoAnswer;
use super::connect::{Connector, OpenConnection};
use super::no_answer::{Symptom, judge};
use crate::options::RedisOptions;
use futures::FutureExt;
use parking_lot::Mutex;
use redis::{Cmd, Value};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a connection may be silent before it is dropped.
const MAX_SILENCE: Duration = Duration::from_secs(1);
/// The first pause between two attempts to connect; doubled from one to the next.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// How often an idle connection is checked.
const HEARTBEAT: Duration = Duration::from_secs(1);

pub(super) struct Reconnecting {
    connector: Connector,
    options: RedisOptions,
    /// Changed by the keeper, and by calls that find the connection broken.
    state: watch::Sender<State>,
    /// Consecutive failures: not connected, or connected without an answer.
    failures: AtomicU32,
    has_keeper: AtomicBool,
}

#[derive(Clone)]
enum State {
    /// Being opened; why the last one failed, if there was one.
    Down(Option<NoAnswer>),
    Up(Arc<Live>),
}

/// A connection that is up.
struct Live {
    wire: OpenConnection,
    /// Since when an expected answer is missing; `None` after any answer.
    silent_since: Mutex<Option<Instant>>,
    /// Whether there was an answer since the keeper last checked.
    heard: AtomicBool,
}

impl Reconnecting {
    pub(super) fn new(connector: Connector, options: RedisOptions) -> Arc<Self> {
        let connection = Arc::new(Self {
            connector,
            options,
            state: watch::Sender::new(State::Down(None)),
            failures: AtomicU32::new(0),
            has_keeper: AtomicBool::new(false),
        });
        connection.ensure_kept();
        connection
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.connector.is_cluster()
    }

    /// Why it is down, if it is.
    pub(super) fn trouble(&self) -> Option<NoAnswer> {
        match &*self.state.borrow() {
            State::Down(why) => why.clone(),
            State::Up(_) => None,
        }
    }

    /// Sends one command and waits for the answer, until `deadline`.
    pub(super) async fn request(self: &Arc<Self>, command: &Cmd, deadline: Instant) -> Result<Value, NoAnswer> {
        self.ensure_kept();
        let live = match tokio::time::timeout_at(deadline, self.live()).await {
            Ok(live) => live?,
            Err(_) => return Err(NoAnswer::new(format!("no connection within {:?}", self.options.response_timeout))),
        };
        self.request_over(&live, command, deadline).await
    }

    /// The connection. Waits while it is being opened, unless the last attempt has just failed.
    async fn live(&self) -> Result<Arc<Live>, NoAnswer> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Up(live) => return Ok(live.clone()),
                State::Down(Some(why)) => return Err(why.clone()),
                State::Down(None) => {}
            }
            // The sender lives as long as we do.
            let _changed = state.changed().await;
        }
    }

    async fn request_over(&self, live: &Arc<Live>, command: &Cmd, deadline: Instant) -> Result<Value, NoAnswer> {
        let mut wire = live.wire.clone();
        let answer = match until(deadline, wire.request(command)).await {
            Some(answer) => answer.and_then(Value::extract_error),
            None => {
                let why = NoAnswer::in_time(self.options.response_timeout);
                self.record_silence(live, &why);
                return Err(why);
            }
        };
        let error = match answer {
            Ok(value) => {
                self.record_answer(live);
                return Ok(value);
            }
            Err(error) => error,
        };
        let (why, symptom) = judge(&error, self.connector.is_cluster());
        match symptom {
            Symptom::Refused => self.record_answer(live),
            Symptom::Broken => self.drop_broken(live, &why),
            Symptom::Silent => self.record_silence(live, &why),
        }
        Err(why)
    }

    fn record_answer(&self, live: &Live) {
        live.heard.store(true, Ordering::Relaxed);
        *live.silent_since.lock() = None;
        self.failures.store(0, Ordering::Relaxed);
    }

    fn record_silence(&self, live: &Arc<Live>, why: &NoAnswer) {
        // It was sent that long ago, at least.
        let sent = Instant::now().checked_sub(self.options.response_timeout).unwrap_or_else(Instant::now);
        let since = *live.silent_since.lock().get_or_insert(sent);
        if since.elapsed() >= MAX_SILENCE.max(self.options.response_timeout * 2) {
            self.drop_broken(live, why);
        }
    }

    /// Has this connection reopened, unless that was done already.
    fn drop_broken(&self, live: &Arc<Live>, why: &NoAnswer) {
        self.state.send_if_modified(|state| match state {
            State::Up(current) if Arc::ptr_eq(current, live) => {
                tracing::warn!(%why, "the connection to Redis is broken; reconnecting");
                *state = State::Down(Some(why.clone()));
                true
            }
            _ => false,
        });
    }

    /// Starts the keeper, once, and not before there is a runtime for it.
    fn ensure_kept(self: &Arc<Self>) {
        if self.has_keeper.load(Ordering::Acquire) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !self.has_keeper.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(keep(Keeper(Arc::downgrade(self))));
        }
    }

    /// The pause before the next attempt: none before the first, then longer and longer.
    fn backoff(&self) -> Duration {
        match self.failures.fetch_add(1, Ordering::Relaxed) {
            0 => Duration::ZERO,
            n => FIRST_BACKOFF.saturating_mul(1 << (n - 1).min(16)).min(self.options.most_backoff),
        }
    }

    async fn connect(&self) {
        let opened = self.connector.connect().await;
        let state = match opened {
            Ok(wire) => {
                tracing::debug!("connected to Redis");
                State::Up(Arc::new(Live { wire, silent_since: Mutex::new(None), heard: AtomicBool::new(true) }))
            }
            Err(why) => {
                tracing::debug!(%why, "Redis can't be reached");
                State::Down(Some(why))
            }
        };
        self.state.send_replace(state);
    }

    /// Pings over an idle connection. A cluster's connection checks its nodes by itself.
    async fn ping(&self, live: &Arc<Live>) {
        if !live.heard.swap(false, Ordering::Relaxed) && !self.connector.is_cluster() {
            let deadline = Instant::now() + self.options.response_timeout;
            let _handled = self.request_over(live, &redis::cmd("PING"), deadline).await;
        }
    }
}

/// Turns of the runtime that an answer has after its deadline.
const LATE_TURNS: usize = 2;

/// Waits for an answer until `deadline`. If this process is the slow one, the answer may have arrived unread,
/// so it gets another turn or two.
async fn until<T>(deadline: Instant, mut answer: impl Future<Output = T> + Unpin) -> Option<T> {
    if let Ok(answer) = tokio::time::timeout_at(deadline, &mut answer).await {
        return Some(answer);
    }
    for _ in 0..LATE_TURNS {
        tokio::task::yield_now().await;
        if let Some(answer) = (&mut answer).now_or_never() {
            return Some(answer);
        }
    }
    None
}

/// The keeper's reference to its connection. If the keeper ends first (its runtime is gone), the next call
/// starts another.
struct Keeper(Weak<Reconnecting>);

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(connection) = self.0.upgrade() {
            connection.has_keeper.store(false, Ordering::Release);
        }
    }
}

/// Keeps a connection up until its last user drops it.
async fn keep(keeper: Keeper) {
    loop {
        let Some(kept) = keeper.0.upgrade() else { return };
        let (mut news, state) = (kept.state.subscribe(), kept.state.borrow().clone());
        match state {
            State::Down(_) => {
                let pause = kept.backoff();
                drop(kept);
                tokio::time::sleep(pause).await;
                let Some(kept) = keeper.0.upgrade() else { return };
                kept.connect().await;
            }
            State::Up(live) => {
                kept.ping(&live).await;
                drop((kept, live));
                // Until it breaks, or its last user drops it.
                let _changed_or_idle = tokio::time::timeout(HEARTBEAT, news.changed()).await;
            }
        }
    }
}
