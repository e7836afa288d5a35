//! A log that counts what is read of the streams of one category.

use crate::{ForwardLog, ForwardingLog};
use async_trait::async_trait;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, EventLog, LogFault, RecordedEvent, Revision};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was read since the count began, or was last taken.
#[derive(Debug, Default)]
pub struct Reads {
    calls: AtomicUsize,
    events: AtomicUsize,
}

impl Reads {
    /// How often a stream was read; the count begins again.
    pub fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }

    /// How many events were read; the count begins again.
    pub fn take_events(&self) -> usize {
        self.events.swap(0, Ordering::Relaxed)
    }
}

struct CountedReads {
    inner: Arc<dyn EventLog>,
    category: &'static str,
    reads: Arc<Reads>,
}

/// The log, with a count of what is read of streams of this category.
#[must_use]
pub fn counted_reads(log: Arc<dyn EventLog>, category: &'static str) -> (Arc<dyn EventLog>, Arc<Reads>) {
    let reads = Arc::new(Reads::default());
    (Arc::new(ForwardingLog(CountedReads { inner: log, category, reads: Arc::clone(&reads) })), reads)
}

#[async_trait]
impl ForwardLog for CountedReads {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let page = self.inner.read_stream(stream, from, direction, limit).await?;
        if stream.category() == self.category {
            self.reads.calls.fetch_add(1, Ordering::Relaxed);
            self.reads.events.fetch_add(page.len(), Ordering::Relaxed);
        }
        Ok(page)
    }
}
