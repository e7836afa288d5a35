//! The seats of a show, each in its place, and what changes of them.

use super::seats::{Counts, SeatState};
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Changes that are kept to look at.
const MOST_CHANGES: usize = 200;

/// Answer to `GET /v1/shows/{show}/seats` in its first form.
#[derive(Debug, Deserialize)]
pub struct SeatList {
    pub position: u64,
    seats: Vec<SeatLine>,
    areas: Vec<AreaLine>,
}

#[derive(Debug, Deserialize)]
struct SeatLine {
    seat: String,
    area: String,
    state: SeatState,
    section: Option<String>,
    row: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AreaLine {
    area: String,
    labelled: bool,
    capacity: u64,
    available: u64,
    section: Option<String>,
}

/// A message of the seat stream.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Message {
    Seat {
        seat: String,
        state: SeatState,
        at: String,
    },
    Area {
        area: String,
        available: u64,
    },
    /// The show was changed: read the seats again.
    Revised {
        revision: u64,
    },
}

/// Answer to `GET /v1/shows/{show}`, as far as it says where aisles are. A drawn plan has no rows there.
#[derive(Debug, Default, Deserialize)]
pub struct Aisles {
    areas: Vec<AreaOfShow>,
}

#[derive(Debug, Deserialize)]
struct AreaOfShow {
    area: String,
    #[serde(default)]
    rows: Vec<RowOfShow>,
}

#[derive(Debug, Deserialize)]
struct RowOfShow {
    row: String,
    #[serde(default)]
    gaps_after: Vec<usize>,
}

/// A seat in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub state: SeatState,
    /// When this changed while it was watched, since the start of this program.
    pub changed: Option<Duration>,
}

/// A row, as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The area's name, or what the plan prints on it.
    pub area: String,
    pub name: String,
    /// Seats; `None` is an aisle.
    pub cells: Vec<Option<Cell>>,
}

/// An area whose places have no labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    id: String,
    pub name: String,
    pub capacity: u64,
    pub available: u64,
}

/// Something that changed, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `14:03:22`, in UTC; empty if the server does not say.
    pub time: String,
    pub state: SeatState,
    /// Seat, or area and how many are left.
    pub what: String,
}

/// The seats of a show, each in its place.
#[derive(Debug, Clone, Default)]
pub struct SeatMap {
    pub rows: Vec<Row>,
    pub places: Vec<Places>,
    /// The newest first.
    pub changes: VecDeque<Change>,
    /// Row and place in it of each seat.
    index: HashMap<String, (usize, usize)>,
}

impl SeatMap {
    /// The seats in their rows.
    #[must_use]
    pub fn new(list: SeatList, aisles: &Aisles) -> Self {
        let mut gaps: HashMap<(&str, &str), &[usize]> = HashMap::new();
        for area in &aisles.areas {
            gaps.extend(area.rows.iter().map(|row| ((area.area.as_str(), row.row.as_str()), row.gaps_after.as_slice())));
        }
        let mut map = Self::default();
        // The number of seats of the row so far.
        let mut seats = 0;
        for line in list.seats {
            let gaps = gaps.get(&(line.area.as_str(), row_of(&line.seat))).copied().unwrap_or_default();
            let area = line.section.unwrap_or(line.area);
            let name = line.row.unwrap_or_else(|| row_of(&line.seat).to_owned());
            if map.rows.last().is_none_or(|row| row.area != area || row.name != name) {
                map.rows.push(Row { area, name, cells: Vec::new() });
                seats = 0;
            }
            let row = map.rows.len() - 1;
            if let Some(last) = map.rows.last_mut() {
                map.index.insert(line.seat, (row, last.cells.len()));
                last.cells.push(Some(Cell { state: line.state, changed: None }));
                seats += 1;
                last.cells.extend(gaps.contains(&seats).then_some(None));
            }
        }
        map.places = list
            .areas
            .into_iter()
            .filter(|area| !area.labelled)
            .map(|AreaLine { area, capacity, available, section, .. }| {
                let name = section.unwrap_or_else(|| area.clone());
                Places { id: area, name, capacity, available }
            })
            .collect();
        map
    }

