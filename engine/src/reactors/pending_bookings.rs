//! The list of pending bookings: which bookings have something left to be done, and when. A pure fold of the log, so
//! that every node comes to the same list, and a fresh one after a crash too.
//!
//! It only says "look at this booking"; what has to be done, the booking itself tells
//! ([`lastseat_domain::settle`]).

use lastseat_domain::event::{BookingOpened, Event};
use lastseat_domain::{BookingId, BuyerId, Envelope, SeatId, ShowId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What is known of a booking that is not at rest.
#[derive(Debug, Clone)]
struct Entry {
    opened: Option<Arc<BookingOpened>>,
    /// Seats that it has in the log.
    seats: BTreeSet<(ShowId, SeatId)>,
    /// Sold seats that its refund has yet to free; which ones, the booking itself knows.
    to_free: u32,
    stage: Stage,
    expires_at: Option<Timestamp>,
    paid_for: bool,
    voided: bool,
    due: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Seats only: its opening has not been seen.
    Unopened,
    /// Nothing happens before the deadline.
    Held,
    /// Somebody should be at work on it.
    Moving,
    /// Confirmed.
    Confirmed,
    /// Over: aborted or refunded.
    Over,
}

/// A payment that the loyalty account has to take notice of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reward {
    /// Captured: count it.
    Credit(Arc<BookingOpened>),
    /// Refunded: take it back.
    Revoke(BookingId, Owner),
}

/// The list of pending bookings.
#[derive(Default)]
pub(crate) struct PendingBookings {
    open: HashMap<BookingId, Entry>,
    due: BTreeSet<(Timestamp, BookingId)>,
    /// Rewards whose loyalty event has not been seen.
    credits: BTreeMap<BookingId, Arc<BookingOpened>>,
    revokes: BTreeMap<BookingId, Owner>,
    /// Confirmed bookings, for a refund to come. This is the one thing that grows with every sale,
    /// so it is kept small.
    confirmed: HashMap<BookingId, Confirmed>,
}

/// What a refund will have to know of a confirmed booking.
struct Confirmed {
    owner: Owner,
    seats: u32,
}

/// Whose a booking is, and for which show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub buyer: BuyerId,
    pub show: ShowId,
}

impl PendingBookings {
    /// Folds an event. `patience`: how long a booking in motion is left to whoever moves it.
    pub(crate) fn apply(&mut self, envelope: &Envelope, patience: Duration) -> Option<Reward> {
        let at = envelope.metadata.at;
        match &envelope.event {
            Event::SeatLocked(e) => self.seat(e.booking, &envelope.stream, true, at + patience),
            Event::SeatReleased(e) => self.seat(e.booking, &envelope.stream, false, at + patience),
            Event::BookingOpened(e) => {
                let opened = Arc::new(e.clone());
                self.entry(e.booking, |entry| {
                    entry.opened = Some(opened);
                    entry.expires_at = Some(e.expires_at);
                    entry.stage = if entry.stage == Stage::Unopened { Stage::Held } else { entry.stage };
                    Some(e.expires_at)
                });
            }
            Event::HoldExtended(e) => self.entry(e.booking, |entry| {
                entry.expires_at = Some(e.expires_at);
                // A payment under way is looked at no later for it.
                if entry.stage == Stage::Moving { entry.due } else { Some(e.expires_at) }
            }),
            Event::PaymentStarted(e) => self.entry(e.booking, |entry| {
                entry.paid_for = true;
                entry.stage = Stage::Moving;
                Some(at + patience)
            }),
            Event::PaymentActionRequired(_) | Event::PaymentDeclined(_) => {
                if let Some(booking) = envelope.stream.as_booking() {
                    self.entry(booking, |entry| {
                        entry.stage = Stage::Held;
                        entry.expires_at
                    });
                }
            }
            Event::PaymentAuthorised(e) => self.entry(e.booking, |entry| {
                entry.stage = Stage::Moving;
                Some(at + patience)
            }),
            Event::BookingCommitted(e) => self.entry(e.booking, |entry| {
                entry.stage = Stage::Moving;
                Some(at + patience)
            }),
            Event::PaymentCaptured(e) => return self.captured(e.booking, at + patience),
            Event::BookingAborted(e) => self.entry(e.booking, |entry| {
                entry.stage = Stage::Over;
                Some(at + patience)
            }),
            Event::PaymentVoided(e) => self.entry(e.booking, |entry| {
                entry.voided = true;
                Some(at + patience)
            }),
            // A person has it now; nothing is left for us but the seats, which come free with the
            // booking's end: that has come, or comes with the hold's.
            Event::PaymentFlagged(e) => self.entry(e.booking, |entry| {
                entry.voided = true;
                if entry.stage == Stage::Over { Some(at + patience) } else { entry.expires_at }
            }),
            Event::RefundRequested(e) => self.entry(e.booking, |entry| {
                entry.stage = Stage::Moving;
                Some(at + patience)
            }),
            Event::PaymentRefunded(e) => return self.refunded(e.booking, at + patience),
            Event::PointsEarned(e) => {
                self.credits.remove(&e.booking);
            }
            Event::PointsRevoked(e) => {
                self.revokes.remove(&e.booking);
            }
            _ => {}
        }
        None
    }

