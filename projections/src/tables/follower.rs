//! Feeds the file from the log, beside the seat map and never in its way.

use super::doubt::Doubt;
use super::fault::TablesFault;
use super::file::FILE;
use super::opening::{begin, begin_elsewhere, open_or_begin};
use super::readers::Readers;
use super::writer::Writer;
use crate::batch::Batch;
use crate::error::ProjectionError;
use crate::trouble::Trouble;
use chrono::TimeDelta;
use futures::StreamExt;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::{Delivery, Filter, Position};
use lastseat_domain::ports::{Clock, EventLog, LogFault};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::sync::watch;

/// Most deliveries in one transaction, and most that wait for the next.
const BATCH: usize = 8192;
/// Shortest time between the beginnings of two transactions, unless a full batch waits.
const PACE: TimeDelta = TimeDelta::milliseconds(5);
/// First and longest pause before the log or the file is tried again.
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(5);

type Deliveries = Vec<Result<Delivery, LogFault>>;

/// The views in the file.
pub(crate) struct Tables {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    path: PathBuf,
    pub(super) readers: Readers,
    /// Every query has everything up to here.
    pub position: watch::Sender<Position>,
    /// What the file has: less than `position` while it is being rebuilt.
    folded: AtomicU64,
    events: AtomicU64,
    /// When the file was last known to have everything that the log had.
    pub current_at: Mutex<Timestamp>,
    pub trouble: Mutex<Trouble>,
    /// Where the file is, if nobody wants to keep it.
    _temporary: Option<TempDir>,
}

/// Why the log is not followed any more.
enum End {
    Stopped(Writer),
    /// The file was opened again.
    Opened(Writer),
    Log(Writer, String),
    Damaged(String),
    Failed(String),
    /// A thread has panicked.
    Lost,
}

impl Tables {
    /// Opens the file in `folder`, or begins with an empty one if there is none that fits the log; without
    /// a folder, or if nothing can be written there, somewhere else. Feed it with [`Self::run`].
    pub async fn open(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        folder: Option<&Path>,
        head: Position,
    ) -> Result<(Self, Writer), ProjectionError> {
        let opened = match folder {
            Some(folder) => match open_or_begin(&*log, &folder.join(FILE), head).await? {
                Ok(writer) => Some((None, folder.join(FILE), writer)),
                Err(fault) => {
                    tracing::warn!(folder = %folder.display(), "the views can't be written to this directory; a temporary file is used until the next start: {fault}");
                    None
                }
            },
            None => None,
        };
        let (temporary, path, writer) = match opened {
            Some(opened) => opened,
            None => begin_elsewhere().await?,
        };
        let progress = writer.progress();
        let tables = Self {
            readers: Readers::new(path.clone()),
            position: watch::Sender::new(progress.position),
            folded: AtomicU64::new(progress.position.0),
            events: AtomicU64::new(progress.events),
            current_at: Mutex::new(clock.now()),
            trouble: Mutex::default(),
            log,
            clock,
            path,
            _temporary: temporary,
        };
        tables.note_skipped(&writer);
        Ok((tables, writer))
    }

    /// What is in the file: everything up to a position, and the number of events.
    pub fn folded(&self) -> (Position, u64) {
        (Position(self.folded.load(Ordering::Relaxed)), self.events.load(Ordering::Relaxed))
    }

