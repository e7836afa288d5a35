//! The seats of every show and what each event does to them: the part that the seat map, the sales
//! view and the seat feed have in common.
//!
//! What an event does to a seat follows from the event alone, and from which seats its booking was
//! opened for. It does not depend on the seat's state, so that the feed can tell old changes from
//! the log without knowing what the house looked like at the time.

use chrono::SecondsFormat;
use lastseat_domain::event::{Event, ShowScheduled};
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::show;
use lastseat_domain::{BookingId, Envelope, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// RFC 3339 in UTC, as the events themselves carry it.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// One show's house.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub facts: Arc<ShowScheduled>,
    pub plan: Arc<Plan>,
    /// By the plan's index.
    pub states: Vec<SeatState>,
    /// Number of available seats by the plan's area index.
    pub available: Vec<u32>,
    /// Position of the last event that touched a seat, or scheduled the show.
    pub changed_at: Position,
}

impl House {
    fn new(facts: Arc<ShowScheduled>, changed_at: Position) -> Option<Self> {
        let show = show::evolve(None, &Event::ShowScheduled((*facts).clone()))?;
        let plan = show.plan;
        let states = vec![SeatState::Available; plan.seats.len()];
        let available = plan.areas.iter().map(|a| a.capacity).collect();
        Some(Self { facts, plan, states, available, changed_at })
    }

    fn set(&mut self, index: u32, to: SeatState) {
        let (Some(state), Some(seat)) = (self.states.get_mut(index as usize), self.plan.seat(index)) else { return };
        let Some(available) = self.available.get_mut(seat.area as usize) else { return };
        match (*state, to) {
            (SeatState::Available, SeatState::Available) => {}
            (SeatState::Available, _) => *available = available.saturating_sub(1),
            (_, SeatState::Available) => *available = available.saturating_add(1),
            _ => {}
        }
        *state = to;
    }
}

/// A booking that is not decided yet, and the seats it was opened for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenHold {
    pub show: ShowId,
    /// Indexes into the show's plan.
    pub seats: Vec<u32>,
}

/// All houses, and the holds that payment events refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    pub houses: BTreeMap<ShowId, House>,
    pub holds: BTreeMap<BookingId, OpenHold>,
}

impl Board {
    /// Folds one event. `changed` is told which seats of which house it touched, once an event,
    /// after the fact.
    pub fn apply(&mut self, envelope: &Envelope, mut changed: impl FnMut(&House, &[u32], SeatState)) {
        let position = envelope.position;
        if let Some(to) = SeatState::after_seat_event(&envelope.event) {
            let Some((show, seat)) = envelope.stream.as_seat() else { return };
            let Some(house) = self.houses.get_mut(&show) else { return };
            let Some(index) = house.plan.index_of(&seat) else { return };
            house.set(index, to);
            house.changed_at = position;
            changed(house, &[index], to);
            return;
        }
        if let (Some(booking), Some(to)) = (envelope.event.booking(), SeatState::after_booking_event(&envelope.event)) {
            let Some(hold) = self.holds.get(&booking) else { return };
            let Some(house) = self.houses.get_mut(&hold.show) else { return };
            for index in &hold.seats {
                house.set(*index, to);
            }
            house.changed_at = position;
            changed(house, &hold.seats, to);
            return;
        }
        match &envelope.event {
            Event::ShowScheduled(e) => {
                if let Some(house) = House::new(Arc::new(e.clone()), position) {
                    self.houses.entry(e.show.clone()).or_insert(house);
                }
            }
            Event::BookingOpened(e) => {
                if let Some(house) = self.houses.get(&e.show) {
                    let seats = e.seats.iter().filter_map(|s| house.plan.index_of(&s.seat)).collect();
                    self.holds.insert(e.booking, OpenHold { show: e.show.clone(), seats });
                }
            }
            // Decided: from here on only the seats' own events touch them.
            Event::BookingCommitted(e) => drop(self.holds.remove(&e.booking)),
            Event::BookingAborted(e) => drop(self.holds.remove(&e.booking)),
            _ => {}
        }
    }

    pub fn content(&self) -> BoardContent {
        let houses = self.houses.iter().map(|(show, house)| {
            let content = HouseContent {
                facts: Arc::clone(&house.facts),
                changed_at: house.changed_at,
                states: house.states.iter().map(|s| letter(*s)).collect(),
            };
            (show.clone(), content)
        });
        BoardContent { houses: houses.collect(), holds: self.holds.clone() }
    }

    pub fn restore(content: BoardContent) -> Result<Self, String> {
        let mut houses = BTreeMap::new();
        for (show, stored) in content.houses {
            let mut house =
                House::new(stored.facts, stored.changed_at).ok_or_else(|| format!("the plan of {show} can't be laid out"))?;
            if stored.states.len() != house.states.len() {
                return Err(format!("{show} has {} seats, {} states are stored", house.states.len(), stored.states.len()));
            }
            for (index, stored) in (0_u32..).zip(stored.states.chars()) {
                let state = of_letter(stored).ok_or_else(|| format!("`{stored}` is no state of a seat"))?;
                house.set(index, state);
            }
            houses.insert(show, house);
        }
        Ok(Self { houses, holds: content.holds })
    }
}

/// The stored form of a [`Board`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BoardContent {
    houses: BTreeMap<ShowId, HouseContent>,
    holds: BTreeMap<BookingId, OpenHold>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct HouseContent {
    facts: Arc<ShowScheduled>,
    changed_at: Position,
    /// One letter a seat, in plan order.
    states: String,
}

fn letter(state: SeatState) -> char {
    match state {
        SeatState::Available => '.',
        SeatState::Locked => 'l',
        SeatState::InProcess => 'p',
        SeatState::Booked => 'b',
    }
}

fn of_letter(letter: char) -> Option<SeatState> {
    match letter {
        '.' => Some(SeatState::Available),
        'l' => Some(SeatState::Locked),
        'p' => Some(SeatState::InProcess),
        'b' => Some(SeatState::Booked),
        _ => None,
    }
}
