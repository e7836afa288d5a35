//! The embedded log: a SQLite file.
//!
//! One thread writes. It takes everything that waits, carries it out in one transaction, and
//! answers when that is on the disk (group commit): the price of a sync is shared by all who wait.
//! Readers have connections of their own; the newest events are also held in memory, so that
//! subscribers at the head, and whoever reads what was just written, do not touch the file.

mod batch;
mod faults;
pub mod file_lock;
mod integrity;
mod lock;
mod readers;
mod schema;
mod streams;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use integrity::{Integrity, check_integrity};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::request;
use lastseat_domain::ports::event_log::{
    Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision, StreamWrite, WriteOutcome,
};
use parking_lot::{Mutex, RwLock};
use readers::Readers;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tail::Tail;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use writer::{Append, Job, Writer};

/// Why a log could not be opened. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open for writing.
    #[error(
        "the event log {} is in use{}; stop that process, or give this one a folder of its own",
        path.display(),
        holder.map(|id| format!(" by process {id}")).unwrap_or_default()
    )]
    InUse {
        /// The log.
        path: PathBuf,
        /// Process id of the holder, if it could be read.
        holder: Option<u32>,
    },
    /// There is no such file, and it was to be read only.
    #[error("there is no event log at {}", path.display())]
    Missing {
        /// The log.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not an event log of lastseat; choose another path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version.
    #[error(
        "the event log {} has format {found}, and this version of lastseat reads format {supported}; use the version that wrote it, or a newer one",
        path.display()
    )]
    OtherVersion {
        /// The log.
        path: PathBuf,
        /// Format of the file.
        found: i32,
        /// Format of this version.
        supported: i32,
    },
    /// The file is damaged.
    #[error("the event log {} is damaged: {reason}; restore it from a copy", path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The file can't be read or written.
    #[error("the event log {} can't be opened: {reason}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What SQLite or the operating system says.
        reason: String,
    },
}

/// Called once, from the thread that writes, when the log has stopped for good and only a restart
/// of the process, which recovers from the file, helps. The text says why.
pub type FatalHook = Arc<dyn Fn(&str) + Send + Sync>;

/// Bounds of a [`SqliteLog`], and what to do when it stops.
pub struct SqliteOptions {
    /// Most events held in memory.
    pub tail_events: usize,
    /// Most bytes of events held in memory.
    pub tail_bytes: usize,
    /// Most streams whose last revision the writer remembers.
    pub remembered_streams: usize,
    /// Most reads of the file at a time.
    pub readers: usize,
    /// Most appends that may wait for the writer; further ones wait for their turn to wait.
    pub queue: usize,
    /// Most bytes of appends that may wait for the writer, likewise.
    pub queue_bytes: usize,
    /// Size of the write-ahead log, in bytes, from which on it is moved into the file.
    pub checkpoint_bytes: u64,
    /// Most bytes that the file may grow to; only the disk limits it if absent.
    pub max_file_bytes: Option<u64>,
    /// What to do when the log stops for good. By default that is only reported to `tracing`.
    pub on_fatal: FatalHook,
    #[cfg(test)]
    commit_faults: tests::CommitFaults,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            tail_events: 64 * 1024,
            tail_bytes: 64 * 1024 * 1024,
            remembered_streams: 256 * 1024,
            readers: 4,
            queue: 16 * 1024,
            queue_bytes: 64 * 1024 * 1024,
            checkpoint_bytes: 32 * 1024 * 1024,
            max_file_bytes: None,
            on_fatal: Arc::new(|_| ()),
            #[cfg(test)]
            commit_faults: tests::CommitFaults::default(),
        }
    }
}

/// An [`EventLog`] in a SQLite file. Appends are atomic across streams; positions count from 1
/// without gaps.
///
/// Needs a tokio runtime for reads. Dropping it writes what is queued and blocks until that is
/// done; [`close`](Self::close) does the same without blocking, and reports.
pub struct SqliteLog {
    shared: Arc<Shared>,
    /// `None` in a log opened for reading only.
    door: Option<Door>,
}

/// The way to the writer.
struct Door {
    queue: mpsc::Sender<Job>,
    /// Room in the queue, in KiB.
    room: Arc<Semaphore>,
    head: watch::Receiver<Position>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What writer, readers and subscriptions have in common.
struct Shared {
    readers: Arc<Readers>,
    tail: RwLock<Tail>,
    /// Why the writer stopped for good.
    stopped: OnceLock<String>,
}

impl Shared {
    /// # Errors
    /// [`LogFault::Unavailable`] if the writer has stopped for good.
    fn check_running(&self) -> Result<(), LogFault> {
        match self.stopped.get() {
            Some(reason) => Err(LogFault::Unavailable(format!("the log has stopped: {reason}"))),
            None => Ok(()),
        }
    }
}

impl SqliteLog {
    /// Opens the log at `path` for writing, with default bounds; creates it if there is none.
    /// `clock` dates the events. Blocks while the file is recovered after a crash.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(path, clock, SqliteOptions::default())
    }

