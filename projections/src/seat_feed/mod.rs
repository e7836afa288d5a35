//! The seat feed: the changes of a show's seats, as server-sent events.
//!
//! Every change is encoded once, kept in a ring of its show, and shared by all readers ([`ring`]).
//! A reader that resumes from before the ring gets what it missed from the log ([`replay`]) and joins
//! the ring where that ends ([`reader`]).
//!
//! An `id:` line is a promise: a client that resumes after that position misses nothing. So
//! - of the changes that one event makes (a payment begun for three seats) only the last carries it:
//!   a reader cut within the group resumes before it and gets the group again, whole;
//! - an area's availability is sent late and summed up. It carries the position up to which the stream
//!   is complete, not the position of the change. A reader cut before it may resume after the change,
//!   so every connection begins with the current availability of all areas.

mod frame;
mod reader;
mod replay;
mod ring;
#[cfg(test)]
mod tests;

pub(crate) use reader::read;
pub(crate) use ring::CAPACITY as RING_CAPACITY;

/// Most events of the log that are read again for a reader without a role: as many as a ring keeps. Loading the seats again
/// costs the server less than these, and it bounds what the pages of all such readers cost together.
pub const SEAT_FEED_REACH: u64 = RING_CAPACITY as u64;
/// Bytes that an event takes at most, on average, in a log whose positions are bytes.
const BYTES_OF_EVENT: u64 = 1_000;

use crate::seat_map::SeatMap;
use crate::show_seats::{Changed, ShowSeats};
use crate::view::Folded;
use chrono::TimeDelta;
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{Envelope, ShowId, Timestamp};
use parking_lot::{Mutex, RwLock};
use ring::Ring;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Shortest time between two reports of the availability of unlabelled areas.
const AREA_PACE: TimeDelta = TimeDelta::milliseconds(100);

/// Pages read out of the log at once, for all readers together.
const REPLAYS: usize = 4;

/// The feed of one show.
pub(crate) struct ShowFeed {
    pub show: ShowId,
    plan: RwLock<Arc<Plan>>,
    pub ring: Mutex<Ring>,
    /// Notified whenever the ring has more, or closes.
    pub wake: watch::Sender<()>,
}

/// The feeds of all shows.
pub(crate) struct Feeds {
    shows: RwLock<HashMap<ShowId, Arc<ShowFeed>>>,
    /// Those that got more since the last wake-up.
    touched: Mutex<BTreeMap<ShowId, Arc<ShowFeed>>>,
    areas: Mutex<Areas>,
    ring_capacity: usize,
    /// Held while a page is read out of the log for one reader: after a restart many come back at once, and share a limited
    /// number of reads.
    replays: Semaphore,
}

/// The unlabelled areas whose availability has to be sent.
struct Areas {
    /// By the plan's area index.
    changed: BTreeMap<ShowId, BTreeSet<u32>>,
    last_sent: Timestamp,
    closed: bool,
}

impl Feeds {
    /// Feeds of the shows in a stored seat map.
    pub fn new(map: &Folded<SeatMap>, now: Timestamp, ring_capacity: usize) -> Self {
        // Nothing happened to a show between its last change and the map's position.
        let feeds = map
            .view
            .states
            .shows
            .iter()
            .map(|(show, show_seats)| (show.clone(), ShowFeed::new(show_seats, show_seats.changed_at, ring_capacity)));
        Self {
            shows: RwLock::new(feeds.collect()),
            touched: Mutex::default(),
            areas: Mutex::new(Areas { changed: BTreeMap::new(), last_sent: now, closed: false }),
            ring_capacity,
            replays: Semaphore::new(REPLAYS),
        }
    }

    /// The feed of a show. `None` if there is no such show. Takes the map's lock as a proof that
    /// nothing is folded meanwhile.
    pub fn of(&self, show: &ShowId, map: &Folded<SeatMap>) -> Option<Arc<ShowFeed>> {
        let show_seats = map.view.states.shows.get(show)?;
        Some(self.feed_of(show_seats))
    }

    /// Whether a reader of a show gets what came after `from` out of its ring, or has missed no more than
    /// [`SEAT_FEED_REACH`] events. `counts_events`: whether positions of the log do.
    pub fn reach(&self, show: &ShowId, from: Position, map: &Folded<SeatMap>, counts_events: bool) -> bool {
        let positions = if counts_events { SEAT_FEED_REACH } else { SEAT_FEED_REACH * BYTES_OF_EVENT };
        map.position.0.saturating_sub(from.0) <= positions
            || self.of(show, map).is_none_or(|feed| feed.ring.lock().first_after(from).is_some())
    }

