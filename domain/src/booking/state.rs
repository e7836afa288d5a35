//! The state of a booking, and how each event changes it.

use super::command::Review;
use super::part::PartialRefund;
use crate::Timestamp;
use crate::event::{AbortReason, BookingOpened, Event, ExchangeRequested, PaymentStarted, PricedSeat, Tender, VoucherApplied};
use crate::ids::{BookingId, BuyerId, IntentId, SeatId, ShowId};
use crate::money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A booking, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Also the name of its stream.
    pub id: BookingId,
    /// Seats, buyer and price. `None` for a fenced booking: seats were locked for it, but a crash
    /// kept it from opening.
    pub opened: Option<BookingOpened>,
    /// When it opened, by the clock of the engine that wrote the event. `None` if fenced.
    pub opened_at: Option<Timestamp>,
    /// The deadline of the hold, extension included. `None` if fenced.
    pub expires_at: Option<Timestamp>,
    /// Whether the one extension was used.
    pub extended: bool,
    /// How far it has got.
    pub phase: Phase,
    /// All attempts to pay, oldest first.
    pub attempts: Vec<Attempt>,
    /// The payment intent, as soon as an event names it.
    pub intent: Option<IntentId>,
    /// Whether the intent is known to be cancelled.
    pub voided: bool,
    /// Whether a person has to look at the payment. Nothing more is charged then. Never older than a requested or a
    /// recorded refund: each of them ends what was flagged before it.
    pub flagged: bool,
    /// What a person found out when they looked at the payment last, unless it was flagged again since.
    pub reviewed: Option<Review>,
    /// Until when the authorisation can be captured, where the gateway said so.
    pub capture_before: Option<Timestamp>,
    /// What its reward is drawn by, once it is captured.
    pub draw: Option<Uuid>,
    /// The voucher that lowers its amount.
    pub voucher: Option<VoucherApplied>,
    /// Number of the last application of a voucher.
    pub voucher_applications: u32,
    /// The exchange of seats that is requested and neither decided nor abandoned.
    pub exchange: Option<ExchangeRequested>,
    /// How many exchanges were requested.
    pub exchanges: u32,
    /// Those that are over.
    pub past_exchanges: Vec<PastExchange>,
    /// Its partial refunds, by number from 1.
    pub partial_refunds: Vec<PartialRefund>,
    /// The seats that it has now, once they are others than it opened with.
    pub changed_seats: Option<Vec<PricedSeat>>,
    /// The buyer that it was transferred to.
    pub transferred_to: Option<BuyerId>,
    /// How often it was transferred.
    pub transfers: u32,
}

/// An exchange that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastExchange {
    /// What was requested.
    pub requested: ExchangeRequested,
    /// Whether the booking has moved; it was abandoned otherwise.
    pub made: bool,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The event that began it.
    pub started: PaymentStarted,
    /// When it began, by the clock of the engine that wrote the event.
    pub at: Timestamp,
    /// The gateway's code, if it was declined.
    pub declined: Option<String>,
}

/// How far a booking has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The seats are held, and no payment is in progress.
    Held,
    /// The gateway was called, and its answer is not known yet.
    Paying,
    /// The buyer has to act before the payment can go on.
    ActionRequired {
        /// The page where they do; `None` for the gateway's own form.
        url: Option<String>,
    },
    /// The money is reserved, and nothing is decided yet. Other programs may write such a log; lastseat
    /// appends the authorisation and the decision together.
    Authorised,
    /// Decided: the seats belong to the buyer, and the money is being taken.
    Committed,
    /// Paid and booked.
    Confirmed {
        /// Whether staff requested a refund that isn't completed yet.
        refund_requested: bool,
    },
    /// Ended without a sale.
    Aborted {
        /// Why.
        reason: AbortReason,
    },
    /// The money was returned, by a refund or by another way.
    Refunded,
}

impl Booking {
    /// A booking of which no event says anything yet.
    #[must_use]
    pub fn blank(id: BookingId) -> Self {
        Self {
            id,
            opened: None,
            opened_at: None,
            expires_at: None,
            extended: false,
            phase: Phase::Held,
            attempts: Vec::new(),
            intent: None,
            voided: false,
            flagged: false,
            reviewed: None,
            capture_before: None,
            draw: None,
            voucher: None,
            voucher_applications: 0,
            exchange: None,
            exchanges: 0,
            past_exchanges: Vec::new(),
            partial_refunds: Vec::new(),
            changed_seats: None,
            transferred_to: None,
            transfers: 0,
        }
    }

