//! Rebuilds a view that is in memory.

use super::report::RebuiltView;
use crate::checkpoint::{self, hex_sha256};
use crate::error::ProjectionError;
use crate::view::{Folded, View};
use lastseat_domain::Envelope;
use lastseat_domain::ports::event_log::Position;
use std::path::Path;

/// A stored view to be compared at its checkpoint.
struct StoredFile {
    position: Position,
    bytes: Vec<u8>,
}

/// A view under reconstruction.
pub(super) struct Rebuilding<V> {
    folded: Folded<V>,
    stored: Option<StoredFile>,
    problem: Option<String>,
    identical: Option<bool>,
}

impl<V: View> Rebuilding<V> {
    pub fn new(dir: Option<&Path>, head: Position) -> Result<Self, ProjectionError> {
        let mut this = Self { folded: Folded::default(), stored: None, problem: None, identical: None };
        if let Some(bytes) = dir.map(|dir| checkpoint::read(dir, V::NAME)).transpose()?.flatten() {
            match Folded::<V>::restore(&bytes) {
                Ok(old) if old.position > head => this.problem = Some("it is ahead of the log".into()),
                Ok(old) => this.stored = Some(StoredFile { position: old.position, bytes }),
                Err(why) => this.problem = Some(why),
            }
        }
        Ok(this)
    }

    fn bytes(&self) -> Result<Vec<u8>, ProjectionError> {
        self.folded.checkpoint().encode(V::NAME, V::SCHEMA)
    }

    /// Compares with the stored view if everything up to its checkpoint is folded: that is so once
    /// the next event comes after it.
    fn compare_before(&mut self, next: Position) -> Result<(), ProjectionError> {
        let Some(stored) = self.stored.as_ref().filter(|s| self.identical.is_none() && s.position < next) else { return Ok(()) };
        self.folded.advance(stored.position);
        self.identical = Some(self.bytes()? == stored.bytes);
        Ok(())
    }

    pub fn fold(&mut self, event: &Envelope) -> Result<(), ProjectionError> {
        self.compare_before(event.position)?;
        self.folded.fold(event);
        self.folded.mark(event);
        Ok(())
    }

    pub fn finish(&mut self, head: Position, dir: Option<&Path>) -> Result<RebuiltView, ProjectionError> {
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
