//! Fills a file of views without a log, to measure large ones.

use crate::batch::Batch;
use crate::error::ProjectionError;
use crate::tables::{Writer, file_in};
use lastseat_domain::Envelope;
use std::path::Path;
use std::sync::Arc;

/// A file of views in the making. Blocks: it writes to the disk.
#[doc(hidden)]
pub struct Filler(Writer);

impl Filler {
    /// Begins the file in an empty folder.
    ///
    /// # Errors
    /// [`ProjectionError`] if it can't be written.
    pub fn create(folder: &Path) -> Result<Self, ProjectionError> {
        Ok(Self(Writer::create(&file_in(folder))?))
    }

    /// Folds events, in position order, in one transaction.
    ///
    /// # Errors
    /// [`ProjectionError`] if they can't be written.
    pub fn fold(&mut self, events: Vec<Arc<Envelope>>) -> Result<(), ProjectionError> {
        let until = events.last().map(|event| event.position).unwrap_or_default();
        Ok(self.0.fold(&Batch { events, until, ..Batch::default() })?)
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`ProjectionError`] if it can't be written.
    pub fn close(self) -> Result<(), ProjectionError> {
        Ok(self.0.close()?)
    }
}
