//! One line to Redis that is kept up: dialled in the background, watched, and dialled anew when it
//! leads nowhere. Who calls never waits for more than the first dialling, and for that no longer
//! than for an answer.

use super::NoAnswer;
use super::dial::{Dialler, Wire};
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

/// How long nothing at all may be heard over a line before it is given up.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first pause between two tries to connect; doubled from one to the next.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// How often a line without traffic is tried.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A line to Redis.
pub(super) struct Line {
    dialler: Dialler,
    options: RedisOptions,
    /// Where it stands; the keeper and those who find it broken change it.
    state: watch::Sender<State>,
    /// Times in a row that a line came to nothing: not connected, or connected and no use.
    failures: AtomicU32,
    has_keeper: AtomicBool,
}

#[derive(Clone)]
enum State {
    /// Being dialled; why the last one came to nothing, if there was one.
    Down(Option<NoAnswer>),
    Up(Arc<Live>),
}

/// A line that is up.
struct Live {
    wire: Wire,
    /// Since when nothing was heard that should have been; none if something was heard since.
    silent_since: Mutex<Option<Instant>>,
    /// Whether something was heard since the keeper looked last.
    heard: AtomicBool,
}

impl Line {
    pub(super) fn new(dialler: Dialler, options: RedisOptions) -> Arc<Self> {
        let line = Arc::new(Self {
            dialler,
            options,
            state: watch::Sender::new(State::Down(None)),
            failures: AtomicU32::new(0),
            has_keeper: AtomicBool::new(false),
        });
        line.ensure_kept();
        line
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.dialler.is_cluster()
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

    /// A line that is up. Waits while one is dialled, unless the last try just failed.
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
                self.was_silent(live, &why);
                return Err(why);
            }
        };
        let error = match answer {
            Ok(value) => {
                self.was_heard(live);
                return Ok(value);
            }
            Err(error) => error,
        };
        let (why, symptom) = judge(&error, self.dialler.is_cluster());
        match symptom {
            Symptom::Refused => self.was_heard(live),
            Symptom::Useless => self.give_up(live, &why),
            Symptom::Silent => self.was_silent(live, &why),
        }
        Err(why)
    }

    fn was_heard(&self, live: &Live) {
        live.heard.store(true, Ordering::Relaxed);
        *live.silent_since.lock() = None;
        self.failures.store(0, Ordering::Relaxed);
    }

    fn was_silent(&self, live: &Arc<Live>, why: &NoAnswer) {
        // It was sent that long ago, at least.
        let sent = Instant::now().checked_sub(self.options.response_timeout).unwrap_or_else(Instant::now);
        let since = *live.silent_since.lock().get_or_insert(sent);
        if since.elapsed() >= PATIENCE.max(self.options.response_timeout * 2) {
            self.give_up(live, why);
        }
    }

    /// Has this line dialled anew, unless it was before.
    fn give_up(&self, live: &Arc<Live>, why: &NoAnswer) {
        self.state.send_if_modified(|state| match state {
            State::Up(current) if Arc::ptr_eq(current, live) => {
                tracing::warn!(%why, "the connection to Redis is given up; dialling anew");
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

    /// The pause before the next try: none before the first, then longer and longer.
    fn backoff(&self) -> Duration {
        match self.failures.fetch_add(1, Ordering::Relaxed) {
            0 => Duration::ZERO,
            n => FIRST_BACKOFF.saturating_mul(1 << (n - 1).min(16)).min(self.options.most_backoff),
        }
    }

    async fn dial(&self) {
        let dialled = self.dialler.dial().await;
        let state = match dialled {
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

    /// Asks for a sign of life over a line that had no traffic. A cluster's connection looks after
    /// its nodes by itself.
    async fn feel_the_pulse(&self, live: &Arc<Live>) {
        if !live.heard.swap(false, Ordering::Relaxed) && !self.dialler.is_cluster() {
            let deadline = Instant::now() + self.options.response_timeout;
            let _pulse = self.request_over(live, &redis::cmd("PING"), deadline).await;
        }
    }
}

/// Turns of the runtime that an answer has after its deadline.
const LATE_TURNS: usize = 2;

/// Waits for an answer until `deadline`. If this process is what is slow, the answer may be there by
/// then and nobody had the time to read it: it gets another turn or two.
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

/// The keeper's hold on its line. If the keeper ends before the line does (its runtime is gone), the
/// next call brings another.
struct Keeper(Weak<Line>);

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(line) = self.0.upgrade() {
            line.has_keeper.store(false, Ordering::Release);
        }
    }
}

/// Keeps a line up until nobody has it any more.
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
                kept.dial().await;
            }
            State::Up(live) => {
                kept.feel_the_pulse(&live).await;
                drop((kept, live));
                // Until it is given up, or the line itself is dropped.
                let _whichever_is_first = tokio::time::timeout(HEARTBEAT, news.changed()).await;
            }
        }
    }
}
