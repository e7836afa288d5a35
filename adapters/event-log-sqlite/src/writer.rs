//! The writer thread: commits queued appends in groups, and handles failures.

#[cfg(test)]
use crate::commit_faults::CommitFault;
use crate::known_streams::KnownStreams;
use crate::log_lock::LogLock;
use crate::mark::MarkFile;
use crate::opening::Opened;
use crate::options::{FatalHook, SqliteOptions};
use crate::running_hash::LogEnd;
use crate::shared::Shared;
use crate::transaction::{Transaction, Written};
use crate::write_ahead_log::WriteAheadLog;
use crate::{faults, readers};
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{LogFault, Position, StreamWrite, WriteOutcome};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

/// Most appends, and most bytes, in one transaction. Larger ones would only make their callers wait
/// longer.
const MAX_APPENDS: usize = 4096;
const MAX_BYTES: usize = 16 * 1024 * 1024;

pub(super) enum Job {
    Append(Append),
    /// Write what is queued, then release the file.
    Close(CloseAnswer),
}

/// Appends that are answered together, each by itself. They are written in one transaction.
pub(super) struct Append {
    pub(super) appends: Vec<Vec<StreamWrite>>,
    pub(super) bytes: usize,
    pub(super) answer: Answer,
    /// Their place in the queue, released when they are done.
    pub(super) _queue_space: OwnedSemaphorePermit,
}

type CloseAnswer = oneshot::Sender<Result<(), LogFault>>;
/// What became of one append.
pub(super) type AppendResult = Result<Vec<WriteOutcome>, LogFault>;
type Answer = oneshot::Sender<Vec<AppendResult>>;

/// A caller, and how many appends it waits for.
struct Waiting {
    answer: Answer,
    appends: usize,
    _queue_space: OwnedSemaphorePermit,
}

impl Waiting {
    /// Wakes the caller once, however many appends it waits for. It may have given up.
    fn answer(self, results: impl Iterator<Item = AppendResult>) {
        drop(self.answer.send(results.take(self.appends).collect()));
    }

    fn fail(self, fault: &LogFault) {
        self.answer(std::iter::repeat_with(|| Err(fault.clone())));
    }
}

/// Why a transaction failed.
enum Failure {
    /// It was rolled back; the next one may succeed.
    RolledBack(LogFault),
    /// The log must stop. The fault is for the callers, the text for people.
    Fatal(LogFault, String),
}

pub(super) struct Writer {
    connection: Connection,
    lock: LogLock,
    mark: MarkFile,
    /// The last durable event.
    end: LogEnd,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    on_fatal: FatalHook,
    /// Position of the last durable event. Subscriptions end when this is dropped.
    head: watch::Sender<Position>,
    streams: KnownStreams,
    next_stream: i64,
    write_ahead_log: WriteAheadLog,
    #[cfg(test)]
    commit_faults: crate::commit_faults::CommitFaults,
}

impl Writer {
    pub(super) fn new(
        opened: Opened,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        options: SqliteOptions,
    ) -> rusqlite::Result<Self> {
        let Opened { connection, lock, mark, end } = opened;
        let last_stream: Option<i64> = connection.query_row("SELECT max(id) FROM streams", [], |row| row.get(0))?;
        let page_bytes = connection.pragma_query_value(None, "page_size", |row| readers::unsigned(row, 0))?;
        Ok(Self {
            connection,
            lock,
            mark,
            end,
            shared,
            clock,
            on_fatal: options.on_fatal,
            head: watch::Sender::new(end.position),
            streams: KnownStreams::new(options.remembered_streams),
            next_stream: last_stream.unwrap_or(0) + 1,
            write_ahead_log: WriteAheadLog::new(options.checkpoint_bytes, page_bytes),
            #[cfg(test)]
            commit_faults: options.commit_faults,
        })
    }

