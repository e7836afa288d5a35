//! Feeds the file from the log, and repairs it while the process runs.

use super::blocking::blocking;
use super::doubt::Doubt;
use super::fault::TablesFault;
use super::folder_retry::FolderRetry;
use super::follow::{End, follow};
use super::opening::{begin, begin_elsewhere, open_or_begin, remove_temporary};
use super::place::file_in;
use super::rebuilds::Rebuilds;
use super::state::Tables;
use super::writer::Writer;
use crate::error::ProjectionError;
use chrono::TimeDelta;
use lastseat_domain::ports::event_log::{Filter, Position, last_position};
use lastseat_domain::ports::{Clock, EventLog};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// First and longest pause before the log or the file is tried again.
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Why queries get no answer meanwhile.
const REBUILDING: &str = "it is being rebuilt";

/// Feeds the file with [`Self::run`].
pub(crate) struct Feeder {
    tables: Arc<Tables>,
    /// None while the file has to be opened again.
    writer: Option<Writer>,
    /// What is wrong with the file, until there is another one. It is not opened again: it need not show damage at once.
    damage: Option<String>,
    retry: FolderRetry,
    rebuilds: Rebuilds,
    pause: TimeDelta,
}

/// What comes next.
enum Next {
    Now,
    AfterPause,
    /// Nothing until it is stopped.
    Nothing,
    Stop,
    /// A defect.
    End,
}

/// Opens the file in `folder`, or begins with an empty one if there is none that fits the log; without a folder, or if
/// nothing can be written there, somewhere else.
pub(crate) async fn open(
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    folder: Option<&Path>,
    head: Position,
) -> Result<Feeder, ProjectionError> {
    remove_temporary(folder.map(Path::to_owned)).await;
    let goal = last_position(&*log, &Filter::our_streams()).await?;
    let fault = match folder {
        Some(folder) => match open_or_begin(&*log, folder, head).await? {
            Ok(writer) => {
                return Ok(Feeder::new(Tables::new(log, clock, folder, None, &writer, goal), writer, FolderRetry::none()));
            }
            Err(fault) => Some((folder, fault)),
        },
        None => None,
    };
    let (temporary, writer) = begin_elsewhere(folder.map(Path::to_owned)).await?;
    let place = temporary.path().to_owned();
    let retry = fault.as_ref().map_or_else(FolderRetry::none, |(folder, _)| FolderRetry::start(folder, &log, &clock));
    let tables = Tables::new(log, clock, &place, Some(temporary), &writer, goal);
    if let Some((folder, fault)) = fault {
        let text = format!(
            "the views can't be written to {}, and a temporary file in {} is used until they can be: {fault}",
            folder.display(),
            place.display()
        );
        tracing::warn!("{text}");
        tables.trouble.lock().place = Some(text);
    }
    Ok(Feeder::new(tables, writer, retry))
}

