//! What is known of a sale, made of what the server answers. Nothing here reads, draws or knows the time of day.

use super::scrape::{Scrape, whole};
use super::seat_map::{Message, SeatMap};
use super::seats::Counts;
use super::window::Window;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where news come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `/metrics`, and with it `/health/ready`.
    Metrics,
    /// The list of shows, and their seats.
    Shows,
    /// The seats of the chosen show, as they change.
    Stream,
}

/// News.
#[derive(Debug)]
pub enum Update {
    Metrics(Scrape),
    /// What `/health/ready` says.
    Health(Health),
    /// All shows.
    Shows(Vec<Show>),
    /// The seats of a show, counted.
    Seats(String, Counts),
    /// The seats of the show that is watched now.
    Map(String, SeatMap),
    /// A change of them.
    Message(String, Message),
    /// The stream of a show is open.
    Following(String),
    /// A source does not answer, and why.
    Lost(Source, String),
}

/// A show, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Show {
    pub id: String,
    pub title: String,
    pub status: String,
}

/// Answer to `GET /health/ready`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Health {
    #[serde(default)]
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    pub detail: String,
}

/// Since when a source does not answer, counted from the start of this program, and why.
pub type Lost = (Duration, String);

/// What is known.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub scrape: Option<Scrape>,
    pub window: Window,
    pub health: Option<Health>,
    /// Those on sale first.
    pub shows: Vec<Show>,
    seats: BTreeMap<String, Counts>,
    /// The show that is watched, and its seats.
    watched: Option<(String, SeatMap)>,
    lost: BTreeMap<Source, Lost>,
}

impl Model {
    /// Takes news that came at `now`, which is counted from the start of this program.
    pub fn apply(&mut self, now: Duration, update: Update) {
        match update {
            Update::Metrics(scrape) => {
                if let Some(earlier) = &self.scrape {
                    self.window.push(scrape.since(earlier));
                }
                self.scrape = Some(scrape);
                self.lost.remove(&Source::Metrics);
            }
            Update::Health(health) => self.health = Some(health),
            Update::Shows(mut shows) => {
                shows.sort_by_key(|show| rank(&show.status));
                self.seats.retain(|id, _| shows.iter().any(|show| show.id == *id));
                self.shows = shows;
                self.lost.remove(&Source::Shows);
            }
            Update::Seats(show, counts) => {
                self.seats.insert(show, counts);
            }
            Update::Map(show, mut map) => {
                if let Some((_, earlier)) = self.watched.take().filter(|(earlier, _)| *earlier == show) {
                    map.keep_changes_of(earlier);
                }
                self.watched = Some((show, map));
            }
            Update::Message(show, message) => {
                if let Some((_, map)) = self.watched.as_mut().filter(|(watched, _)| *watched == show) {
                    map.apply(now, message);
                }
            }
            Update::Following(show) => {
                if self.watched.as_ref().is_some_and(|(watched, _)| *watched == show) {
                    self.lost.remove(&Source::Stream);
                }
            }
            Update::Lost(source, why) => {
                let since = self.lost.get(&source).map_or(now, |(since, _)| *since);
                self.lost.insert(source, (since, why));
            }
        }
    }

    /// Whether a source does not answer.
    #[must_use]
    pub fn lost(&self, source: Source) -> Option<&Lost> {
        self.lost.get(&source)
    }

    /// The seats of a show, if it is the one that is watched.
    #[must_use]
    pub fn map(&self, show: &str) -> Option<&SeatMap> {
        self.watched.as_ref().filter(|(watched, _)| watched == show).map(|(_, map)| map)
    }

    /// The seats of a show by state: as the metrics have them, which tell sold places from held ones; else from its map.
    #[must_use]
    pub fn counts(&self, show: &str) -> Option<Counts> {
        let of_metrics = self.scrape.as_ref().and_then(|scrape| measured(scrape, show));
        of_metrics.or_else(|| self.map(show).map(SeatMap::counts)).or_else(|| self.seats.get(show).copied())
    }
}

/// The seats of a show by the metrics, if the server has series for shows.
fn measured(scrape: &Scrape, show: &str) -> Option<Counts> {
    let of = |state: &str| scrape.value("lastseat_show_seats", &[("show", show), ("state", state)]);
    let count = |state: &str| of(state).map_or(0, whole);
    let available = whole(of("available")?);
    let (held, in_payment, sold) = (count("locked"), count("in_process"), count("booked"));
    Some(Counts { available, held, in_payment, sold, blocked: count("unavailable"), taken: 0 })
}

