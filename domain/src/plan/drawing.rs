//! What a plan is drawn with: seats with ids, printed labels and places on paper. It knows no prices; its categories are
//! names that each show puts a price on.

use super::point::Point;
use crate::ids::{AreaId, CategoryId, SeatId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a revision of a plan is drawn with, or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    /// For people. Only the first part has it, and the next two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The categories that its areas are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<PlanCategory>,
    /// What is drawn besides seats: a stage, a bar, tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// In the order of the seats. An area that a part has not all rows of goes on in the next.
    pub areas: Vec<DrawnArea>,
}

/// A category as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCategory {
    /// What shows put a price on.
    pub category: CategoryId,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As CSS writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// A part of a plan in one category: rows of seats, or places that are sold by quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnArea {
    /// Unique in the plan.
    pub area: AreaId,
    /// What is printed; several areas may be parts of one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Sets the price, in each show.
    pub category: CategoryId,
    /// Front first; empty for an area that is sold by quantity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<DrawnRow>,
    /// Number of places of an area that is sold by quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// A row of seats, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnRow {
    /// What is printed.
    pub row: String,
    /// Its seats.
    pub seats: RowSeats,
    /// Places in the row, from 1, that a gap follows (an aisle, a pillar): the seats on both sides are no neighbours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps_after: Vec<u32>,
}

/// The seats of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RowSeats {
    /// As many, labelled by their number from 1, with ids of area, row and number: `balcony.A-1`.
    Count(u32),
    /// These.
    Listed(Arc<[DrawnSeat]>),
}

impl RowSeats {
    /// How many.
    #[must_use]
    pub fn len(&self) -> u32 {
        match self {
            Self::Count(seats) => *seats,
            Self::Listed(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A seat of a drawn plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnSeat {
    /// Unique in the plan, and the same in all its revisions.
    pub seat: SeatId,
    /// What is printed on it.
    pub label: String,
    /// Where it is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Point>,
}

/// Something that is drawn and not sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// `rectangle`, `circle`, `ellipse`, `polygon` or `text`.
    pub shape: String,
    /// Its centre, or where its text is.
    pub at: Point,
    /// Width and height of what has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Point>,
    /// Corners of a polygon, from its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// Hundredths of a degree, clockwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rotation: i32,
    /// As CSS writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// What is written on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The area that it is the outline of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl Drawing {
    /// Takes in the next part.
    pub fn extend(&mut self, part: Self) {
        let Self { name, categories, shapes, areas } = part;
        if self.name.is_empty() {
            self.name = name;
        }
        self.categories.extend(categories);
        self.shapes.extend(shapes);
        for area in areas {
            match self.areas.last_mut().filter(|last| last.area == area.area) {
                Some(last) => last.rows.extend(area.rows),
                None => self.areas.push(area),
            }
        }
    }

    /// Hash of the whole, in lower-case hexadecimal: two drawings with the same are the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // These types never make the serializer fail.
        let stored = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(stored).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Number of its seats, places sold by quantity included.
    #[must_use]
    pub fn seats(&self) -> u64 {
        let of_area = |area: &DrawnArea| {
            area.rows.iter().map(|row| u64::from(row.seats.len())).sum::<u64>() + u64::from(area.capacity.unwrap_or_default())
        };
        self.areas.iter().map(of_area).sum()
    }

    /// The categories that its areas are in.
    #[must_use]
    pub fn categories_in_use(&self) -> BTreeSet<&CategoryId> {
        self.areas.iter().map(|area| &area.category).collect()
    }
}
