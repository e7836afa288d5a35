//! While the folder of the views can't be written, they are in a temporary file. The folder is tried again from time to
//! time, and its file catches up with the log beside the other.

use super::blocking::{blocking, drop_elsewhere};
use super::opening::open_or_begin;
use super::writer::Writer;
use crate::batch::Batch;
use crate::error::ProjectionError;
use chrono::TimeDelta;
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter};
use lastseat_domain::ports::{Clock, EventLog};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Pause between two attempts.
const TRY_EVERY: TimeDelta = TimeDelta::seconds(60);
/// Events read at a time.
const PAGE: usize = 4096;

/// The attempts to use the folder again, if the views are not there.
pub(super) struct FolderRetry {
    ready: Option<(PathBuf, oneshot::Receiver<Writer>)>,
}

impl FolderRetry {
    /// They are where they should be.
    pub fn none() -> Self {
        Self { ready: None }
    }

    /// Tries the folder until its file can be written and has what the log has.
    pub fn start(folder: &Path, log: &Arc<dyn EventLog>, clock: &Arc<dyn Clock>) -> Self {
        let (mut opened, ready) = oneshot::channel();
        let (place, log, clock) = (folder.to_owned(), Arc::clone(log), Arc::clone(clock));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = opened.closed() => return,
                    () = clock.sleep_until(clock.now() + TRY_EVERY) => {}
                }
                match catch_up(&*log, &place, || !opened.is_closed()).await {
                    Ok(Some(writer)) => {
                        if let Err(unwanted) = opened.send(writer) {
                            drop_elsewhere(unwanted).await;
                        }
                        return;
                    }
                    Ok(None) => return,
                    Err(why) => tracing::debug!(folder = %place.display(), "the views can't be written yet: {why}"),
                }
            }
        });
        Self { ready: Some((folder.to_owned(), ready)) }
    }

    /// Waits for the writer of the file there, and gives its folder; for ever, if they are there already.
    pub async fn ready(&mut self) -> (PathBuf, Writer) {
        if let Some((folder, ready)) = &mut self.ready {
            let (folder, writer) = (folder.clone(), ready.await);
            self.ready = None;
            if let Ok(writer) = writer {
                return (folder, writer);
            }
        }
        std::future::pending().await
    }

    /// Stops trying.
    pub async fn stop(mut self) {
        if let Some((_, ready)) = &mut self.ready {
            ready.close();
            if let Ok(writer) = ready.try_recv() {
                drop_elsewhere(writer).await;
            }
        }
    }
}

/// Opens the file and reads the log to its end; `None` if that is not wanted any more.
async fn catch_up(log: &dyn EventLog, folder: &Path, is_wanted: impl Fn() -> bool) -> Result<Option<Writer>, ProjectionError> {
    let head = log.head().await?;
    let mut writer = open_or_begin(log, folder, head).await??;
    loop {
        let from = Some(writer.progress().position);
        let page = match log.read_all(from, Direction::Forwards, PAGE, &Filter::our_streams()).await {
            Ok(page) if is_wanted() => page,
            unwanted => {
                drop_elsewhere(writer).await;
                return Ok(unwanted.map(|_| None)?);
            }
        };
        let is_last = page.len() < PAGE;
        let folded = blocking(move || {
            let batch = Batch::of(page.into_iter().map(|event| Ok(Delivery::Event(event))).collect());
            writer.fold(&batch).map(|()| writer)
        });
        writer = folded.await??;
        if is_last {
            return Ok(Some(writer));
        }
    }
}
