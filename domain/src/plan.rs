//! The seating plan of a show: areas, rows and price categories as an organiser writes them, and
//! [`Plan`], which gives every seat an index that never changes.

use crate::ids::{AreaId, CategoryId, SeatId};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A price category of a show. Every area is in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Unique in the show.
    pub category: CategoryId,
    /// Price of one seat in minor units of the show's currency; 0 or more.
    pub price: i64,
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
    /// Number of places of an area that is sold by quantity; absent for labelled seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// A row of labelled seats: row `A` with 40 seats has the labels `A-1` to `A-40`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The label's part before the dash; unique in the show.
    pub row: String,
    /// Number of seats, at least 1.
    pub seats: u32,
    /// Seat numbers that are followed by a gap (an aisle, a pillar). Seats on both sides of a gap
    /// don't count as neighbours when seats next to each other are requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps_after: Vec<u32>,
}

/// One seat of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSeat {
    /// Its label, or its number in an area that is sold by quantity.
    pub seat: SeatId,
    /// Index into [`Plan::areas`].
    pub area: u32,
    /// Price in minor units of the show's currency.
    pub price: i64,
    /// Its row, numbered through the whole show; `None` in an area that is sold by quantity.
    pub row: Option<u32>,
    /// Its part of a row without gaps, numbered through the whole show. Seats of one segment that
    /// follow each other in the plan are neighbours. `None` in an area that is sold by quantity.
    pub segment: Option<u32>,
}

/// Where the seats of an area are in [`Plan::seats`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArea {
    /// Unique in the show.
    pub area: AreaId,
    /// The category that sets the price.
    pub category: CategoryId,
    /// Price of each of its seats in minor units of the show's currency.
    pub price: i64,
    /// Whether its seats have labels; otherwise they are sold by quantity.
    pub labelled: bool,
    /// Index of its first seat.
    pub first: u32,
    /// Number of its seats.
    pub capacity: u32,
}

/// The seats of a show in order: area by area, row by row. A seat's index is its place in this
/// order; it is the same on every node and after every restart.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All seats, by index.
    pub seats: Vec<PlannedSeat>,
    /// All areas, in the organiser's order.
    pub areas: Vec<PlannedArea>,
    index: HashMap<SeatId, u32>,
}

impl Plan {
    /// Lays out the areas of a show that was checked when it was scheduled. An area in an unknown
    /// category would cost nothing.
    pub(crate) fn new(areas: &[Area], categories: &[Category]) -> Self {
        let mut plan = Self { seats: Vec::new(), areas: Vec::new(), index: HashMap::new() };
        let price_of: HashMap<&CategoryId, i64> = categories.iter().map(|c| (&c.category, c.price)).collect();
        let (mut rows, mut segment) = (0, 0);
        for (area_index, area) in (0_u32..).zip(areas) {
            let price = price_of.get(&area.category).copied().unwrap_or_default();
            let first = plan.seats.len();
            for row in &area.rows {
                let gaps: HashSet<u32> = row.gaps_after.iter().copied().collect();
                for number in 1..=row.seats {
                    plan.push(SeatId::in_row(&row.row, number), area_index, price, Some((rows, segment)));
                    if gaps.contains(&number) {
                        segment += 1;
                    }
                }
                segment += 1;
                rows += 1;
            }
            for number in 1..=area.capacity.unwrap_or(0) {
                plan.push(SeatId::unit(&area.area, number), area_index, price, None);
            }
            plan.areas.push(PlannedArea {
                area: area.area.clone(),
                category: area.category.clone(),
                price,
                labelled: area.capacity.is_none(),
                first: as_index(first),
                capacity: as_index(plan.seats.len() - first),
            });
        }
        plan
    }

    fn push(&mut self, seat: SeatId, area: u32, price: i64, place: Option<(u32, u32)>) {
        self.index.insert(seat.clone(), as_index(self.seats.len()));
        self.seats.push(PlannedSeat { seat, area, price, row: place.map(|p| p.0), segment: place.map(|p| p.1) });
    }

    /// The index of a seat; `None` if the show has no such seat.
    #[must_use]
    pub fn index_of(&self, seat: &SeatId) -> Option<u32> {
        self.index.get(seat).copied()
    }

    /// The seat at an index.
    #[must_use]
    pub fn seat(&self, index: u32) -> Option<&PlannedSeat> {
        self.seats.get(index as usize)
    }

    /// The area with this id.
    #[must_use]
    pub fn area(&self, area: &AreaId) -> Option<&PlannedArea> {
        self.areas.iter().find(|a| a.area == *area)
    }

    /// The area that a seat is in.
    #[must_use]
    pub fn area_of(&self, seat: &PlannedSeat) -> Option<&PlannedArea> {
        self.areas.get(seat.area as usize)
    }
}

/// A show's limit of 200,000 seats keeps every index and count within 32 bits.
fn as_index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
