//! A whole revision of a drawn plan, laid out for all shows that are on it.

use super::drawing::{Drawing, DrawnArea};
use super::layout::{Layout, LayoutBuilder};
use crate::ids::{AreaId, PlanId, SeatId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A whole revision of a plan. It never changes.
pub struct DrawnPlan {
    /// The plan.
    pub plan: PlanId,
    /// From 1.
    pub revision: u32,
    /// See [`Drawing::fingerprint`].
    pub fingerprint: String,
    /// All of it.
    pub drawing: Drawing,
    layout: Arc<Layout>,
}

impl DrawnPlan {
    /// Lays a drawing out. That it can be was checked when it was drawn; a later seat with the id of an earlier one
    /// would take its place.
    #[must_use]
    pub fn new(plan: PlanId, revision: u32, fingerprint: String, drawing: Drawing) -> Self {
        let mut builder = LayoutBuilder::default();
        for area in &drawing.areas {
            let place = builder.open_area(&area.area, &area.category, area.capacity.is_none(), area.section.as_deref());
            for row in &area.rows {
                builder.drawn_row(place, &area.area, &row.row, &row.seats, &row.gaps_after);
            }
            if let Some(capacity) = area.capacity {
                builder.places(place, &area.area, capacity);
            }
            builder.close_area(place);
        }
        Self { plan, revision, fingerprint, drawing, layout: Arc::new(builder.done_of_drawn_plan()) }
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The ids of all its seats, by index.
    pub fn seats(&self) -> impl Iterator<Item = SeatId> + '_ {
        self.layout.seats().map(|(seat, _)| seat)
    }

    /// The areas by id.
    #[must_use]
    pub fn areas(&self) -> HashMap<&AreaId, &DrawnArea> {
        self.drawing.areas.iter().map(|area| (&area.area, area)).collect()
    }
}

impl fmt::Debug for DrawnPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DrawnPlan({}, revision {}, {} seats)", self.plan, self.revision, self.layout.len())
    }
}

/// The plan that a show is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOfShow {
    /// Which.
    pub plan: PlanId,
    /// And which of its revisions: the show stays on it.
    pub revision: u32,
    /// What it looks like. Not stored with the show: readers of the log look it up in the [`PlanBook`](super::PlanBook).
    #[serde(skip)]
    pub drawn: Option<Arc<DrawnPlan>>,
}

/// What it looks like follows from plan and revision.
impl PartialEq for PlanOfShow {
    fn eq(&self, other: &Self) -> bool {
        (&self.plan, self.revision) == (&other.plan, other.revision)
    }
}

impl Eq for PlanOfShow {}
