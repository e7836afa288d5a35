//! The shows that are known to this node, each with its seat board.

use crate::board::SeatBoard;
use arc_swap::ArcSwap;
use dashmap::DashMap;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::rejection::SeatState;
use lastseat_domain::show::{self, Show};
use lastseat_domain::{SeatId, ShowId, Timestamp};
use std::sync::Arc;

/// A show with its board.
pub(crate) struct OnSale {
    /// Its id.
    pub id: ShowId,
    /// As its stream tells it.
    pub show: ArcSwap<Show>,
    /// Its seats.
    pub board: SeatBoard,
}

impl OnSale {
    /// Takes news of a seat of this show.
    pub(crate) fn seat_is(&self, seat: &SeatId, state: SeatState, position: Position, until: Option<Timestamp>) {
        let show = self.show.load();
        if let Some(index) = show.plan.index_of(seat)
            && let Some(planned) = show.plan.seat(index)
        {
            self.board.set(index, planned.area, state, position, until);
        }
    }

    /// The hold of a seat was prolonged, which leaves its state as it is.
    pub(crate) fn seat_is_held_until(&self, seat: &SeatId, position: Position, until: Option<Timestamp>) {
        if let Some(index) = self.show.load().plan.index_of(seat) {
            self.seat_is(seat, self.board.state(index), position, until);
        }
    }
}

/// All shows. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hall(Arc<DashMap<ShowId, Arc<OnSale>>>);

impl Hall {
    pub(crate) fn get(&self, show: &ShowId) -> Option<Arc<OnSale>> {
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
            entry.insert(Arc::new(OnSale::of(show, state.clone())));
        }
    }

    /// Folds an event of a show's stream. Told twice, the same stands.
    pub(crate) fn apply(&self, show: &ShowId, event: &Event) {
        let mut entry = match self.0.entry(show.clone()) {
            dashmap::Entry::Occupied(entry) => entry,
            dashmap::Entry::Vacant(entry) => {
                if let Some(state) = show::evolve(None, event) {
                    entry.insert(Arc::new(OnSale::of(show, state)));
                }
                return;
            }
        };
        // A plan never changes; a repeat of the first event must not wipe the board.
        if !matches!(event, Event::ShowScheduled(_)) {
            let on_sale = entry.get_mut();
            if let Some(next) = show::evolve(Some(Show::clone(&on_sale.show.load())), event) {
                on_sale.show.store(Arc::new(next));
            }
        }
    }
}

impl OnSale {
    fn of(id: &ShowId, show: Show) -> Self {
        let board = SeatBoard::of(&show.plan);
        Self { id: id.clone(), show: ArcSwap::from_pointee(show), board }
    }
}