impl Feeder {
    fn new(tables: Tables, writer: Writer, retry: FolderRetry) -> Self {
        Self {
            tables: Arc::new(tables),
            writer: Some(writer),
            damage: None,
            retry,
            rebuilds: Rebuilds::default(),
            pause: FIRST_PAUSE,
        }
    }

    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.tables)
    }

    /// Folds until `stop` is set or its sender is gone, then completes the file.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let is_stopped = match self.step(&mut stop).await {
                Next::Now => continue,
                Next::End => return,
                Next::Stop => true,
                Next::Nothing => {
                    // An error is as good: nobody can stop it any more.
                    let _ = stop.wait_for(|stop| *stop).await;
                    true
                }
                Next::AfterPause => {
                    let wake = self.tables.clock.now() + self.pause;
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => true,
                        () = self.tables.clock.sleep_until(wake) => false,
                    }
                }
            };
            if is_stopped {
                return self.close().await;
            }
        }
    }

    async fn step(&mut self, stop: &mut watch::Receiver<bool>) -> Next {
        let Some(writer) = self.writer.take() else {
            if let Some(why) = self.damage.clone() {
                return self.replace(why).await;
            }
            return match open_again(&Arc::clone(&self.tables)).await {
                Ok(writer) => {
                    self.writer = Some(writer);
                    Next::Now
                }
                Err(why) => self.failed(&why),
            };
        };
        let Self { tables, retry, pause, .. } = &mut *self;
        match follow(tables, writer, retry, stop, || *pause = FIRST_PAUSE).await {
            End::Stopped(writer) => {
                self.writer = Some(writer);
                Next::Stop
            }
            End::Log(writer, why) => {
                tracing::warn!("the views are not updated: {why}");
                self.tables.trouble.lock().log = Some(why);
                self.writer = Some(writer);
                Next::AfterPause
            }
            End::FolderReady(folder, kept) => {
                tracing::info!(folder = %folder.display(), "the views can be written again where they are kept");
                self.tables.move_to(&folder, &kept);
                self.writer = Some(kept);
                Next::Now
            }
            End::Fault(fault) if fault.is_damage() => self.rebuild(fault).await,
            End::Fault(fault) => self.failed(&fault.to_string()),
            End::Lost => Next::End,
        }
    }

    fn failed(&self, why: &str) -> Next {
        tracing::warn!("the file of views can't be written, and is tried again: {why}");
        self.tables.trouble.lock().store = Some(why.to_owned());
        Next::AfterPause
    }

    /// Begins with an empty file. Queries get no answers until it has what the damaged one had.
    async fn rebuild(&mut self, fault: TablesFault) -> Next {
        let tables = Arc::clone(&self.tables);
        if !self.rebuilds.may_begin(tables.folded().0, &fault) {
            let text = format!("the file of views was rebuilt and is wrong again, so it is not rebuilt once more: {fault}");
            tracing::error!(position = %tables.folded().0, "{text}; lists answer 503 until the next start. Please report this");
            tables.trouble.lock().store = Some(text);
            tables.readers.refuse("it is wrong, and was rebuilt in vain").await;
            return Next::Nothing;
        }
        tables.readers.refuse(REBUILDING).await;
        tables.trouble.lock().store = Some(format!("the file of views is being rebuilt: {fault}"));
        self.replace(fault.to_string()).await
    }

    async fn replace(&mut self, why: String) -> Next {
        match begin_again(&Arc::clone(&self.tables), why.clone()).await {
            Ok(writer) => (self.writer, self.damage) = (Some(writer), None),
            Err(fault) => {
                tracing::warn!("the file of views can't be replaced, and is tried again: {fault}");
                self.damage = Some(why);
            }
        }
        Next::AfterPause
    }

    async fn close(mut self) {
        self.retry.stop().await;
        self.tables.readers.close().await;
        if let Some(writer) = self.writer.take()
            && let Ok(Err(fault)) = blocking(move || writer.close()).await
        {
            tracing::warn!("the file of views could not be completed: {fault}");
        }
    }
}

/// Opens the file after a fault.
async fn open_again(tables: &Tables) -> Result<Writer, String> {
    let folder = tables.folder();
    let head = tables.log.head().await.map_err(|fault| fault.to_string())?;
    let opened = open_or_begin(&*tables.log, &folder, head).await.map_err(|error| error.to_string())?;
    let writer = opened.map_err(|fault| fault.to_string())?;
    // Otherwise there are no answers yet, or they stay right.
    if writer.progress().position < *tables.position.borrow() {
        tables.readers.refuse(REBUILDING).await;
    }
    tables.move_to(&folder, &writer);
    Ok(writer)
}

async fn begin_again(tables: &Tables, why: String) -> Result<Writer, TablesFault> {
    let folder = tables.folder();
    let path = file_in(&folder);
    tracing::warn!(file = %path.display(), "the views are rebuilt from the log: {why}");
    let writer = begin(&path, Doubt::of_ours(why)).await?;
    tables.forget();
    tables.move_to(&folder, &writer);
    Ok(writer)
}

#[cfg(test)]
mod tests;
