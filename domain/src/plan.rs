//! The seating plan of a show: areas, rows and price categories as an organiser writes them, and
//! [`Plan`], which gives every seat an index that never changes.

use crate::ids::{AreaId, CategoryId, PriceTypeId, SeatId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSeat {
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

/// Where the seats of an area are in the [`Plan`].
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
}

impl PlannedArea {
    /// The indexes of its seats.
    pub fn seats(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// Takes in seats at the end of the plan.
    fn grow(&mut self, seats: Range<u32>) {
        self.capacity += seats.end - seats.start;
        match self.ranges.last_mut() {
            Some(last) if last.end == seats.start => last.end = seats.end,
            _ => self.ranges.push(seats),
        }
    }
}

/// The seats of a show in order: area by area, row by row, then what was added later in the order of the additions. A
/// seat's index is its place in this order; it is the same on every node, after every restart and every addition.
///
/// It keeps rows, not seats: what there is to say of a seat follows from its row and its number.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All areas, in the organiser's order.
    pub areas: Vec<PlannedArea>,
    /// In the order of their seats.
    runs: Vec<SeatRun>,
    /// Indexes into `runs`, by what their seats' ids begin with: `A-`, `floor:`.
    by_prefix: HashMap<String, Vec<usize>>,
}

/// The seats of a row, or places of an area that is sold by quantity.
#[derive(Debug, Clone)]
struct SeatRun {
    /// Index of its first seat.
    first: u32,
    /// Number of its first seat: 1, unless places were added to an area that had some.
    first_number: u32,
    seats: u32,
    area: u32,
    price: i64,
    kind: RunKind,
}

#[derive(Debug, Clone)]
enum RunKind {
    Row {
        label: String,
        /// Its number, counted through the whole show.
        row: u32,
        /// The segment of its first seat.
        first_segment: u32,
        /// Seats that a gap follows, in order.
        gaps_after: Vec<u32>,
    },
    Places(AreaId),
}

impl SeatRun {
    /// The seat with this number.
    fn seat(&self, number: u32) -> PlannedSeat {
        let (row, segment) = match &self.kind {
            RunKind::Row { row, first_segment, gaps_after, .. } => {
                let gaps = gaps_after.partition_point(|after| *after < number);
                (Some(*row), Some(first_segment + as_index(gaps)))
            }
            RunKind::Places(_) => (None, None),
        };
        PlannedSeat { area: self.area, price: self.price, row, segment }
    }

    /// Its id.
    fn id(&self, number: u32) -> SeatId {
        match &self.kind {
            RunKind::Row { label, .. } => SeatId::in_row(label, number),
            RunKind::Places(area) => SeatId::unit(area, number),
        }
    }
}

impl Plan {
    /// Lays out the areas of a show that was checked when it was scheduled. An area in an unknown
    /// category would cost nothing.
    #[must_use]
    pub fn new(areas: &[Area], categories: &[Category]) -> Self {
        let mut plan = Self { areas: Vec::new(), runs: Vec::new(), by_prefix: HashMap::new() };
        let price_of: HashMap<&CategoryId, i64> = categories.iter().map(|c| (&c.category, c.price)).collect();
        let (mut rows, mut first_segment) = (0, 0);
        let mut known: HashMap<&AreaId, usize> = HashMap::new();
        for area in areas {
            let price = price_of.get(&area.category).copied().unwrap_or_default();
            let first = plan.len();
            let place = *known.entry(&area.area).or_insert(plan.areas.len());
            let (area_index, places) = (as_index(place), plan.areas.get(place).map_or(0, |area| area.capacity));
            for row in &area.rows {
                let mut gaps_after: Vec<u32> =
                    row.gaps_after.iter().copied().filter(|after| (1..=row.seats).contains(after)).collect();
                gaps_after.sort_unstable();
                gaps_after.dedup();
                let next_segment = first_segment + as_index(gaps_after.len()) + 1;
                let kind = RunKind::Row { label: row.row.clone(), row: rows, first_segment, gaps_after };
                plan.push(SeatRun { first: plan.len(), first_number: 1, seats: row.seats, area: area_index, price, kind });
                first_segment = next_segment;
                rows += 1;
            }
            if let Some(capacity) = area.capacity {
                let (first_number, kind) = (places + 1, RunKind::Places(area.area.clone()));
                plan.push(SeatRun { first, first_number, seats: capacity, area: area_index, price, kind });
            }
            let seats = first..plan.len();
            match plan.areas.get_mut(place) {
                Some(area) => area.grow(seats),
                None => plan.areas.push(PlannedArea {
                    area: area.area.clone(),
                    category: area.category.clone(),
                    price,
                    labelled: area.capacity.is_none(),
                    capacity: seats.end - seats.start,
                    ranges: vec![seats],
                }),
            }
        }
        plan
    }

    fn push(&mut self, run: SeatRun) {
        if let Some((prefix, _)) = split(&run.id(run.first_number)) {
            self.by_prefix.entry(prefix.to_owned()).or_default().push(self.runs.len());
        }
        self.runs.push(run);
    }

    /// Number of seats.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.first + run.seats)
    }

    /// Whether there is no seat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All seats, by index.
    pub fn seats(&self) -> impl Iterator<Item = (SeatId, PlannedSeat)> + '_ {
        let numbers = |run: &SeatRun| run.first_number..run.first_number + run.seats;
        self.runs.iter().flat_map(move |run| numbers(run).map(|number| (run.id(number), run.seat(number))))
    }

    /// The rows of an area: their labels, the index of each one's first seat, and how many seats it has. None of an area
    /// that is sold by quantity.
    pub fn rows(&self, area: u32) -> impl Iterator<Item = (&str, u32, u32)> + '_ {
        self.runs.iter().filter(move |run| run.area == area).filter_map(|run| match &run.kind {
            RunKind::Row { label, .. } => Some((label.as_str(), run.first, run.seats)),
            RunKind::Places(_) => None,
        })
    }

    /// The index of a seat; `None` if the show has no such seat.
    #[must_use]
    pub fn index_of(&self, seat: &SeatId) -> Option<u32> {
        let (prefix, number) = split(seat)?;
        let runs = self.by_prefix.get(prefix)?.iter().filter_map(|run| self.runs.get(*run));
        let mut offsets = runs.filter_map(|run| Some((run, number.checked_sub(run.first_number)?)));
        offsets.find(|(run, offset)| *offset < run.seats).map(|(run, offset)| run.first + offset)
    }

    /// The seat at an index.
    #[must_use]
    pub fn seat(&self, index: u32) -> Option<PlannedSeat> {
        self.find(index).map(|(run, number)| run.seat(number))
    }

    /// The indexes of the seats that are in one segment with the seat at an index; `None` without labels.
    #[must_use]
    pub fn segment_of(&self, index: u32) -> Option<Range<u32>> {
        let (run, number) = self.find(index)?;
        let RunKind::Row { gaps_after, .. } = &run.kind else { return None };
        let gaps = gaps_after.partition_point(|after| *after < number);
        let before = gaps.checked_sub(1).and_then(|gap| gaps_after.get(gap)).copied().unwrap_or(0);
        let last = gaps_after.get(gaps).copied().unwrap_or(run.seats);
        Some(run.first + before..run.first + last)
    }

    /// The id of the seat at an index: its label, or its number in an area that is sold by quantity.
    #[must_use]
    pub fn id_of(&self, index: u32) -> Option<SeatId> {
        self.find(index).map(|(run, number)| run.id(number))
    }

    /// The run of the seat at an index, and the seat's number in it.
    fn find(&self, index: u32) -> Option<(&SeatRun, u32)> {
        let after = self.runs.partition_point(|run| run.first <= index);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let offset = index - run.first;
        (offset < run.seats).then_some((run, run.first_number + offset))
    }

    /// The area with this id.
    #[must_use]
    pub fn area(&self, area: &AreaId) -> Option<&PlannedArea> {
        self.areas.iter().find(|a| a.area == *area)
    }

    /// The area that a seat is in.
    #[must_use]
    pub fn area_of(&self, seat: PlannedSeat) -> Option<&PlannedArea> {
        self.areas.get(seat.area as usize)
    }
}

/// What comes before a seat's number, and the number as [`SeatId::in_row`] and [`SeatId::unit`] write it.
fn split(seat: &SeatId) -> Option<(&str, u32)> {
    let (prefix, digits) = seat.as_str().split_at(seat.as_str().rfind(['-', ':'])? + 1);
    let written = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    Some((prefix, digits.parse().ok().filter(|_| written)?))
}

/// A show's limit of 200,000 seats keeps every index and count within 32 bits.
fn as_index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
