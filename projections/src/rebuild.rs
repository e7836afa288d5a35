//! Rebuilds all views from the log, compares them with the stored ones, and replaces those.

mod in_memory;
mod in_tables;
mod report;

use crate::error::ProjectionError;
use crate::seat_map::SeatMap;
use crate::tables::{NEW_FILE, install, remove};
use in_memory::Rebuilding;
use in_tables::RebuildingTables;
use lastseat_domain::ports::event_log::{Direction, Filter, Position, RecordedEvent};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{Envelope, codec};
pub use report::{RebuildReport, RebuiltView};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const PAGE: usize = 4096;

/// Folds all views from the start of the log to its head, reports for each stored view whether the
/// fold gave the same bytes at its checkpoint, and stores the new views in `dir`, if given.
/// `progress` receives the current position and the head. Nothing else may write to `dir` meanwhile.
///
/// # Errors
/// [`ProjectionError`], without having stored anything: if the log can't be read to its end, or an
/// event can't be read.
pub async fn rebuild(
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    dir: Option<PathBuf>,
    mut progress: impl FnMut(Position, Position),
) -> Result<RebuildReport, ProjectionError> {
    let started_at = clock.now();
    let head = log.head().await?;
    let dir = dir.as_deref();
    let elsewhere = dir.is_none().then(tempfile::tempdir).transpose().map_err(|source| io_error(None, source))?;
    let new = prepare(dir.or(elsewhere.as_ref().map(TempDir::path)).unwrap_or(Path::new(".")))?;
    let mut seat_map = Rebuilding::<SeatMap>::new(dir, head)?;
    let mut tables = RebuildingTables::new(&new, dir, head)?;
    let (mut position, mut events) = (Position::START, 0);
    progress(position, head);
    loop {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::our_streams()).await?;
        // What is appended meanwhile is for the next time.
        let of_page: Vec<_> = page.iter().take_while(|recorded| recorded.position <= head).collect();
        let Some(last) = of_page.last() else { break };
        position = last.position;
        let decoded = decode(&of_page)?;
        events += decoded.len() as u64;
        for event in &decoded {
            seat_map.fold(event)?;
        }
        tables.fold(decoded)?;
        progress(position, head);
    }
    let views = tables.finish(head)?;
    let mut rebuilt = vec![seat_map.finish(head, dir)?];
    rebuilt.extend(views);
    if let Some(dir) = dir {
        install(&new, dir).map_err(|source| io_error(Some(dir), source))?;
    }
    progress(head, head);
    Ok(RebuildReport { position: head, events, started_at, ended_at: clock.now(), views: rebuilt })
}

/// Where the new file of views is written: beside the stored one, so that it can be renamed into its place.
fn prepare(folder: &Path) -> Result<PathBuf, ProjectionError> {
    let new = folder.join(NEW_FILE);
    std::fs::create_dir_all(folder).and_then(|()| remove(&new)).map_err(|source| io_error(Some(folder), source))?;
    Ok(new)
}

fn decode(page: &[&Arc<RecordedEvent>]) -> Result<Vec<Arc<Envelope>>, ProjectionError> {
    let mut decoded = Vec::with_capacity(page.len());
    for recorded in page {
        let event = codec::decode(recorded)
            .map_err(|e| ProjectionError::Unreadable { position: recorded.position.0, why: e.to_string() })?;
        decoded.extend(event);
    }
    Ok(decoded)
}

fn io_error(dir: Option<&Path>, source: std::io::Error) -> ProjectionError {
    ProjectionError::Io { path: dir.map_or_else(std::env::temp_dir, Path::to_owned), source }
}
