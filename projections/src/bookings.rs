//! The bookings of every buyer.

use crate::error::UnknownCursor;
use crate::view::View;
use lastseat_domain::event::{AbortReason, Event, PricedSeat};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Envelope, Money, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A booking as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingView {
    pub booking: BookingId,
    pub show: ShowId,
    pub buyer: BuyerId,
    pub status: BookingStatus,
    /// Why it was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbortReason>,
    pub seats: Vec<PricedSeat>,
    /// Sum of the prices.
    pub amount: Money,
    pub opened_at: Timestamp,
    /// When its hold ends, extension included.
    pub expires_at: Timestamp,
    /// Whether the one extension was used.
    pub extended: bool,
    /// The page where the buyer has to confirm the payment, while the bank waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_at: Option<String>,
    /// Attempts to pay so far.
    pub attempts: u32,
    /// The gateway's code, if the last attempt was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decline: Option<String>,
    /// A refund is requested and not done yet.
    pub refund_requested: bool,
    /// A person has to look at the payment.
    pub flagged: bool,
    /// Position of the event that opened it. Bookings are sorted by it.
    pub opened: Position,
    /// Position of its last event.
    pub position: Position,
}

/// Status of a booking, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// Seats held, nothing paid.
    Held,
    /// Payment under way, or decided and being captured.
    Paying,
    /// The buyer has to act at their bank.
    ActionRequired,
    /// Booked and paid.
    Confirmed,
    /// Over without a sale.
    Aborted,
    /// Refunded.
    Refunded,
}

impl BookingStatus {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paying => "paying",
            Self::ActionRequired => "action_required",
            Self::Confirmed => "confirmed",
            Self::Aborted => "aborted",
            Self::Refunded => "refunded",
        }
    }

    /// What an event makes of its booking's status, if anything.
    pub(crate) fn after(event: &Event) -> Option<(BookingId, Self)> {
        Some(match event {
            Event::BookingOpened(e) => (e.booking, Self::Held),
            Event::PaymentStarted(e) => (e.booking, Self::Paying),
            Event::PaymentActionRequired(e) => (e.booking, Self::ActionRequired),
            Event::PaymentDeclined(e) => (e.booking, Self::Held),
            Event::PaymentAuthorised(e) => (e.booking, Self::Paying),
            Event::BookingCommitted(e) => (e.booking, Self::Paying),
            Event::PaymentCaptured(e) => (e.booking, Self::Confirmed),
            Event::BookingAborted(e) => (e.booking, Self::Aborted),
            Event::PaymentRefunded(e) => (e.booking, Self::Refunded),
            Event::PaymentReturnedElsewhere(e) => (e.booking, Self::Refunded),
            _ => return None,
        })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Whether there is more after it.
    pub has_more: bool,
}

/// The view.
#[derive(Default)]
pub(crate) struct Bookings {
    /// Shared with a snapshot that is being written, and copied only when changed meanwhile.
    rows: BTreeMap<BookingId, Arc<BookingView>>,
    /// Follows from the rows. Oldest first.
    by_buyer: HashMap<BuyerId, Vec<BookingId>>,
}

impl View for Bookings {
    const NAME: &'static str = "bookings";
    const SCHEMA: u32 = 4;
    type Content = BTreeMap<BookingId, Arc<BookingView>>;

    fn apply(&mut self, envelope: &Envelope) {
        if let Event::BookingOpened(e) = &envelope.event {
            let row = BookingView {
                booking: e.booking,
                show: e.show.clone(),
                buyer: e.buyer.clone(),
                status: BookingStatus::Held,
                reason: None,
                seats: e.seats.clone(),
                amount: e.amount,
                opened_at: envelope.metadata.at,
                expires_at: e.expires_at,
                extended: false,
                confirm_at: None,
                attempts: 0,
                last_decline: None,
                refund_requested: false,
                flagged: false,
                opened: envelope.position,
                position: envelope.position,
            };
            if self.rows.insert(e.booking, Arc::new(row)).is_none() {
                self.by_buyer.entry(e.buyer.clone()).or_default().push(e.booking);
            }
            return;
        }
        let Some(booking) = envelope.event.booking() else { return };
        // A fenced booking was never opened: it has no seats, no price and no buyer.
        let Some(row) = self.rows.get_mut(&booking) else { return };
        let row = Arc::make_mut(row);
        row.position = envelope.position;
        if let Some((_, status)) = BookingStatus::after(&envelope.event) {
            row.status = status;
            row.confirm_at = None;
        }
        match &envelope.event {
            Event::HoldExtended(e) => {
                row.expires_at = e.expires_at;
                row.extended = true;
            }
            Event::PaymentActionRequired(e) => row.confirm_at.clone_from(&e.url),
            Event::PaymentStarted(e) => {
                row.attempts = e.attempt;
                row.last_decline = None;
            }
            Event::PaymentDeclined(e) => row.last_decline = Some(e.code.clone()),
            Event::RefundRequested(_) => row.refund_requested = true,
            Event::PaymentRefunded(_) => row.refund_requested = false,
            Event::PaymentReturnedElsewhere(_) => {
                row.refund_requested = false;
                row.flagged = false;
            }
            Event::BookingAborted(e) => row.reason = Some(e.reason),
            Event::PaymentFlagged(_) => row.flagged = true,
            Event::PaymentReviewed(_) => row.flagged = false,
            _ => {}
        }
    }

    fn content(&self) -> Self::Content {
        self.rows.clone()
    }

    fn restore(rows: Self::Content) -> Result<Self, String> {
        let mut in_order: Vec<&Arc<BookingView>> = rows.values().collect();
        in_order.sort_by_key(|row| row.opened);
        let mut by_buyer: HashMap<BuyerId, Vec<BookingId>> = HashMap::new();
        for row in in_order {
            by_buyer.entry(row.buyer.clone()).or_default().push(row.booking);
        }
        Ok(Self { rows, by_buyer })
    }
}

impl Bookings {
    pub fn one(&self, booking: BookingId) -> Option<Arc<BookingView>> {
        self.rows.get(&booking).cloned()
    }

    pub fn buyer_of(&self, booking: BookingId) -> Option<&BuyerId> {
        self.rows.get(&booking).map(|row| &row.buyer)
    }

    /// Up to `limit` bookings of a buyer, newest first, after the one given.
    pub fn of(
        &self,
        buyer: &BuyerId,
        starting_after: Option<BookingId>,
        limit: usize,
    ) -> Result<Page<BookingView>, UnknownCursor> {
        let all = self.by_buyer.get(buyer).map_or(&[][..], Vec::as_slice);
        let end = match starting_after {
            None => all.len(),
            Some(cursor) => {
                let opened = |id: &BookingId| self.rows.get(id).map_or(Position::START, |row| row.opened);
                let row = self.rows.get(&cursor).filter(|row| row.buyer == *buyer).ok_or(UnknownCursor(cursor))?;
                all.partition_point(|id| opened(id) < row.opened)
            }
        };
        let mut older = all.iter().take(end).rev().filter_map(|id| self.rows.get(id));
        let data = older.by_ref().take(limit).map(|row| (**row).clone()).collect();
        Ok(Page { data, has_more: older.next().is_some() })
    }
}
