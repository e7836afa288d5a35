//! Opens the file that fits the log, or begins with an empty one.

use super::doubt::{Doubt, NotOpened};
use super::fault::TablesFault;
use super::file::FILE;
use super::writer::Writer;
use crate::error::ProjectionError;
use crate::landmark::doubt_of;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Position;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Opens the file, or begins with an empty one if it does not fit the log. The inner fault is the file's.
pub(super) async fn open_or_begin(
    log: &dyn EventLog,
    path: &Path,
    head: Position,
) -> Result<Result<Writer, TablesFault>, ProjectionError> {
    let place = path.to_owned();
    let doubt = match blocking(move || Writer::open(&place)).await {
        Err(fault) => return Ok(Err(fault)),
        Ok(Ok(None)) => {
            let place = path.to_owned();
            return Ok(blocking(move || Writer::create(&place)).await.and_then(|created| created));
        }
        Ok(Ok(Some(writer))) => {
            let progress = writer.progress();
            match doubt_of(log, progress.position, progress.last.as_ref(), writer.skipped(), head).await? {
                None => return Ok(Ok(writer)),
                Some(why) => Doubt::of_ours(why),
            }
        }
        Ok(Err(NotOpened::Doubt(doubt))) => doubt,
        Ok(Err(NotOpened::Fault(fault))) => return Ok(Err(fault)),
    };
    tracing::warn!(file = %path.display(), "the stored views are not used and are rebuilt from the log: {}", doubt.why);
    Ok(begin(path, doubt).await)
}

pub(super) async fn begin(path: &Path, doubt: Doubt) -> Result<Writer, TablesFault> {
    let place = path.to_owned();
    blocking(move || Writer::replace(&place, &doubt)).await?
}

/// An empty file that is gone when the process ends.
pub(super) async fn begin_elsewhere() -> Result<(Option<TempDir>, PathBuf, Writer), ProjectionError> {
    let begun = blocking(|| {
        let folder = TempDir::with_prefix("lastseat-views-")?;
        let path = folder.path().join(FILE);
        let writer = Writer::create(&path)?;
        Ok::<_, TablesFault>((Some(folder), path, writer))
    });
    Ok(begun.await.and_then(|begun| begun)?)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, TablesFault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| TablesFault::Failed(error.to_string()))
}
