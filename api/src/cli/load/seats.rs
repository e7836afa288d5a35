//! The seats of a show as the server reports them, and which of them the buyers ask for.

use super::client::{Connection, NoAnswer};
use super::shuffle::Shuffle;
use crate::cli::terminal::{count, thousands};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// Answer to `GET /v1/shows/{show}/seats`, as far as it is needed here.
#[derive(Debug, Clone, Deserialize)]
pub struct SeatMap {
    /// Labelled seats.
    pub seats: Vec<SeatLine>,
    /// All areas.
    pub areas: Vec<AreaLine>,
}

/// A labelled seat.
#[derive(Debug, Clone, Deserialize)]
pub struct SeatLine {
    /// Its label.
    pub seat: String,
    /// `available`, `locked`, `in_process` or `booked`.
    pub state: String,
}

/// An area.
#[derive(Debug, Clone, Deserialize)]
pub struct AreaLine {
    /// Its id.
    pub area: String,
    /// Whether its seats have labels.
    pub labelled: bool,
    /// Free seats.
    pub available: u64,
}

impl SeatMap {
    /// Fetches it.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn fetch(connection: &mut Connection, show: &str) -> Result<Self, NoAnswer> {
        connection.get(&format!("/v1/shows/{show}/seats"), None).await?.json()
    }

    /// Free seats of the whole show.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.areas.iter().map(|area| area.available).sum()
    }

    /// States of the labelled seats.
    #[must_use]
    pub fn states(&self) -> HashMap<&str, &str> {
        self.seats.iter().map(|line| (line.seat.as_str(), line.state.as_str())).collect()
    }

    fn free(&self) -> Vec<String> {
        self.seats.iter().filter(|line| line.state == "available").map(|line| line.seat.clone()).collect()
    }
}

/// What the buyers ask for, as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// All ask for the same seat; without a label: the first that is free.
    OneSeat(Option<String>),
    /// Each asks for a random one of the free seats.
    Spread,
    /// Each asks for any places of an area.
    Area { area: String, quantity: u32 },
    /// Each asks for the best seats side by side in a price category.
    Best { category: String, quantity: u32 },
}

/// The bodies that the buyers send.
#[derive(Debug)]
pub struct Requests {
    /// What they ask for, in words that follow "10 buyers at once, ".
    pub what: String,
    bodies: Vec<Bytes>,
}

impl Requests {
    /// Makes the requests of `buyers` from the goal and the free seats.
    ///
    /// # Errors
    /// A line that says what is not there, and what to try instead.
    pub fn new(goal: &Goal, map: &SeatMap, buyers: usize, shuffle: &mut Shuffle) -> Result<Self, String> {
        let one = |what: String, body: serde_json::Value| Self { what, bodies: vec![Bytes::from(body.to_string())] };
        match goal {
            Goal::OneSeat(Some(seat)) => {
                if !map.seats.iter().any(|line| line.seat == *seat) {
                    return Err(format!("the show has no labelled seat {seat:?}"));
                }
                Ok(one(format!("all for seat {seat}"), json!({ "seats": [seat] })))
            }
            Goal::OneSeat(None) => {
                let seat = map.free().into_iter().next().ok_or(
                    "the show has no free labelled seat left; try --area, another --show, or start the server on a fresh --data",
                )?;
                Ok(one(format!("all for seat {seat}"), json!({ "seats": [seat] })))
            }
            Goal::Spread => {
                let free = map.free();
                if free.is_empty() {
                    return Err("the show has no free labelled seat left; start the server on a fresh --data".into());
                }
                let bodies =
                    (0..buyers).filter_map(|_| shuffle.pick(&free)).map(|seat| json!({ "seats": [seat] }).to_string().into());
                let what = format!("each for a random one of the {} free seats", thousands(free.len() as u64));
                Ok(Self { what, bodies: bodies.collect() })
            }
            Goal::Area { area, quantity } => {
                let Some(line) = map.areas.iter().find(|line| line.area == *area) else {
                    let areas: Vec<_> = map.areas.iter().map(|line| line.area.as_str()).collect();
                    return Err(format!("the show has no area {area:?}; its areas are {}", areas.join(", ")));
                };
                if line.labelled {
                    return Err(format!("the seats of area {area:?} have labels; try --best CATEGORY, --seat or --spread"));
                }
                let places = count(line.available, "place", "places");
                let what = format!("each for {} of the {places} in \"{area}\"", in_words(*quantity));
                Ok(one(what, json!({ "area": area, "quantity": quantity })))
            }
            Goal::Best { category, quantity } => Ok(one(
                format!("each for the best {} in \"{category}\"", count(u64::from(*quantity), "seat", "seats")),
                json!({ "best_available": { "quantity": quantity, "category": category } }),
            )),
        }
    }

    /// The body of one buyer's request.
    #[must_use]
    pub fn of(&self, buyer: usize) -> Bytes {
        self.bodies.get(buyer % self.bodies.len().max(1)).cloned().unwrap_or_default()
    }
}

fn in_words(quantity: u32) -> String {
    if quantity == 1 { "one".to_owned() } else { quantity.to_string() }
}

/// Answer to a hold, as far as it is needed here.
#[derive(Debug, Clone, Deserialize)]
pub struct Won {
    /// The booking.
    pub id: String,
    /// Its seats.
    pub seats: Vec<WonSeat>,
    /// Grants access to the booking.
    pub token: String,
    /// When the hold ends.
    pub expires_at: chrono::DateTime<chrono::Utc>,
    /// Whether it was paid for; filled in afterwards.
    #[serde(skip)]
    pub paid: bool,
}

/// A seat of a booking.
#[derive(Debug, Clone, Deserialize)]
pub struct WonSeat {
    /// Label or unit.
    pub seat: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> SeatMap {
        serde_json::from_value(json!({
            "show": "demo", "position": 3,
            "seats": [
                { "seat": "A-1", "area": "stalls", "state": "booked", "price": 1 },
                { "seat": "A-2", "area": "stalls", "state": "available", "price": 1 },
            ],
            "areas": [
                { "area": "stalls", "labelled": true, "capacity": 2, "available": 1, "price": 1 },
                { "area": "floor", "labelled": false, "capacity": 9, "available": 9, "price": 1 },
            ],
        }))
        .unwrap()
    }

    fn requests(goal: &Goal) -> Result<Requests, String> {
        Requests::new(goal, &map(), 3, &mut Shuffle::new(7))
    }

    #[test]
    fn the_default_is_the_first_free_seat() {
        let requests = requests(&Goal::OneSeat(None)).unwrap();
        assert_eq!(requests.what, "all for seat A-2");
        assert_eq!(requests.of(2), r#"{"seats":["A-2"]}"#);
    }

    #[test]
    fn an_area_is_asked_for_by_quantity() {
        let requests = requests(&Goal::Area { area: "floor".into(), quantity: 2 }).unwrap();
        assert_eq!(requests.of(0), r#"{"area":"floor","quantity":2}"#);
        assert_eq!(requests.what, "each for 2 of the 9 places in \"floor\"");
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert!(requests(&Goal::OneSeat(Some("Z-9".into()))).unwrap_err().contains("Z-9"));
        assert!(requests(&Goal::Area { area: "roof".into(), quantity: 1 }).unwrap_err().ends_with("stalls, floor"));
        assert!(requests(&Goal::Area { area: "stalls".into(), quantity: 1 }).unwrap_err().contains("--best"));
    }

    #[test]
    fn the_show_has_ten_free_places() {
        assert_eq!(map().available(), 10);
        assert_eq!(map().states()["A-1"], "booked");
    }
}