    /// Like [`open`](Self::open), with the bounds given.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(path: impl AsRef<Path>, clock: Arc<dyn Clock>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = resolve(path.as_ref())?;
        let lock = lock::LogLock::take(&path)?;
        let connection = schema::open_writer(&path, options.max_file_bytes)?;
        let of_reader = path.clone();
        let readers = Arc::new(Readers::new(options.readers, Box::new(move || schema::open_reader(&of_reader))));
        let shared = Arc::new(Shared {
            readers,
            tail: RwLock::new(Tail::new(options.tail_events, options.tail_bytes)),
            stopped: OnceLock::new(),
        });
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let room = Arc::new(Semaphore::new((options.queue_bytes.max(request::MAX_APPEND_BYTES)) / 1024 + 1));
        let writer =
            Writer::new(connection, lock, Arc::clone(&shared), clock, options).map_err(|error| OpenError::of(&path, &error))?;
        let head = writer.head();
        let thread = std::thread::Builder::new().name("event-log".to_owned()).spawn(move || writer.run(jobs));
        let thread = thread.map_err(|error| OpenError::Io { path, reason: error.to_string() })?;
        Ok(Self { shared, door: Some(Door { queue, room, head, thread: Mutex::new(Some(thread)) }) })
    }

    /// Opens the log at `path` for reading only: while a server has it open, or after one was
    /// killed. Every append is refused; a subscription ends at the head.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = resolve(path.as_ref())?;
        let first = schema::open_inspector(&path)?;
        let open = move || {
            schema::open_inspector(&path).map_err(|error| {
                let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
                rusqlite::Error::SqliteFailure(failure, Some(error.to_string()))
            })
        };
        let readers = Readers::new(2, Box::new(open));
        readers.keep(first);
        let tail = RwLock::new(Tail::new(0, 0));
        Ok(Self { shared: Arc::new(Shared { readers: Arc::new(readers), tail, stopped: OnceLock::new() }), door: None })
    }

    /// Writes what is queued, moves the write-ahead log into the file, and gives the file free.
    /// Later calls are answered [`LogFault::Unavailable`]; subscriptions end. Closing again does
    /// nothing.
    ///
    /// # Errors
    /// [`LogFault::Unavailable`] if the log had stopped, or the write-ahead log could not be
    /// moved. What was acknowledged is durable all the same.
    pub async fn close(&self) -> Result<(), LogFault> {
        let Some(door) = &self.door else {
            self.shared.readers.close();
            return Ok(());
        };
        let (done, closed) = oneshot::channel();
        if door.queue.send(Job::Close(done)).await.is_err() {
            return self.shared.check_running();
        }
        closed.await.unwrap_or_else(|_| self.shared.check_running())
    }

    /// Position up to which reads look. In a log opened for reading only it moves as the server
    /// writes.
    async fn horizon(&self) -> Result<Position, LogFault> {
        self.shared.readers.check_open()?;
        match &self.door {
            Some(door) => Ok(*door.head.borrow()),
            None => self.shared.readers.run(readers::head).await,
        }
    }

    fn page_in_memory(&self, from: Position, direction: Direction, max: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let tail = self.shared.tail.read();
        match direction {
            Direction::Forwards => tail.behind(from, max),
            Direction::Backwards => tail.before(from, max),
        }
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        let Some(Door { queue, thread, .. }) = self.door.take() else { return };
        drop(queue);
        // Whoever opens the file next finds it free. The hook for the fatal case runs on the
        // writer's thread and may be what drops the log; a thread can't wait for itself.
        if let Some(thread) = thread.into_inner()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the event log ended in a panic");
        }
    }
}

/// The path without links, so that two ways to one file meet at one lock.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let io = |reason: String| OpenError::Io { path: path.to_owned(), reason };
    let name = path.file_name().ok_or_else(|| io("it names no file".to_owned()))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(folder.canonicalize().map_err(|error| io(error.to_string()))?.join(name))
}

#[async_trait]
impl EventLog for SqliteLog {
    fn atomic_across_streams(&self) -> bool {
        true
    }

    /// Once an append is queued it is carried out, whether or not its caller waits for it.
    async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        let bytes = request::check(&writes)?;
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let Some(door) = &self.door else {
            return Err(LogFault::Refused("the log is open for reading only".to_owned()));
        };
        self.shared.check_running()?;
        let gone = || LogFault::Unavailable("the log is closed".to_owned());
        let room = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&door.room).acquire_many_owned(room).await.map_err(|_| gone())?;
        let (answer, answered) = oneshot::channel();
        if door.queue.send(Job::Append(Append { writes, bytes, answer, _room: room })).await.is_err() {
            self.shared.check_running()?;
            return Err(gone());
        }
        answered.await.unwrap_or_else(|_| Err(LogFault::OutcomeUnknown("the log closed before it answered".to_owned())))
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let head = self.horizon().await?;
        let in_memory = self.shared.tail.read().stream(stream, from, direction, limit);
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
        const IN_MEMORY: usize = 1024;
        let head = self.horizon().await?;
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
            if let Some(events) = self.page_in_memory(cursor, direction, IN_MEMORY) {
                cursor = events.last().map_or(head, |event| event.position);
                let passing = events.into_iter().filter(|event| event.position <= head);
                let passing = passing.filter(|event| filter.matches(event.stream.as_str(), &event.event_type));
                found.extend(passing.take(limit - found.len()));
                continue;
            }
            let (start, left, filter) = (cursor, limit - found.len(), filter.clone());
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
        let follow = move |shared: Arc<Shared>, head: watch::Receiver<Position>| {
            let reached = *head.borrow();
            match request::check_start(from, reached) {
                Ok(()) => subscription::follow(shared, head, from, filter),
                Err(fault) => stream::iter([Err(fault)]).boxed(),
            }
        };
        if let Some(door) = &self.door {
            return follow(shared, door.head.clone());
        }
        // Nobody announces what a server writes, so the head is looked up once and stays.
        let follow_to_head = async move {
            match shared.readers.run(readers::head).await {
                Ok(head) => follow(shared, watch::channel(head).1),
                Err(fault) => stream::iter([Err(fault)]).boxed(),
            }
        };
        follow_to_head.flatten_stream().boxed()
    }

    async fn head(&self) -> Result<Position, LogFault> {
        self.horizon().await
    }
}