    /// Seats by state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.rows.iter().flat_map(|row| &row.cells).flatten().for_each(|cell| counts.add(cell.state, 1));
        for places in &self.places {
            counts.add(SeatState::Available, places.available);
            counts.add(SeatState::Unknown, places.capacity.saturating_sub(places.available));
        }
        counts
    }

    /// Takes the changes of an earlier map of the same show.
    pub fn keep_changes_of(&mut self, earlier: Self) {
        self.changes = earlier.changes;
    }

    /// Applies a message that came at `now`. What is set to the state that it has is no change: after a cut, some come
    /// again.
    pub fn apply(&mut self, now: Duration, message: Message) {
        match message {
            Message::Seat { seat, state, at } => {
                let place = self.index.get(&seat).copied();
                let cell = place.and_then(|(row, seat)| self.rows.get_mut(row)?.cells.get_mut(seat)?.as_mut());
                let Some(cell) = cell.filter(|cell| cell.state != state) else { return };
                *cell = Cell { state, changed: Some(now) };
                self.note(Change { time: time_of_day(&at).to_owned(), state, what: seat });
            }
            Message::Area { area, available } => {
                let Some(places) = self.places.iter_mut().find(|places| places.id == area) else { return };
                if places.available != available {
                    let state = if available < places.available { SeatState::Unknown } else { SeatState::Available };
                    places.available = available;
                    let what = format!("{}: {available} left", places.name);
                    self.note(Change { time: String::new(), state, what });
                }
            }
            Message::Revised { .. } => {}
        }
    }

    fn note(&mut self, change: Change) {
        self.changes.push_front(change);
        self.changes.truncate(MOST_CHANGES);
    }
}

/// The row that a seat's id names: `balcony.A-12` is in `A`.
fn row_of(seat: &str) -> &str {
    let row = seat.rsplit_once('-').map_or(seat, |(row, _)| row);
    row.rsplit_once('.').map_or(row, |(_, row)| row)
}

