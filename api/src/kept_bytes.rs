//! Keeps bodies that never change and are asked for often, up to a size in all.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Bytes of all that are kept.
const MOST: usize = 16 << 20;
/// Bodies that are kept: each is looked for among all.
const MOST_BODIES: usize = 1_000;

/// Those that were asked for last, the latest at the end.
pub struct KeptBytes<K>(Mutex<VecDeque<Kept<K>>>);

/// A body, as soon as it is there.
type Kept<K> = (K, Arc<OnceCell<Bytes>>);

impl<K> Default for KeptBytes<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq> KeptBytes<K> {
    /// The bytes, which `make` makes if nobody else has or does: all others wait for it.
    ///
    /// # Errors
    /// What `make` returns. The next caller tries again.
    pub async fn get<E, F: Future<Output = Result<Bytes, E>>>(&self, key: K, make: impl FnOnce() -> F) -> Result<Bytes, E> {
        let cell = self.cell(key);
        let bytes = cell.get_or_try_init(make).await?.clone();
        self.evict();
        Ok(bytes)
    }

    fn cell(&self, key: K) -> Arc<OnceCell<Bytes>> {
        let mut kept = self.0.lock();
        let known = kept.iter().position(|(known, _)| *known == key).and_then(|index| kept.remove(index));
        let entry = known.unwrap_or_else(|| (key, Arc::default()));
        let cell = Arc::clone(&entry.1);
        kept.push_back(entry);
        cell
    }

    /// Keeps the latest one, however large it is.
    fn evict(&self) {
        let mut kept = self.0.lock();
        let size = |(_, cell): &Kept<K>| cell.get().map_or(0, Bytes::len);
        let mut all: usize = kept.iter().map(size).sum();
        while (all > MOST || kept.len() > MOST_BODIES) && kept.len() > 1 {
            all -= kept.pop_front().as_ref().map_or(0, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(revision: u32) -> (u32, &'static str) {
        (revision, "br")
    }

    #[tokio::test]
    async fn those_who_come_at_once_wait_for_one_that_is_made_once() {
        let (kept, made) = (KeptBytes::default(), AtomicUsize::new(0));
        let ask = || {
            kept.get(key(1), || async {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Bytes::from_static(b"drawn"))
            })
        };
        for answer in futures::future::join_all((0..20).map(|_| ask())).await {
            assert_eq!(answer.unwrap(), "drawn");
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_other_keys_are_others() {
        let kept = KeptBytes::default();
        assert_eq!(kept.get(key(1), || async { Err("busy") }).await, Err("busy"));
        for (key, body) in [(key(1), "one"), (key(2), "two"), ((1, "gzip"), "three")] {
            assert_eq!(kept.get(key, || async { Ok::<_, &str>(Bytes::from(body)) }).await, Ok(Bytes::from(body)));
        }
        assert_eq!(kept.get(key(1), || async { Err("made again") }).await, Ok(Bytes::from("one")));
    }

    #[tokio::test]
    async fn what_was_not_asked_for_for_longest_goes_first() {
        let kept = KeptBytes::default();
        let large = || async { Ok::<_, &str>(Bytes::from(vec![0; MOST / 2 - 1])) };
        for revision in [1, 2, 1, 3] {
            kept.get(key(revision), large).await.unwrap();
        }
        assert!(kept.get(key(1), || async { Err("gone") }).await.is_ok());
        assert_eq!(kept.get(key(2), || async { Err("gone") }).await, Err("gone"));
    }
}
