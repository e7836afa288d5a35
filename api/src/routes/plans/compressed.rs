//! Keeps plans as they are sent. A revision never changes, and a large one takes a tenth of a second to write and compress: too
//! long for each of the buyers who come when a sale opens.

use crate::compression::Coding;
use bytes::Bytes;
use lastseat_domain::PlanId;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Bytes of all that are kept. A plan of 100,000 seats has 1.2 MB in `br`.
const MOST: usize = 16 << 20;

/// A revision of a plan in a coding.
type Key = (PlanId, u32, Coding);

/// Those that were asked for last, the latest at the end.
#[derive(Default)]
pub struct CompressedPlans(Mutex<VecDeque<(Key, Arc<OnceCell<Bytes>>)>>);

impl CompressedPlans {
    /// The bytes, which `make` makes if nobody else has or does: all others wait for it.
    ///
    /// # Errors
    /// What `make` returns. The next caller tries again.
    pub async fn get<E, F: Future<Output = Result<Bytes, E>>>(&self, key: Key, make: impl FnOnce() -> F) -> Result<Bytes, E> {
        let cell = self.cell(key);
        let bytes = cell.get_or_try_init(make).await?.clone();
        self.evict();
        Ok(bytes)
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Bytes>> {
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
        let size = |(_, cell): &(Key, Arc<OnceCell<Bytes>>)| cell.get().map_or(0, Bytes::len);
        let mut all: usize = kept.iter().map(size).sum();
        while all > MOST && kept.len() > 1 {
            all -= kept.pop_front().as_ref().map_or(0, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(revision: u32) -> Key {
        (PlanId::new("theatre").unwrap(), revision, Coding::Brotli)
    }

    #[tokio::test]
    async fn those_who_come_at_once_wait_for_one_that_is_made_once() {
        let (plans, made) = (CompressedPlans::default(), AtomicUsize::new(0));
        let ask = || {
            plans.get(key(1), || async {
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
    async fn a_failure_is_not_kept_and_other_revisions_and_codings_are_others() {
        let plans = CompressedPlans::default();
        assert_eq!(plans.get(key(1), || async { Err("busy") }).await, Err("busy"));
        for (key, body) in [(key(1), "one"), (key(2), "two"), ((key(1).0, 1, Coding::Gzip), "three")] {
            assert_eq!(plans.get(key, || async { Ok::<_, &str>(Bytes::from(body)) }).await, Ok(Bytes::from(body)));
        }
        assert_eq!(plans.get(key(1), || async { Err("made again") }).await, Ok(Bytes::from("one")));
    }

    #[tokio::test]
    async fn what_was_not_asked_for_for_longest_goes_first() {
        let plans = CompressedPlans::default();
        let large = || async { Ok::<_, &str>(Bytes::from(vec![0; MOST / 2 - 1])) };
        for revision in [1, 2, 1, 3] {
            plans.get(key(revision), large).await.unwrap();
        }
        assert!(plans.get(key(1), || async { Err("gone") }).await.is_ok());
        assert_eq!(plans.get(key(2), || async { Err("gone") }).await, Err("gone"));
    }
}
