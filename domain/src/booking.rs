//! One booking with its payment: from hold to confirmed, aborted or refunded.
//!
//! The decision is [`BookingCommitted`](struct@crate::event::BookingCommitted) against
//! [`BookingAborted`](struct@crate::event::BookingAborted): both are appended to this one stream at
//! an exact revision, so exactly one lands. Money is captured only after the first, seats are freed
//! only after the second.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{AbortReason, BookingOpened, Event, PaymentStarted, PricedSeat, RequestFingerprint};
use crate::ids::{BookingId, BuyerId, IntentId, ShowId, StreamName};
use crate::money::Money;
use crate::rejection::Rejection;

mod decide;

pub use decide::decide;

/// A booking as its stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// What was held, for whom and how much. `None` for a booking that was fenced: seats of it were
    /// locked, but it never opened.
    pub opened: Option<BookingOpened>,
    /// The deadline, extension included. `None` as above.
    pub expires_at: Option<Timestamp>,
    /// Whether the one extension was used.
    pub extended: bool,
    /// Where it stands.
    pub phase: Phase,
    /// Attempts to pay so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// The gateway's intent, as soon as an event names it.
    pub intent: Option<IntentId>,
    /// Aborted, and the intent is known to be cancelled.
    pub voided: bool,
    /// A person has to look at the payment; nothing is charged any more.
    pub flagged: bool,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was started.
    pub started: PaymentStarted,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// The gateway's code, if it was declined.
    pub declined: Option<String>,
}

/// Where a booking stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Seats held; no payment under way.
    Held,
    /// The gateway was asked, its answer is not known yet.
    Paying,
    /// The buyer has to act at their bank.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// Money reserved, not decided yet. Only between two appends of other programs' logs: this one
    /// writes both events together.
    Authorised,
    /// Decided: the seats are the buyer's, the money is being taken.
    Committed,
    /// Paid and booked.
    Confirmed {
        /// An admin wants it undone and the money is on its way back.
        refund_requested: bool,
    },
    /// Over without a sale.
    Aborted {
        /// Why.
        reason: AbortReason,
    },
    /// The money went back.
    Refunded,
}

impl Booking {
    /// Whether the hold's time is over at `now`.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|t| t <= now)
    }

    /// Whether seats are held and nothing is decided yet.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Held | Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised)
    }

    /// The number of the attempt under way, or of the last one; 0 before the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempts.last().map_or(0, |a| a.started.attempt)
    }

    /// The buyer; `None` if the booking was fenced.
    #[must_use]
    pub fn buyer(&self) -> Option<&BuyerId> {
        self.opened.as_ref().map(|o| &o.buyer)
    }

    /// The show; `None` if the booking was fenced.
    #[must_use]
    pub fn show(&self) -> Option<&ShowId> {
        self.opened.as_ref().map(|o| &o.show)
    }

    /// The seats; none if the booking was fenced.
    #[must_use]
    pub fn seats(&self) -> &[PricedSeat] {
        self.opened.as_ref().map_or(&[], |o| &o.seats)
    }

    /// The price; `None` if the booking was fenced.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        self.opened.as_ref().map(|o| o.amount)
    }

    /// The status that the API shows.
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

impl Decider for Booking {
    type Id = BookingId;
    type State = Option<Self>;
    type Command = BookingCommand;

    fn stream(id: &BookingId) -> StreamName {
        StreamName::booking(*id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(_id: &BookingId, state: &Option<Self>, command: BookingCommand) -> Result<Vec<Event>, Rejection> {
        decide(state.as_ref(), command)
    }

    fn evolve(state: Option<Self>, event: &Event, at: Timestamp) -> Option<Self> {
        evolve(state, event, at)
    }
}

/// What may be asked of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingCommand {
    /// Open it.
    Open(BookingOpened),
    /// Close it before it opens: seats of it were locked, its opener died.
    Fence {
        /// Its id, for there is no stream yet that tells it.
        booking: BookingId,
    },
    /// Prolong the hold.
    Extend {
        /// The time now.
        now: Timestamp,
        /// Seconds to add to the deadline.
        seconds: u32,
    },
    /// Try a payment method.
    StartPayment {
        /// The time now.
        now: Timestamp,
        /// The gateway's name for it.
        payment_method: String,
        /// The request, if it carried an idempotency key.
        request: Option<RequestFingerprint>,
    },
    /// The gateway wants the buyer to act.
    RequireAction {
        /// Which attempt it answered. An answer to an earlier one changes nothing.
        attempt: u32,
        /// The intent.
        intent: IntentId,
        /// Where.
        url: String,
    },
    /// The gateway said no to an attempt.
    Decline {
        /// Which attempt it answered. An answer to an earlier one changes nothing.
        attempt: u32,
        /// The intent, if there is one.
        intent: Option<IntentId>,
        /// The gateway's code.
        code: String,
    },
    /// The gateway reserved the money: decide.
    Commit {
        /// The time now.
        now: Timestamp,
        /// The intent.
        intent: IntentId,
        /// What was reserved.
        amount: Money,
    },
    /// The gateway took the money.
    RecordCapture {
        /// The intent.
        intent: IntentId,
        /// What was taken.
        amount: Money,
    },
    /// Committed, but the reservation is gone: nothing can be taken any more.
    FailCapture {
        /// The intent.
        intent: IntentId,
    },
    /// The buyer changed their mind, the show is off, or another booking had one of the seats.
    Cancel {
        /// Which of these.
        reason: AbortReason,
    },
    /// The hold's time may be over.
    Expire {
        /// The time now.
        now: Timestamp,
    },
    /// The intent of the aborted booking is cancelled.
    RecordVoid {
        /// The intent.
        intent: IntentId,
    },
    /// Nobody can tell what became of the payment.
    Flag {
        /// What is not known.
        reason: String,
    },
    /// Undo a confirmed booking.
    RequestRefund {
        /// Subject of the admin.
        by: String,
    },
    /// The gateway returned the money.
    RecordRefund {
        /// The intent.
        intent: IntentId,
        /// What was returned.
        amount: Money,
    },
}

/// Folds one event that happened at `at`.
#[must_use]
pub fn evolve(state: Option<Booking>, event: &Event, at: Timestamp) -> Option<Booking> {
    let blank = |id: BookingId| Booking {
        id,
        opened: None,
        expires_at: None,
        extended: false,
        phase: Phase::Held,
        attempts: Vec::new(),
        intent: None,
        voided: false,
        flagged: false,
    };
    let mut next = match (state, event) {
        (None, Event::BookingOpened(e)) => {
            Booking { opened: Some(e.clone()), expires_at: Some(e.expires_at), ..blank(e.booking) }
        }
        (None, Event::BookingAborted(e)) => blank(e.booking),
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
            next.phase = Phase::Authorised;
        }
        Event::BookingCommitted(_) => next.phase = Phase::Committed,
        Event::PaymentCaptured(_) => next.phase = Phase::Confirmed { refund_requested: false },
        Event::BookingAborted(e) => next.phase = Phase::Aborted { reason: e.reason },
        Event::PaymentVoided(e) => {
            next.intent = Some(e.intent.clone());
            next.voided = true;
        }
        Event::PaymentFlagged(_) => next.flagged = true,
        Event::RefundRequested(_) => next.phase = Phase::Confirmed { refund_requested: true },
        Event::PaymentRefunded(_) => next.phase = Phase::Refunded,
        _ => {}
    }
    Some(next)
}
