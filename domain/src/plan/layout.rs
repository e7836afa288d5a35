//! Where the seats of a plan are: which id has which index, and which seats are next to each other. It keeps rows, and
//! of seats only the ids that don't follow from their row and number.

use super::drawing::{DrawnSeat, RowSeats};
use super::planned::{PlannedArea, PlannedRow, PlannedSeat, PrintedSeat};
use crate::ids::{AreaId, CategoryId, SeatId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// See the module. Its areas have no prices.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub areas: Vec<PlannedArea>,
    /// In the order of their seats.
    runs: Vec<SeatRun>,
    /// Indexes into `runs`, by what their seats' ids begin with: `A-`, `floor:`.
    by_prefix: HashMap<String, Vec<usize>>,
    /// Indexes of the seats whose ids are listed.
    by_id: HashMap<SeatId, u32>,
    /// Whether it is that of a drawn plan: then its rows are named as they are printed.
    is_drawn: bool,
}

/// The seats of a row, or places of an area that is sold by quantity.
#[derive(Debug)]
struct SeatRun {
    /// Index of its first seat.
    first: u32,
    /// Number of its first seat: 1, unless places were added to an area that had some.
    first_number: u32,
    seats: u32,
    area: u32,
    kind: RunKind,
}

#[derive(Debug)]
enum RunKind {
    Row {
        /// As it is shown.
        name: String,
        ids: RowIds,
        /// Its number, counted through the whole plan.
        row: u32,
        /// The segment of its first seat.
        first_segment: u32,
        /// Seats that a gap follows, in order.
        gaps_after: Vec<u32>,
    },
    Places(AreaId),
}

/// The ids of a row's seats.
#[derive(Debug)]
enum RowIds {
    /// This, a dash, and the number.
    Numbered(String),
    Listed(Arc<[DrawnSeat]>),
}

impl SeatRun {
    /// The seat with this number, without its price.
    fn seat(&self, number: u32) -> PlannedSeat {
        let (row, segment) = match &self.kind {
            RunKind::Row { row, first_segment, gaps_after, .. } => {
                let gaps = gaps_after.partition_point(|after| *after < number);
                (Some(*row), Some(first_segment + as_index(gaps)))
            }
            RunKind::Places(_) => (None, None),
        };
        PlannedSeat { area: self.area, price: 0, row, segment }
    }

    fn id(&self, number: u32) -> Option<SeatId> {
        match &self.kind {
            RunKind::Row { ids: RowIds::Numbered(prefix), .. } => Some(SeatId::in_row(prefix, number)),
            RunKind::Row { ids: RowIds::Listed(seats), .. } => {
                seats.get(number.checked_sub(1)? as usize).map(|seat| seat.seat.clone())
            }
            RunKind::Places(area) => Some(SeatId::unit(area, number)),
        }
    }

    fn numbers(&self) -> Range<u32> {
        self.first_number..self.first_number + self.seats
    }
}

impl Layout {
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.first + run.seats)
    }

    pub fn seats(&self) -> impl Iterator<Item = (SeatId, PlannedSeat)> + '_ {
        self.runs.iter().flat_map(|run| run.numbers().filter_map(|number| Some((run.id(number)?, run.seat(number)))))
    }

    pub fn rows(&self, area: u32) -> impl Iterator<Item = PlannedRow<'_>> + '_ {
        self.runs.iter().filter(move |run| run.area == area).filter_map(|run| match &run.kind {
            RunKind::Row { name, .. } => Some(PlannedRow { row: name, first: run.first, seats: run.seats }),
            RunKind::Places(_) => None,
        })
    }

    pub fn index_of(&self, seat: &SeatId) -> Option<u32> {
        if let Some(index) = self.by_id.get(seat) {
            return Some(*index);
        }
        let (prefix, number) = split(seat)?;
        let runs = self.by_prefix.get(prefix)?.iter().filter_map(|run| self.runs.get(*run));
        let mut offsets = runs.filter_map(|run| Some((run, number.checked_sub(run.first_number)?)));
        offsets.find(|(run, offset)| *offset < run.seats).map(|(run, offset)| run.first + offset)
    }

    pub fn seat(&self, index: u32) -> Option<PlannedSeat> {
        self.find(index).map(|(run, number)| run.seat(number))
    }

    pub fn segment_of(&self, index: u32) -> Option<Range<u32>> {
        let (run, number) = self.find(index)?;
        let RunKind::Row { gaps_after, .. } = &run.kind else { return None };
        let gaps = gaps_after.partition_point(|after| *after < number);
        let before = gaps.checked_sub(1).and_then(|gap| gaps_after.get(gap)).copied().unwrap_or(0);
        let last = gaps_after.get(gaps).copied().unwrap_or(run.seats);
        Some(run.first + before..run.first + last)
    }

    pub fn id_of(&self, index: u32) -> Option<SeatId> {
        self.find(index).and_then(|(run, number)| run.id(number))
    }

    pub fn printed(&self, index: u32) -> Option<PrintedSeat<'_>> {
        let (run, number) = self.find(index).filter(|_| self.is_drawn)?;
        let RunKind::Row { name, ids, .. } = &run.kind else { return None };
        let (label, at) = match ids {
            RowIds::Numbered(_) => (Cow::Owned(number.to_string()), None),
            RowIds::Listed(seats) => {
                let seat = seats.get(number.checked_sub(1)? as usize)?;
                (Cow::Borrowed(seat.label.as_str()), seat.at)
            }
        };
        let section = self.areas.get(run.area as usize).and_then(|area| area.section.as_deref());
        Some(PrintedSeat { section, row: name, label, at })
    }

    /// The run of the seat at an index, and the seat's number in it.
    fn find(&self, index: u32) -> Option<(&SeatRun, u32)> {
        let after = self.runs.partition_point(|run| run.first <= index);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let offset = index - run.first;
        (offset < run.seats).then_some((run, run.first_number + offset))
    }
}

