//! What every part of the engine shares: ports, shows, actors, bounds.

use crate::actors::payment::PaymentActor;
use crate::actors::registry::Registry;
use crate::actors::seat::{SeatActor, SeatKey};
use crate::admission::Gate;
use crate::box_office::{Ports, Settings};
use crate::buyers::BuyerLedger;
use crate::journal::Journal;
use crate::show_registry::ShowRegistry;
use lastseat_domain::{BookingId, SeatId, ShowId, Timestamp};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What a lease in the guard has over the hold it is for, so that the guard never lets go before the
/// log does.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// The shared parts of one engine.
pub(crate) struct Core {
    pub ports: Ports,
    pub settings: Settings,
    pub journal: Journal,
    pub shows: ShowRegistry,
    pub buyers: BuyerLedger,
    pub seats: Registry<SeatKey, SeatActor>,
    pub payments: Registry<BookingId, PaymentActor>,
    /// Holds and admin commands.
    pub holds: Gate,
    /// Commands on open bookings. A gate of their own, so that a rush for seats never keeps those
    /// who have some from paying.
    pub checkouts: Gate,
    /// Position up to which the follower has read.
    pub followed: AtomicU64,
    /// Bookings that are not at rest.
    pub unfinished: AtomicUsize,
    /// Highest position this node has seen written.
    pub written: AtomicU64,
    /// Milliseconds since the epoch when the guard last failed to answer; 0 if it never did.
    guard_failed_at: AtomicI64,
    /// Times that the guard did not answer when it was needed.
    pub guard_failures: AtomicU64,
    /// Seats of bookings that are over or did not get them, which the guard did not let go because it
    /// did not answer.
    pending_releases: Mutex<Vec<(ShowId, Vec<SeatId>, BookingId)>>,
    /// Why the follower does not get on, if so.
    pub follower_fault: Mutex<Option<String>>,
    /// The last event that the follower could not read, if any.
    pub passed_over: Mutex<Option<String>>,
    /// A task that should run as long as the engine has ended by itself: a defect.
    pub task_ended: AtomicBool,
}

/// Most releases that are kept for a guard that does not answer. Leases lapse by themselves, and a
/// mark of a sale is checked against the seat table, so losing some costs time and no seat.
const MAX_PENDING_RELEASES: usize = 10_000;

/// How long after the guard last failed the engine still works as without it.
const GUARD_DISTRUST_MS: i64 = 2_000;

impl Core {
    pub(crate) fn new(ports: Ports, settings: Settings, supervisor: ractor::ActorCell) -> Self {
        Self {
            journal: Journal::new(ports.log.clone(), ports.clock.clone()),
            shows: ShowRegistry::default(),
            buyers: BuyerLedger::default(),
            seats: Registry::new(supervisor.clone()),
            payments: Registry::new(supervisor),
            holds: Gate::new(settings.max_in_flight),
            checkouts: Gate::new(settings.max_in_flight),
            followed: AtomicU64::new(0),
            unfinished: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            guard_failed_at: AtomicI64::new(0),
            guard_failures: AtomicU64::new(0),
            pending_releases: Mutex::default(),
            follower_fault: Mutex::new(None),
            passed_over: Mutex::new(None),
            task_ended: AtomicBool::new(false),
            ports,
            settings,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(crate) fn saw_guard_fail(&self) {
        self.guard_failed_at.store(self.now().timestamp_millis(), Ordering::Relaxed);
        self.guard_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Why the guard is of no use now, if that is so: what it knows itself, or what was found out by
    /// asking it.
    pub(crate) fn guard_trouble(&self) -> Option<String> {
        let found_out = || self.is_without_guard().then(|| "it was asked a moment ago".to_owned());
        self.ports.guard.trouble().or_else(found_out)
    }

    /// Whether the guard failed a moment ago.
    pub(crate) fn is_without_guard(&self) -> bool {
        let failed_at = self.guard_failed_at.load(Ordering::Relaxed);
        // A failure in the future was before the clock was set back: nobody knows how long before.
        failed_at > 0 && (0..GUARD_DISTRUST_MS).contains(&(self.now().timestamp_millis() - failed_at))
    }

    /// Has the guard let go of the seats of a booking that is over; later, if it does not answer now.
    pub(crate) async fn free_in_guard(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        let guard = &self.ports.guard;
        let unmarked = guard.unmark_sold(show, seats, booking).await;
        let released = guard.release(show, seats, booking).await;
        if unmarked.is_err() || released.is_err() {
            self.release_later(show, seats, booking);
        }
    }

    /// Has the guard let go of seats that a hold did not get in the log; later, if it does not answer
    /// now: until then it would keep them from everybody.
    pub(crate) async fn unlock_in_guard(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        if self.ports.guard.release(show, seats, booking).await.is_err() {
            self.release_later(show, seats, booking);
        }
    }

    fn release_later(&self, show: &ShowId, seats: &[SeatId], booking: BookingId) {
        self.saw_guard_fail();
        let mut pending = self.pending_releases.lock();
        if pending.len() < MAX_PENDING_RELEASES {
            pending.push((show.clone(), seats.to_vec(), booking));
        }
    }

    /// Asks the guard again for what it owes, until it fails again: one that is slow, asked for all of
    /// it, would be waited for for hours.
    pub(crate) async fn retry_pending_releases(&self) {
        let mut pending = std::mem::take(&mut *self.pending_releases.lock());
        while !self.is_without_guard()
            && let Some((show, seats, booking)) = pending.pop()
        {
            self.free_in_guard(&show, &seats, booking).await;
        }
        let mut since = self.pending_releases.lock();
        since.append(&mut pending);
        since.truncate(MAX_PENDING_RELEASES);
    }

    pub(crate) fn saw_position(&self, position: u64) {
        self.written.fetch_max(position, Ordering::AcqRel);
    }

    /// Seats of a booking as ids.
    pub(crate) fn seat_key(show: &ShowId, seat: &SeatId) -> SeatKey {
        SeatKey { show: show.clone(), seat: seat.clone() }
    }
}
