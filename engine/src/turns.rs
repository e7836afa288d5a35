//! Turns by key: commands of this node that would only get in each other's way at the log come one after the other.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::{Mutex as Waiting, OwnedMutexGuard};

type Places<K> = Arc<Mutex<HashMap<K, Arc<Waiting<()>>>>>;

#[derive(Debug)]
pub(crate) struct Turns<K>(Places<K>);

/// The turn of one command, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<K: Hash + Eq> {
    key: K,
    places: Places<K>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    fn place(&self, key: &K) -> Arc<Waiting<()>> {
        Arc::clone(self.0.lock().entry(key.clone()).or_default())
    }

    fn turn(&self, key: &K, guard: Option<OwnedMutexGuard<()>>) -> Turn<K> {
        Turn { key: key.clone(), places: Arc::clone(&self.0), guard }
    }

    /// Waits for those that came before.
    pub(crate) async fn wait(&self, key: &K) -> Turn<K> {
        // Made first, so that nothing is left when it is dropped while it waits.
        let mut turn = self.turn(key, None);
        turn.guard = Some(self.place(key).lock_owned().await);
        turn
    }

    /// `None` if it is somebody else's turn.
    pub(crate) fn try_take(&self, key: &K) -> Option<Turn<K>> {
        let guard = self.place(key).try_lock_owned().ok()?;
        Some(self.turn(key, Some(guard)))
    }
}

impl<K: Hash + Eq> Drop for Turn<K> {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        drop(self.guard.take());
        // Nobody waits: each that waits has a share of it.
        if places.get(&self.key).is_some_and(|place| Arc::strong_count(place) == 1) {
            places.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn turns_come_one_after_the_other_and_nothing_is_left() {
        let turns = Turns::<u32>::default();
        let first = turns.try_take(&1).expect("nobody has it");
        assert!(turns.try_take(&1).is_none() && turns.try_take(&2).is_some());
        let mut waiting = Box::pin(turns.wait(&1));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        let second = waiting.now_or_never().expect("its turn has come");
        drop(second);
        assert!(turns.0.lock().is_empty());
    }
}