    /// Whether the hold's deadline has passed at `now`.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|t| t <= now)
    }

    /// Whether the booking is neither committed nor ended.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Held | Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised)
    }

    /// The number of the last attempt to pay; 0 before the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempts.last().map_or(0, |a| a.started.attempt)
    }

    /// The buyer whom it belongs to; `None` if fenced.
    #[must_use]
    pub fn buyer(&self) -> Option<&BuyerId> {
        self.transferred_to.as_ref().or(self.opened.as_ref().map(|o| &o.buyer))
    }

    /// The show; `None` if fenced.
    #[must_use]
    pub fn show(&self) -> Option<&ShowId> {
        self.opened.as_ref().map(|o| &o.show)
    }

    /// The seats that it has, sorted; none if fenced.
    #[must_use]
    pub fn seats(&self) -> &[PricedSeat] {
        let opened = || self.opened.as_ref().map(|o| &o.seats);
        self.changed_seats.as_ref().or_else(opened).map_or(&[], Vec::as_slice)
    }

    /// What is charged: prices and fees that it opened with, less its voucher's discount, and nothing if it is given
    /// away. `None` if fenced.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        let whole = self.opened.as_ref()?.amount;
        let discount = self.voucher.as_ref().map_or(0, |applied| applied.discount);
        let value = if self.tender() == Some(Tender::Complimentary) { 0 } else { whole.value.saturating_sub(discount) };
        Some(Money { value, ..whole })
    }

    /// How the last attempt pays for it at the till; `None` if it doesn't.
    #[must_use]
    pub fn tender(&self) -> Option<Tender> {
        self.attempts.last().and_then(|attempt| attempt.started.tender)
    }

    pub(super) fn change_seats(&mut self, leaves: &[SeatId], takes: &[PricedSeat]) {
        let kept = self.seats().iter().filter(|priced| !leaves.contains(&priced.seat));
        let mut seats: Vec<_> = kept.chain(takes).cloned().collect();
        seats.sort_unstable_by(|a, b| a.seat.cmp(&b.seat));
        self.changed_seats = Some(seats);
    }

    /// The status as the API names it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.phase {
            Phase::Held => "held",
            Phase::Paying | Phase::Authorised | Phase::Committed => "paying",
            Phase::ActionRequired { .. } => "action_required",
            Phase::Confirmed { .. } => "confirmed",
            Phase::Aborted { .. } => "aborted",
            Phase::Refunded => "refunded",
        }
    }
}

/// The part of [`Decider::evolve`](crate::Decider::evolve) that is about the hold, the payment, and the whole refund.
pub(super) fn evolve(state: Option<Booking>, event: &Event, at: Timestamp) -> Option<Booking> {
    let mut next = match (state, event) {
        (None, Event::BookingOpened(e)) => {
            Booking { opened: Some(e.clone()), opened_at: Some(at), expires_at: Some(e.expires_at), ..Booking::blank(e.booking) }
        }
        (None, Event::BookingAborted(e)) => Booking::blank(e.booking),
        (Some(state), _) => state,
        (None, _) => return None,
    };
    match event {
        Event::HoldExtended(e) => {
            next.expires_at = Some(e.expires_at);
            next.extended = true;
        }
        Event::PaymentStarted(e) => {
            next.attempts.push(Attempt { started: e.clone(), at, declined: None });
            next.phase = Phase::Paying;
        }
        Event::PaymentActionRequired(e) => {
            next.intent = Some(e.intent.clone());
            next.phase = Phase::ActionRequired { url: e.url.clone() };
        }
        Event::PaymentDeclined(e) => {
            next.intent = e.intent.clone().or(next.intent);
            if let Some(attempt) = next.attempts.last_mut() {
                attempt.declined = Some(e.code.clone());
            }
            next.phase = Phase::Held;
        }
        Event::PaymentAuthorised(e) => {
            next.intent = Some(e.intent.clone());
            next.capture_before = e.capture_before;
            next.phase = Phase::Authorised;
        }
        Event::BookingCommitted(_) => next.phase = Phase::Committed,
        Event::PaymentCaptured(e) => {
            next.phase = Phase::Confirmed { refund_requested: false };
            next.draw = Some(e.drawn_by());
        }
        Event::BookingAborted(e) => next.phase = Phase::Aborted { reason: e.reason },
        Event::PaymentVoided(e) => {
            next.intent = Some(e.intent.clone());
            next.voided = true;
        }
        Event::PaymentFlagged(_) => {
            next.flagged = true;
            next.reviewed = None;
        }
        Event::PaymentReviewed(e) => {
            next.flagged = false;
            next.reviewed = Some(e.outcome.into());
        }
        // Another worker may have brought a flagged payment to its end. What was doubted then says nothing of the
        // refund: the gateway is asked for that, and its refusal is a flag of its own.
        Event::RefundRequested(_) => {
            next.phase = Phase::Confirmed { refund_requested: true };
            next.flagged = false;
        }
        Event::PaymentRefunded(_) => {
            next.phase = Phase::Refunded;
            next.flagged = false;
        }
        Event::PaymentReturnedElsewhere(e) if e.refund.is_none() => {
            next.phase = Phase::Refunded;
            next.flagged = false;
            next.reviewed = Some(Review::ReturnedElsewhere);
        }
        // What follows a sale is in `after_sales`.
        _ => {}
    }
    Some(next)
}
