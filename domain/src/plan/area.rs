//! Areas, rows and price categories as an organiser writes them into a show.

use crate::ids::{AreaId, CategoryId, PriceTypeId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// A price category of a show. Every area is in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Unique in the show.
    pub category: CategoryId,
    /// Price of one seat in minor units of the show's currency; 0 or more. With several price types, that of
    /// the first.
    pub price: i64,
    /// Its prices, if it has several; the buyer chooses one for each seat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub price_types: Vec<PriceType>,
}

impl Category {
    /// A category with one price.
    #[must_use]
    pub fn new(category: CategoryId, price: i64) -> Self {
        Self { category, price, price_types: vec![] }
    }
}

/// One of several prices of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceType {
    /// Unique in the category.
    pub price_type: PriceTypeId,
    /// Minor units of the show's currency; 0 or more.
    pub price: i64,
}

/// The names of a category's price types, as a refusal says them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTypeNames(pub Vec<PriceTypeId>);

impl fmt::Display for PriceTypeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.0.split_first() else { return f.write_str("It has one price: leave the type out") };
        write!(f, "There are `{first}`")?;
        others.iter().try_for_each(|name| write!(f, ", `{name}`"))
    }
}

/// A part of the plan in one price category: either rows of labelled seats (`rows`), or places that
/// are sold by quantity (`capacity`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Unique in the show.
    pub area: AreaId,
    /// The category that sets the price of each of its seats.
    pub category: CategoryId,
    /// Rows of labelled seats; empty for an area that is sold by quantity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Whether its rows are named within the area, so that other areas may have a row of the same name. The ids of its
    /// seats then begin with the area: `balcony.A-1`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_rows: bool,
    /// Number of places of an area that is sold by quantity; absent for labelled seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// Areas as an organiser writes them: each once, with what was added to it later. In the facts of a show an
/// addition is an area of its own at the end of the list, under the id of the area that it belongs to, so that every
/// seat keeps its index.
#[must_use]
pub fn merged(areas: &[Area]) -> Vec<Area> {
    let mut merged: Vec<Area> = Vec::with_capacity(areas.len());
    let mut known = HashMap::new();
    for area in areas {
        let next = merged.len();
        match merged.get_mut(*known.entry(&area.area).or_insert(next)) {
            None => merged.push(area.clone()),
            Some(first) => {
                first.rows.extend(area.rows.iter().cloned());
                first.capacity = first.capacity.map(|places| places.saturating_add(area.capacity.unwrap_or_default()));
            }
        }
    }
    merged
}

/// A row of labelled seats: row `A` with 40 seats has the labels `A-1` to `A-40`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The label's part before the dash; unique in the show, or in an area with rows of its own.
    pub row: String,
    /// Number of seats, at least 1.
    pub seats: u32,
    /// Seat numbers that are followed by a gap (an aisle, a pillar). Seats on both sides of a gap
    /// don't count as neighbours when seats next to each other are requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps_after: Vec<u32>,
}