    fn feed_of(&self, show_seats: &ShowSeats) -> Arc<ShowFeed> {
        let show = &show_seats.facts.show;
        if let Some(feed) = self.shows.read().get(show) {
            return Arc::clone(feed);
        }
        // Scheduled since the start, and not changed before now: the ring holds all there ever was.
        let closed = self.areas.lock().closed;
        let mut shows = self.shows.write();
        let feed = shows.entry(show.clone()).or_insert_with(|| ShowFeed::new(show_seats, Position::START, self.ring_capacity));
        if closed {
            feed.ring.lock().close();
        }
        Arc::clone(feed)
    }

    /// Adds the change that `event` made to a show.
    pub fn push(&self, show_seats: &ShowSeats, changed: Changed<'_>, event: &Envelope) {
        let feed = self.feed_of(show_seats);
        let plan = &show_seats.plan;
        let frame = match changed {
            Changed::Seats(seats, to) => frame::seats(plan, seats, to, event),
            Changed::Show => {
                *feed.plan.write() = Arc::clone(plan);
                Some(frame::revised(event.revision, event.position, event.metadata.at))
            }
        };
        if let Some(frame) = frame {
            feed.ring.lock().push(event.position, frame);
            let mut touched = self.touched.lock();
            if !touched.contains_key(&feed.show) {
                touched.insert(feed.show.clone(), Arc::clone(&feed));
            }
        }
        for area in touched_areas(plan, changed) {
            self.areas.lock().changed.entry(feed.show.clone()).or_default().insert(area);
        }
    }

    /// Wakes the readers of all shows that got more.
    pub fn wake(&self) {
        for feed in std::mem::take(&mut *self.touched.lock()).into_values() {
            feed.wake.send_replace(());
        }
    }

    /// When to call [`Self::flush_areas`], if at all.
    pub fn next_area_flush(&self, now: Timestamp) -> Option<Timestamp> {
        let areas = self.areas.lock();
        // A clock that was set back must not hold the areas up until it is there again.
        let due = if areas.last_sent > now { now } else { areas.last_sent + AREA_PACE };
        (!areas.changed.is_empty()).then_some(due)
    }

    /// Sends the availability of all areas that changed. Only between two batches, when the rings
    /// hold everything up to the map's position.
    pub fn flush_areas(&self, map: &Folded<SeatMap>, now: Timestamp) {
        let changed = {
            let mut areas = self.areas.lock();
            areas.last_sent = now;
            std::mem::take(&mut areas.changed)
        };
        for (show, areas) in changed {
            let Some(show_seats) = map.view.states.shows.get(&show) else { continue };
            let feed = self.feed_of(show_seats);
            let frames = frame::areas(show_seats, areas, map.position, Some(map.position));
            feed.ring.lock().push(map.position, frames);
            feed.wake.send_replace(());
        }
    }

    /// Frees the memory of shows to which nothing happened since the last call.
    pub fn forget_idle(&self, map: &Folded<SeatMap>) {
        for feed in self.shows.read().values() {
            if let Some(show_seats) = map.view.states.shows.get(&feed.show) {
                feed.ring.lock().forget_if_idle(show_seats.changed_at);
            }
        }
    }

    /// Ends all feeds.
    pub fn close(&self) {
        self.areas.lock().closed = true;
        for feed in self.shows.read().values() {
            feed.ring.lock().close();
            feed.wake.send_replace(());
        }
    }
}

/// The areas without labels whose availability may have changed. A payment begun or declined leaves it as it is; a change of
/// the show may add places.
fn touched_areas(plan: &Plan, changed: Changed<'_>) -> Vec<u32> {
    match changed {
        Changed::Seats(seats, SeatState::Locked | SeatState::Available | SeatState::Unavailable) => {
            let seats = seats.iter().filter_map(|index| plan.seat(*index));
            seats.filter(|seat| seat.segment.is_none()).map(|seat| seat.area).collect()
        }
        Changed::Seats(..) => vec![],
        Changed::Show => (0_u32..).zip(&plan.areas).filter(|(_, area)| !area.labelled).map(|(index, _)| index).collect(),
    }
}

impl ShowFeed {
    /// The show's plan, as far as the views have read the log.
    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read())
    }

    fn new(show_seats: &ShowSeats, base: Position, ring_capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            show: show_seats.facts.show.clone(),
            plan: RwLock::new(Arc::clone(&show_seats.plan)),
            ring: Mutex::new(Ring::new(base, ring_capacity)),
            wake: watch::Sender::new(()),
        })
    }
}
