//! The seat map: the state of every seat of every show.

use crate::seat_states::{SeatStates, ShowSeats, StoredSeatStates};
use crate::view::View;
use bytes::Bytes;
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{AreaId, Envelope, SeatId, ShowId};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

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
}

/// The view.
#[derive(Default)]
pub(crate) struct SeatMap {
    pub states: SeatStates,
}

impl View for SeatMap {
    const NAME: &'static str = "seat_map";
    const SCHEMA: u32 = 2;
    type Content = StoredSeatStates;

    fn apply(&mut self, event: &Envelope) {
        self.states.apply(event, |_, _, _| {});
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
    let seats = show_seats.plan.seats.iter().zip(&show_seats.states).filter_map(|(seat, state)| {
        let area = area_of(seat.area).filter(|a| a.labelled)?;
        Some(SeatView { seat: seat.seat.clone(), area: area.area.clone(), state: *state, price: seat.price })
    });
    SeatMapView {
        show: show_seats.facts.show.clone(),
        position: show_seats.changed_at,
        seats: seats.collect(),
        areas: areas_of(show_seats),
    }
}

pub(crate) fn areas_of(show_seats: &ShowSeats) -> Vec<AreaView> {
    let areas = show_seats.plan.areas.iter().zip(&show_seats.available).map(|(area, available)| AreaView {
        area: area.area.clone(),
        labelled: area.labelled,
        capacity: area.capacity,
        available: *available,
        price: area.price,
    });
    areas.collect()
}

/// JSON bodies of seat maps, each encoded once for all requests at the same position.
#[derive(Default)]
pub(crate) struct EncodedMaps {
    shows: Mutex<HashMap<ShowId, Arc<EncodedMap>>>,
}

struct EncodedMap {
    /// By the plan's index; `None` for units.
    fragments: Vec<Option<Fragments>>,
    latest: Mutex<Option<(Position, Bytes)>>,
}

/// What never changes of a labelled seat's JSON: the text before its state and the text after it.
struct Fragments {
    before: String,
    after: String,
}

/// A copy of what the encoding needs, taken under the view's lock and encoded outside it.
pub(crate) struct ShowSnapshot {
    plan: Arc<Plan>,
    show: ShowId,
    position: Position,
    states: Vec<SeatState>,
    areas: Vec<AreaView>,
}

impl ShowSnapshot {
    pub fn of(show_seats: &ShowSeats) -> Self {
        Self {
            plan: Arc::clone(&show_seats.plan),
            show: show_seats.facts.show.clone(),
            position: show_seats.changed_at,
            states: show_seats.states.clone(),
            areas: areas_of(show_seats),
        }
    }
}

impl EncodedMaps {
    /// The body for a show at `position`. `show_seats` is called only if no body of that position is
    /// there yet.
    pub fn get(&self, show: &ShowId, position: Position, show_seats: impl FnOnce() -> Option<ShowSnapshot>) -> Option<Bytes> {
        let known = self.shows.lock().get(show).cloned();
        let Some(map) = known else {
            let show_seats = show_seats()?;
            let map =
                Arc::clone(self.shows.lock().entry(show.clone()).or_insert_with(|| Arc::new(EncodedMap::new(&show_seats.plan))));
            return map.encode(&show_seats);
        };
        // Held while encoding: of a thousand concurrent requests, one encodes and the others wait for it.
        let mut latest = map.latest.lock();
        if let Some((_, body)) = latest.as_ref().filter(|(at, _)| *at >= position) {
            return Some(body.clone());
        }
        let show_seats = show_seats()?;
        let body = Bytes::from(map.body(&show_seats)?);
        *latest = Some((show_seats.position, body.clone()));
        Some(body)
    }
}

impl EncodedMap {
    fn new(plan: &Plan) -> Self {
        let fragments = plan.seats.iter().map(|seat| {
            let area = plan.area_of(seat).filter(|a| a.labelled)?;
            // Ids need no escaping: their alphabets have no quotes, backslashes or control characters.
            let before = format!(r#"{{"seat":"{}","area":"{}","state":""#, seat.seat, area.area);
            let after = format!(r#"","price":{}}}"#, seat.price);
            Some(Fragments { before, after })
        });
        Self { fragments: fragments.collect(), latest: Mutex::new(None) }
    }

    fn encode(&self, show_seats: &ShowSnapshot) -> Option<Bytes> {
        let mut latest = self.latest.lock();
        let body = Bytes::from(self.body(show_seats)?);
        if latest.as_ref().is_none_or(|(at, _)| *at < show_seats.position) {
            *latest = Some((show_seats.position, body.clone()));
        }
        Some(body)
    }

    fn body(&self, show_seats: &ShowSnapshot) -> Option<Vec<u8>> {
        let mut body = Vec::with_capacity(256 + self.fragments.len() * 72);
        write!(body, r#"{{"show":"{}","position":{},"seats":["#, show_seats.show, show_seats.position).ok()?;
        let mut first = true;
        for (fragments, state) in self.fragments.iter().zip(&show_seats.states) {
            let Some(Fragments { before, after }) = fragments else { continue };
            if !std::mem::take(&mut first) {
                body.push(b',');
            }
            body.extend_from_slice(before.as_bytes());
            body.extend_from_slice(state.name().as_bytes());
            body.extend_from_slice(after.as_bytes());
        }
        body.extend_from_slice(br#"],"areas":"#);
        serde_json::to_writer(&mut body, &show_seats.areas).ok()?;
        body.push(b'}');
        Some(body)
    }
}
