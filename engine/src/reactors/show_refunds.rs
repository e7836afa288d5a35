//! The refunds of whole shows: every confirmed booking of such a show has its own refund requested. A pure fold of the log,
//! with the place where this node's pass over the bookings is; so a job is never lost, and never done twice for a booking.
//!
//! A pass goes through the confirmed bookings part by part. One that can't be refunded yet (a part of it is being refunded)
//! and one that is captured late (it was committed before the show was cancelled) begin another pass. A node that did not
//! see the request as its own waits for as long as another one makes progress
//! ([0101](../../../docs/decisions/0101-refunds-of-a-show.md)).

use super::cause::Cause;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// All of them, by show. Few shows are refunded, and each has a line here for ever.
#[derive(Debug, Default)]
pub(crate) struct ShowRefunds(BTreeMap<ShowId, (Requested, Pass)>);

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
        let pass = Pass { due: Some(due), ..Pass::default() };
        self.0.entry(show.clone()).or_insert((requested, pass));
    }

    /// A booking of the show may be refundable now that was not before.
    pub(super) fn changed(&mut self, show: &ShowId, due: Timestamp) {
        let Some((_, pass)) = self.0.get_mut(show) else { return };
        if pass.due.is_some() {
            pass.again = true;
        } else {
            pass.due = Some(due);
        }
    }

    /// Another node works on it: this one waits.
    pub(super) fn leave(&mut self, show: &ShowId, until: Timestamp) {
        if let Some((_, pass)) = self.0.get_mut(show)
            && let Some(due) = &mut pass.due
        {
            *due = until.max(*due);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|(_, pass)| pass.due).min()
    }

    /// Takes at most `limit` bookings whose refund is to be requested now.
    pub(super) fn take_due(&mut self, now: Timestamp, limit: usize, confirmed: &impl Confirmed) -> Vec<(BookingId, Requested)> {
        let mut taken = Vec::new();
        for (show, (requested, pass)) in self.0.iter_mut().filter(|(_, (_, pass))| pass.due.is_some_and(|due| due <= now)) {
            while taken.len() < limit {
                if let Some(booking) = pass.todo.pop() {
                    if confirmed.is_refundable(booking) {
                        taken.push((booking, requested.clone()));
                    }
                } else if let Some(more) = confirmed.of_show(show, pass.part) {
                    pass.todo = more;
                    pass.part += 1;
                } else {
                    let again = std::mem::take(&mut pass.again).then_some(now);
                    *pass = Pass { due: again, ..Pass::default() };
                    break;
                }
            }
        }
        taken
    }

    /// The request of a booking's refund has failed: it is tried again in a pass that begins at `due`.
    pub(super) fn retry(&mut self, show: &ShowId, due: Timestamp) {
        if let Some((_, pass)) = self.0.get_mut(show) {
            *pass = Pass { due: Some(due), ..Pass::default() };
        }
    }

    /// After the log was read from its start: nobody works on anything.
    pub(super) fn make_due(&mut self, now: Timestamp) {
        self.0.values_mut().for_each(|(_, pass)| *pass = Pass { due: Some(now), ..Pass::default() });
    }

    pub(super) fn take_snapshot(&self) -> ShowRefundsSnapshot {
        self.0.iter().map(|(show, (requested, _))| (show.clone(), requested.clone())).collect()
    }

    pub(super) fn restore(snapshot: ShowRefundsSnapshot, now: Timestamp) -> Self {
        let pass = || Pass { due: Some(now), ..Pass::default() };
        Self(snapshot.into_iter().map(|(show, requested)| (show, (requested, pass()))).collect())
    }
}

/// How long a failed request waits.
pub(crate) const RETRY: TimeDelta = TimeDelta::seconds(2);