/// Lays out a plan: areas one after the other, each with its rows or places. An area may be opened again.
#[derive(Debug, Default)]
pub(super) struct LayoutBuilder {
    layout: Layout,
    known: HashMap<AreaId, usize>,
    rows: u32,
    next_segment: u32,
    /// Index of the first seat of the open area.
    opened_at: u32,
}

impl LayoutBuilder {
    /// Returns the area's place in the list of areas.
    pub fn open_area(&mut self, area: &AreaId, category: &CategoryId, labelled: bool, section: Option<&str>) -> usize {
        self.opened_at = self.layout.len();
        let next = self.layout.areas.len();
        let place = *self.known.entry(area.clone()).or_insert(next);
        if place == next {
            let (area, category, section) = (area.clone(), category.clone(), section.map(ToOwned::to_owned));
            self.layout.areas.push(PlannedArea { area, category, price: 0, labelled, ranges: vec![], capacity: 0, section });
        }
        place
    }

    /// The open area has all its seats. One without any has an empty range.
    pub fn close_area(&mut self, place: usize) {
        let seats = self.opened_at..self.layout.len();
        if let Some(area) = self.layout.areas.get_mut(place) {
            area.grow(seats);
        }
    }

    /// `within`: the area that the ids begin with, if they do.
    pub fn numbered_row(&mut self, place: usize, within: Option<&AreaId>, row: &str, seats: u32, gaps_after: &[u32]) {
        let prefix = within.map_or_else(|| row.to_owned(), |area| format!("{area}.{row}"));
        self.row(place, prefix.clone(), RowIds::Numbered(prefix), seats, gaps_after);
    }

    /// A row of a drawn plan, which shows its printed name.
    pub fn drawn_row(&mut self, place: usize, area: &AreaId, row: &str, seats: &RowSeats, gaps_after: &[u32]) {
        match seats {
            RowSeats::Count(seats) => {
                self.row(place, row.to_owned(), RowIds::Numbered(format!("{area}.{row}")), *seats, gaps_after);
            }
            RowSeats::Listed(seats) => {
                let first = self.layout.len();
                self.layout.by_id.extend((first..).zip(seats.iter()).map(|(index, seat)| (seat.seat.clone(), index)));
                let count = as_index(seats.len());
                self.row(place, row.to_owned(), RowIds::Listed(Arc::clone(seats)), count, gaps_after);
            }
        }
    }

    fn row(&mut self, place: usize, name: String, ids: RowIds, seats: u32, gaps_after: &[u32]) {
        let mut gaps_after: Vec<u32> = gaps_after.iter().copied().filter(|after| (1..=seats).contains(after)).collect();
        gaps_after.sort_unstable();
        gaps_after.dedup();
        let first_segment = self.next_segment;
        self.next_segment += as_index(gaps_after.len()) + 1;
        let kind = RunKind::Row { name, ids, row: self.rows, first_segment, gaps_after };
        self.rows += 1;
        self.push(SeatRun { first: self.layout.len(), first_number: 1, seats, area: as_index(place), kind });
    }

    pub fn places(&mut self, place: usize, area: &AreaId, capacity: u32) {
        let known = self.layout.areas.get(place).map_or(0, |area| area.capacity);
        let kind = RunKind::Places(area.clone());
        self.push(SeatRun { first: self.layout.len(), first_number: known + 1, seats: capacity, area: as_index(place), kind });
    }

    fn push(&mut self, run: SeatRun) {
        let is_listed = matches!(&run.kind, RunKind::Row { ids: RowIds::Listed(_), .. });
        if !is_listed
            && let Some(id) = run.id(run.first_number)
            && let Some((prefix, _)) = split(&id)
        {
            self.layout.by_prefix.entry(prefix.to_owned()).or_default().push(self.layout.runs.len());
        }
        self.layout.runs.push(run);
    }

    pub fn done(self) -> Layout {
        self.layout
    }

    pub fn done_of_drawn_plan(self) -> Layout {
        Layout { is_drawn: true, ..self.layout }
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
