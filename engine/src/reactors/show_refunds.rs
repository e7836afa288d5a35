//! The refunds of whole shows: every confirmed booking of such a show has its own refund requested, except those that were
//! paid in cash or by invoice, whose money only staff can return. A pure fold of the log, with the place where this node's
//! pass over the bookings is; so a job is never lost, and never done twice for a booking.
//!
//! A pass goes through the confirmed bookings part by part. One that can't be refunded yet (a part of it is being refunded)
//! and one that is captured late (it was committed before the show was cancelled) begin another pass. One whose request
//! failed is tried again beside the pass, with growing pauses, so that the others never wait for it. A node that did not
//! see the request as its own waits for as long as another one makes progress
//! ([0101](../../../docs/decisions/0101-refunds-of-a-show.md)).

use super::cause::Cause;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A show whose bookings are to be refunded, as the log says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requested {
    /// Who requested it, and so every refund.
    pub by: String,
    /// The request.
    pub cause: Cause,
}

/// Where this node is with it.
#[derive(Debug, Default)]
struct Pass {
    /// When it goes on. `None`: nothing is left to be done until an event says so.
    due: Option<Timestamp>,
    /// The next part of the confirmed bookings.
    part: usize,
    /// Bookings of the part before, still to be done.
    todo: Vec<BookingId>,
    /// Something has changed in parts that it has passed: another pass follows.
    again: bool,
}

impl Pass {
    fn due(due: Timestamp) -> Self {
        Self { due: Some(due), ..Self::default() }
    }
}

/// The refunds of one show.
#[derive(Debug)]
struct Job {
    requested: Requested,
    pass: Pass,
    /// Bookings whose request has failed, and how often.
    failed: BTreeMap<BookingId, u32>,
    /// Those of them that are not being tried now, by when they are.
    retries: BTreeSet<(Timestamp, BookingId)>,
}

impl Job {
    fn new(requested: Requested, due: Timestamp) -> Self {
        Self { requested, pass: Pass::due(due), failed: BTreeMap::new(), retries: BTreeSet::new() }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.pass.due.into_iter().chain(self.retries.first().map(|(due, _)| *due)).min()
    }

    /// The next failed booking that is to be tried again now.
    fn take_failed(&mut self, now: Timestamp, confirmed: &impl Confirmed) -> Option<BookingId> {
        while let Some((due, booking)) = self.retries.first().copied().filter(|(due, _)| *due <= now) {
            self.retries.remove(&(due, booking));
            if self.failed.contains_key(&booking) && confirmed.is_refundable(booking) {
                return Some(booking);
            }
            // What can't be refunded now is found again after the event that changes this.
            self.failed.remove(&booking);
        }
        None
    }

    /// The next booking of the pass. `None`: the pass has ended, is not due, or has looked at as many as it may now.
    fn take_next(&mut self, show: &ShowId, now: Timestamp, looks: &mut usize, confirmed: &impl Confirmed) -> Option<BookingId> {
        let Self { pass, failed, .. } = self;
        while pass.due.is_some_and(|due| due <= now) && *looks > 0 {
            *looks -= 1;
            if let Some(booking) = pass.todo.pop() {
                if confirmed.is_refundable(booking) && !failed.contains_key(&booking) {
                    return Some(booking);
                }
            } else if let Some(more) = confirmed.of_show(show, pass.part) {
                pass.todo = more;
                pass.part += 1;
            } else {
                *pass = Pass { due: pass.again.then_some(now), ..Pass::default() };
            }
        }
        None
    }
}

/// All of them, by show. Few shows are refunded, and each has a line here for ever.
#[derive(Debug, Default)]
pub(crate) struct ShowRefunds(BTreeMap<ShowId, Job>);

/// As a snapshot has them.
pub(crate) type ShowRefundsSnapshot = BTreeMap<ShowId, Requested>;

/// Where confirmed bookings are looked up.
pub(crate) trait Confirmed {
    /// Those of the show in this part; `None` if there are no more parts.
    fn of_show(&self, show: &ShowId, part: usize) -> Option<Vec<BookingId>>;
    /// Whether the booking is still confirmed and its refund can be requested now.
    fn is_refundable(&self, booking: BookingId) -> bool;
}

