//! The shows that this node knows, each with its seat table.

use crate::blocks::{KnownBlocks, KnownBlocksSnapshot};
use crate::error::Fault;
use crate::seat_table::{SeatTable, SeatTableSnapshot};
use arc_swap::ArcSwap;
use dashmap::DashMap;
use lastseat_domain::event::{BookingOpened, Event, PlanDrawn, ShowScheduled};
use lastseat_domain::picture::ShowPicture;
use lastseat_domain::plan::{DrawnPlan, PlanBook, PlanRevisions};
use lastseat_domain::ports::event_log::{Position, Revision};
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::show::{self, SaleState, Show};
use lastseat_domain::{PlanId, SeatId, ShowId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A show and the state of its seats.
pub(crate) struct ActiveShow {
    pub id: ShowId,
    now: ArcSwap<ShowAndSeats>,
    pub blocks: KnownBlocks,
    /// Why its stream can't be read to the end, if so. What is known of it is old then.
    unreadable: OnceLock<String>,
}

/// A show as it is between two of its events, with the table of exactly its seats.
pub(crate) struct ShowAndSeats {
    pub show: Arc<Show>,
    pub seats: Arc<SeatTable>,
}

impl ActiveShow {
    fn new(id: &ShowId, show: Show) -> Self {
        let seats = Arc::new(SeatTable::new(&show.plan));
        Self {
            id: id.clone(),
            now: ArcSwap::from_pointee(ShowAndSeats { show: Arc::new(show), seats }),
            blocks: KnownBlocks::default(),
            unreadable: OnceLock::new(),
        }
    }

    /// Whether this node may sell it.
    ///
    /// # Errors
    /// `Damaged` if an event of its stream can't be read: prices and limits may be others, or it may be cancelled.
    pub(crate) fn check_readable(&self) -> Result<(), Fault> {
        self.unreadable.get().map_or(Ok(()), |why| Err(Fault::Damaged(why.clone())))
    }

    /// The show and its seats, as they are now.
    pub(crate) fn now(&self) -> Arc<ShowAndSeats> {
        self.now.load_full()
    }

    /// The show as it is now.
    pub(crate) fn show(&self) -> Arc<Show> {
        Arc::clone(&self.now.load().show)
    }

    /// Whether what each buyer has is counted.
    pub(crate) fn counts_buyers(&self) -> bool {
        self.now.load().show.counts_buyers()
    }

    /// Takes over a later state of the show. Only under the registry's lock: seats must be added once.
    fn advance(&self, show: Show) {
        let now = self.now.load();
        if show.head > now.show.head {
            let grows = show.plan.len() != now.show.plan.len();
            let seats = if grows { Arc::new(now.seats.grown(&show.plan)) } else { Arc::clone(&now.seats) };
            self.now.store(Arc::new(ShowAndSeats { show: Arc::new(show), seats }));
        }
    }

    /// Whether no event of the seat was seen. A guess that saves a read: the append's expected
    /// revision checks it.
    pub(crate) fn is_untouched(&self, seat: &SeatId) -> bool {
        let now = self.now.load();
        now.show.plan.index_of(seat).is_some_and(|index| now.seats.is_untouched(index))
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

    /// Applies an event of the stream of a block of this show.
    pub(crate) fn apply_block_event(&self, event: &Event, at: Timestamp) {
        self.blocks.apply(event, at, &self.show().plan);
    }

    /// `state`: none if it stays.
    fn set(&self, seat: &SeatId, state: Option<SeatState>, position: Position, until: Option<Timestamp>) {
        let now = self.now.load();
        if let Some(index) = now.show.plan.index_of(seat)
            && let Some(planned) = now.show.plan.seat(index)
        {
            let state = state.unwrap_or_else(|| now.seats.state(index));
            now.seats.set(index, planned.area, state, position, until);
        }
    }
}

/// A show as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActiveShowSnapshot {
    scheduled: Arc<ShowScheduled>,
    /// None if they are as they were scheduled.
    facts: Option<Arc<ShowScheduled>>,
    revision: u64,
    head: u64,
    sale: SaleState,
    #[serde(default)]
    refunds_requested_by: Option<String>,
    seats: SeatTableSnapshot,
    blocks: KnownBlocksSnapshot,
}

impl ActiveShowSnapshot {
    fn of(active: &ActiveShow) -> Self {
        let now = active.now();
        let show = &now.show;
        Self {
            scheduled: Arc::clone(&show.scheduled),
            facts: (show.revision > 0).then(|| Arc::clone(&show.facts)),
            revision: show.revision,
            head: show.head,
            sale: show.sale,
            refunds_requested_by: show.refunds_requested_by.clone(),
            seats: now.seats.take_snapshot(),
            blocks: active.blocks.take_snapshot(),
        }
    }

    pub(crate) fn restore(self, plans: &PlanBook) -> Result<ActiveShow, String> {
        let Self { scheduled, facts, revision, head, sale, refunds_requested_by, seats, blocks } = self;
        let id = scheduled.show.clone();
        let show = show::evolve(None, &Event::ShowScheduled(Arc::unwrap_or_clone(scheduled)));
        let mut show = show.ok_or("a show of it has no plan")?;
        if let Some(facts) = facts {
            show = show.with_facts(facts, revision);
        }
        let show = Arc::new(Show { sale, head, refunds_requested_by, ..show }.with_plan(plans));
        let seats = SeatTable::restore(&show.plan, seats).map_err(|doubt| format!("{doubt}: {id}"))?;
        let blocks = KnownBlocks::restore(blocks, &show.plan);
        let now = ArcSwap::from_pointee(ShowAndSeats { show, seats: Arc::new(seats) });
        Ok(ActiveShow { id, blocks, now, unreadable: OnceLock::new() })
    }
}

/// All shows, their pictures without the bytes, and the plans that they are on or may be put on. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ShowRegistry {
    shows: Arc<DashMap<ShowId, Arc<ActiveShow>>>,
    plans: Arc<RwLock<PlanBook>>,
    pictures: Arc<DashMap<ShowId, Arc<ShowPicture>>>,
}