/// What an operator looks at first.
fn rank(status: &str) -> u8 {
    match status {
        "on_sale" => 0,
        "paused" => 1,
        "not_open" => 2,
        "closed" => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::seat_map::{Aisles, SeatList};
    use crate::cli::top::seats::SeatState;
    use serde_json::json;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn scrape(at: u64, text: &str) -> Update {
        Update::Metrics(Scrape::read(seconds(at), text).unwrap())
    }

    fn show(id: &str, status: &str) -> Show {
        Show { id: id.into(), title: id.into(), status: status.into() }
    }

    fn map() -> SeatMap {
        let list: SeatList = serde_json::from_value(json!({
            "position": 3, "seats": [{ "seat": "A-1", "area": "a", "state": "available" }],
            "areas": [{ "area": "f", "labelled": false, "capacity": 5, "available": 2 }],
        }))
        .unwrap();
        SeatMap::new(list, &Aisles::default())
    }

    fn locked() -> Message {
        Message::Seat { seat: "A-1".into(), state: SeatState::Locked, at: String::new() }
    }

    #[test]
    fn a_second_scrape_makes_rates() {
        let mut model = Model::default();
        model.apply(seconds(0), scrape(0, "lastseat_a_total 1"));
        assert!(!model.window.has_rates());
        model.apply(seconds(2), scrape(2, "lastseat_a_total 5"));
        assert_eq!(model.window.rate("lastseat_a_total", &[]), Some(2.0));
    }

    #[test]
    fn a_lost_source_keeps_its_values_and_the_time_of_the_loss() {
        let mut model = Model::default();
        model.apply(seconds(1), scrape(1, "lastseat_ready 1"));
        model.apply(seconds(3), Update::Lost(Source::Metrics, "refused".into()));
        model.apply(seconds(5), Update::Lost(Source::Metrics, "timed out".into()));
        assert_eq!(model.lost(Source::Metrics), Some(&(seconds(3), "timed out".into())));
        assert_eq!(model.scrape.as_ref().and_then(|scrape| scrape.value("lastseat_ready", &[])), Some(1.0));
        model.apply(seconds(7), scrape(7, "lastseat_ready 1"));
        assert_eq!(model.lost(Source::Metrics), None);
    }

    #[test]
    fn shows_on_sale_come_first_and_the_others_keep_their_order() {
        let mut model = Model::default();
        model.apply(seconds(0), Update::Seats("gone".into(), Counts::default()));
        let shows = vec![show("a", "closed"), show("b", "on_sale"), show("c", "paused"), show("d", "on_sale")];
        model.apply(seconds(0), Update::Shows(shows));
        assert_eq!(model.shows.iter().map(|show| show.id.as_str()).collect::<Vec<_>>(), ["b", "d", "c", "a"]);
        assert_eq!(model.counts("gone"), None);
    }

    #[test]
    fn messages_are_for_the_show_that_is_watched() {
        let mut model = Model::default();
        model.apply(seconds(0), Update::Map("demo".into(), map()));
        model.apply(seconds(1), Update::Message("other".into(), locked()));
        assert_eq!(model.counts("demo").unwrap().held, 0);
        model.apply(seconds(1), Update::Message("demo".into(), locked()));
        assert_eq!(model.counts("demo").unwrap(), Counts { available: 2, held: 1, taken: 3, ..Counts::default() });
        // The seats were read again: what had happened stays in the list.
        model.apply(seconds(2), Update::Map("demo".into(), map()));
        assert_eq!(model.map("demo").unwrap().changes.len(), 1);
        model.apply(seconds(2), Update::Map("other".into(), map()));
        assert!(model.map("demo").is_none() && model.map("other").unwrap().changes.is_empty());
    }

    #[test]
    fn metrics_of_shows_tell_sold_places_from_held_ones() {
        let mut model = Model::default();
        model.apply(seconds(0), Update::Seats("demo".into(), Counts { taken: 7, ..Counts::default() }));
        assert_eq!(model.counts("demo").unwrap().taken, 7);
        let text =
            "lastseat_show_seats{show=\"demo\",state=\"available\"} 3\nlastseat_show_seats{show=\"demo\",state=\"booked\"} 4";
        model.apply(seconds(0), scrape(0, text));
        assert_eq!(model.counts("demo").unwrap(), Counts { available: 3, sold: 4, ..Counts::default() });
    }
}