impl ShowRefunds {
    /// The refunds of the show were requested.
    pub(super) fn request(&mut self, show: &ShowId, requested: Requested, due: Timestamp) {
        self.0.entry(show.clone()).or_insert_with(|| Job::new(requested, due));
    }

    /// A booking of the show may be refundable now that was not before.
    pub(super) fn changed(&mut self, show: &ShowId, due: Timestamp) {
        let Some(Job { pass, .. }) = self.0.get_mut(show) else { return };
        if pass.due.is_some() {
            pass.again = true;
        } else {
            pass.due = Some(due);
        }
    }

    /// Another node works on it: this one waits.
    pub(super) fn leave(&mut self, show: &ShowId, until: Timestamp) {
        if let Some(job) = self.0.get_mut(show)
            && let Some(due) = &mut job.pass.due
        {
            *due = until.max(*due);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Job::next_due).min()
    }

    /// Takes at most `limit` bookings whose refund is to be requested now.
    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize, confirmed: &impl Confirmed) -> Vec<(BookingId, Requested)> {
        let (mut taken, mut looks) = (Vec::new(), LOOKS);
        for (show, job) in &mut self.0 {
            if job.next_due().is_none_or(|due| due > now) {
                continue;
            }
            while taken.len() < limit {
                let next = job.take_failed(now, confirmed).or_else(|| job.take_next(show, now, &mut looks, confirmed));
                let Some(booking) = next else { break };
                taken.push((booking, job.requested.clone()));
            }
        }
        taken
    }

    /// What was to be done for a booking now is done, or it is no longer confirmed.
    pub(super) fn done(&mut self, booking: BookingId) {
        for job in self.0.values_mut() {
            // If it waits to be tried again, that finds it done.
            job.failed.remove(&booking);
        }
    }

    /// The request of a booking's refund has failed: it is tried again after a pause that doubles each time. `others`: the
    /// cause concerns the other bookings, too, and the pass waits.
    pub(super) fn failed(&mut self, show: &ShowId, booking: BookingId, now: Timestamp, others: bool) {
        let Some(Job { pass, failed, retries, .. }) = self.0.get_mut(show) else { return };
        let tries = failed.entry(booking).or_default();
        retries.insert((now + (RETRY * 2_i32.pow((*tries).min(MOST_DOUBLINGS))).min(LONGEST_RETRY), booking));
        *tries = tries.saturating_add(1);
        if let Some(due) = pass.due.as_mut().filter(|_| others) {
            *due = (now + RETRY).max(*due);
        }
    }

    /// After the log was read from its start: nobody works on anything.
    pub(super) fn make_due(&mut self, now: Timestamp) {
        self.0.values_mut().for_each(|job| *job = Job::new(job.requested.clone(), now));
    }

    /// By show, how many bookings failed when their refund was last to be requested.
    pub(crate) fn count_failed(&self) -> BTreeMap<ShowId, usize> {
        let failing = self.0.iter().filter(|(_, job)| !job.failed.is_empty());
        failing.map(|(show, job)| (show.clone(), job.failed.len())).collect()
    }

    pub(super) fn take_snapshot(&self) -> ShowRefundsSnapshot {
        self.0.iter().map(|(show, job)| (show.clone(), job.requested.clone())).collect()
    }

    pub(super) fn restore(snapshot: ShowRefundsSnapshot, now: Timestamp) -> Self {
        Self(snapshot.into_iter().map(|(show, requested)| (show, Job::new(requested, now))).collect())
    }
}

/// Bookings that are looked at in one go. A pass over a sale of any size is no long pause for what else waits here.
const LOOKS: usize = 10_000;
/// How long a failed request waits at first.
const RETRY: TimeDelta = TimeDelta::seconds(2);
/// And at most.
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(10);
/// More of them exceed [`LONGEST_RETRY`].
const MOST_DOUBLINGS: u32 = 10;

#[cfg(test)]
mod tests;
