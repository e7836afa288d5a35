//! A browser that reads a feed.

use crate::seat_map::SeatMapView;
use lastseat_domain::SeatId;
use serde_json::Value;
use std::collections::BTreeMap;

/// What readers get when the show itself was changed.
const REVISED: &str = "show_revised";

/// A browser: takes bytes, keeps whole events, remembers the last id.
#[derive(Default)]
pub struct Client {
    buffer: Vec<u8>,
    pub last_id: Option<u64>,
    /// Changes of labelled seats and of the show, in the order in which they came.
    pub changes: Vec<(u64, String, Value)>,
    pub areas: BTreeMap<String, u64>,
    pub area_events: usize,
}

impl Client {
    pub fn take(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Some(end) = self.buffer.windows(2).position(|w| w == b"\n\n") {
            let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
            self.dispatch(std::str::from_utf8(&event).unwrap());
        }
    }

    fn dispatch(&mut self, text: &str) {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if let Some(id) = field("id:") {
            let id = id.parse().unwrap();
            assert!(self.last_id.is_none_or(|last| last <= id), "ids never fall");
            self.last_id = Some(id);
        }
        let Some(data) = field("data:") else { return };
        let data: Value = serde_json::from_str(data).unwrap();
        let name = field("event:").unwrap();
        let position = data["position"].as_u64().unwrap();
        if name == "area_availability" {
            self.area_events += 1;
            self.areas.insert(data["area"].as_str().unwrap().to_owned(), data["available"].as_u64().unwrap());
            return;
        }
        if name == REVISED {
            self.changes.push((position, name.to_owned(), data));
            return;
        }
        let state = match name {
            "seat_locked" => "locked",
            "seat_processing" => "in_process",
            "seat_booked" => "booked",
            "seat_released" | "seat_unblocked" => "available",
            "seat_blocked" => "unavailable",
            other => panic!("{other}"),
        };
        assert_eq!(data["state"], state);
        assert!(data["at"].as_str().unwrap().ends_with('Z'));
        self.changes.push((position, name.to_owned(), data));
    }

    /// The connection broke: what is not whole is lost, and what has no id after it comes again.
    pub fn cut(&mut self) {
        self.buffer.clear();
        let last = self.last_id.unwrap_or(0);
        self.changes.retain(|(position, ..)| *position <= last);
    }

    /// The map at its position, brought forward. A reader who hears that the show was changed reads the map again, and
    /// finds the seats that were added: those of `later`.
    pub fn brought_forward(&self, map: &SeatMapView, later: &SeatMapView) -> BTreeMap<SeatId, String> {
        let mut seats: BTreeMap<SeatId, String> = map.seats.iter().map(|s| (s.seat.clone(), s.state.name().to_owned())).collect();
        if self.changes.iter().any(|(_, name, _)| name == REVISED) {
            for added in &later.seats {
                seats.entry(added.seat.clone()).or_insert_with(|| "available".to_owned());
            }
        }
        for (_, _, data) in self.changes.iter().filter(|(_, name, _)| name != REVISED) {
            let seat = SeatId::new(data["seat"].as_str().unwrap()).unwrap();
            *seats.get_mut(&seat).expect("labelled seats only") = data["state"].as_str().unwrap().to_owned();
        }
        seats
    }
}