/// `13:57:07` of `2026-11-20T13:57:07.903Z`.
fn time_of_day(at: &str) -> &str {
    at.split_once('T').and_then(|(_, time)| time.get(..8)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn map() -> SeatMap {
        let seat = |seat: &str, area: &str, state: &str| json!({ "seat": seat, "area": area, "state": state, "price": 1 });
        let list: SeatList = serde_json::from_value(json!({
            "show": "demo", "position": 3,
            "seats": [
                seat("A-1", "stalls", "booked"), seat("A-2", "stalls", "available"), seat("B-1", "stalls", "locked"),
                seat("balcony.A-1", "balcony", "unavailable"), seat("balcony.A-2", "balcony", "haunted"),
            ],
            "areas": [
                { "area": "stalls", "labelled": true, "capacity": 3, "available": 1, "price": 1 },
                { "area": "balcony", "labelled": true, "capacity": 2, "available": 0, "price": 1 },
                { "area": "floor", "labelled": false, "capacity": 9, "available": 7, "price": 1 },
            ],
        }))
        .unwrap();
        assert_eq!(list.position, 3);
        SeatMap::new(list, &Aisles::default())
    }

    fn message(text: &str) -> Message {
        serde_json::from_str(text).unwrap()
    }

    const BOOKED: &str = r#"{"seat":"A-2","state":"booked","position":9,"at":"2026-11-20T13:57:07.903Z"}"#;

    #[test]
    fn seats_are_in_the_rows_that_their_ids_name() {
        let map = map();
        let rows: Vec<_> = map.rows.iter().map(|row| (row.area.as_str(), row.name.as_str(), row.cells.len())).collect();
        assert_eq!(rows, [("stalls", "A", 2), ("stalls", "B", 1), ("balcony", "A", 2)]);
        let counts = Counts { available: 8, held: 1, in_payment: 0, sold: 1, blocked: 1, taken: 3 };
        assert_eq!((map.counts(), counts.total()), (counts, 14));
    }

    #[test]
    fn the_rows_of_a_drawn_plan_have_its_names() {
        let list: SeatList = serde_json::from_value(json!({
            "position": 1, "areas": [],
            "seats": [
                { "seat": "s17", "area": "p", "state": "available", "section": "Parkett", "row": "1", "label": "17" },
                { "seat": "s18", "area": "p", "state": "available", "section": "Parkett", "row": "1", "label": "18" },
            ],
        }))
        .unwrap();
        let map = SeatMap::new(list, &Aisles::default());
        assert_eq!(map.rows.iter().map(|row| (row.area.as_str(), row.name.as_str())).collect::<Vec<_>>(), [("Parkett", "1")]);
    }

    #[test]
    fn an_aisle_is_where_the_show_has_it() {
        let seat = |n: usize| json!({ "seat": format!("A-{n}"), "area": "stalls", "state": "available" });
        let seats: Vec<_> = (1..=4).map(seat).collect();
        let list: SeatList = serde_json::from_value(json!({ "position": 1, "areas": [], "seats": seats })).unwrap();
        let rows = json!([{ "row": "A", "seats": 4, "gaps_after": [1, 3] }]);
        let areas = json!([{ "area": "circle", "rows": [{ "row": "A", "seats": 4 }] }, { "area": "stalls", "rows": rows }, { "area": "f" }]);
        let aisles: Aisles = serde_json::from_value(json!({ "areas": areas })).unwrap();
        let mut map = SeatMap::new(list, &aisles);
        let is_seat = |map: &SeatMap| map.rows[0].cells.iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(is_seat(&map), [true, false, true, true, false, true]);
        map.apply(Duration::ZERO, message(&BOOKED.replace("A-2", "A-4")));
        assert_eq!(map.rows[0].cells[5].map(|cell| cell.state), Some(SeatState::Booked));
        assert_eq!(map.counts().total(), 4);
    }

    #[test]
    fn a_message_changes_its_seat_once() {
        let (mut map, now) = (map(), Duration::from_secs(5));
        map.apply(now, message(BOOKED));
        assert_eq!(map.rows[0].cells[1], Some(Cell { state: SeatState::Booked, changed: Some(now) }));
        map.apply(Duration::from_secs(6), message(BOOKED));
        assert_eq!(map.rows[0].cells[1].and_then(|cell| cell.changed), Some(now), "the same again after a cut");
        let change = Change { time: "13:57:07".into(), state: SeatState::Booked, what: "A-2".into() };
        assert_eq!(map.changes, [change]);
        map.apply(now, message(&BOOKED.replace("A-2", "Z-9")));
        assert_eq!(map.changes.len(), 1, "a seat that is not there");
    }

    #[test]
    fn places_without_labels_are_counted() {
        let mut map = map();
        map.apply(Duration::ZERO, message(r#"{"area":"floor","available":7,"position":9}"#));
        assert!(map.changes.is_empty(), "each connection begins with the current values");
        map.apply(Duration::ZERO, message(r#"{"area":"floor","available":5,"position":9}"#));
        assert_eq!((map.places[0].available, map.changes[0].what.as_str()), (5, "floor: 5 left"));
        assert_eq!(message(r#"{"revision":3,"position":12,"at":"2026-11-20T13:57:07Z"}"#), Message::Revised { revision: 3 });
    }

    #[test]
    fn changes_are_bounded() {
        let mut map = map();
        for n in 0..1000 {
            map.apply(Duration::ZERO, Message::Area { area: "floor".into(), available: n });
        }
        assert_eq!((map.changes.len(), map.changes[0].what.as_str()), (MOST_CHANGES, "floor: 999 left"));
    }

    proptest! {
        #[test]
        fn any_message_is_applied_without_harm(seat in "([A-C]-[0-3]|\\PC*)", state in "[a-z_]*", at in "\\PC*", available: u64) {
            let mut map = map();
            map.apply(Duration::ZERO, Message::Seat { seat, state: serde_json::from_value(json!(state)).unwrap(), at });
            map.apply(Duration::ZERO, Message::Area { area: "floor".into(), available });
            prop_assert!(map.counts().total() > 0);
        }
    }
}