impl ShowRegistry {
    pub(crate) fn get(&self, show: &ShowId) -> Option<Arc<ActiveShow>> {
        self.shows.get(show).map(|entry| entry.value().clone())
    }

    /// All shows by id.
    pub(crate) fn all(&self) -> Vec<Arc<Show>> {
        let mut shows: Vec<_> = self.shows.iter().map(|entry| entry.value().show()).collect();
        shows.sort_by(|a, b| a.facts.show.cmp(&b.facts.show));
        shows
    }

    /// All shows with their seats, by id, for a snapshot.
    pub(crate) fn take_snapshot(&self) -> Vec<ActiveShowSnapshot> {
        let mut shows: Vec<Arc<ActiveShow>> = self.shows.iter().map(|entry| entry.value().clone()).collect();
        shows.sort_by(|a, b| a.id.cmp(&b.id));
        shows.iter().map(|active| ActiveShowSnapshot::of(active)).collect()
    }

    /// The plans, as events that lead to them, for a snapshot.
    pub(crate) fn plans_snapshot(&self) -> Vec<PlanDrawn> {
        self.plans.read().events()
    }

    /// A whole revision of a plan; the latest if `revision` is absent. None if this node does not know it.
    pub(crate) fn plan(&self, plan: &PlanId, revision: Option<u32>) -> Option<Arc<DrawnPlan>> {
        let plans = self.plans.read();
        let revisions = plans.plan(plan)?;
        revision.map_or_else(|| revisions.latest(), |revision| revisions.get(revision)).cloned()
    }

    /// The latest revision of each plan, by id.
    pub(crate) fn plans(&self) -> Vec<Arc<DrawnPlan>> {
        self.plans.read().latest().cloned().collect()
    }

    /// Takes over a plan as its stream has it, unless this node knows as much already.
    pub(crate) fn learn_plan(&self, plan: &PlanId, revisions: &PlanRevisions) {
        self.plans.write().learn(plan, revisions);
    }

    /// Applies an event of a plan's stream. One that was applied already changes nothing.
    pub(crate) fn apply_plan(&self, event: &PlanDrawn) {
        self.plans.write().apply(event);
    }

    /// The picture of a show. None if this node knows no event of it.
    pub(crate) fn picture(&self, show: &ShowId) -> Option<Arc<ShowPicture>> {
        self.pictures.get(show).map(|entry| Arc::clone(entry.value()))
    }

    /// Takes over a picture as its stream has it, unless this node knows as much already.
    pub(crate) fn learn_picture(&self, show: &ShowId, picture: &ShowPicture) {
        let mut known = self.pictures.entry(show.clone()).or_default();
        if picture.events > known.events {
            *known = Arc::new(picture.clone());
        }
    }

    /// Applies an event of a picture's stream. One that was applied already changes nothing.
    pub(crate) fn apply_picture(&self, show: &ShowId, event: &Event, revision: Revision) {
        Arc::make_mut(&mut self.pictures.entry(show.clone()).or_default()).apply(event, revision);
    }

    /// What is known of pictures, by show, for a snapshot.
    pub(crate) fn pictures_snapshot(&self) -> BTreeMap<ShowId, Arc<ShowPicture>> {
        self.pictures.iter().map(|entry| (entry.key().clone(), Arc::clone(entry.value()))).collect()
    }

    /// Starts with the shows of a snapshot.
    pub(crate) fn restore(&self, shows: Vec<ActiveShow>, plans: PlanBook, pictures: BTreeMap<ShowId, Arc<ShowPicture>>) {
        *self.plans.write() = plans;
        pictures.into_iter().for_each(|(show, picture)| drop(self.pictures.insert(show, picture)));
        for show in shows {
            self.shows.insert(show.id.clone(), Arc::new(show));
        }
    }

    /// Takes over a show as its stream has it, unless this node knows as much already.
    pub(crate) fn learn(&self, show: &ShowId, state: &Show) {
        let state = state.clone().with_plan(&self.plans.read());
        match self.shows.entry(show.clone()) {
            dashmap::Entry::Occupied(entry) => entry.get().advance(state),
            dashmap::Entry::Vacant(entry) => drop(entry.insert(Arc::new(ActiveShow::new(show, state)))),
        }
    }

    /// An event of the show's stream can't be read.
    pub(crate) fn mark_unreadable(&self, show: &ShowId, why: String) {
        if let Some(active) = self.get(show) {
            drop(active.unreadable.set(why));
        }
    }

    /// Applies an event of a show's stream. One that was applied already changes nothing.
    pub(crate) fn apply(&self, show: &ShowId, event: &Event, revision: Revision) {
        match self.shows.entry(show.clone()) {
            dashmap::Entry::Occupied(entry) => {
                let now = entry.get().show();
                if revision > now.head
                    && let Some(next) = show::evolve_at(Some(Show::clone(&now)), event, revision)
                {
                    entry.get().advance(next);
                }
            }
            dashmap::Entry::Vacant(entry) => {
                if let Some(state) = show::evolve_at(None, event, revision) {
                    let state = state.with_plan(&self.plans.read());
                    entry.insert(Arc::new(ActiveShow::new(show, state)));
                }
            }
        }
    }
}
