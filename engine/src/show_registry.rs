//! The shows that are known to this node, each with its seat table.

use crate::seat_table::SeatTable;
use arc_swap::ArcSwap;
use dashmap::DashMap;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::show::{self, Show};
use lastseat_domain::{SeatId, ShowId, Timestamp};
use std::sync::Arc;

/// A show with its table.
pub(crate) struct ActiveShow {
    /// Its id.
    pub id: ShowId,
    /// As its stream tells it.
    pub show: ArcSwap<Show>,
    /// Its seats.
    pub seats: Arc<SeatTable>,
}

impl ActiveShow {
    /// Takes news of a seat of this show.
    pub(crate) fn seat_is(&self, seat: &SeatId, state: SeatState, position: Position, until: Option<Timestamp>) {
        let show = self.show.load();
        if let Some(index) = show.plan.index_of(seat)
            && let Some(planned) = show.plan.seat(index)
        {
            self.seats.set(index, planned.area, state, position, until);
        }
    }

    /// The hold of a seat was prolonged, which leaves its state as it is.
    pub(crate) fn seat_is_held_until(&self, seat: &SeatId, position: Position, until: Option<Timestamp>) {
        if let Some(index) = self.show.load().plan.index_of(seat) {
            self.seat_is(seat, self.seats.state(index), position, until);
        }
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

    /// Takes in a show that this node has not heard of yet, as its stream has it.
    pub(crate) fn learn(&self, show: &ShowId, state: &Show) {
        if let dashmap::Entry::Vacant(entry) = self.0.entry(show.clone()) {
            entry.insert(Arc::new(ActiveShow::of(show, state.clone())));
        }
    }

    /// Folds an event of a show's stream. Told twice, the same stands.
    pub(crate) fn apply(&self, show: &ShowId, event: &Event) {
        let mut entry = match self.0.entry(show.clone()) {
            dashmap::Entry::Occupied(entry) => entry,
            dashmap::Entry::Vacant(entry) => {
                if let Some(state) = show::evolve(None, event) {
                    entry.insert(Arc::new(ActiveShow::of(show, state)));
                }
                return;
            }
        };
        // A plan never changes; a repeat of the first event must not wipe the table.
        if !matches!(event, Event::ShowScheduled(_)) {
            let active = entry.get_mut();
            if let Some(next) = show::evolve(Some(Show::clone(&active.show.load())), event) {
                active.show.store(Arc::new(next));
            }
        }
    }
}

impl ActiveShow {
    fn of(id: &ShowId, show: Show) -> Self {
        let table = SeatTable::of(&show.plan);
        Self { id: id.clone(), show: ArcSwap::from_pointee(show), seats: Arc::new(table) }
    }
}
