//! Plans: drawing them, and looking up what a show is put on.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::loaded::Loaded;
use crate::origin::Origin;
use lastseat_domain::drawing::{CheckedDrawing, DrawPlan};
use lastseat_domain::event::{Event, ShowScheduled};
use lastseat_domain::plan::{DrawnPlan, PlanRevisions};
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::show::Show;
use lastseat_domain::{PlanId, Rejection, StreamName, codec};
use std::sync::Arc;

impl BoxOffice {
    /// Draws a revision of a plan, part by part. The latest revision again is a success, and so is a drawing that was
    /// begun and not completed: it is completed. Returns the revision, and whether it was drawn now.
    ///
    /// `follows`: refused if there is a later revision.
    ///
    /// # Errors
    /// `PlanChanged`, `InvalidPlan`; faults.
    pub async fn draw_plan(
        &self,
        plan: &PlanId,
        drawing: CheckedDrawing,
        follows: Option<u32>,
        by: impl Into<Origin>,
    ) -> Result<(Arc<DrawnPlan>, bool), CommandError> {
        let services = &self.services;
        let _permit = services.holds.enter(false)?;
        let mut command = DrawPlan { drawing: Arc::new(drawing), may_begin: true, follows };
        let mut context = self.command(by);
        let mut known: Option<Loaded<PlanRevisions>> = None;
        let mut is_new = false;
        loop {
            let executed = services.journal.execute::<PlanRevisions>(plan, command.clone(), &context, &mut known).await?;
            is_new |= !executed.events.is_empty();
            let is_whole = match executed.events.last() {
                Some(Event::PlanDrawn(drawn)) => drawn.part == drawn.parts,
                // Either it was whole before, or this very command has begun it: then the next step goes on.
                _ => !command.may_begin,
            };
            if is_whole {
                break;
            }
            command.may_begin = false;
            context = context.steps();
        }
        let state = match known {
            Some(loaded) => loaded.state,
            None => services.journal.load::<PlanRevisions>(plan).await?.state,
        };
        services.shows.learn_plan(plan, &state);
        let drawn = state.latest().filter(|latest| latest.fingerprint == command.drawing.fingerprint()).cloned();
        let changed = || Rejection::PlanChanged { plan: plan.clone(), revision: state.count() };
        Ok((drawn.ok_or_else(changed)?, is_new))
    }

    /// The latest revision of each plan, by id, as this node knows them.
    #[must_use]
    pub fn plans(&self) -> Vec<Arc<DrawnPlan>> {
        self.services.shows.plans()
    }

    /// A revision of a plan, also one that another node has drawn a moment ago. `revision`: the latest if absent.
    ///
    /// # Errors
    /// `PlanNotFound`; faults.
    pub async fn plan(&self, plan: &PlanId, revision: Option<u32>) -> Result<Arc<DrawnPlan>, CommandError> {
        let services = &self.services;
        if let Some(known) = services.shows.plan(plan, revision)
            && (revision.is_some() || self.is_latest(&known).await?)
        {
            return Ok(known);
        }
        let state = services.journal.load::<PlanRevisions>(plan).await?.state;
        services.shows.learn_plan(plan, &state);
        let found = revision.map_or_else(|| state.latest(), |revision| state.get(revision));
        found.cloned().ok_or_else(|| Rejection::PlanNotFound { plan: plan.clone() }.into())
    }

    /// Whether the plan's stream ends with this revision.
    async fn is_latest(&self, known: &DrawnPlan) -> Result<bool, Fault> {
        let stream = StreamName::plan(&known.plan);
        let last = self.services.ports.log.read_stream(&stream, None, Direction::Backwards, 1).await?;
        let Some(last) = last.first() else { return Ok(false) };
        let envelope = codec::decode(last)?;
        let event = envelope.as_deref().map(|envelope| &envelope.event);
        Ok(matches!(event, Some(Event::PlanDrawn(e)) if (e.revision, e.part) == (known.revision, e.parts)))
    }

    /// A show with what the plan that it is on looks like. A revision that there is not stays unknown: the rules refuse
    /// the show.
    pub(super) async fn on_plan(&self, mut show: ShowScheduled) -> Result<ShowScheduled, CommandError> {
        if let Some(plan) = show.plan.as_mut().filter(|plan| plan.drawn.is_none()) {
            plan.drawn = match self.plan(&plan.plan, Some(plan.revision)).await {
                Ok(drawn) => Some(drawn),
                Err(CommandError::Rejected(_)) => None,
                Err(fault) => return Err(fault),
            };
        }
        Ok(show)
    }

    /// Takes over a show as its stream has it, with the plan that it is on, which another node may have drawn.
    pub(super) async fn learn_show(&self, state: &Show) -> Result<(), CommandError> {
        if let Some(plan) = &state.facts.plan {
            match self.plan(&plan.plan, Some(plan.revision)).await {
                Ok(_) | Err(CommandError::Rejected(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.services.shows.learn(&state.facts.show, state);
        Ok(())
    }
}
