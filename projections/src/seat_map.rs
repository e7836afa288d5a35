//! The seat map: the state of every seat of every show.

use crate::show_seats::{SeatStates, ShowSeats, StoredSeatStates};
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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// Bytes of bodies that are not the latest of their show: only slow readers keep them.
    pub superseded: Arc<AtomicUsize>,
}

struct EncodedMap {
    latest: Mutex<Option<Latest>>,
    superseded: Arc<AtomicUsize>,
}

struct Latest {
    position: Position,
    body: Bytes,
    counted: Arc<Counted>,
}

/// Counts a body from when there is a later one until its last reader is gone.
struct Counted {
    bytes: usize,
    is_superseded: AtomicBool,
    total: Arc<AtomicUsize>,
}

/// A body with its count.
struct Body {
    text: Vec<u8>,
    counted: Arc<Counted>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.counted.is_superseded.load(Ordering::Acquire) {
            self.counted.total.fetch_sub(self.counted.bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Latest {
    fn drop(&mut self) {
        self.counted.total.fetch_add(self.counted.bytes, Ordering::Relaxed);
        self.counted.is_superseded.store(true, Ordering::Release);
    }
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
            let new = || Arc::new(EncodedMap { latest: Mutex::new(None), superseded: Arc::clone(&self.superseded) });
            let map = Arc::clone(self.shows.lock().entry(show.clone()).or_insert_with(new));
            let mut latest = map.latest.lock();
            return map.encode(&mut latest, &show_seats);
        };
        // Held while encoding: of a thousand concurrent requests, one encodes and the others wait for it.
        let mut latest = map.latest.lock();
        if let Some(latest) = latest.as_ref().filter(|latest| latest.position >= position) {
            return Some(latest.body.clone());
        }
        map.encode(&mut latest, &show_seats()?)
    }
}

impl EncodedMap {
    fn encode(&self, latest: &mut Option<Latest>, show_seats: &ShowSnapshot) -> Option<Bytes> {
        if let Some(latest) = latest.as_ref().filter(|latest| latest.position >= show_seats.position) {
            return Some(latest.body.clone());
        }
        let text = body(show_seats)?;
        let (is_superseded, total) = (AtomicBool::new(false), Arc::clone(&self.superseded));
        let counted = Arc::new(Counted { bytes: text.len(), is_superseded, total });
        let body = Bytes::from_owner(Body { text, counted: Arc::clone(&counted) });
        *latest = Some(Latest { position: show_seats.position, body: body.clone(), counted });
        Some(body)
    }
}

/// Ids and states need no escaping: their alphabets have no quotes, backslashes or control characters.
fn body(map: &ShowSnapshot) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(256 + map.states.len() * 72);
    write!(body, r#"{{"show":"{}","position":{},"seats":["#, map.show, map.position).ok()?;
    let mut separator = "";
    for ((id, seat), state) in map.plan.seats().zip(&map.states) {
        let Some(area) = map.plan.area_of(seat).filter(|area| area.labelled) else { continue };
        let (area, state, price) = (&area.area, state.name(), seat.price);
        write!(body, r#"{separator}{{"seat":"{id}","area":"{area}","state":"{state}","price":{price}}}"#).ok()?;
        separator = ",";
    }
    body.extend_from_slice(br#"],"areas":"#);
    serde_json::to_writer(&mut body, &map.areas).ok()?;
    body.push(b'}');
    Some(body)
}