    /// Folds until `stop` is set or its sender is gone, then completes the file.
    pub async fn run(self: Arc<Self>, writer: Writer, mut stop: watch::Receiver<bool>) {
        let mut writer = Some(writer);
        let mut pause = FIRST_PAUSE;
        loop {
            let end = match writer.take() {
                Some(writer) => self.follow(writer, &mut stop, &mut pause).await,
                None => self.open_again().await,
            };
            match end {
                End::Stopped(writer) => return self.close(writer).await,
                End::Opened(opened) => {
                    writer = Some(opened);
                    continue;
                }
                End::Log(kept, why) => {
                    tracing::warn!("the views are not updated: {why}");
                    self.trouble.lock().log = Some(why);
                    writer = Some(kept);
                }
                End::Failed(why) => {
                    tracing::warn!("the file of views can't be written, and is tried again: {why}");
                    self.trouble.lock().store = Some(why);
                }
                End::Damaged(why) => writer = self.begin_again(why).await,
                End::Lost => return,
            }
            let wake = self.clock.now() + pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let is_stopped = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = self.clock.sleep_until(wake) => false,
            };
            if is_stopped {
                match writer {
                    Some(writer) => return self.close(writer).await,
                    None => return,
                }
            }
        }
    }

    /// Folds one subscription until it fails or ends.
    async fn follow(&self, writer: Writer, stop: &mut watch::Receiver<bool>, pause: &mut TimeDelta) -> End {
        let mut deliveries = self.log.subscribe(writer.progress().position, Filter::our_streams()).ready_chunks(BATCH);
        let mut damage = self.readers.damage();
        let mut writer = writer;
        let mut waiting: Deliveries = Vec::new();
        let mut has_ended = false;
        let mut next = self.clock.now();
        loop {
            // A query may have found damage before this began.
            let found = damage.borrow_and_update().clone();
            if let Some(why) = found {
                return End::Damaged(why);
            }
            let is_due = waiting.len() >= BATCH || (!waiting.is_empty() && next <= self.clock.now());
            if !is_due && !has_ended {
                let pace = self.clock.sleep_until(next);
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return End::Stopped(writer),
                    _ = damage.changed() => {}
                    () = pace, if !waiting.is_empty() => {}
                    chunk = deliveries.next() => match chunk {
                        Some(chunk) => waiting.extend(chunk),
                        None => has_ended = true,
                    },
                }
                continue;
            }
            if waiting.is_empty() {
                return End::Log(writer, "the log ended its subscription".into());
            }
            next = self.clock.now() + PACE;
            let mut folding = tokio::task::spawn_blocking({
                let batch = std::mem::take(&mut waiting);
                move || fold(writer, batch)
            });
            let folded = loop {
                tokio::select! {
                    biased;
                    folded = &mut folding => break folded,
                    chunk = deliveries.next(), if !has_ended && waiting.len() < BATCH => match chunk {
                        Some(chunk) => waiting.extend(chunk),
                        None => has_ended = true,
                    },
                }
            };
            match folded {
                Err(_) => return End::Lost,
                Ok((_, Err(TablesFault::Damaged(why)))) => return End::Damaged(why),
                Ok((_, Err(fault))) => return End::Failed(fault.to_string()),
                Ok((kept, Ok(fault))) => {
                    self.publish(&kept);
                    if let Some(fault) = fault {
                        return End::Log(kept, fault.to_string());
                    }
                    *pause = FIRST_PAUSE;
                    writer = kept;
                }
            }
        }
    }

    fn publish(&self, writer: &Writer) {
        let progress = writer.progress();
        self.folded.store(progress.position.0, Ordering::Relaxed);
        self.events.store(progress.events, Ordering::Relaxed);
        let is_rebuilding = progress.position < *self.position.borrow();
        {
            let mut trouble = self.trouble.lock();
            trouble.log = None;
            if !is_rebuilding {
                trouble.store = None;
            }
        }
        self.note_skipped(writer);
        if !is_rebuilding {
            self.readers.caught_up();
            self.position.send_if_modified(|known| std::mem::replace(known, progress.position) < progress.position);
        }
    }

    fn note_skipped(&self, writer: &Writer) {
        if let Some(first) = writer.skipped().first() {
            let text = format!("the event at position {} is skipped: {}", first.position, first.why);
            self.trouble.lock().unreadable = Some(text);
        }
    }

    /// Opens the file after a fault.
    async fn open_again(&self) -> End {
        let head = match self.log.head().await {
            Ok(head) => head,
            Err(fault) => return End::Failed(fault.to_string()),
        };
        let before = *self.position.borrow();
        match open_or_begin(&*self.log, &self.path, head).await {
            Err(error) => End::Failed(error.to_string()),
            Ok(Err(fault)) => End::Failed(fault.to_string()),
            Ok(Ok(writer)) => {
                if writer.progress().position < before {
                    self.readers.begin_again();
                }
                End::Opened(writer)
            }
        }
    }

    /// Begins with an empty file. Queries get no answers until it has what it had.
    async fn begin_again(&self, why: String) -> Option<Writer> {
        tracing::warn!(file = %self.path.display(), "the views are rebuilt from the log: {why}");
        self.trouble.lock().store = Some(format!("the file of views is being rebuilt: {why}"));
        self.readers.begin_again();
        match begin(&self.path, Doubt::of_ours(why)).await {
            Ok(writer) => {
                self.folded.store(0, Ordering::Relaxed);
                self.events.store(0, Ordering::Relaxed);
                self.trouble.lock().unreadable = None;
                Some(writer)
            }
            Err(fault) => {
                tracing::warn!("the file of views can't be replaced, and is tried again: {fault}");
                None
            }
        }
    }

    async fn close(&self, writer: Writer) {
        self.readers.close();
        let closed = tokio::task::spawn_blocking(|| writer.close()).await;
        if let Ok(Err(fault)) = closed {
            tracing::warn!("the file of views could not be completed: {fault}");
        }
    }
}

fn fold(mut writer: Writer, deliveries: Deliveries) -> (Writer, Result<Option<LogFault>, TablesFault>) {
    let batch = Batch::of(deliveries);
    for skipped in &batch.skipped {
        tracing::error!(position = %skipped.position, "an event is skipped in the views: {}", skipped.why);
    }
    let folded = writer.fold(&batch);
    (writer, folded.map(|()| batch.fault))
}
