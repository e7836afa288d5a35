//! The views in the file, as queries and the rest of the read model see them.

use super::blocking::drop_elsewhere;
use super::readers::Readers;
use super::temporary::Temporary;
use super::writer::Writer;
use crate::trouble::Trouble;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::{Clock, EventLog};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// The views in the file.
pub(crate) struct Tables {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) readers: Readers,
    /// The folder of the file that is written.
    folder: Mutex<PathBuf>,
    /// The folder of the file that is read, if nobody wants to keep it.
    temporary: Mutex<Option<Temporary>>,
    /// Every query has everything up to here.
    pub position: watch::Sender<Position>,
    /// The greatest position that a reader waits for. Until one does, more events go into one transaction.
    pub(super) awaited: watch::Sender<Position>,
    /// What the log had at the start. Before the file has it, there are no answers.
    goal: Position,
    /// What the file has: less than `position` while it is being rebuilt.
    folded: AtomicU64,
    events: AtomicU64,
    /// When the file was last known to have everything that the log had.
    pub current_at: Mutex<Timestamp>,
    pub trouble: Mutex<Trouble>,
}

impl Tables {
    pub(super) fn new(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        folder: &Path,
        temporary: Option<Temporary>,
        writer: &Writer,
        goal: Position,
    ) -> Self {
        let progress = writer.progress();
        let is_behind = progress.position < goal;
        let store = is_behind.then(|| "the file of views is catching up with the log".to_owned());
        let tables = Self {
            readers: Readers::new(writer.path().to_owned(), is_behind.then_some("it is catching up with the log")),
            folder: Mutex::new(folder.to_owned()),
            temporary: Mutex::new(temporary),
            position: watch::Sender::new(progress.position),
            awaited: watch::Sender::new(progress.position),
            folded: AtomicU64::new(progress.position.0),
            events: AtomicU64::new(progress.events),
            current_at: Mutex::new(clock.now()),
            trouble: Mutex::new(Trouble { store, ..Trouble::default() }),
            goal,
            log,
            clock,
        };
        tables.note_skipped(writer);
        tables
    }

    /// A reader waits for this position.
    pub(crate) fn note_awaited(&self, position: Position) {
        self.awaited.send_if_modified(|awaited| std::mem::replace(awaited, position.max(*awaited)) < position);
    }

    /// Nobody waits for this position any more, and it was not reached: perhaps the log never gets there.
    pub(crate) fn give_up(&self, position: Position) {
        self.awaited.send_if_modified(|awaited| {
            if *awaited == position {
                *awaited = *self.position.borrow();
            }
            false
        });
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.lock().clone()
    }

    /// What is in the file: everything up to a position, and the number of events.
    pub fn folded(&self) -> (Position, u64) {
        (Position(self.folded.load(Ordering::Relaxed)), self.events.load(Ordering::Relaxed))
    }

    /// The file begins with nothing.
    pub(super) fn forget(&self) {
        self.folded.store(0, Ordering::Relaxed);
        self.events.store(0, Ordering::Relaxed);
        self.trouble.lock().unreadable = None;
    }

    /// The file in another folder is written from now on, and read when it has what was promised.
    pub(super) fn move_to(&self, folder: &Path, writer: &Writer) {
        *self.folder.lock() = folder.to_owned();
        self.readers.change_to(writer.path().to_owned());
    }

    /// Says how far the file has got.
    pub(super) fn publish<'a>(&'a self, writer: &Writer) -> impl Future<Output = ()> + use<'a> {
        let progress = writer.progress().clone();
        self.folded.store(progress.position.0, Ordering::Relaxed);
        self.events.store(progress.events, Ordering::Relaxed);
        let is_behind = progress.position < self.goal.max(*self.position.borrow());
        {
            let mut trouble = self.trouble.lock();
            trouble.log = None;
            if !is_behind {
                trouble.store = None;
            }
        }
        self.note_skipped(writer);
        async move {
            if is_behind {
                return;
            }
            self.readers.caught_up().await;
            self.position.send_if_modified(|known| std::mem::replace(known, progress.position) < progress.position);
            self.leave_temporary().await;
        }
    }

    /// Removes the temporary folder once nothing in it is read or written.
    async fn leave_temporary(&self) {
        let left = {
            let mut temporary = self.temporary.lock();
            let is_left = temporary.as_ref().is_some_and(|temporary| temporary.path() != *self.folder.lock());
            if is_left { temporary.take() } else { None }
        };
        if let Some(left) = left {
            self.trouble.lock().place = None;
            drop_elsewhere(left).await;
        }
    }

    fn note_skipped(&self, writer: &Writer) {
        if let Some(first) = writer.skipped().first() {
            let text = format!("the event at position {} is skipped: {}", first.position, first.why);
            self.trouble.lock().unreadable = Some(text);
        }
    }
}
