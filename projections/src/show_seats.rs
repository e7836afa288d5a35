//! The state of every seat of every show, and how each event changes it. The seat map, the sales view
//! and the seat feed share it.
//!
//! What an event does to a seat follows from the event alone, and from which seats its booking was
//! opened for. It does not depend on the seat's state, so the feed can replay old changes from
//! the log without knowing the state of the other seats at that time.

use chrono::SecondsFormat;
use lastseat_domain::event::{BookingOpened, Event, PlanDrawn, ShowRevised, ShowScheduled};
use lastseat_domain::plan::{Plan, PlanBook};
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

/// Seats by state. The five add up to the capacity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCounts {
    /// All of them.
    pub capacity: u32,
    /// Free.
    pub available: u32,
    /// Held, no payment under way.
    pub held: u32,
    /// Held, payment under way.
    pub in_process: u32,
    /// Sold.
    pub booked: u32,
    /// Blocked.
    #[serde(default)]
    pub unavailable: u32,
}

impl SeatCounts {
    fn all_free(capacity: u32) -> Self {
        Self { capacity, available: capacity, ..Self::default() }
    }

    fn of(&mut self, state: SeatState) -> &mut u32 {
        match state {
            SeatState::Available => &mut self.available,
            SeatState::Locked => &mut self.held,
            SeatState::InProcess => &mut self.in_process,
            SeatState::Booked => &mut self.booked,
            SeatState::Unavailable => &mut self.unavailable,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.capacity += other.capacity;
        self.available += other.available;
        self.held += other.held;
        self.in_process += other.in_process;
        self.booked += other.booked;
        self.unavailable += other.unavailable;
    }
}

/// The seats of one show.
#[derive(Debug, Clone)]
pub(crate) struct ShowSeats {
    pub facts: Arc<ShowScheduled>,
    pub plan: Arc<Plan>,
    /// By the plan's index.
    pub states: Vec<SeatState>,
    /// By the plan's area index.
    pub counts: Vec<SeatCounts>,
    /// Position of the last event that touched a seat, scheduled or changed the show.
    pub changed_at: Position,
}

impl ShowSeats {
    fn new(facts: Arc<ShowScheduled>, changed_at: Position) -> Option<Self> {
        let show = show::evolve(None, &Event::ShowScheduled((*facts).clone()))?;
        let plan = show.plan;
        let states = vec![SeatState::Available; plan.len() as usize];
        let counts = plan.areas.iter().map(|area| SeatCounts::all_free(area.capacity)).collect();
        Some(Self { facts, plan, states, counts, changed_at })
    }

    /// Takes in what has changed. The seats that were added are free, and come after those that there are.
    fn revise(&mut self, revised: &ShowRevised, changed_at: Position) {
        let facts = Arc::new(revised.applied_to(&self.facts));
        let Some(after) = Self::new(facts, changed_at) else { return };
        let before = std::mem::replace(self, after);
        let known = before.states.len();
        let added = self.states.split_off(known.min(self.states.len()));
        self.states = before.states;
        self.states.extend(added);
        for (counts, before) in self.counts.iter_mut().zip(before.counts) {
            let added = counts.capacity - before.capacity;
            *counts = SeatCounts { capacity: counts.capacity, available: before.available + added, ..before };
        }
    }

    fn set(&mut self, index: u32, to: SeatState) {
        let (Some(state), Some(seat)) = (self.states.get_mut(index as usize), self.plan.seat(index)) else { return };
        let Some(counts) = self.counts.get_mut(seat.area as usize) else { return };
        let before = counts.of(*state);
        *before = before.saturating_sub(1);
        *counts.of(to) += 1;
        *state = to;
    }
}

/// A booking that is not decided yet, and the seats it was opened for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenHold {
    pub show: ShowId,
    /// Indexes into the show's plan, ascending.
    pub seats: Vec<u32>,
}

impl OpenHold {
    /// The hold of a booking of the show with this plan.
    pub fn new(opened: &BookingOpened, plan: &Plan) -> Self {
        let mut seats: Vec<u32> = opened.seats.iter().filter_map(|s| plan.index_of(&s.seat)).collect();
        // The event lists them by label: A-10 before A-9.
        seats.sort_unstable();
        Self { show: opened.show.clone(), seats }
    }
}

/// What an event has changed of a show.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Changed<'a> {
    /// These seats are in this state now.
    Seats(&'a [u32], SeatState),
    /// The show itself: its prices, or its plan, which may have more seats.
    Show,
}

/// The seats of all shows, and the holds that payment events refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeatStates {
    /// What shows may be on.
    pub plans: PlanBook,
    pub shows: BTreeMap<ShowId, ShowSeats>,
    pub holds: BTreeMap<BookingId, OpenHold>,
}

