//! The holds that nothing has followed yet, as this node's subscription has them, so that a payment need not read
//! what it begins with.
//!
//! The log may have more, from another node or a moment ago. So a [`Loaded`] from here only proposes: an append at its revision
//! finds out. Nothing is answered from it without one: the booking is read, and all is decided again on what the log has.

use crate::loaded::Loaded;
use dashmap::DashMap;
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, CommandId, Envelope, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct OpenHolds(DashMap<BookingId, OpenHold>);

struct OpenHold {
    /// Shared with the list of pending bookings.
    booking: Arc<Booking>,
    opening: Uuid,
    at: Timestamp,
    trace: Option<String>,
    command: Option<CommandId>,
}

impl OpenHolds {
    /// To be called with each event of a booking's stream before it is applied to the pending bookings.
    pub(crate) fn followed(&self, envelope: &Envelope) {
        if envelope.revision > 0
            && let Some(booking) = envelope.stream.as_booking()
        {
            self.forget(booking);
        }
    }

    /// A command goes on with what it reads, and most likely appends to it.
    pub(crate) fn forget(&self, booking: BookingId) {
        self.0.remove(&booking);
    }

    /// After its opening was applied, the first event of its stream.
    pub(crate) fn opened(&self, opening: &Envelope, booking: Arc<Booking>) {
        if opening.revision == 0
            && let Some(id) = opening.stream.as_booking()
        {
            let metadata = &opening.metadata;
            let command = metadata.causation.and_then(CommandId::of_cause);
            let hold = OpenHold { booking, opening: opening.id, at: metadata.at, trace: metadata.trace.clone(), command };
            self.0.insert(id, hold);
        }
    }

    /// What is known of it, once: who has begun with it knows more than this.
    pub(crate) fn take(&self, booking: BookingId) -> Option<Loaded<Option<Booking>>> {
        self.0.remove(&booking).map(|(_, hold)| hold.loaded())
    }

    /// Those that are known, as their streams would have them.
    #[cfg(test)]
    pub(crate) fn known(&self) -> std::collections::BTreeMap<BookingId, (Booking, Uuid)> {
        self.0.iter().map(|hold| (*hold.key(), (Booking::clone(&hold.booking), hold.opening))).collect()
    }

    /// Likewise if its time is over.
    pub(crate) fn take_overdue(&self, booking: BookingId, now: Timestamp) -> Option<Loaded<Option<Booking>>> {
        self.0.remove_if(&booking, |_, hold| hold.booking.is_overdue(now)).map(|(_, hold)| hold.loaded())
    }
}

impl OpenHold {
    fn loaded(self) -> Loaded<Option<Booking>> {
        let Self { booking, opening, at, trace, command } = self;
        Loaded::first_event(Some(Arc::unwrap_or_clone(booking)), opening, at, trace, command)
    }
}
