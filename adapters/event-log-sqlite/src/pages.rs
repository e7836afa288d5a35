//! The pages of the log that were read from the file last.
//!
//! While they catch up, the engine and the views read the same part of the log at nearly the same time. What the first
//! has read, the others find here, with everything that it has decoded; and the next page is being read while this one
//! is worked on.

use crate::readers::{self, Page, Readers};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events of a page.
pub(crate) const PAGE: usize = 512;

/// Pages kept: as far as one reader may be ahead of another that still finds what it has read.
const KEPT: usize = 32;

/// Bytes of bodies in the pages kept, beyond the newest page.
const KEPT_BYTES: usize = 16 << 20;

type Reading = Shared<BoxFuture<'static, Result<Arc<Page>, LogFault>>>;

#[derive(Clone)]
struct Entry {
    from: Position,
    /// Where the log ended when it was read.
    bound: Position,
    filter: Filter,
    reading: Reading,
}

impl Entry {
    /// Of what was read, if it was.
    fn bytes(&self) -> usize {
        self.reading.peek().and_then(|read| read.as_ref().ok()).map_or(0, |page| page.bytes)
    }
}

/// The newest pages, read or being read.
pub(crate) struct Pages {
    readers: Arc<Readers>,
    /// Oldest first.
    kept: Mutex<VecDeque<Entry>>,
    /// Subscriptions that read from the file.
    catching_up: AtomicUsize,
}

/// A subscription that reads from the file.
pub(crate) struct CatchingUp(Arc<Pages>);

impl Drop for CatchingUp {
    fn drop(&mut self) {
        if self.0.catching_up.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.forget_all();
        }
    }
}

impl Pages {
    pub(crate) fn new(readers: Arc<Readers>) -> Self {
        Self { readers, kept: Mutex::default(), catching_up: AtomicUsize::new(0) }
    }

    /// The page of events after `from` that pass the filter. It ends at `bound` or later, unless it is full.
    ///
    /// # Errors
    /// [`LogFault`] if it can't be read; the next call tries again.
    pub(crate) async fn after(&self, from: Position, bound: Position, filter: &Filter) -> Result<Arc<Page>, LogFault> {
        loop {
            let entry = self.entry(from, bound, filter);
            let read = entry.reading.clone().await;
            let was_shorter = |page: &Page| page.is_last && page.reached < bound && entry.bound < bound;
            match &read {
                Ok(page) if was_shorter(page) => self.forget(&entry),
                Ok(page) => {
                    if !page.is_last && page.reached < bound {
                        drop(tokio::spawn(self.entry(page.reached, bound, filter).reading));
                    }
                    return read;
                }
                Err(_) => {
                    self.forget(&entry);
                    return read;
                }
            }
        }
    }

    /// Keep it as long as you read from the file. With the last one the pages go: everybody reads from memory then.
    pub(crate) fn catching_up(self: &Arc<Self>) -> CatchingUp {
        self.catching_up.fetch_add(1, Ordering::AcqRel);
        CatchingUp(Arc::clone(self))
    }

    fn forget_all(&self) {
        // Dropped outside of the lock.
        let kept = std::mem::take(&mut *self.kept.lock());
        drop(kept);
    }

    fn entry(&self, from: Position, bound: Position, filter: &Filter) -> Entry {
        let mut kept = self.kept.lock();
        if let Some(entry) = kept.iter().rev().find(|entry| entry.from == from && entry.filter == *filter) {
            return entry.clone();
        }
        let (readers, passing) = (Arc::clone(&self.readers), filter.clone());
        let query = move |c: &Connection| readers::page(c, from, bound, Direction::Forwards, PAGE, &passing);
        let reading = async move { readers.run(query).await.map(Arc::new) }.boxed().shared();
        let entry = Entry { from, bound, filter: filter.clone(), reading };
        let mut evicted = Vec::new();
        while kept.len() >= KEPT || kept.iter().map(Entry::bytes).sum::<usize>() > KEPT_BYTES {
            evicted.extend(kept.pop_front());
        }
        kept.push_back(entry.clone());
        // Dropped outside of the lock.
        drop(kept);
        drop(evicted);
        entry
    }