impl SeatStates {
    /// Folds one event. If it changed a show, calls `changed` once, afterwards.
    pub fn apply(&mut self, envelope: &Envelope, mut changed: impl FnMut(&ShowSeats, Changed<'_>)) {
        let position = envelope.position;
        if let Some(to) = SeatState::after_seat_event(&envelope.event) {
            let Some((show, seat)) = envelope.stream.as_seat() else { return };
            let Some(show_seats) = self.shows.get_mut(&show) else { return };
            let Some(index) = show_seats.plan.index_of(&seat) else { return };
            show_seats.set(index, to);
            show_seats.changed_at = position;
            changed(show_seats, Changed::Seats(&[index], to));
            return;
        }
        if let (Some(booking), Some(to)) = (envelope.event.booking(), SeatState::after_booking_event(&envelope.event)) {
            let Some(hold) = self.holds.get(&booking) else { return };
            let Some(show_seats) = self.shows.get_mut(&hold.show) else { return };
            for index in &hold.seats {
                show_seats.set(*index, to);
            }
            show_seats.changed_at = position;
            changed(show_seats, Changed::Seats(&hold.seats, to));
            return;
        }
        match &envelope.event {
            Event::PlanDrawn(e) => self.plans.apply(e),
            Event::ShowScheduled(e) => {
                if let Some(show_seats) = ShowSeats::new(Arc::new(self.plans.with_plan(e.clone())), position) {
                    self.shows.entry(e.show.clone()).or_insert(show_seats);
                }
            }
            Event::ShowRevised(e) => {
                if let Some(show_seats) = self.shows.get_mut(&e.show) {
                    show_seats.revise(e, position);
                    changed(show_seats, Changed::Show);
                }
            }
            Event::BookingOpened(e) => {
                if let Some(show_seats) = self.shows.get(&e.show) {
                    self.holds.insert(e.booking, OpenHold::new(e, &show_seats.plan));
                }
            }
            // Decided: from here on only the seats' own events change them.
            Event::BookingCommitted(e) => drop(self.holds.remove(&e.booking)),
            Event::BookingAborted(e) => drop(self.holds.remove(&e.booking)),
            _ => {}
        }
    }

    pub fn content(&self) -> StoredSeatStates {
        let shows = self.shows.iter().map(|(show, show_seats)| {
            let content = StoredShow {
                facts: Arc::clone(&show_seats.facts),
                changed_at: show_seats.changed_at,
                states: show_seats.states.iter().map(|s| letter(*s)).collect(),
            };
            (show.clone(), content)
        });
        StoredSeatStates { plans: self.plans.events(), shows: shows.collect(), holds: self.holds.clone() }
    }

    pub fn restore(content: StoredSeatStates) -> Result<Self, String> {
        let plans = PlanBook::of(&content.plans);
        let mut shows = BTreeMap::new();
        for (show, stored) in content.shows {
            let facts = Arc::new(plans.with_plan(Arc::unwrap_or_clone(stored.facts)));
            let mut show_seats =
                ShowSeats::new(facts, stored.changed_at).ok_or_else(|| format!("the plan of {show} can't be laid out"))?;
            if stored.states.len() != show_seats.states.len() {
                return Err(format!("{show} has {} seats, {} states are stored", show_seats.states.len(), stored.states.len()));
            }
            for (index, stored) in (0_u32..).zip(stored.states.chars()) {
                let state = of_letter(stored).ok_or_else(|| format!("`{stored}` is not the state of a seat"))?;
                show_seats.set(index, state);
            }
            shows.insert(show, show_seats);
        }
        Ok(Self { plans, shows, holds: content.holds })
    }
}

/// The stored form of a [`SeatStates`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StoredSeatStates {
    /// Events that lead to the plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanDrawn>,
    pub shows: BTreeMap<ShowId, StoredShow>,
    pub holds: BTreeMap<BookingId, OpenHold>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredShow {
    pub facts: Arc<ShowScheduled>,
    pub changed_at: Position,
    /// One letter a seat, in plan order.
    pub states: String,
}

/// How a seat's state is stored.
pub(crate) fn letter(state: SeatState) -> char {
    match state {
        SeatState::Available => '.',
        SeatState::Locked => 'l',
        SeatState::InProcess => 'p',
        SeatState::Booked => 'b',
        SeatState::Unavailable => 'u',
    }
}

fn of_letter(letter: char) -> Option<SeatState> {
    match letter {
        '.' => Some(SeatState::Available),
        'l' => Some(SeatState::Locked),
        'p' => Some(SeatState::InProcess),
        'b' => Some(SeatState::Booked),
        'u' => Some(SeatState::Unavailable),
        _ => None,
    }
}
