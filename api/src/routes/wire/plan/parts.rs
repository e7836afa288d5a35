//! Areas, rows, seats and shapes of a plan, in requests and answers.

use crate::routes::wire::names;
use lastseat_domain::{AreaId, CategoryId, SeatId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A category as a plan shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCategory {
    /// What shows put a price on.
    #[schema(value_type = String, example = "stalls", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub category: CategoryId,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Stalls", min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// As CSS writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "#7c3aed", min_length = 1, max_length = 64)]
    pub color: Option<String>,
}

/// A part of a plan in one category: rows of seats, or places that are sold by quantity.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanArea {
    /// Unique in the plan.
    #[schema(value_type = String, example = "balcony", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub area: AreaId,
    /// What is printed; several areas may be parts of one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Balcony", min_length = 1, max_length = 64)]
    pub section: Option<String>,
    /// Its category.
    #[schema(value_type = String, example = "stalls", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub category: CategoryId,
    /// Its rows, front first. Leave it out for places without labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<PlanRow>,
    /// Number of places without labels. Leave it out for an area with rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub capacity: Option<u32>,
}

/// A row of seats, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRow {
    /// What is printed.
    #[schema(example = "A", min_length = 1, max_length = 64)]
    pub row: String,
    /// A number, for seats labelled from 1 with ids such as `balcony.A-1`; or the seats. Answers always list them.
    pub seats: PlanSeats,
    /// Places in the row, from 1, that an aisle follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([20]))]
    pub gaps_after: Vec<u32>,
}

/// The seats of a row.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a number of seats, or a list of seats, each with `seat` and `label`")]
pub enum PlanSeats {
    /// As many, 1 or more.
    Count(u32),
    /// These, at most 1,000.
    Listed(Vec<PlanSeat>),
}

/// A seat of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanSeat {
    /// Its id, unique in the plan: what holds name.
    #[schema(value_type = String, example = "balcony.A-1", min_length = 1, max_length = 80, pattern = "^[A-Za-z0-9._-]+$")]
    pub seat: SeatId,
    /// What is printed on it.
    #[schema(example = "1", min_length = 1, max_length = 64)]
    pub label: String,
    /// Where it is, to the right, to a hundredth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 120.5, minimum = -1_000_000, maximum = 1_000_000)]
    pub x: Option<f64>,
    /// And down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 40, minimum = -1_000_000, maximum = 1_000_000)]
    pub y: Option<f64>,
}

/// Something that is drawn and not sold.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanShape {
    /// What it is.
    #[schema(value_type = names::ShapeKind, example = "rectangle")]
    pub shape: String,
    /// Its centre, or where its text is.
    #[schema(example = 100, minimum = -1_000_000, maximum = 1_000_000)]
    pub x: f64,
    /// And down.
    #[schema(example = 10, minimum = -1_000_000, maximum = 1_000_000)]
    pub y: f64,
    /// Of what has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 200, minimum = -1_000_000, maximum = 1_000_000)]
    pub width: Option<f64>,
    /// Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 30, minimum = -1_000_000, maximum = 1_000_000)]
    pub height: Option<f64>,
    /// Corners of a polygon, from its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub points: Vec<[f64; 2]>,
    /// Degrees, clockwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub rotation: Option<f64>,
    /// As CSS writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub color: Option<String>,
    /// What is written on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Stage", min_length = 1, max_length = 200)]
    pub text: Option<String>,
    /// The area that it is the outline of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    pub area: Option<AreaId>,
}
