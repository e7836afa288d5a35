//! [`SqliteLog`]: opening, closing, and the port's methods.

use crate::open_error::OpenError;
use crate::options::SqliteOptions;
use crate::pages::{PAGE, Pages};
use crate::paths::resolve;
use crate::readers::{self, Readers};
use crate::recent_events::RecentEvents;
use crate::shared::{Commits, Shared};
use crate::writer::{Append, AppendResult, Job, Writer};
use crate::{mark, opening, schema, subscription};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::request;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, LogReport, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use parking_lot::{Mutex, RwLock};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// An [`EventLog`] in a SQLite file. Appends are atomic across streams; positions count from 1
/// without gaps.
///
/// Needs a tokio runtime for reads. Dropping it writes what is queued and blocks until that is done;
/// [`close`](Self::close) does the same without blocking, and reports errors.
pub struct SqliteLog {
    shared: Arc<Shared>,
    /// `None` if opened for reading only.
    writer: Option<WriterHandle>,
}

struct WriterHandle {
    queue: mpsc::Sender<Job>,
    /// Free space in the queue, in KiB, and all of it.
    queue_space: Arc<Semaphore>,
    queue_kib: u32,
    head: watch::Receiver<Position>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteLog {
    /// Opens the log at `path` for writing, with default settings; creates it if there is none. `clock`
    /// dates the events. Blocks while the file is recovered after a crash. A log that has lost acknowledged
    /// events is refused, see [`SqliteOptions::accept_loss`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(path, clock, SqliteOptions::default())
    }