    fn captured(&mut self, booking: BookingId, due: Timestamp) -> Option<Reward> {
        let mut opened = None;
        self.entry(booking, |entry| {
            opened.clone_from(&entry.opened);
            entry.stage = Stage::Confirmed;
            // What it has beyond what it bought (a repeated hold on an area had picked other
            // units, and died) is still to be freed.
            let bought = |(show, seat): &(ShowId, SeatId)| {
                opened.as_ref().is_some_and(|o: &Arc<BookingOpened>| o.show == *show && o.seats.iter().any(|p| p.seat == *seat))
            };
            entry.seats.retain(|seat| !bought(seat));
            Some(due)
        });
        let opened = opened?;
        let seats = u32::try_from(opened.seats.len()).unwrap_or(u32::MAX);
        self.confirmed
            .insert(booking, Confirmed { owner: Owner { buyer: opened.buyer.clone(), show: opened.show.clone() }, seats });
        self.credits.insert(booking, opened.clone());
        Some(Reward::Credit(opened))
    }

    fn refunded(&mut self, booking: BookingId, due: Timestamp) -> Option<Reward> {
        let confirmed = self.confirmed.remove(&booking)?;
        self.entry(booking, |entry| {
            entry.stage = Stage::Over;
            entry.voided = true;
            entry.to_free = confirmed.seats;
            Some(due)
        });
        self.revokes.insert(booking, confirmed.owner.clone());
        Some(Reward::Revoke(booking, confirmed.owner))
    }

    fn seat(&mut self, booking: BookingId, stream: &lastseat_domain::StreamName, taken: bool, due: Timestamp) {
        let Some(seat) = stream.as_seat() else { return };
        self.entry(booking, |entry| {
            if taken {
                entry.seats.insert(seat);
            } else {
                entry.to_free = entry.to_free.saturating_sub(u32::from(!entry.seats.remove(&seat)));
            }
            match entry.stage {
                Stage::Held | Stage::Moving => entry.due,
                // A lock that was long on its way may land behind the booking's end.
                Stage::Unopened | Stage::Confirmed | Stage::Over => Some(due),
            }
        });
    }

    /// Changes an entry and its due time; drops it once it is at rest.
    fn entry(&mut self, booking: BookingId, change: impl FnOnce(&mut Entry) -> Option<Timestamp>) {
        let entry = self.open.entry(booking).or_insert_with(|| Entry {
            opened: None,
            seats: BTreeSet::new(),
            to_free: 0,
            stage: Stage::Unopened,
            expires_at: None,
            paid_for: false,
            voided: false,
            due: None,
        });
        let before = entry.due;
        entry.due = change(entry);
        if let Some(due) = before {
            self.due.remove(&(due, booking));
        }
        let at_rest = match entry.stage {
            Stage::Confirmed => entry.seats.is_empty(),
            Stage::Over => entry.seats.is_empty() && entry.to_free == 0 && (entry.voided || !entry.paid_for),
            Stage::Unopened => entry.seats.is_empty(),
            Stage::Held | Stage::Moving => false,
        };
        if at_rest {
            self.open.remove(&booking);
        } else if let Some(due) = entry.due {
            self.due.insert((due, booking));
        }
    }

    /// When the next booking has to be looked at.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes the bookings off the list that are due at `now`, at most `limit`, with the seats that
    /// each has in the log. They come back with [`PendingBookings::again`].
    pub(crate) fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<(BookingId, Vec<(ShowId, SeatId)>)> {
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some((due, booking)) = self.due.first().copied()
            && due <= now
        {
            self.due.remove(&(due, booking));
            if let Some(entry) = self.open.get_mut(&booking) {
                entry.due = None;
                taken.push((booking, entry.seats.iter().cloned().collect()));
            }
        }
        taken
    }

    /// Puts a booking back on the list, unless an event has put it there or ended it meanwhile.
    pub(crate) fn again(&mut self, booking: BookingId, due: Timestamp) {
        if let Some(entry) = self.open.get_mut(&booking)
            && entry.due.is_none()
        {
            entry.due = Some(due);
            self.due.insert((due, booking));
        }
    }

    /// A booking was looked at and has nothing left to be done. Only what is over is forgotten: the
    /// log may still have news of the others. One that has seats is looked at again at `later`: the
    /// news of their release may be on their way, or they were locked behind the look.
    pub(crate) fn done(&mut self, booking: BookingId, later: Timestamp) {
        let Some(entry) = self.open.get(&booking).filter(|entry| entry.due.is_none()) else { return };
        if !entry.seats.is_empty() && entry.stage != Stage::Held && entry.stage != Stage::Moving {
            self.again(booking, later);
        } else if entry.stage == Stage::Over {
            self.open.remove(&booking);
        }
    }

    /// After reading the log from its start: nobody is at work on anything, so whatever is in
    /// motion is due now.
    pub(crate) fn nobody_is_at_work(&mut self, now: Timestamp) {
        let moving: Vec<_> =
            self.open.iter().filter(|(_, e)| e.stage != Stage::Held && e.due.is_some()).map(|(id, _)| *id).collect();
        for booking in moving {
            self.entry(booking, |_| Some(now));
        }
    }

    /// Rewards that are missing.
    pub(crate) fn missing_rewards(&self) -> Vec<Reward> {
        let credits = self.credits.values().cloned().map(Reward::Credit);
        let revokes = self.revokes.iter().map(|(booking, owner)| Reward::Revoke(*booking, owner.clone()));
        credits.chain(revokes).collect()
    }

    /// The seats of an open booking, for telling the seat table.
    pub(crate) fn opened(&self, booking: BookingId) -> Option<(Arc<BookingOpened>, Option<Timestamp>)> {
        self.open.get(&booking).and_then(|entry| Some((entry.opened.clone()?, entry.expires_at)))
    }

    /// Bookings that are not at rest.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}
