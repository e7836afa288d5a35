//! A booking with something left to be done, and when.

use crate::payment::{Leftovers, calls_gateway};
use chrono::TimeDelta;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::settle::{Step, next_step};
use lastseat_domain::voucher::{self, VoucherStep};
use lastseat_domain::{SeatId, ShowId, Timestamp, VoucherHash};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long before the end of a hold the gateway is asked a last time whether its buyer has paid.
const LAST_LOOK: TimeDelta = TimeDelta::seconds(5);

/// A booking with something left to be done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// None before its opening is seen. Not in the entry itself, because the map's free slots take as much as its
    /// entries; shared with a snapshot until it changes.
    pub booking: Option<Arc<Booking>>,
    /// Seats that are locked for it. Its own seats leave the set when it is captured.
    pub locked: BTreeSet<(ShowId, SeatId)>,
    /// Vouchers that are reserved for it, with the number of the application; neither used up nor freed.
    pub vouchers: BTreeMap<VoucherHash, u32>,
    /// Sold seats that its refund has not freed yet.
    pub to_free: u32,
    /// Whether its refund is to return the voucher that it has used up, and has not yet.
    pub to_return: bool,
    /// None while it is being looked at, or if nothing is due.
    pub due: Option<Timestamp>,
    /// Since when it waits for its turn at the gateway. Meanwhile `due` is the end of its hold.
    #[serde(skip)]
    pub waits: Option<Timestamp>,
    /// How long the end of its hold is left to another node, which took its last step. Nothing if that was this node.
    #[serde(skip)]
    pub grace: TimeDelta,
}

impl Entry {
    /// When to check it, as of `now`. `later`: until when a booking in progress is left to the node that
    /// works on it.
    pub fn due_at(&self, now: Timestamp, later: Timestamp) -> Option<Timestamp> {
        let Some(booking) = &self.booking else { return Some(later) };
        let due = match next_step(booking, now) {
            Step::Done => (self.is_over() && !self.holds_nothing()).then_some(later),
            Step::WaitUntil(deadline) => Some(deadline + self.grace),
            Step::Expire => self.ends(),
            // The buyer is at their bank. Their next request or a webhook brings the outcome. If neither
            // comes, the gateway is asked once more before the hold ends.
            Step::CheckAction if matches!(booking.phase, Phase::ActionRequired { .. }) => {
                booking.expires_at.map(|end| if now < end - LAST_LOOK { end - LAST_LOOK } else { end + self.grace })
            }
            _ => Some(later),
        };
        // One that it has given back does not wait for the end of its hold.
        if self.has_voucher_to_free(booking) { Some(due.map_or(later, |due| due.min(later))) } else { due }
    }

    fn has_voucher_to_free(&self, booking: &Booking) -> bool {
        let step = |(voucher, application): (&VoucherHash, &u32)| voucher::next_step(booking, voucher, *application, false);
        self.vouchers.iter().any(|reserved| step(reserved) == VoucherStep::Free)
    }

    /// Whether it has no seat and no voucher to be given back.
    pub fn holds_nothing(&self) -> bool {
        self.locked.is_empty() && self.vouchers.is_empty() && !self.to_return
    }

    /// What is to be given back at its end.
    pub fn leftovers(&self) -> Leftovers {
        let vouchers = self.vouchers.iter().map(|(voucher, application)| (voucher.clone(), *application));
        Leftovers { locked: self.locked.iter().cloned().collect(), vouchers: vouchers.collect() }
    }

    /// Whether nothing can be done for it without the gateway.
    pub fn needs_gateway(&self, now: Timestamp) -> bool {
        let Some(booking) = &self.booking else { return false };
        match next_step(booking, now) {
            // Its seats and its voucher come first, for which the log is enough.
            Step::ReleaseSeatsAndVoid(_) if !self.holds_nothing() => false,
            step => calls_gateway(booking, &step),
        }
    }

    /// When this node ends its hold, which needs no gateway.
    pub fn ends(&self) -> Option<Timestamp> {
        let booking = self.booking.as_ref().filter(|booking| booking.is_undecided())?;
        booking.expires_at.map(|end| end + self.grace)
    }

    /// Whether the booking has ended, as sold or not, and no exchange of its seats is under way. Seats may still have to be
    /// released.
    pub fn is_over(&self) -> bool {
        self.booking.as_ref().is_none_or(|b| match b.phase {
            Phase::Confirmed { refund_requested } => !refund_requested && b.exchange.is_none() && b.refund_under_way().is_none(),
            Phase::Aborted { .. } | Phase::Refunded => true,
            _ => false,
        })
    }

    /// Whether nothing is left to be done, unless another event comes.
    pub fn is_finished(&self, now: Timestamp) -> bool {
        self.holds_nothing()
            && self.is_over()
            && self.booking.as_ref().is_none_or(|booking| match next_step(booking, now) {
                // Naming the step again and again is all that the rule can do: it does not see the seats.
                Step::ReleaseSeats(_) | Step::ReleaseGivenUp | Step::FinishExchanges => self.to_free == 0,
                step => step == Step::Done,
            })
    }
}
