//! The bookings whose next step calls the gateway: the one that has waited longest comes first, and no hold waits for the
//! gateway to end ([0060](../../../../../docs/decisions/0060-holds-end-without-the-gateway.md)).

use super::{Schedule, Taken};
use lastseat_domain::{BookingId, Timestamp};

impl Schedule {
    /// Takes bookings whose turn at the gateway has come, at most `limit`. Their holds end in time nevertheless. They
    /// come back with [`Self::again_at_gateway`] or [`Self::done`].
    pub(crate) fn take_waiting(&mut self, now: Timestamp, limit: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some((_, booking)) = self.waiting.pop_first()
        {
            let Some(entry) = self.open.get_mut(&booking) else { continue };
            entry.waits = None;
            let due = entry.due;
            // Its hold has ended: the log comes first, and that look is due already.
            if due.is_none_or(|due| due > now) {
                taken.extend(self.take(booking));
                due.into_iter().for_each(|due| self.again(booking, due));
            }
        }
        taken
    }

    /// A booking waits for its turn at the gateway, `since` the look that found it needs that. Its hold ends in time
    /// nevertheless: at once, if it has ended since that look. If it had ended before, the log has a decision that
    /// this node has not read yet, and it is looked at again at `later` if none comes.
    pub(crate) fn wait_for_gateway(&mut self, booking: BookingId, since: Timestamp, later: Timestamp) {
        let Some(entry) = self.open.get_mut(&booking) else { return };
        let ends = entry.ends().map(|end| if end > since { end } else { later });
        if let Some(due) = std::mem::replace(&mut entry.due, ends) {
            self.due.remove(&(due, booking));
        }
        self.due.extend(ends.map(|end| (end, booking)));
        if entry.waits.is_none() {
            entry.waits = Some(since);
            self.waiting.insert((since, booking));
        }
    }

    /// Looks at a booking that comes back from the gateway again at `due`, or at the time that is set for it if that is
    /// sooner. If its hold has ended meanwhile, at once: the log is enough for that.
    pub(crate) fn again_at_gateway(&mut self, booking: BookingId, now: Timestamp, due: Timestamp) {
        let Some(entry) = self.open.get_mut(&booking).filter(|entry| entry.waits.is_none()) else { return };
        let due = entry.ends().map_or(due, |end| end.max(now).min(due));
        match entry.due {
            Some(set) if set <= due => return,
            Some(set) => drop(self.due.remove(&(set, booking))),
            None => {}
        }
        entry.due = Some(due);
        self.due.insert((due, booking));
    }
}
