//! What is stored of the views, without a look at the log.

use crate::checkpoint::{self, Label, hex_sha256};
use crate::error::ProjectionError;
use crate::seat_map::SeatMap;
use crate::tables::{Stored, VIEWS};
use crate::view::View;
use lastseat_domain::ports::event_log::Position;
use serde::Serialize;
use std::path::Path;

/// A stored view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StoredView {
    /// Which view.
    pub name: String,
    /// What is folded into it.
    pub position: Position,
    /// Number of events folded into it.
    pub events: u64,
    /// Version of its form.
    pub schema: u32,
    /// Size of its canonical form.
    pub bytes: u64,
    /// SHA-256 of its canonical form, in hex.
    pub sha256: String,
    /// Why it will not be used, or does not say what the log says.
    pub problem: Option<String>,
}

/// Lists the stored views in a folder, while a server may go on writing to it. Reads all of each, to hash it.
///
/// # Errors
/// [`ProjectionError::Io`] if a file is there but can't be read.
pub fn stored_status(dir: impl AsRef<Path>) -> Result<Vec<StoredView>, ProjectionError> {
    let dir = dir.as_ref();
    let mut stored = Vec::new();
    if let Some(bytes) = checkpoint::read(dir, SeatMap::NAME)? {
        let sum = StoredView {
            name: SeatMap::NAME.to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex_sha256(&bytes),
            ..StoredView::default()
        };
        stored.push(match checkpoint::label::<SeatMap>(&bytes) {
            Ok(Label { position, events, schema, problem }) => StoredView { position, events, schema, problem, ..sum },
            Err(problem) => StoredView { problem: Some(problem), ..sum },
        });
    }
    let tables = Stored::open(dir).and_then(|tables| tables.map(|tables| in_tables(&tables)).transpose());
    stored.extend(match tables {
        Ok(views) => views.unwrap_or_default(),
        Err(problem) => {
            VIEWS.map(|name| StoredView { name: name.to_owned(), problem: Some(problem.clone()), ..StoredView::default() }).into()
        }
    });
    Ok(stored)
}

fn in_tables(tables: &Stored) -> Result<Vec<StoredView>, String> {
    let progress = tables.progress();
    let digests = tables.digests().map_err(|fault| fault.to_string())?;
    let views = digests.into_iter().map(|digest| StoredView {
        name: digest.view.to_owned(),
        position: progress.position,
        events: progress.events,
        schema: Stored::SCHEMA,
        bytes: digest.bytes,
        sha256: digest.sha256,
        problem: tables.problem.clone(),
    });
    Ok(views.collect())
}
