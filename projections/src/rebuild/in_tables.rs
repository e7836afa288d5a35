//! Rebuilds the views that are in the file, beside the stored one.

use super::report::RebuiltView;
use crate::batch::Batch;
use crate::error::ProjectionError;
use crate::tables::{Digest, Stored, Writer};
use lastseat_domain::Envelope;
use lastseat_domain::ports::event_log::Position;
use std::path::Path;
use std::sync::Arc;

/// A file of views under reconstruction, beside the stored one.
pub(super) struct RebuildingTables {
    writer: Writer,
    stored: Option<Stored>,
    /// Why the stored one can't be compared.
    problem: Option<String>,
    /// The stored and the new digests at the stored one's position.
    compared: Option<(Vec<Digest>, Vec<Digest>)>,
}

impl RebuildingTables {
    pub fn new(new: &Path, dir: Option<&Path>, head: Position) -> Result<Self, ProjectionError> {
        let (stored, problem) = match dir.map(Stored::open) {
            Some(Ok(Some(stored))) if stored.progress().position > head => (None, Some("it is ahead of the log".into())),
            Some(Ok(Some(stored))) => match stored.problem.clone() {
                None => (Some(stored), None),
                problem => (None, problem),
            },
            Some(Err(problem)) => (None, Some(problem)),
            None | Some(Ok(None)) => (None, None),
        };
        Ok(Self { writer: Writer::create(new)?, stored, problem, compared: None })
    }

    fn compare_before(&mut self, next: Position) -> Result<(), ProjectionError> {
        let Some(stored) = self.stored.as_ref().filter(|s| self.compared.is_none() && s.progress().position < next) else {
            return Ok(());
        };
        self.writer.fold(&Batch { until: stored.progress().position, ..Batch::default() })?;
        match stored.digests() {
            Ok(old) => self.compared = Some((old, self.writer.digests()?)),
            Err(fault) => {
                self.problem = Some(fault.to_string());
                self.stored = None;
            }
        }
        Ok(())
    }

    /// Folds events in position order.
    pub fn fold(&mut self, events: Vec<Arc<Envelope>>) -> Result<(), ProjectionError> {
        let (mut before, mut after) = (events, Vec::new());
        if let Some(stored) = self.stored.as_ref().filter(|_| self.compared.is_none()) {
            let at = before.partition_point(|event| event.position <= stored.progress().position);
            after = before.split_off(at);
        }
        for events in [before, after] {
            let (Some(first), Some(last)) = (events.first(), events.last()) else { continue };
            self.compare_before(first.position)?;
            let until = last.position;
            self.writer.fold(&Batch { events, until, ..Batch::default() })?;
        }
        Ok(())
    }

    pub fn finish(mut self, head: Position) -> Result<Vec<RebuiltView>, ProjectionError> {
        self.compare_before(Position(head.0.saturating_add(1)))?;
        self.writer.fold(&Batch { until: head, ..Batch::default() })?;
        let (events, digests) = (self.writer.progress().events, self.writer.digests()?);
        let checkpoint = self.stored.as_ref().map(|stored| stored.progress().position);
        let identical = |view| {
            let (old, new) = self.compared.as_ref()?;
            let of = |digests: &[Digest]| digests.iter().find(|digest| digest.view == view).cloned();
            Some(of(old) == of(new))
        };
        let views = digests.iter().map(|digest| RebuiltView {
            name: digest.view,
            events,
            checkpoint,
            identical: identical(digest.view),
            problem: self.problem.clone(),
            sha256: digest.sha256.clone(),
        });
        let views = views.collect();
        self.writer.close()?;
        Ok(views)
    }
}
