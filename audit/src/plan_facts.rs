//! The revisions of a plan, part by part.

use super::code::Code;
use super::report::{Findings, Place};
use lastseat_domain::SeatId;
use lastseat_domain::event::PlanDrawn;
use lastseat_domain::plan::{Drawing, DrawnPlan};
use std::collections::HashSet;
use std::sync::Arc;

/// The revisions of a plan.
#[derive(Debug, Default)]
pub(super) struct PlanFact {
    pub whole: Vec<Arc<DrawnPlan>>,
    /// The parts of the next, as far as they are there.
    draft: Option<Draft>,
}

#[derive(Debug)]
struct Draft {
    fingerprint: String,
    parts: u32,
    last: u32,
    drawing: Drawing,
}

impl PlanFact {
    pub fn take(&mut self, e: &PlanDrawn, place: &Place, findings: &mut Findings) {
        let next = u32::try_from(self.whole.len() + 1).unwrap_or(u32::MAX);
        let goes_on = e.part == 1 || self.draft.as_ref().is_some_and(|draft| draft.is_followed_by(e));
        let fits = e.revision == next && (1..=e.parts).contains(&e.part) && goes_on;
        findings.check(Code::PlanPartsDiffer, fits, place, || {
            format!("part {} of {} of revision {} does not follow what is there", e.part, e.parts, e.revision)
        });
        if !fits {
            return;
        }
        let begun = self.draft.take().filter(|_| e.part > 1).map(|draft| draft.drawing);
        let mut drawing = begun.unwrap_or_default();
        drawing.extend(e.drawing.clone());
        if e.part < e.parts {
            self.draft = Some(Draft { fingerprint: e.fingerprint.clone(), parts: e.parts, last: e.part, drawing });
            return;
        }
        let same = drawing.fingerprint() == e.fingerprint;
        findings.check(Code::PlanPartsDiffer, same, place, || {
            format!("the parts of revision {} don't come to what was drawn", e.revision)
        });
        let drawn = Arc::new(DrawnPlan::new(e.plan.clone(), e.revision, e.fingerprint.clone(), drawing));
        let mut seen = HashSet::new();
        let twice: Option<SeatId> = drawn.seats().find(|seat| !seen.insert(seat.clone()));
        findings.check(Code::PlanSeatTwice, twice.is_none(), place, || {
            format!("seat {} is there twice", twice.as_ref().map_or("", SeatId::as_str))
        });
        self.whole.push(drawn);
    }
}

impl Draft {
    fn is_followed_by(&self, e: &PlanDrawn) -> bool {
        e.part == self.last + 1 && e.parts == self.parts && e.fingerprint == self.fingerprint
    }
}