    fn forget(&self, entry: &Entry) {
        self.kept.lock().retain(|other| !other.reading.ptr_eq(&entry.reading));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SqliteLog, SqliteOptions};
    use futures::StreamExt;
    use lastseat_domain::StreamName;
    use lastseat_domain::ports::event_log::{Delivery, EventLog, Expected, NewEvent, RecordedEvent, StreamWrite};
    use lastseat_in_process::SystemClock;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    async fn fill(log: &SqliteLog, events: std::ops::Range<u64>) {
        let json = || RawValue::from_string("{}".to_owned()).unwrap();
        let event = |n: u64| NewEvent {
            id: Uuid::from_u128(u128::from(n)),
            event_type: "Happened".to_owned(),
            data: json(),
            metadata: json(),
        };
        let write = |n| StreamWrite {
            stream: StreamName::from_log(&format!("a-{n}")),
            expected: Expected::NoStream,
            events: vec![event(n)],
        };
        log.append(events.map(write).collect()).await.unwrap();
    }

    /// A log of so many events that has none of them in memory.
    async fn log_of(events: u64, folder: &tempfile::TempDir) -> SqliteLog {
        let path = folder.path().join("events.db");
        let log = SqliteLog::open(&path, Arc::new(SystemClock)).unwrap();
        fill(&log, 0..events).await;
        log.close().await.unwrap();
        drop(log);
        let options = SqliteOptions { tail_events: 0, ..SqliteOptions::default() };
        SqliteLog::open_with(&path, Arc::new(SystemClock), options).unwrap()
    }

    async fn all(log: &SqliteLog) -> Vec<Arc<RecordedEvent>> {
        let deliveries = log.subscribe(Position::START, Filter::all());
        let events = deliveries.take_while(|delivery| std::future::ready(!matches!(delivery, Ok(Delivery::CaughtUp(_)))));
        let events = events.filter_map(async |delivery| match delivery.unwrap() {
            Delivery::Event(event) => Some(event),
            _ => None,
        });
        events.collect().await
    }

    #[tokio::test]
    async fn those_who_catch_up_together_get_the_same_copy() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(3_000, &folder).await;
        let (a, b, c) = tokio::join!(all(&log), all(&log), async {
            log.read_all(None, Direction::Forwards, 3_000, &Filter::all()).await.unwrap()
        });
        assert_eq!(a.len(), 3_000);
        assert_eq!(a.iter().map(|event| event.position.0).collect::<Vec<_>>(), (1..=3_000).collect::<Vec<_>>());
        for other in [b, c] {
            assert_eq!(other.len(), 3_000);
            let same = a.iter().zip(&other).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
            // All but the last page, which `read_all` reads apart from the others.
            assert!(same >= 3_000 / PAGE * PAGE, "only {same} of 3000 are the same copy");
        }
    }

    #[tokio::test]
    async fn a_reader_that_is_far_back_still_gets_everything() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of((PAGE * (KEPT + 8)) as u64, &folder).await;
        let mut slow = log.subscribe(Position::START, Filter::all());
        assert!(matches!(slow.next().await, Some(Ok(Delivery::Event(_)))));
        let fast = all(&log).await;
        assert!(log.shared().pages.kept.lock().len() <= KEPT);
        for event in fast.iter().skip(1) {
            assert!(matches!(slow.next().await, Some(Ok(Delivery::Event(other))) if other.position == event.position));
        }
    }

    #[tokio::test]
    async fn a_page_that_was_read_when_the_log_was_shorter_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(10, &folder).await;
        let pages = &log.shared().pages;
        assert_eq!(pages.after(Position::START, Position(10), &Filter::all()).await.unwrap().events.len(), 10);
        fill(&log, 10..15).await;
        let page = pages.after(Position::START, Position(15), &Filter::all()).await.unwrap();
        assert_eq!((page.events.len(), page.reached), (15, Position(15)));
        // A log that does not reach as far as it should is not read for ever.
        let page = pages.after(Position::START, Position(16), &Filter::all()).await.unwrap();
        assert_eq!((page.is_last, page.reached), (true, Position(15)));
    }

    #[tokio::test]
    async fn the_pages_are_kept_while_anybody_catches_up_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(3 * PAGE as u64, &folder).await;
        let kept = || log.shared().pages.kept.lock().len();
        let mut slow = log.subscribe(Position::START, Filter::all());
        assert!(matches!(slow.next().await, Some(Ok(Delivery::Event(_)))));
        // One that has caught up, and reads from memory what comes then.
        let mut fast = log.subscribe(Position(3 * PAGE as u64), Filter::all());
        assert!(matches!(fast.next().await, Some(Ok(Delivery::CaughtUp(_)))));
        fill(&log, 3 * PAGE as u64..3 * PAGE as u64 + 1).await;
        assert!(matches!(fast.next().await, Some(Ok(Delivery::Event(_)))));
        assert!(kept() > 0, "the slow one still needs them");
        drop((slow, fast));
        assert_eq!(kept(), 0);
    }
}
