//! Rebuilds all views from the log, compares them with the stored ones, and replaces those.

use crate::bookings::Bookings;
use crate::checkpoint::{self, hex_sha256};
use crate::error::ProjectionError;
use crate::loyalty::Loyalty;
use crate::sales::Sales;
use crate::seat_map::SeatMap;
use crate::view::{Folded, View};
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{Timestamp, codec};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PAGE: usize = 4096;

/// Result of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// End of the log, and the position of every view now.
    pub position: Position,
    /// Events folded.
    pub events: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// View by view.
    pub views: Vec<RebuiltView>,
}

/// Result of a rebuild for one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuiltView {
    /// Which.
    pub name: &'static str,
    /// Events folded into it.
    pub events: u64,
    /// Position of the stored view; `None` if there was none, or none that could be compared.
    pub checkpoint: Option<Position>,
    /// Whether the fold gave the same bytes there; `None` if there was nothing to compare.
    pub identical: Option<bool>,
    /// Why there was nothing to compare, if something was stored.
    pub problem: Option<String>,
    /// SHA-256 of the view as it is stored now, in hex.
    pub sha256: String,
}

/// A stored view to be compared at its checkpoint.
struct Stored {
    position: Position,
    bytes: Vec<u8>,
}

struct Rebuilding<V> {
    folded: Folded<V>,
    stored: Option<Stored>,
    problem: Option<String>,
    identical: Option<bool>,
}

impl<V: View> Rebuilding<V> {
    fn new(dir: Option<&Path>, head: Position) -> Result<Self, ProjectionError> {
        let mut this = Self { folded: Folded::default(), stored: None, problem: None, identical: None };
        if let Some(bytes) = dir.map(|dir| checkpoint::read(dir, V::NAME)).transpose()?.flatten() {
            match Folded::<V>::thaw(&bytes) {
                Ok(old) if old.position > head => this.problem = Some("it is ahead of the log".into()),
                Ok(old) => this.stored = Some(Stored { position: old.position, bytes }),
                Err(why) => this.problem = Some(why),
            }
        }
        Ok(this)
    }

    fn bytes(&self) -> Result<Vec<u8>, ProjectionError> {
        self.folded.freeze().encode(V::NAME, V::SCHEMA)
    }
}

/// A view under reconstruction, whatever its type.
trait Step {
    /// Compares with the stored view if everything up to its checkpoint is folded: that is so once
    /// the next event comes after it.
    fn compare_before(&mut self, next: Position) -> Result<(), ProjectionError>;
    fn fold(&mut self, event: &lastseat_domain::Envelope);
    fn finish(&mut self, head: Position, dir: Option<&Path>) -> Result<RebuiltView, ProjectionError>;
}

impl<V: View> Step for Rebuilding<V> {
    fn compare_before(&mut self, next: Position) -> Result<(), ProjectionError> {
        let Some(stored) = self.stored.as_ref().filter(|s| self.identical.is_none() && s.position < next) else { return Ok(()) };
        self.folded.advance(stored.position);
        self.identical = Some(self.bytes()? == stored.bytes);
        Ok(())
    }

    fn fold(&mut self, event: &lastseat_domain::Envelope) {
        self.folded.fold(event);
        self.folded.mark(event);
    }

    fn finish(&mut self, head: Position, dir: Option<&Path>) -> Result<RebuiltView, ProjectionError> {
        self.compare_before(Position(head.0.saturating_add(1)))?;
        self.folded.advance(head);
        let bytes = self.bytes()?;
        if let Some(dir) = dir {
            checkpoint::write(dir, V::NAME, &bytes)?;
        }
        Ok(RebuiltView {
            name: V::NAME,
            events: self.folded.events,
            checkpoint: self.stored.as_ref().map(|s| s.position),
            identical: self.identical,
            problem: self.problem.clone(),
            sha256: hex_sha256(&bytes),
        })
    }
}

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
    let mut seat_map = Rebuilding::<SeatMap>::new(dir, head)?;
    let mut bookings = Rebuilding::<Bookings>::new(dir, head)?;
    let mut loyalty = Rebuilding::<Loyalty>::new(dir, head)?;
    let mut sales = Rebuilding::<Sales>::new(dir, head)?;
    let mut views: [&mut (dyn Step + Send); 4] = [&mut seat_map, &mut bookings, &mut loyalty, &mut sales];
    let (mut position, mut events) = (Position::START, 0);
    progress(position, head);
    'pages: loop {
        let page = log.read_all(Some(position), Direction::Forwards, PAGE, &Filter::our_streams()).await?;
        if page.is_empty() {
            break;
        }
        for recorded in &page {
            // What is appended meanwhile is for the next time.
            if recorded.position > head {
                break 'pages;
            }
            position = recorded.position;
            let decoded = codec::decode(recorded)
                .map_err(|e| ProjectionError::Unreadable { position: recorded.position.0, why: e.to_string() })?;
            let Some(event) = decoded else { continue };
            events += 1;
            for view in &mut views {
                view.compare_before(event.position)?;
                view.fold(&event);
            }
        }
        progress(position, head);
    }
    let mut rebuilt = Vec::new();
    for view in views {
        rebuilt.push(view.finish(head, dir)?);
    }
    progress(head, head);
    Ok(RebuildReport { position: head, events, started_at, ended_at: clock.now(), views: rebuilt })
}
