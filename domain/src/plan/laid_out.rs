//! The plan of a show: where its seats are, which many shows may have in common, and what they cost.

use super::area::{Area, Category};
use super::drawn::PlanOfShow;
use super::layout::{Layout, LayoutBuilder};
use super::planned::{PlannedArea, PlannedRow, PlannedSeat, PrintedSeat};
use crate::event::ShowScheduled;
use crate::ids::{AreaId, CategoryId, SeatId};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The seats of a show in order: area by area, row by row, then what was added later in the order of the additions. A
/// seat's index is its place in this order; it is the same on every node, after every restart and every addition.
///
/// Where the seats are is shared by all shows on one drawn plan; what they cost is the show's own.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All areas, in the organiser's order.
    pub areas: Vec<PlannedArea>,
    layout: Arc<Layout>,
}

impl Plan {
    /// Lays out the areas of a show that was checked when it was scheduled. An area in an unknown
    /// category would cost nothing.
    #[must_use]
    pub fn new(areas: &[Area], categories: &[Category]) -> Self {
        let mut builder = LayoutBuilder::default();
        for area in areas {
            let place = builder.open_area(&area.area, &area.category, area.capacity.is_none(), None);
            let prefix = area.own_rows.then_some(&area.area);
            for row in &area.rows {
                builder.numbered_row(place, prefix, &row.row, row.seats, &row.gaps_after);
            }
            if let Some(capacity) = area.capacity {
                builder.places(place, &area.area, capacity);
            }
            builder.close_area(place);
        }
        Self::priced(&Arc::new(builder.done()), categories)
    }

    /// The plan of a show: of its own areas, or of the drawn plan that it is on. A drawn plan that was not looked up has
    /// no seats.
    #[must_use]
    pub fn of(show: &ShowScheduled) -> Self {
        match &show.plan {
            None => Self::new(&show.areas, &show.categories),
            Some(PlanOfShow { drawn: Some(drawn), .. }) => Self::priced(drawn.layout(), &show.categories),
            Some(PlanOfShow { drawn: None, .. }) => Self::new(&[], &show.categories),
        }
    }

    fn priced(layout: &Arc<Layout>, categories: &[Category]) -> Self {
        let price_of: HashMap<&CategoryId, i64> = categories.iter().map(|c| (&c.category, c.price)).collect();
        let priced = layout
            .areas
            .iter()
            .map(|area| PlannedArea { price: price_of.get(&area.category).copied().unwrap_or_default(), ..area.clone() });
        Self { areas: priced.collect(), layout: Arc::clone(layout) }
    }

    /// Number of seats.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.layout.len()
    }

    /// Whether there is no seat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All seats, by index.
    pub fn seats(&self) -> impl Iterator<Item = (SeatId, PlannedSeat)> + '_ {
        self.layout.seats().map(|(id, seat)| (id, self.with_price(seat)))
    }

    /// The rows of an area, in the order of their seats. None of an area that is sold by quantity.
    pub fn rows(&self, area: u32) -> impl Iterator<Item = PlannedRow<'_>> + '_ {
        self.layout.rows(area)
    }

    /// The index of a seat; `None` if the show has no such seat.
    #[must_use]
    pub fn index_of(&self, seat: &SeatId) -> Option<u32> {
        self.layout.index_of(seat)
    }

    /// The seat at an index.
    #[must_use]
    pub fn seat(&self, index: u32) -> Option<PlannedSeat> {
        self.layout.seat(index).map(|seat| self.with_price(seat))
    }

    /// The indexes of the seats that are in one segment with the seat at an index; `None` without labels.
    #[must_use]
    pub fn segment_of(&self, index: u32) -> Option<Range<u32>> {
        self.layout.segment_of(index)
    }

    /// The id of the seat at an index.
    #[must_use]
    pub fn id_of(&self, index: u32) -> Option<SeatId> {
        self.layout.id_of(index)
    }

    /// What is printed on the seat at an index; `None` if it is not a labelled seat of a drawn plan.
    #[must_use]
    pub fn printed(&self, index: u32) -> Option<PrintedSeat<'_>> {
        self.layout.printed(index)
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

    fn with_price(&self, seat: PlannedSeat) -> PlannedSeat {
        PlannedSeat { price: self.area_of(seat).map_or(0, |area| area.price), ..seat }
    }
}
