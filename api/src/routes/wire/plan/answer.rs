//! A plan as it is answered: in short, and whole.

use super::parts::{PlanArea, PlanCategory, PlanRow, PlanSeat, PlanSeats, PlanShape};
use lastseat_domain::plan::{self, DrawnPlan};
use lastseat_domain::{AreaId, CategoryId, PlanId, SeatId};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

fn decimal(hundredths: i32) -> f64 {
    f64::from(hundredths) / 100.0
}

/// A revision of a plan, in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanSummary)]
pub struct PlanSummary {
    /// Its id.
    #[schema(value_type = String, example = "house")]
    pub plan: PlanId,
    /// From 1. A revision never changes.
    #[schema(example = 1)]
    pub revision: u32,
    /// For people.
    #[schema(example = "The old house")]
    pub name: String,
    /// Its seats, places without labels included.
    #[schema(example = 1000)]
    pub seats: u64,
    /// Its rows.
    #[schema(example = 40)]
    pub rows: u64,
    /// What is printed of its areas, in their order.
    #[schema(example = json!(["Stalls", "Balcony"]))]
    pub sections: Vec<String>,
    /// Its categories: what a show on it has to put a price on.
    pub categories: Vec<CategoryCount>,
    /// What of the request is not in the plan, in words; only in the answer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_taken_over: Option<Vec<String>>,
}

/// A category and its seats.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryCount {
    /// Its id.
    #[schema(value_type = String, example = "stalls")]
    pub category: CategoryId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As CSS writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Its seats, places without labels included.
    #[schema(example = 600)]
    pub seats: u64,
}

impl PlanSummary {
    #[must_use]
    pub fn of(drawn: &DrawnPlan) -> Self {
        let drawing = &drawn.drawing;
        let mut by_category: BTreeMap<&CategoryId, u64> = BTreeMap::new();
        let mut sections: Vec<String> = Vec::new();
        for area in &drawing.areas {
            let rows = area.rows.iter().map(|row| u64::from(row.seats.len())).sum::<u64>();
            *by_category.entry(&area.category).or_default() += rows + u64::from(area.capacity.unwrap_or_default());
            let section = area.section.as_deref().unwrap_or(area.area.as_str());
            if !sections.iter().any(|known| known == section) {
                sections.push(section.to_owned());
            }
        }
        let categories = drawing.categories.iter().map(|known| CategoryCount {
            category: known.category.clone(),
            name: known.name.clone(),
            color: known.color.clone(),
            seats: by_category.get(&known.category).copied().unwrap_or_default(),
        });
        Self {
            plan: drawn.plan.clone(),
            revision: drawn.revision,
            name: drawing.name.clone(),
            seats: drawing.seats(),
            rows: drawing.areas.iter().map(|area| area.rows.len() as u64).sum(),
            sections,
            categories: categories.collect(),
            not_taken_over: None,
        }
    }
}

/// A revision of a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanJson {
    /// Its id.
    #[schema(value_type = String, example = "house")]
    plan: PlanId,
    /// From 1. A revision never changes.
    #[schema(example = 1)]
    revision: u32,
    /// For people.
    #[schema(example = "The old house")]
    name: String,
    /// How its categories are shown.
    categories: Vec<PlanCategory>,
    /// Areas and rows are in the order of seat maps, the seats of a row in that of its letters.
    areas: Vec<PlanArea>,
    /// What is drawn besides seats.
    shapes: Vec<PlanShape>,
}

impl PlanJson {
    /// The whole revision, each seat listed.
    #[must_use]
    pub fn of(drawn: &DrawnPlan) -> Self {
        let drawing = &drawn.drawing;
        Self {
            plan: drawn.plan.clone(),
            revision: drawn.revision,
            name: drawing.name.clone(),
            categories: drawing
                .categories
                .iter()
                .map(|c| PlanCategory { category: c.category.clone(), name: c.name.clone(), color: c.color.clone() })
                .collect(),
            areas: drawing.areas.iter().map(area_of).collect(),
            shapes: drawing.shapes.iter().map(shape_of).collect(),
        }
    }
}

fn area_of(area: &plan::DrawnArea) -> PlanArea {
    let rows = area.rows.iter().map(|row| PlanRow {
        row: row.row.clone(),
        seats: PlanSeats::Listed(seats_of(&area.area, row)),
        gaps_after: row.gaps_after.clone(),
    });
    PlanArea {
        area: area.area.clone(),
        section: area.section.clone(),
        category: area.category.clone(),
        rows: rows.collect(),
        capacity: area.capacity,
    }
}

fn seats_of(area: &AreaId, row: &plan::DrawnRow) -> Vec<PlanSeat> {
    match &row.seats {
        plan::RowSeats::Count(seats) => {
            let prefix = format!("{area}.{}", row.row);
            let seat =
                |number: u32| PlanSeat { seat: SeatId::in_row(&prefix, number), label: number.to_string(), x: None, y: None };
            (1..=*seats).map(seat).collect()
        }
        plan::RowSeats::Listed(seats) => seats
            .iter()
            .map(|seat| PlanSeat {
                seat: seat.seat.clone(),
                label: seat.label.clone(),
                x: seat.at.map(|at| decimal(at.x)),
                y: seat.at.map(|at| decimal(at.y)),
            })
            .collect(),
    }
}

fn shape_of(shape: &plan::Shape) -> PlanShape {
    PlanShape {
        shape: shape.shape.clone(),
        x: decimal(shape.at.x),
        y: decimal(shape.at.y),
        width: shape.size.map(|size| decimal(size.x)),
        height: shape.size.map(|size| decimal(size.y)),
        points: shape.points.iter().map(|at| [decimal(at.x), decimal(at.y)]).collect(),
        rotation: (shape.rotation != 0).then(|| decimal(shape.rotation)),
        color: shape.color.clone(),
        text: shape.text.clone(),
        area: shape.area.clone(),
    }
}

/// The drawn plan that a show is on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanOfShow {
    /// `GET /v1/plans/{plan}/revisions/{revision}` has its seats.
    #[schema(value_type = String, example = "house")]
    pub plan: PlanId,
    /// From 1. The show stays on it.
    #[schema(example = 1)]
    pub revision: u32,
}

impl From<&plan::PlanOfShow> for PlanOfShow {
    fn from(on: &plan::PlanOfShow) -> Self {
        Self { plan: on.plan.clone(), revision: on.revision }
    }
}
