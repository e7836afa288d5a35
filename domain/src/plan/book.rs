//! The plans of a log. Every reader of the log folds one, and looks up in it what the shows are on.

use super::drawing::Drawing;
use super::drawn::DrawnPlan;
use crate::event::{PlanDrawn, ShowScheduled};
use crate::ids::PlanId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The revisions of one plan.
#[derive(Debug, Clone, Default)]
pub struct PlanRevisions {
    /// Whole ones, by number from 1.
    whole: Vec<Arc<DrawnPlan>>,
    /// The first parts of the next.
    draft: Option<Draft>,
}

/// A revision that isn't whole yet: nobody sees it.
#[derive(Debug, Clone)]
struct Draft {
    fingerprint: String,
    parts: u32,
    drawn: Vec<Drawing>,
}

impl PlanRevisions {
    /// The latest whole revision.
    #[must_use]
    pub fn latest(&self) -> Option<&Arc<DrawnPlan>> {
        self.whole.last()
    }

    /// A whole revision.
    #[must_use]
    pub fn get(&self, revision: u32) -> Option<&Arc<DrawnPlan>> {
        self.whole.get(revision.checked_sub(1)? as usize)
    }

    /// The number of the latest whole revision; 0 if there is none.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.whole.last().map_or(0, |latest| latest.revision)
    }

    /// The number of the draft's next part, if the draft is of these parts.
    #[must_use]
    pub fn next_part(&self, fingerprint: &str, parts: u32) -> Option<u32> {
        let draft = self.draft.as_ref().filter(|draft| draft.fingerprint == fingerprint && draft.parts == parts)?;
        u32::try_from(draft.drawn.len() + 1).ok()
    }

    /// Takes in an event of the plan's stream. A first part begins the next revision, in place of one that wasn't
    /// completed. Anything else that does not go on where the draft ends changes nothing.
    pub fn apply(&mut self, event: &PlanDrawn) {
        if event.revision != self.count() + 1 {
            return;
        }
        if event.part == 1 {
            let drawn = Vec::new();
            self.draft = Some(Draft { fingerprint: event.fingerprint.clone(), parts: event.parts, drawn });
        }
        if self.next_part(&event.fingerprint, event.parts) != Some(event.part) {
            return;
        }
        let Some(mut draft) = self.draft.take() else { return };
        draft.drawn.push(event.drawing.clone());
        if event.part < draft.parts {
            self.draft = Some(draft);
            return;
        }
        let mut whole = Drawing::default();
        draft.drawn.into_iter().for_each(|part| whole.extend(part));
        self.whole.push(Arc::new(DrawnPlan::new(event.plan.clone(), event.revision, draft.fingerprint, whole)));
    }

    /// Events that lead to the same: one for each whole revision, then the draft's.
    fn events(&self, plan: &PlanId) -> impl Iterator<Item = PlanDrawn> {
        let event = |revision, (part, parts), fingerprint: &str, drawing: &Drawing| PlanDrawn {
            plan: plan.clone(),
            revision,
            part,
            parts,
            fingerprint: fingerprint.to_owned(),
            drawing: drawing.clone(),
        };
        let whole = self.whole.iter().map(|drawn| event(drawn.revision, (1, 1), &drawn.fingerprint, &drawn.drawing));
        let draft = self.draft.iter().flat_map(|draft| {
            let parts = (1..).zip(&draft.drawn);
            parts.map(|(part, drawing)| event(self.count() + 1, (part, draft.parts), &draft.fingerprint, drawing))
        });
        whole.chain(draft).collect::<Vec<_>>().into_iter()
    }
}

/// All plans, by id.
#[derive(Debug, Clone, Default)]
pub struct PlanBook(BTreeMap<PlanId, PlanRevisions>);

impl PlanBook {
    /// Takes in an event of a plan's stream.
    pub fn apply(&mut self, event: &PlanDrawn) {
        self.0.entry(event.plan.clone()).or_default().apply(event);
    }

    /// Takes over what somebody has read of a plan, unless this has as much.
    pub fn learn(&mut self, plan: &PlanId, revisions: &PlanRevisions) {
        let known = self.0.entry(plan.clone()).or_default();
        if known.count() < revisions.count() {
            *known = revisions.clone();
        }
    }

    /// A plan.
    #[must_use]
    pub fn plan(&self, plan: &PlanId) -> Option<&PlanRevisions> {
        self.0.get(plan)
    }

    /// A whole revision of a plan.
    #[must_use]
    pub fn get(&self, plan: &PlanId, revision: u32) -> Option<&Arc<DrawnPlan>> {
        self.0.get(plan)?.get(revision)
    }

    /// The latest whole revision of each plan, by id.
    pub fn latest(&self) -> impl Iterator<Item = &Arc<DrawnPlan>> {
        self.0.values().filter_map(PlanRevisions::latest)
    }

    /// A show with what the plan that it is on looks like.
    #[must_use]
    pub fn with_plan(&self, mut show: ShowScheduled) -> ShowScheduled {
        if let Some(plan) = &mut show.plan {
            plan.drawn = self.get(&plan.plan, plan.revision).cloned();
        }
        show
    }

    /// Events that lead to the same book: a stored form of it.
    #[must_use]
    pub fn events(&self) -> Vec<PlanDrawn> {
        self.0.iter().flat_map(|(plan, revisions)| revisions.events(plan)).collect()
    }

    /// The book that these events lead to.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a PlanDrawn>) -> Self {
        let mut book = Self::default();
        events.into_iter().for_each(|event| book.apply(event));
        book
    }
}
