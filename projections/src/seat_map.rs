//! The seat map: the state of every seat of every show.

use crate::show_seats::{SeatStates, ShowSeats, StoredSeatStates};
use crate::view::View;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::plan::PriceType;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{AreaId, CategoryId, Envelope, SeatId, ShowId};
use serde::Serialize;

/// A show's seats at a position of the log. The feed goes on from there without gap or repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatMapView {
    pub show: ShowId,
    /// Last event that touched one of its seats: this is how they look from there on.
    pub position: Position,
    /// Labelled seats in plan order.
    pub seats: Vec<SeatView>,
    /// All areas in plan order.
    pub areas: Vec<AreaView>,
}

/// A labelled seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatView {
    pub seat: SeatId,
    /// The area it is in.
    pub area: AreaId,
    pub state: SeatState,
    /// Price in minor units of the show's currency.
    pub price: i64,
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
}

/// The view.
#[derive(Default)]
pub(crate) struct SeatMap {
    pub states: SeatStates,
}

impl View for SeatMap {
    const NAME: &'static str = "seat_map";
    const SCHEMA: u32 = 3;
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
    let seats = show_seats.plan.seats().zip(&show_seats.states).filter_map(|((id, seat), state)| {
        let area = area_of(seat.area).filter(|a| a.labelled)?;
        Some(SeatView { seat: id, area: area.area.clone(), state: *state, price: seat.price })
    });
    SeatMapView {
        show: show_seats.facts.show.clone(),
        position: show_seats.changed_at,
        seats: seats.collect(),
        areas: areas_of(show_seats),
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
    });
    areas.collect()
}