    /// Like [`open`](Self::open), with the given settings.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(path: impl AsRef<Path>, clock: Arc<dyn Clock>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = resolve(path.as_ref())?;
        let opened = opening::open(&path, clock.now(), &options)?;
        let reader_path = path.clone();
        let readers = Arc::new(Readers::new(options.readers, Box::new(move || schema::open_reader(&reader_path))));
        let shared = Arc::new(Shared {
            pages: Arc::new(Pages::new(Arc::clone(&readers))),
            readers,
            recent: RwLock::new(RecentEvents::new(options.tail_events, options.tail_bytes)),
            commits: Commits::default(),
            stopped: OnceLock::new(),
        });
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let queue_kib = options.queue_bytes.max(request::MAX_APPEND_BYTES) / 1024 + 1;
        let queue_space = Arc::new(Semaphore::new(queue_kib));
        let queue_kib = u32::try_from(queue_kib).unwrap_or(u32::MAX);
        let writer = Writer::new(opened, Arc::clone(&shared), clock, options).map_err(|error| OpenError::of(&path, &error))?;
        let head = writer.head();
        let thread = std::thread::Builder::new().name("event-log".to_owned()).spawn(move || writer.run(jobs));
        let thread = thread.map_err(|error| OpenError::Io { path, reason: error.to_string() })?;
        Ok(Self { shared, writer: Some(WriterHandle { queue, queue_space, queue_kib, head, thread: Mutex::new(Some(thread)) }) })
    }

    /// Opens the log at `path` for reading only: while a server has it open, or after one was
    /// killed. Every append is refused; a subscription ends at the head.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Lost`] only if there is nothing left to read.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = resolve(path.as_ref())?;
        let found = mark::read(&path).map_err(|error| OpenError::Io { path: path.clone(), reason: error.to_string() })?;
        if let Err(loss) = opening::judge_absent(&path, found.mark, None) {
            return Err(OpenError::Lost { path, loss, accepted: None });
        }
        let first = schema::open_inspector(&path)?;
        let open = move || {
            schema::open_inspector(&path).map_err(|error| {
                let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
                rusqlite::Error::SqliteFailure(failure, Some(error.to_string()))
            })
        };
        let readers = Readers::new(2, Box::new(open));
        readers.keep(first);
        let recent = RwLock::new(RecentEvents::new(0, 0));
        let readers = Arc::new(readers);
        let (pages, commits) = (Arc::new(Pages::new(Arc::clone(&readers))), Commits::default());
        let shared = Shared { pages, readers, recent, commits, stopped: OnceLock::new() };
        Ok(Self { shared: Arc::new(shared), writer: None })
    }

    /// Writes what is queued, moves the write-ahead log into the file, and releases the file. Later calls
    /// get [`LogFault::Unavailable`]; subscriptions end. Closing again does nothing.
    ///
    /// # Errors
    /// [`LogFault::Unavailable`] if the log had stopped, or the write-ahead log could not be moved.
    /// Acknowledged events are durable even then.
    pub async fn close(&self) -> Result<(), LogFault> {
        let Some(writer) = &self.writer else {
            self.shared.readers.close();
            return Ok(());
        };
        let (done, closed) = oneshot::channel();
        if writer.queue.send(Job::Close(done)).await.is_err() {
            return self.shared.check_running();
        }
        closed.await.unwrap_or_else(|_| self.shared.check_running())
    }

    /// Queues appends, which are not empty and were checked, and waits for what became of each.
    async fn enqueue(&self, appends: Vec<Vec<StreamWrite>>, bytes: usize) -> Vec<AppendResult> {
        let count = appends.len();
        let queued = async {
            let Some(writer) = &self.writer else {
                return Err(LogFault::Refused("the log is open for reading only".to_owned()));
            };
            self.shared.check_running()?;
            let closed = || LogFault::Unavailable("the log is closed".to_owned());
            let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(writer.queue_kib);
            let queue_space = Arc::clone(&writer.queue_space).acquire_many_owned(kib).await.map_err(|_| closed())?;
            let (answer, answered) = oneshot::channel();
            if writer.queue.send(Job::Append(Append { appends, bytes, answer, _queue_space: queue_space })).await.is_err() {
                self.shared.check_running()?;
                return Err(closed());
            }
            answered.await.map_err(|_| LogFault::OutcomeUnknown("the log closed before it answered".to_owned()))
        };
        queued.await.unwrap_or_else(|fault| vec![Err(fault); count])
    }

    /// The position up to which reads see events. If opened for reading only, it moves while a server
    /// writes.
    async fn visible_head(&self) -> Result<Position, LogFault> {
        self.shared.readers.check_open()?;
        match &self.writer {
            Some(writer) => Ok(*writer.head.borrow()),
            None => self.shared.readers.run(readers::head).await,
        }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn page_in_memory(&self, from: Position, direction: Direction, max: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let recent = self.shared.recent.read();
        match direction {
            Direction::Forwards => recent.after(from, max),
            Direction::Backwards => recent.before(from, max),
        }
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        let Some(WriterHandle { queue, thread, .. }) = self.writer.take() else { return };
        drop(queue);
        // Wait until the file is released. The hook for fatal failures runs on the writer thread and may
        // drop the log there; a thread can't wait for itself.
        if let Some(thread) = thread.into_inner()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread of the event log panicked");
        }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    fn atomic_across_streams(&self) -> bool {
        true
    }

    fn report(&self) -> LogReport {
        // Tokio counts what is free in a channel.
        let queued = self.writer.as_ref().map_or(0, |writer| writer.queue.max_capacity() - writer.queue.capacity());
        LogReport { writer_queue: queued as u64, ..self.shared.commits.report() }
    }

    /// A queued append is carried out even if the caller gives up.
    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let bytes = request::check(&writes)?;
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let lost = || Err(LogFault::OutcomeUnknown("the log has no answer for the append".to_owned()));
        self.enqueue(vec![writes], bytes).await.pop().unwrap_or_else(lost)
    }

    /// One job for the writer, in one transaction.
    async fn append_each(&self, appends: Vec<Vec<StreamWrite>>) -> Vec<Result<Vec<WriteOutcome>, LogFault>> {
        let mut bytes = 0;
        let mut refused = Vec::new();
        let mut accepted = Vec::with_capacity(appends.len());
        for (index, writes) in appends.into_iter().enumerate() {
            match request::check(&writes) {
                Ok(_) if writes.is_empty() => refused.push((index, Ok(Vec::new()))),
                Ok(size) => {
                    bytes += size;
                    accepted.push(writes);
                }
                Err(fault) => refused.push((index, Err(fault))),
            }
        }
        let mut results = if accepted.is_empty() { Vec::new() } else { self.enqueue(accepted, bytes).await };
        // In ascending order, so that each index is right once those before it are there.
        for (index, result) in refused {
            results.insert(index.min(results.len()), result);
        }
        results
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let head = self.visible_head().await?;
        let in_memory = self.shared.recent.read().stream(stream, from, direction, limit);
        if let Some(events) = in_memory {
            return Ok(events);
        }
        let stream = stream.clone();
        self.shared.readers.run(move |c| readers::stream(c, &stream, from, direction, limit, head)).await
    }

    async fn read_all(
        &self,
        from: Option<Position>,
        direction: Direction,
        limit: usize,
        filter: &Filter,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        const PAGE_IN_MEMORY: usize = 1024;
        let head = self.visible_head().await?;
        let mut cursor = match direction {
            Direction::Forwards => from.unwrap_or(Position::START),
            Direction::Backwards => from.unwrap_or(Position(u64::MAX)).min(Position(head.0 + 1)),
        };
        let mut found = Vec::new();
        loop {
            let done = match direction {
                Direction::Forwards => cursor >= head,
                Direction::Backwards => cursor <= Position(1),
            };
            if done || found.len() >= limit {
                return Ok(found);
            }
            if let Some(events) = self.page_in_memory(cursor, direction, PAGE_IN_MEMORY) {
                cursor = events.last().map_or(head, |event| event.position);
                let passing = events.into_iter().filter(|event| event.position <= head);
                let passing = passing.filter(|event| filter.matches(event.stream.as_str(), &event.event_type));
                found.extend(passing.take(limit - found.len()));
                continue;
            }
            let left = limit - found.len();
            if direction == Direction::Forwards && left >= PAGE {
                let page = self.shared.pages.after(cursor, head, filter).await?;
                found.extend_from_slice(&page.events);
                cursor = page.reached;
                if page.is_last {
                    return Ok(found);
                }
                continue;
            }
            let (start, filter) = (cursor, filter.clone());
            let query = move |c: &rusqlite::Connection| readers::page(c, start, head, direction, left, &filter);
            let page = self.shared.readers.run(query).await?;
            found.extend(page.events);
            cursor = page.reached;
            if page.is_last {
                return Ok(found);
            }
        }
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let shared = Arc::clone(&self.shared);
        let subscribe = move |shared: Arc<Shared>, head: watch::Receiver<Position>| {
            let reached = *head.borrow();
            match request::check_start(from, reached) {
                Ok(()) => subscription::subscribe(shared, head, from, filter),
                Err(fault) => stream::iter([Err(fault)]).boxed(),
            }
        };
        if let Some(writer) = &self.writer {
            return subscribe(shared, writer.head.clone());
        }
        // Another process's writes are not announced here, so the subscription ends at the current head.
        let subscribe_to_head = async move {
            match shared.readers.run(readers::head).await {
                Ok(head) => subscribe(shared, watch::channel(head).1),
                Err(fault) => stream::iter([Err(fault)]).boxed(),
            }
        };
        subscribe_to_head.flatten_stream().boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.visible_head().await
    }
}
