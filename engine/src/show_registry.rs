//! The shows that this node knows, each with its seat table.

use crate::seat_table::{SeatTable, SeatTableSnapshot};
use arc_swap::ArcSwap;
use dashmap::DashMap;
use lastseat_domain::event::{BookingOpened, Event, ShowScheduled};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::show::{self, SaleState, Show};
use lastseat_domain::{SeatId, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A show and the state of its seats.
pub(crate) struct ActiveShow {
    pub id: ShowId,
    pub show: ArcSwap<Show>,
    pub seats: Arc<SeatTable>,
}

impl ActiveShow {
    fn new(id: &ShowId, show: Show) -> Self {
        let seats = Arc::new(SeatTable::new(&show.plan));
        Self { id: id.clone(), show: ArcSwap::from_pointee(show), seats }
    }

    /// Whether it limits how many seats a buyer may have.
    pub(crate) fn limits_buyers(&self) -> bool {
        self.show.load().facts.max_seats_per_buyer.is_some()
    }

    /// Whether no event of the seat was seen. A guess that saves a read: the append's expected
    /// revision checks it.
    pub(crate) fn is_untouched(&self, seat: &SeatId) -> bool {
        self.show.load().plan.index_of(seat).is_some_and(|index| self.seats.is_untouched(index))
    }

    /// Applies an event of a seat's stream to the seat table.
    pub(crate) fn apply_seat_event(&self, seat: &SeatId, event: &Event, position: Position) {
        let Some(state) = SeatState::after_seat_event(event) else { return };
        let until = if let Event::SeatLocked(e) = event { Some(e.expires_at) } else { None };
        self.set(seat, Some(state), position, until);
    }

    /// Applies an event of an undecided booking to the seats that it has. `until`: the deadline.
    pub(crate) fn apply_booking_event(
        &self,
        opened: &BookingOpened,
        event: &Event,
        position: Position,
        until: Option<Timestamp>,
    ) {
        let state = SeatState::after_booking_event(event);
        // An extended hold stays as it is, locked or in process, but for longer.
        if state.is_none() && !matches!(event, Event::HoldExtended(_)) {
            return;
        }
        for priced in &opened.seats {
            self.set(&priced.seat, state, position, until);
        }
    }

    /// `state`: none if it stays.
    fn set(&self, seat: &SeatId, state: Option<SeatState>, position: Position, until: Option<Timestamp>) {
        let show = self.show.load();
        if let Some(index) = show.plan.index_of(seat)
            && let Some(planned) = show.plan.seat(index)
        {
            let state = state.unwrap_or_else(|| self.seats.state(index));
            self.seats.set(index, planned.area, state, position, until);
        }
    }
}

/// A show as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActiveShowSnapshot {
    facts: Arc<ShowScheduled>,
    sale: SaleState,
    seats: SeatTableSnapshot,
}

impl ActiveShowSnapshot {
    pub(crate) fn restore(self) -> Result<ActiveShow, String> {
        let Self { facts, sale, seats } = self;
        let id = facts.show.clone();
        let scheduled = show::evolve(None, &Event::ShowScheduled(Arc::unwrap_or_clone(facts)));
        let show = Show { sale, ..scheduled.ok_or("a show of it has no plan")? };
        let seats = SeatTable::restore(&show.plan, seats).map_err(|doubt| format!("{doubt}: {id}"))?;
        Ok(ActiveShow { id, show: ArcSwap::from_pointee(show), seats: Arc::new(seats) })
    }
}

/// All shows. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ShowRegistry(Arc<DashMap<ShowId, Arc<ActiveShow>>>);

impl ShowRegistry {
    pub(crate) fn get(&self, show: &ShowId) -> Option<Arc<ActiveShow>> {
        self.0.get(show).map(|entry| entry.value().clone())
    }

    /// All shows by id.
    pub(crate) fn all(&self) -> Vec<Arc<Show>> {
        let mut shows: Vec<_> = self.0.iter().map(|entry| entry.value().show.load_full()).collect();
        shows.sort_by(|a, b| a.facts.show.cmp(&b.facts.show));
        shows
    }

    /// All shows with their seats, by id, for a snapshot.
    pub(crate) fn take_snapshot(&self) -> Vec<ActiveShowSnapshot> {
        let mut shows: Vec<Arc<ActiveShow>> = self.0.iter().map(|entry| entry.value().clone()).collect();
        shows.sort_by(|a, b| a.id.cmp(&b.id));
        let of_show = |active: &Arc<ActiveShow>| {
            let show = active.show.load();
            ActiveShowSnapshot { facts: Arc::clone(&show.facts), sale: show.sale, seats: active.seats.take_snapshot() }
        };
        shows.iter().map(of_show).collect()
    }

    /// Starts with the shows of a snapshot.
    pub(crate) fn restore(&self, shows: Vec<ActiveShow>) {
        for show in shows {
            self.0.insert(show.id.clone(), Arc::new(show));
        }
    }

    /// Adds a show as its stream has it, unless this node knows it already.
    pub(crate) fn learn(&self, show: &ShowId, state: &Show) {
        if let dashmap::Entry::Vacant(entry) = self.0.entry(show.clone()) {
            entry.insert(Arc::new(ActiveShow::new(show, state.clone())));
        }
    }

    /// Applies an event of a show's stream. Applying it twice changes nothing.
    pub(crate) fn apply(&self, show: &ShowId, event: &Event) {
        let mut entry = match self.0.entry(show.clone()) {
            dashmap::Entry::Occupied(entry) => entry,
            dashmap::Entry::Vacant(entry) => {
                if let Some(state) = show::evolve(None, event) {
                    entry.insert(Arc::new(ActiveShow::new(show, state)));
                }
                return;
            }
        };
        // A plan never changes; a repeat of the first event must not empty the seat table.
        if !matches!(event, Event::ShowScheduled(_)) {
            let active_show = entry.get_mut();
            if let Some(next) = show::evolve(Some(Show::clone(&active_show.show.load())), event) {
                active_show.show.store(Arc::new(next));
            }
        }
    }
}
