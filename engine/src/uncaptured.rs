//! The sold bookings whose money is not taken yet. An authorisation ends at some time, and the seats are sold: while
//! one is about to end, its booking is reported again and again, whether the process still tries or a person has
//! to look.

use chrono::TimeDelta;
use lastseat_domain::event::Event;
use lastseat_domain::{BookingId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// So long before the end of its authorisation, a payment that is not captured is an alarm.
const ALARM: TimeDelta = TimeDelta::hours(24);

/// When an authorisation is assumed to end of which the gateway does not say so. Card networks give 7 days for most
/// online payments, and 5 for some; the shorter time warns too early rather than too late.
const ASSUMED: TimeDelta = TimeDelta::days(5);

/// An authorisation that is not captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authorisation {
    pub booking: BookingId,
    /// When it ends.
    pub until: Timestamp,
    /// The gateway did not say when it ends.
    pub assumed: bool,
    sold: bool,
    /// The process does not try any more.
    pub flagged: bool,
}

/// All of them, as far as the log was followed.
#[derive(Default)]
pub(crate) struct Uncaptured(Mutex<HashMap<BookingId, Authorisation>>);

impl Uncaptured {
    /// `at`: when the event happened.
    pub(crate) fn apply(&self, event: &Event, at: Timestamp) {
        let mut open = self.0.lock();
        match event {
            Event::PaymentAuthorised(e) => {
                let (until, assumed) = (e.capture_before.unwrap_or(at + ASSUMED), e.capture_before.is_none());
                open.insert(e.booking, Authorisation { booking: e.booking, until, assumed, sold: false, flagged: false });
            }
            Event::BookingCommitted(e) => open.get_mut(&e.booking).into_iter().for_each(|it| it.sold = true),
            Event::PaymentFlagged(e) => open.get_mut(&e.booking).into_iter().for_each(|it| it.flagged = true),
            Event::PaymentReviewed(e) => open.get_mut(&e.booking).into_iter().for_each(|it| it.flagged = false),
            Event::PaymentCaptured(e) => drop(open.remove(&e.booking)),
            Event::BookingAborted(e) => drop(open.remove(&e.booking)),
            _ => {}
        }
    }

    /// Those of sold bookings that end soon, or have ended; the first to end first.
    pub(crate) fn ending(&self, now: Timestamp) -> Vec<Authorisation> {
        let mut ending: Vec<_> = self.0.lock().values().filter(|it| it.sold && it.until - now < ALARM).copied().collect();
        ending.sort_by_key(|it| (it.until, it.booking));
        ending
    }

    /// All of them, for a snapshot; in order.
    pub(crate) fn take_snapshot(&self) -> Vec<Authorisation> {
        let mut all: Vec<_> = self.0.lock().values().copied().collect();
        all.sort_unstable_by_key(|it| it.booking);
        all
    }

    /// Starts with those of a snapshot.
    pub(crate) fn restore(&self, snapshot: Vec<Authorisation>) {
        *self.0.lock() = snapshot.into_iter().map(|it| (it.booking, it)).collect();
    }
}
