//! The seat map: the state of every seat of every show.

use crate::board::{Board, BoardContent, House};
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
    /// The show.
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
    /// Its id.
    pub seat: SeatId,
    /// The area it is in.
    pub area: AreaId,
    /// Whether it can be had.
    pub state: SeatState,
    /// Price in minor units of the show's currency.
    pub price: i64,
}

/// An area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AreaView {
    /// Its id.
    pub area: AreaId,
    /// Whether its seats have labels, and so stand in `seats`.
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
    pub board: Board,
}

impl View for SeatMap {
    const NAME: &'static str = "seat_map";
    const SCHEMA: u32 = 1;
    type Content = BoardContent;

    fn apply(&mut self, event: &Envelope) {
        self.board.apply(event, |_, _, _| {});
    }

    fn content(&self) -> BoardContent {
        self.board.content()
    }

    fn restore(content: BoardContent) -> Result<Self, String> {
        Ok(Self { board: Board::restore(content)? })
    }
}

/// The map of one house.
pub(crate) fn seat_map_of(house: &House) -> SeatMapView {
    let area_of = |area: u32| house.plan.areas.get(area as usize);
    let seats = house.plan.seats.iter().zip(&house.states).filter_map(|(seat, state)| {
        let area = area_of(seat.area).filter(|a| a.labelled)?;
        Some(SeatView { seat: seat.seat.clone(), area: area.area.clone(), state: *state, price: seat.price })
    });
    SeatMapView { show: house.facts.show.clone(), position: house.changed_at, seats: seats.collect(), areas: areas_of(house) }
}

pub(crate) fn areas_of(house: &House) -> Vec<AreaView> {
    let areas = house.plan.areas.iter().zip(&house.available).map(|(area, available)| AreaView {
        area: area.area.clone(),
        labelled: area.labelled,
        capacity: area.capacity,
        available: *available,
        price: area.price,
    });
    areas.collect()
}

/// JSON bodies of seat maps, each encoded once for all who ask at the same position.
#[derive(Default)]
pub(crate) struct EncodedMaps {
    shows: Mutex<HashMap<ShowId, Arc<EncodedMap>>>,
}

struct EncodedMap {
    /// By the plan's index; `None` for units.
    fragments: Vec<Option<Fragments>>,
    latest: Mutex<Option<(Position, Bytes)>>,
}

/// What never changes of a labelled seat's JSON: everything before its state, and everything behind.
struct Fragments {
    before: String,
    behind: String,
}

/// What of a house the encoding needs. Taken under the view's lock, encoded outside it.
pub(crate) struct HouseNow {
    plan: Arc<Plan>,
    show: ShowId,
    position: Position,
    states: Vec<SeatState>,
    areas: Vec<AreaView>,
}

impl HouseNow {
    pub fn of(house: &House) -> Self {
        Self {
            plan: Arc::clone(&house.plan),
            show: house.facts.show.clone(),
            position: house.changed_at,
            states: house.states.clone(),
            areas: areas_of(house),
        }
    }
}

impl EncodedMaps {
    /// The body for `house`, which is only asked for more than its position if the body that is
    /// there is not of that position.
    pub fn get(&self, show: &ShowId, position: Position, house: impl FnOnce() -> Option<HouseNow>) -> Option<Bytes> {
        let known = self.shows.lock().get(show).cloned();
        let Some(map) = known else {
            let house = house()?;
            let map = Arc::clone(self.shows.lock().entry(show.clone()).or_insert_with(|| Arc::new(EncodedMap::new(&house.plan))));
            return map.encode(&house);
        };
        // Held while encoding: of a thousand who ask at once, one encodes and the others wait for it.
        let mut latest = map.latest.lock();
        if let Some((_, body)) = latest.as_ref().filter(|(at, _)| *at >= position) {
            return Some(body.clone());
        }
        let house = house()?;
        let body = Bytes::from(map.body(&house)?);
        *latest = Some((house.position, body.clone()));
        Some(body)
    }
}

impl EncodedMap {
    fn new(plan: &Plan) -> Self {
        let fragments = plan.seats.iter().map(|seat| {
            let area = plan.area_of(seat).filter(|a| a.labelled)?;
            // Ids need no escaping: their alphabets have no quotes, backslashes or control characters.
            let before = format!(r#"{{"seat":"{}","area":"{}","state":""#, seat.seat, area.area);
            let behind = format!(r#"","price":{}}}"#, seat.price);
            Some(Fragments { before, behind })
        });
        Self { fragments: fragments.collect(), latest: Mutex::new(None) }
    }

    fn encode(&self, house: &HouseNow) -> Option<Bytes> {
        let mut latest = self.latest.lock();
        let body = Bytes::from(self.body(house)?);
        if latest.as_ref().is_none_or(|(at, _)| *at < house.position) {
            *latest = Some((house.position, body.clone()));
        }
        Some(body)
    }

    fn body(&self, house: &HouseNow) -> Option<Vec<u8>> {
        let mut body = Vec::with_capacity(256 + self.fragments.len() * 72);
        write!(body, r#"{{"show":"{}","position":{},"seats":["#, house.show, house.position).ok()?;
        let mut first = true;
        for (fragments, state) in self.fragments.iter().zip(&house.states) {
            let Some(Fragments { before, behind }) = fragments else { continue };
            if !std::mem::take(&mut first) {
                body.push(b',');
            }
            body.extend_from_slice(before.as_bytes());
            body.extend_from_slice(state.name().as_bytes());
            body.extend_from_slice(behind.as_bytes());
        }
        body.extend_from_slice(br#"],"areas":"#);
        serde_json::to_writer(&mut body, &house.areas).ok()?;
        body.push(b'}');
        Some(body)
    }
}
