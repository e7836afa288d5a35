//! The seat map: the state of every seat of every show.

use crate::show_seats::{SeatStates, ShowSeats, StoredSeatStates};
use crate::view::View;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::plan::{PlanOfShow, PriceType, PrintedSeat};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{AreaId, CategoryId, Envelope, SeatId, ShowId};
use serde::Serialize;

/// A show's seats at a position of the log. The feed goes on from there without gap or repeat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeatMapView {
    pub show: ShowId,
    /// Last event that touched one of its seats: this is how they look from there on.
    pub position: Position,
    /// The drawn plan that the show is on, if it is on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOfShow>,
    /// Labelled seats in plan order.
    pub seats: Vec<SeatView>,
    /// All areas in plan order.
    pub areas: Vec<AreaView>,
}

/// A labelled seat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeatView {
    pub seat: SeatId,
    /// The area it is in.
    pub area: AreaId,
    pub state: SeatState,
    /// Price in minor units of the show's currency.
    pub price: i64,
    /// What a drawn plan prints on it, and where it is.
    #[serde(flatten)]
    pub printed: Option<PrintedView>,
}

/// What a drawn plan prints on a seat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrintedView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    pub row: String,
    pub label: String,
    /// In the plan's unit, to the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
}

/// An area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AreaView {
    pub area: AreaId,
    /// Whether its seats have labels, and so are listed in `seats`.
    pub labelled: bool,
    /// Number of its seats.
    pub capacity: u32,
    /// How many of them are available.
    pub available: u32,
    /// Price of each in minor units of the show's currency.
    pub price: i64,
    /// Its prices, if it has several; `price` is the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub price_types: Vec<PriceType>,
    /// What a drawn plan prints on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// The view.
#[derive(Default)]
pub(crate) struct SeatMap {
    pub states: SeatStates,
}

impl View for SeatMap {
    const NAME: &'static str = "seat_map";
    const SCHEMA: u32 = 4;
    type Content = StoredSeatStates;

    fn apply(&mut self, event: &Envelope) {
        self.states.apply(event, |_, _| {});
    }

    fn content(&self) -> StoredSeatStates {
        self.states.content()
    }

    fn restore(content: StoredSeatStates) -> Result<Self, String> {
        Ok(Self { states: SeatStates::restore(content)? })
    }
}

/// The map of one show.
pub(crate) fn seat_map_of(show_seats: &ShowSeats) -> SeatMapView {
    let area_of = |area: u32| show_seats.plan.areas.get(area as usize);
    let numbered = (0_u32..).zip(show_seats.plan.seats());
    let seats = numbered.zip(&show_seats.states).filter_map(|((index, (id, seat)), state)| {
        let area = area_of(seat.area).filter(|a| a.labelled)?;
        let printed = show_seats.plan.printed(index).map(PrintedView::of);
        Some(SeatView { seat: id, area: area.area.clone(), state: *state, price: seat.price, printed })
    });
    SeatMapView {
        show: show_seats.facts.show.clone(),
        position: show_seats.changed_at,
        plan: show_seats.facts.plan.clone(),
        seats: seats.collect(),
        areas: areas_of(show_seats),
    }
}

impl PrintedView {
    fn of(printed: PrintedSeat<'_>) -> Self {
        Self {
            section: printed.section.map(ToOwned::to_owned),
            row: printed.row.to_owned(),
            label: printed.label.into_owned(),
            x: printed.at.map(|at| f64::from(at.x) / 100.0),
            y: printed.at.map(|at| f64::from(at.y) / 100.0),
        }
    }
}

fn price_types_of(facts: &ShowScheduled, category: &CategoryId) -> Vec<PriceType> {
    let category = facts.categories.iter().find(|known| known.category == *category);
    category.map(|category| category.price_types.clone()).unwrap_or_default()
}

pub(crate) fn areas_of(show_seats: &ShowSeats) -> Vec<AreaView> {
    let areas = show_seats.plan.areas.iter().zip(&show_seats.counts).map(|(area, counts)| AreaView {
        area: area.area.clone(),
        labelled: area.labelled,
        capacity: area.capacity,
        available: counts.available,
        price: area.price,
        price_types: price_types_of(&show_seats.facts, &area.category),
        section: area.section.clone(),
    });
    areas.collect()
}
