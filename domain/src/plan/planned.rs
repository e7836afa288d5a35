//! What a laid-out plan says of its areas, rows and seats.

use super::point::Point;
use crate::ids::{AreaId, CategoryId};
use std::borrow::Cow;
use std::ops::Range;

/// One seat of a [`Plan`](super::Plan).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSeat {
    /// Index into [`Plan::areas`](super::Plan::areas).
    pub area: u32,
    /// Price in minor units of the show's currency.
    pub price: i64,
    /// Its row, numbered through the whole show; `None` in an area that is sold by quantity.
    pub row: Option<u32>,
    /// Its part of a row without gaps, numbered through the whole show. Seats of one segment that
    /// follow each other in the plan are neighbours. `None` in an area that is sold by quantity.
    pub segment: Option<u32>,
}

/// Where the seats of an area are in the [`Plan`](super::Plan).
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
    /// Indexes of its seats, ascending: one range, and one more for each time that seats were added.
    pub ranges: Vec<Range<u32>>,
    /// Number of its seats.
    pub capacity: u32,
    /// What a drawn plan prints on it.
    pub section: Option<String>,
}

impl PlannedArea {
    /// The indexes of its seats.
    pub fn seats(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// Takes in seats at the end of the plan.
    pub(super) fn grow(&mut self, seats: Range<u32>) {
        self.capacity += seats.end - seats.start;
        match self.ranges.last_mut() {
            Some(last) if last.end == seats.start => last.end = seats.end,
            _ => self.ranges.push(seats),
        }
    }
}

/// A row as it is drawn on a map: of labelled seats that follow each other in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRow<'a> {
    /// As the show has it: what its seats' ids begin with, before the dash; as a drawn plan has it: what is printed.
    pub row: &'a str,
    /// Index of its first seat.
    pub first: u32,
    /// Number of its seats.
    pub seats: u32,
}

/// What a drawn plan prints on a seat, and where the seat is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedSeat<'a> {
    /// Its section; several areas may be parts of one.
    pub section: Option<&'a str>,
    /// Its row.
    pub row: &'a str,
    /// Its label in the row.
    pub label: Cow<'a, str>,
    /// Its place on paper.
    pub at: Option<Point>,
}
