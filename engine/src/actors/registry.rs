//! Finds or starts the actor of a key, and stops those that are not needed. A caller whose actor fails is
//! retried on a fresh actor, up to three times.
//!
//! An actor costs some kilobytes, and what it knows can be read from the log again. So only so many are
//! awake; beyond that, those used longest ago are stopped.
//!
//! Not ractor's own registry: that is one for the whole process, and two engines in one process (a
//! simulation of several nodes) would collide in it.

use super::mailbox::{Mailboxes, Posted};
use crate::error::Fault;
use dashmap::DashMap;
use lastseat_domain::Timestamp;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// Times that a command is sent, each time to a fresh actor.
const TRIES: usize = 3;

/// How often the number of actors is compared with the bound: once in so many parts of it. So it is
/// exceeded by one part at most, and by the actors that are at work.
const PARTS: usize = 8;

/// Actors by key.
pub(crate) struct Registry<K: Eq + Hash, A: Actor> {
    entries: DashMap<K, Entry<A>>,
    supervisor: ActorCell,
    /// Actors that may be awake without work.
    most_awake: usize,
    started: AtomicUsize,
    closed: AtomicBool,
    mailboxes: Mailboxes,
}

struct Entry<A: Actor> {
    actor: ActorRef<A::Msg>,
    /// Milliseconds since the epoch.
    last_used: AtomicI64,
    /// Commands that wait for a reply: an actor with any is not idle.
    waiting: Arc<AtomicUsize>,
}

/// A command that waits for its reply.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<K, A, M> Registry<K, A>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    A: Actor<Msg = Posted<M>> + Clone,
    M: Send + 'static,
{
    pub(crate) fn new(supervisor: ActorCell, most_awake: usize) -> Self {
        let (started, closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { entries: DashMap::new(), supervisor, most_awake, started, closed, mailboxes: Mailboxes::default() }
    }

    /// Sends a message to the actor of `key` and waits for the reply. If the actor fails before it has
    /// replied, a fresh one starts from the log and gets the message again. Commands are idempotent, so
    /// this has no second effect.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        key: &K,
        now: Timestamp,
        spawn: impl Fn() -> (A, A::Arguments),
        message: impl Fn(oneshot::Sender<R>) -> M,
    ) -> Result<R, Fault> {
        for _ in 0..TRIES {
            let (actor, _waiting) = self.find(key, now, &spawn)?;
            let (reply, answer) = oneshot::channel();
            if actor.send_message(self.mailboxes.post(message(reply))).is_ok()
                && let Ok(answer) = answer.await
            {
                return Ok(answer);
            }
            self.entries.remove_if(key, |_, entry| entry.actor.get_id() == actor.get_id());
        }
        Err(Fault::OutcomeUnknown("the command's actor failed repeatedly; its outcome is unknown".into()))
    }

    /// Sends a message to the actor of `key` if there is one, without waiting for a reply.
    pub(crate) fn tell(&self, key: &K, message: M) {
        let actor = self.entries.get(key).map(|entry| entry.actor.clone());
        if let Some(actor) = actor
            && actor.send_message(self.mailboxes.post(message)).is_err()
        {
            self.entries.remove_if(key, |_, entry| entry.actor.get_id() == actor.get_id());
        }
    }

    fn find(
        &self,
        key: &K,
        now: Timestamp,
        spawn: &impl Fn() -> (A, A::Arguments),
    ) -> Result<(ActorRef<A::Msg>, Waiting), Fault> {
        let use_it = |entry: &Entry<A>| {
            entry.last_used.store(now.timestamp_millis(), Ordering::Relaxed);
            entry.waiting.fetch_add(1, Ordering::AcqRel);
            (entry.actor.clone(), Waiting(entry.waiting.clone()))
        };
        if self.closed.load(Ordering::Acquire) {
            return Err(Fault::Stopping);
        }
        if let Some(entry) = self.entries.get(key) {
            return Ok(use_it(&entry));
        }
        self.keep_bound();
        let entry = self.entries.entry(key.clone()).or_try_insert_with(|| {
            let (actor, arguments) = spawn();
            let (actor, _) = ractor::ActorRuntime::spawn_linked_instant(None, actor, arguments, self.supervisor.clone())
                .map_err(|e| Fault::Unavailable(format!("an actor could not be started: {e}")))?;
            Ok::<_, Fault>(Entry { actor, last_used: AtomicI64::new(0), waiting: Arc::new(AtomicUsize::new(0)) })
        })?;
        Ok(use_it(&entry))
    }

    /// Stops the actor of `key`, unless commands wait for it.
    pub(crate) fn stop_if_idle(&self, key: &K) {
        let idle = self.entries.remove_if(key, |_, entry| entry.waiting.load(Ordering::Acquire) == 0);
        if let Some((_, entry)) = idle {
            entry.actor.stop(None);
        }
    }

    /// Called for each actor that is about to start: now and then, stops those used longest ago.
    fn keep_bound(&self) {
        let part = (self.most_awake / PARTS).max(1);
        if !(self.started.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(part) || self.entries.len() < self.most_awake {
            return;
        }
        let mut last_used: Vec<i64> = self.entries.iter().map(|entry| entry.last_used.load(Ordering::Relaxed)).collect();
        let surplus = (last_used.len() + part).saturating_sub(self.most_awake).min(last_used.len());
        if let Some(last) = surplus.checked_sub(1) {
            let (_, youngest_to_stop, _) = last_used.select_nth_unstable(last);
            self.passivate(Timestamp::from_timestamp_millis(*youngest_to_stop + 1).unwrap_or(Timestamp::MAX_UTC));
        }
    }

    /// Stops the actors that were not used since `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        let before = before.timestamp_millis();
        self.entries.retain(|_, entry| {
            let idle = entry.last_used.load(Ordering::Relaxed) < before && entry.waiting.load(Ordering::Acquire) == 0;
            if idle {
                entry.actor.stop(None);
            }
            !idle && entry.actor.get_status() != ActorStatus::Stopped
        });
    }

    /// Finds and starts no actor any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// How many actors are in memory.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many messages were sent to them and are not handled.
    pub(crate) fn messages(&self) -> usize {
        self.mailboxes.depth()
    }
}

/// Supervises all actors of an engine. It survives each of them: the next command gets a fresh actor
/// that starts from the log.
pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    // The default would stop the supervisor, and with it every other actor.
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, error) = event {
            tracing::error!(actor = %who.get_id(), %error, "an actor failed; its successor starts from the log");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
