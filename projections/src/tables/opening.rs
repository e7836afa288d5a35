//! Opens the file that fits the log, or begins with an empty one.

use super::blocking::{blocking, drop_elsewhere};
use super::doubt::{Doubt, NotOpened};
use super::fault::TablesFault;
use super::place::file_in;
use super::temporary::{Temporary, remove_leftovers};
use super::writer::Writer;
use crate::error::ProjectionError;
use crate::same_log::doubt_of;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Position;
use std::path::{Path, PathBuf};

/// Opens the file in a folder, or begins with an empty one if it does not fit the log. The inner fault is the
/// file's.
pub(super) async fn open_or_begin(
    log: &dyn EventLog,
    folder: &Path,
    head: Position,
) -> Result<Result<Writer, TablesFault>, ProjectionError> {
    let path = file_in(folder);
    let place = path.clone();
    let opened = match blocking(move || Writer::open(&place)).await {
        Ok(opened) => opened,
        Err(fault) => return Ok(Err(fault)),
    };
    let doubt = match opened {
        Ok(None) => return Ok(blocking(move || Writer::create(&path)).await.and_then(|created| created)),
        Ok(Some(writer)) => {
            let progress = writer.progress();
            let doubt = match doubt_of(log, progress.position, progress.last.as_ref(), writer.skipped(), head).await {
                Ok(None) => return Ok(Ok(writer)),
                Ok(Some(why)) => Ok(Doubt::of_ours(why)),
                Err(fault) => Err(fault),
            };
            drop_elsewhere(writer).await;
            doubt?
        }
        Err(NotOpened::Doubt(doubt)) => doubt,
        Err(NotOpened::Fault(fault)) => return Ok(Err(fault)),
    };
    tracing::warn!(file = %path.display(), "the stored views are not used and are rebuilt from the log: {}", doubt.why);
    Ok(begin(&path, doubt).await)
}

/// Begins with an empty file in the place of the one at `path`, which nobody in this process may have open.
pub(super) async fn begin(path: &Path, doubt: Doubt) -> Result<Writer, TablesFault> {
    let place = path.to_owned();
    blocking(move || Writer::replace(&place, &doubt)).await?
}

/// An empty file that is gone when the process ends: in `folder`, which is as private as the views and on the same disk,
/// or else where the system has such files.
pub(super) async fn begin_elsewhere(folder: Option<PathBuf>) -> Result<(Temporary, Writer), TablesFault> {
    let begin_within = |parent: &Path| {
        let temporary = Temporary::within(parent)?;
        let writer = Writer::create(&file_in(temporary.path()))?;
        Ok::<_, TablesFault>((temporary, writer))
    };
    blocking(move || {
        let nearby = folder.and_then(|folder| begin_within(&folder).ok());
        nearby.map_or_else(|| begin_within(&std::env::temp_dir()), Ok)
    })
    .await?
}

/// Removes what a killed process has left.
pub(super) async fn remove_temporary(folder: Option<PathBuf>) {
    // It only tidies up.
    let _ = blocking(move || folder.iter().chain([&std::env::temp_dir()]).for_each(|parent| remove_leftovers(parent))).await;
}
