//! One lock for each key: commands of this node that would only conflict at the log run one after the other.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard};

type Locks<K> = Arc<Mutex<HashMap<K, Arc<FairMutex<()>>>>>;

#[derive(Debug)]
pub(crate) struct KeyedLocks<K>(Locks<K>);

/// One key's lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct KeyedGuard<K: Hash + Eq> {
    key: K,
    locks: Locks<K>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> KeyedLocks<K> {
    fn lock(&self, key: &K) -> Arc<FairMutex<()>> {
        Arc::clone(self.0.lock().entry(key.clone()).or_default())
    }

    fn guard(&self, key: &K, guard: Option<OwnedMutexGuard<()>>) -> KeyedGuard<K> {
        KeyedGuard { key: key.clone(), locks: Arc::clone(&self.0), guard }
    }

    /// Waits for those that came before.
    pub(crate) async fn wait(&self, key: &K) -> KeyedGuard<K> {
        // Made first, so that nothing is left when it is dropped while it waits.
        let mut guard = self.guard(key, None);
        guard.guard = Some(self.lock(key).lock_owned().await);
        guard
    }

    /// `None` if somebody else has the lock.
    pub(crate) fn try_take(&self, key: &K) -> Option<KeyedGuard<K>> {
        let guard = self.lock(key).try_lock_owned().ok()?;
        Some(self.guard(key, Some(guard)))
    }
}

impl<K: Hash + Eq> Drop for KeyedGuard<K> {
    fn drop(&mut self) {
        let mut locks = self.locks.lock();
        drop(self.guard.take());
        // Nobody waits: each that waits has a reference to it.
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_key_has_one_holder_at_a_time_and_nothing_is_left() {
        let locks = KeyedLocks::<u32>::default();
        let first = locks.try_take(&1).expect("nobody has it");
        assert!(locks.try_take(&1).is_none() && locks.try_take(&2).is_some());
        let mut waiting = Box::pin(locks.wait(&1));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        let second = waiting.now_or_never().expect("the lock is free");
        drop(second);
        assert!(locks.0.lock().is_empty());
    }
}
