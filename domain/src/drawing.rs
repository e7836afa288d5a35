//! Drawing a plan: whether it can be drawn like that, and its revision part by part, each small enough for one event.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Event, PlanDrawn};
use crate::ids::PlanId;
use crate::plan::{Drawing, PlanRevisions};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use std::sync::Arc;

mod split;
mod validate;

pub use validate::{MAX_REVISIONS, MAX_ROW_SEATS, MAX_SHAPES};

/// A drawing that was checked, in parts.
#[derive(Debug, Clone)]
pub struct CheckedDrawing {
    fingerprint: String,
    parts: Vec<Drawing>,
}

impl CheckedDrawing {
    /// Checks a drawing.
    ///
    /// # Errors
    /// [`Rejection::InvalidPlan`], with the first thing that is wrong.
    pub fn new(drawing: Drawing) -> Result<Self, Rejection> {
        validate::validate(&drawing)?;
        Ok(Self { fingerprint: drawing.fingerprint(), parts: split::split(drawing) })
    }

    /// See [`Drawing::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How many events it takes.
    #[must_use]
    pub fn parts(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// The event that draws a part.
    fn event(&self, plan: &PlanId, revision: u32, part: u32) -> Option<PlanDrawn> {
        let drawing = self.parts.get(part.checked_sub(1)? as usize)?.clone();
        Some(PlanDrawn {
            plan: plan.clone(),
            revision,
            part,
            parts: self.parts(),
            fingerprint: self.fingerprint.clone(),
            drawing,
        })
    }
}

/// Draws the next part of a drawing, until all are drawn.
#[derive(Debug, Clone)]
pub struct DrawPlan {
    /// All of it.
    pub drawing: Arc<CheckedDrawing>,
    /// Whether it may begin with its first part, in place of another's that isn't whole. A request that has begun
    /// and finds another's draft was overtaken, and must not begin again: the two would never end.
    pub may_begin: bool,
    /// The revision that it is to follow; refused if there is a later one. `None` for whichever there is.
    pub follows: Option<u32>,
}

impl Decider for PlanRevisions {
    type Id = PlanId;
    type State = Self;
    type Command = DrawPlan;

    fn stream(id: &PlanId) -> StreamName {
        StreamName::plan(id)
    }

    fn initial() -> Self {
        Self::default()
    }

    fn decide(id: &PlanId, state: &Self, command: DrawPlan) -> Result<Vec<Event>, Rejection> {
        decide(id, state, &command)
    }

    fn evolve(mut state: Self, event: &Event, _at: Timestamp) -> Self {
        if let Event::PlanDrawn(event) = event {
            state.apply(event);
        }
        state
    }
}

fn decide(id: &PlanId, state: &PlanRevisions, command: &DrawPlan) -> Result<Vec<Event>, Rejection> {
    let DrawPlan { drawing, may_begin, follows } = command;
    // The same again, perhaps because its answer was lost.
    if state.latest().is_some_and(|latest| latest.fingerprint == drawing.fingerprint) {
        return Ok(vec![]);
    }
    let changed = || Rejection::PlanChanged { plan: id.clone(), revision: state.count() };
    if follows.is_some_and(|follows| follows != state.count()) {
        return Err(changed());
    }
    let next = state.next_part(&drawing.fingerprint, drawing.parts());
    let part = match next {
        Some(part) => part,
        None if *may_begin => 1,
        None => return Err(changed()),
    };
    if state.count() >= MAX_REVISIONS {
        let why = format!("a plan has at most {MAX_REVISIONS} revisions; draw it under another id");
        return Err(Rejection::InvalidPlan { field: "plan", why });
    }
    Ok(drawing.event(id, state.count() + 1, part).map(Event::from).into_iter().collect())
}