    pub(super) fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Runs until all senders are gone, the log is closed, or it has to stop.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut closing = Vec::new();
        // Wherever it panics, the log has to stop as after any other fatal failure: a log without a writer
        // would only refuse, and the process would never be restarted.
        let ended = catch_unwind(AssertUnwindSafe(|| self.write_until_closed(&mut jobs, &mut closing)));
        if let Err(reason) = ended.unwrap_or_else(|_| Err("the writer thread panicked".to_owned())) {
            return self.stop(&reason, jobs, closing);
        }
        let closed = self.finish();
        for waiter in closing {
            // The caller may have given up.
            drop(waiter.send(closed.clone()));
        }
    }

    fn write_until_closed(&mut self, jobs: &mut mpsc::Receiver<Job>, closing: &mut Vec<CloseAnswer>) -> Result<(), String> {
        while let Some(job) = jobs.blocking_recv() {
            let appends = gather(job, jobs, closing);
            self.carry_out(appends)?;
            if closing.is_empty() {
                self.checkpoint_if_due();
            } else {
                // Takes no new jobs; queued ones are still received.
                jobs.close();
            }
        }
        Ok(())
    }

    /// Writes in one transaction and answers all callers.
    fn carry_out(&mut self, appends: Vec<Append>) -> Result<(), String> {
        if appends.is_empty() {
            return Ok(());
        }
        // Places in the queue are released with the answers.
        let mut waiting = Vec::with_capacity(appends.len());
        let mut requests = Vec::with_capacity(appends.len());
        for Append { appends, answer, _queue_space, .. } in appends {
            waiting.push(Waiting { answer, appends: appends.len(), _queue_space });
            requests.extend(appends);
        }
        // Caught here as well, so that the callers are answered.
        let done = catch_unwind(AssertUnwindSafe(|| self.transaction(requests))).unwrap_or_else(|_| {
            let reason = "the writer thread panicked".to_owned();
            Err(Failure::Fatal(LogFault::OutcomeUnknown(reason.clone()), reason))
        });
        match done {
            Ok(outcomes) => {
                let mut results = outcomes.into_iter().map(Ok);
                for waiting in waiting {
                    waiting.answer(results.by_ref());
                }
                Ok(())
            }
            Err(Failure::RolledBack(fault)) => {
                let appends: usize = waiting.iter().map(|waiting| waiting.appends).sum();
                tracing::warn!(%fault, appends, "the event log rolled back a transaction");
                for waiting in waiting {
                    waiting.fail(&fault);
                }
                Ok(())
            }
            Err(Failure::Fatal(fault, reason)) => {
                // Before the answers, so that a retry is refused.
                self.shared.stopped.get_or_init(|| reason.clone());
                for waiting in waiting {
                    waiting.fail(&fault);
                }
                Err(reason)
            }
        }
    }

    fn transaction(&mut self, requests: Vec<Vec<StreamWrite>>) -> Result<Vec<Vec<WriteOutcome>>, Failure> {
        let begun = Instant::now();
        let (outcomes, written) = match self.write(requests) {
            Ok(done) => done,
            Err(error) => return Err(self.roll_back(&error)),
        };
        if let Err(error) = self.commit() {
            return Err(self.commit_failed(&error));
        }
        self.shared.commits.count(written.events.len(), begun.elapsed());
        self.next_stream = written.next_stream;
        if !written.events.is_empty() {
            let position = written.end.position;
            self.end = written.end;
            // Before the callers are answered.
            self.mark.advance(self.end);
            let mut recent = self.shared.recent.write();
            let evicted = recent.push(written.events);
            // Under the same lock, so that no read finds an event in memory beyond the head.
            self.head.send_replace(position);
            drop(recent);
            drop(evicted);
        }
        Ok(outcomes)
    }

    fn write(&mut self, requests: Vec<Vec<StreamWrite>>) -> rusqlite::Result<(Vec<Vec<WriteOutcome>>, Written)> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let now = self.clock.now();
        let mut transaction = Transaction::new(&self.connection, &mut self.streams, self.end, self.next_stream, now)?;
        let outcomes = requests.into_iter().map(|writes| transaction.append(writes)).collect::<rusqlite::Result<_>>()?;
        Ok((outcomes, transaction.finish()?))
    }

    fn commit(&self) -> rusqlite::Result<()> {
        #[cfg(test)]
        if let Some(fault) = self.commit_faults.lock().pop_front_if(|fault| !matches!(fault, CommitFault::PanicAfter)) {
            return fault.apply(&self.connection);
        }
        self.connection.execute_batch("COMMIT")
    }

    /// After an error before COMMIT: nothing of the transaction is in the log, because its commit record
    /// was never written.
    fn roll_back(&mut self, error: &rusqlite::Error) -> Failure {
        self.streams.clear();
        // Some errors roll back automatically.
        if !self.connection.is_autocommit()
            && let Err(second) = self.connection.execute_batch("ROLLBACK")
        {
            let reason = format!("{}; then the rollback failed: {}", faults::describe(error), faults::describe(&second));
            return Failure::Fatal(LogFault::Unavailable(reason.clone()), reason);
        }
        let fault = faults::fault(error);
        match fault {
            // Further writes to a damaged file would make it worse.
            LogFault::Damaged(_) => Failure::Fatal(fault.clone(), fault.to_string()),
            _ => Failure::RolledBack(fault),
        }
    }

    /// After a failed COMMIT. If the disk is full, the commit record, which comes last, was not written:
    /// the same as an error before COMMIT. Any other error, above all a failed sync, leaves open what
    /// recovery will find, and the operating system may report it only once and drop the data. Only a new
    /// process that reads the file knows.
    fn commit_failed(&mut self, error: &rusqlite::Error) -> Failure {
        if faults::is_full(error) {
            return self.roll_back(error);
        }
        self.streams.clear();
        let reason = format!("a commit failed: {}", faults::describe(error));
        Failure::Fatal(LogFault::OutcomeUnknown(reason.clone()), reason)
    }

    /// Moves the write-ahead log into the file once it has grown enough. The callers are already answered;
    /// a failure only costs disk space, and is retried.
    fn checkpoint_if_due(&self) {
        #[cfg(test)]
        if let Some(CommitFault::PanicAfter) = self.commit_faults.lock().front() {
            panic!("injected panic");
        }
        if let Err(error) = self.write_ahead_log.move_if_due(&self.connection) {
            tracing::warn!(error = faults::describe(&error), "the write-ahead log could not be moved into the file");
        }
    }

    /// Releases the file after everything queued was written.
    fn finish(self) -> Result<(), LogFault> {
        let Self { connection, lock, mark, shared, head, .. } = self;
        shared.readers.close();
        let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let closed = connection.close().map_err(|(_, error)| error);
        if let Err(error) = mark.close() {
            tracing::warn!(%error, "the event log's high-water mark could not be synced");
        }
        drop(lock);
        drop(head);
        moved.and(closed).map_err(|error| LogFault::Unavailable(faults::describe(&error)))
    }

    /// Stops after a fatal failure.
    fn stop(self, reason: &str, mut jobs: mpsc::Receiver<Job>, closing: Vec<CloseAnswer>) {
        self.shared.stopped.get_or_init(|| reason.to_owned());
        tracing::error!(reason, "the event log has stopped; restart the process to recover from the file");
        let stopped = || self.shared.check_running();
        jobs.close();
        let mut closing = closing;
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Append(append) => {
                    let results = append.appends.iter().map(|_| stopped().map(|()| Vec::new())).collect();
                    drop(append.answer.send(results));
                }
                Job::Close(waiter) => closing.push(waiter),
            }
        }
        // Leave the file as the failure left it; SQLite would otherwise checkpoint on closing.
        if let Err(error) = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::error!(error = faults::describe(&error), "closing may change the write-ahead log");
        }
        (self.on_fatal)(reason);
        let answer = stopped();
        drop(self);
        for waiter in closing {
            drop(waiter.send(answer.clone()));
        }
    }
}

/// Takes a job and those queued after it, up to the limits of a transaction.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>, closing: &mut Vec<CloseAnswer>) -> Vec<Append> {
    let mut appends = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    let mut next = Some(first);
    while count < MAX_APPENDS && bytes < MAX_BYTES {
        match next.take().map_or_else(|| jobs.try_recv(), Ok) {
            Ok(Job::Append(append)) => {
                (count, bytes) = (count + append.appends.len(), bytes + append.bytes);
                appends.push(append);
            }
            Ok(Job::Close(waiter)) => {
                closing.push(waiter);
                break;
            }
            Err(_) => break,
        }
    }
    appends
}
