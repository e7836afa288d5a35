//! One booking with its payment: from hold to confirmed, aborted or refunded.
//!
//! The decision is [`BookingCommitted`] against [`BookingAborted`]: both are appended to this one
//! stream at an exact revision, so exactly one lands. Money is captured only after the first, seats
//! are freed only after the second.

use crate::Timestamp;
use crate::event::{
    AbortReason, BookingAborted, BookingCommitted, BookingOpened, Event, HoldExtended, PaymentActionRequired, PaymentAuthorised,
    PaymentCaptured, PaymentDeclined, PaymentFlagged, PaymentRefunded, PaymentStarted, PaymentVoided, PricedSeat,
    RefundRequested, RequestFingerprint,
};
use crate::ids::{BookingId, BuyerId, IntentId, ShowId};
use crate::money::Money;
use crate::rejection::Rejection;
use crate::show::MAX_SEATS_PER_BOOKING;
use std::collections::HashSet;

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

/// Decides. `None` is a booking without events. A command whose effect is there already yields
/// nothing.
///
/// # Errors
/// A named [`Rejection`].
pub fn decide(state: Option<&Booking>, command: BookingCommand) -> Result<Vec<Event>, Rejection> {
    use BookingCommand as C;
    let Some(state) = state else {
        return match command {
            C::Open(opened) => {
                check_adds_up(&opened)?;
                Ok(vec![opened.into()])
            }
            C::Fence { booking } => Ok(vec![BookingAborted { booking, reason: AbortReason::Fenced }.into()]),
            _ => Err(Rejection::BookingNotFound),
        };
    };
    match command {
        // "Open" means that its seats may be locked, so once it is over not even the same request
        // finds it open.
        C::Open(opened) => match &state.phase {
            Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
            Phase::Refunded => Err(Rejection::AlreadyRefunded),
            _ if state.opened.as_ref() == Some(&opened) => Ok(vec![]),
            _ => Err(Rejection::OutOfOrder { step: "Opening it again" }),
        },
        C::Fence { .. } => Ok(vec![]),
        C::Extend { now, seconds } => extend(state, now, seconds),
        C::StartPayment { now, payment_method, request } => start_payment(state, now, payment_method, request),
        C::RequireAction { attempt, intent, url } => require_action(state, attempt, intent, url),
        C::Decline { attempt, intent, code } => decline(state, attempt, intent, code),
        C::Commit { now, intent, amount } => commit(state, now, intent, amount),
        C::RecordCapture { intent, amount } => record_capture(state, intent, amount),
        C::FailCapture { intent } => match state.phase {
            Phase::Committed => {
                check_intent(state, Some(&intent))?;
                let booking = state.id;
                Ok(vec![
                    PaymentVoided { booking, intent }.into(),
                    BookingAborted { booking, reason: AbortReason::CaptureFailed }.into(),
                ])
            }
            Phase::Aborted { .. } => Ok(vec![]),
            _ => Err(Rejection::OutOfOrder { step: "Giving up the capture" }),
        },
        C::Cancel { reason } => match &state.phase {
            Phase::Aborted { .. } => Ok(vec![]),
            Phase::Held | Phase::ActionRequired { .. } | Phase::Paying | Phase::Authorised => {
                Ok(vec![BookingAborted { booking: state.id, reason }.into()])
            }
            Phase::Committed | Phase::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
            Phase::Refunded => Err(Rejection::AlreadyRefunded),
        },
        C::Expire { now } => {
            if state.is_undecided() && state.is_overdue(now) {
                Ok(vec![BookingAborted { booking: state.id, reason: AbortReason::Expired }.into()])
            } else {
                Ok(vec![])
            }
        }
        C::RecordVoid { intent } => match state.phase {
            Phase::Aborted { .. } if state.voided => Ok(vec![]),
            Phase::Aborted { .. } => {
                check_intent(state, Some(&intent))?;
                Ok(vec![PaymentVoided { booking: state.id, intent }.into()])
            }
            _ => Err(Rejection::OutOfOrder { step: "Voiding the payment" }),
        },
        C::Flag { reason } => Ok(if state.flagged { vec![] } else { vec![PaymentFlagged { booking: state.id, reason }.into()] }),
        C::RequestRefund { by } => match state.phase {
            Phase::Confirmed { refund_requested: false } => Ok(vec![RefundRequested { booking: state.id, by }.into()]),
            Phase::Confirmed { refund_requested: true } | Phase::Refunded => Ok(vec![]),
            _ => Err(Rejection::NotConfirmed),
        },
        C::RecordRefund { intent, amount } => match state.phase {
            Phase::Refunded => Ok(vec![]),
            Phase::Confirmed { refund_requested: true } if state.amount() == Some(amount) => {
                check_intent(state, Some(&intent))?;
                Ok(vec![PaymentRefunded { booking: state.id, intent, amount }.into()])
            }
            Phase::Confirmed { refund_requested: true } => Err(Rejection::PaymentMismatch),
            _ => Err(Rejection::OutOfOrder { step: "Recording a refund" }),
        },
    }
}

/// One seat at least, none twice, and the amount is the sum of their prices: what is charged is
/// frozen here.
fn check_adds_up(opened: &BookingOpened) -> Result<(), Rejection> {
    if opened.seats.is_empty() {
        return Err(Rejection::InvalidQuantity { most: MAX_SEATS_PER_BOOKING });
    }
    let mut seen = HashSet::new();
    if let Some(twice) = opened.seats.iter().find(|s| !seen.insert(&s.seat)) {
        return Err(Rejection::DuplicateSeats { seat: twice.seat.clone() });
    }
    let sum = Money::sum(opened.amount.currency, opened.seats.iter().map(|s| s.price));
    if sum != Some(opened.amount) || opened.seats.iter().any(|s| s.price < 0) {
        return Err(Rejection::PaymentMismatch);
    }
    Ok(())
}

/// A booking has one intent. Another's that happens to be for the same amount proves nothing.
fn check_intent(state: &Booking, named: Option<&IntentId>) -> Result<(), Rejection> {
    match (&state.intent, named) {
        (Some(own), Some(named)) if own != named => Err(Rejection::PaymentMismatch),
        _ => Ok(()),
    }
}

/// Flagged is for a person: nothing is charged for the booking any more.
fn check_not_flagged(state: &Booking) -> Result<(), Rejection> {
    if state.flagged { Err(Rejection::PaymentMismatch) } else { Ok(()) }
}

/// Undecided and in time, or why not.
fn check_alive(state: &Booking, now: Timestamp) -> Result<(), Rejection> {
    match &state.phase {
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        Phase::Refunded => Err(Rejection::AlreadyRefunded),
        Phase::Committed | Phase::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
        _ if state.is_overdue(now) => Err(Rejection::BookingOver { reason: AbortReason::Expired }),
        _ => Ok(()),
    }
}

fn extend(state: &Booking, now: Timestamp, seconds: u32) -> Result<Vec<Event>, Rejection> {
    check_alive(state, now)?;
    if state.extended {
        return Err(Rejection::AlreadyExtended);
    }
    let deadline = state.expires_at.unwrap_or(now);
    let expires_at = deadline.checked_add_signed(chrono::TimeDelta::seconds(seconds.into())).unwrap_or(deadline);
    Ok(vec![HoldExtended { booking: state.id, expires_at }.into()])
}

fn start_payment(
    state: &Booking,
    now: Timestamp,
    payment_method: String,
    request: Option<RequestFingerprint>,
) -> Result<Vec<Event>, Rejection> {
    // Paid for already: there is nothing to start, and nothing wrong.
    if matches!(state.phase, Phase::Committed | Phase::Confirmed { .. }) {
        return Ok(vec![]);
    }
    check_alive(state, now)?;
    check_not_flagged(state)?;
    if matches!(state.phase, Phase::Paying | Phase::Authorised) {
        return Err(Rejection::PaymentInProgress);
    }
    Ok(vec![PaymentStarted { booking: state.id, attempt: state.attempt() + 1, payment_method, request }.into()])
}

// A worker that lost a race decides its command again on what it finds, and by then the buyer may
// be trying another method: the answer to the old attempt must not pass for one to the new.

fn require_action(state: &Booking, attempt: u32, intent: IntentId, url: String) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Paying if attempt == state.attempt() => {
            check_intent(state, Some(&intent))?;
            Ok(vec![PaymentActionRequired { booking: state.id, attempt, intent, url }.into()])
        }
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        _ => Ok(vec![]),
    }
}

fn decline(state: &Booking, attempt: u32, intent: Option<IntentId>, code: String) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Paying | Phase::ActionRequired { .. } if attempt == state.attempt() => {
            check_intent(state, intent.as_ref())?;
            Ok(vec![PaymentDeclined { booking: state.id, attempt, intent, code }.into()])
        }
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }),
        _ => Ok(vec![]),
    }
}

fn commit(state: &Booking, now: Timestamp, intent: IntentId, amount: Money) -> Result<Vec<Event>, Rejection> {
    match &state.phase {
        Phase::Committed | Phase::Confirmed { .. } | Phase::Refunded => return Ok(vec![]),
        Phase::Aborted { reason } => return Err(Rejection::BookingOver { reason: *reason }),
        Phase::Held => return Err(Rejection::OutOfOrder { step: "Committing without a payment" }),
        Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised => {}
    }
    check_not_flagged(state)?;
    check_intent(state, Some(&intent))?;
    if state.amount() != Some(amount) {
        return Err(Rejection::PaymentMismatch);
    }
    let booking = state.id;
    let mut events = Vec::with_capacity(2);
    if state.phase != Phase::Authorised {
        events.push(PaymentAuthorised { booking, attempt: state.attempt(), intent, amount }.into());
    }
    // A payer whose hold lapsed is not confirmed, however near it was: the money was only
    // reserved, and goes back.
    events.push(if state.is_overdue(now) {
        BookingAborted { booking, reason: AbortReason::Expired }.into()
    } else {
        BookingCommitted { booking }.into()
    });
    Ok(events)
}

fn record_capture(state: &Booking, intent: IntentId, amount: Money) -> Result<Vec<Event>, Rejection> {
    match state.phase {
        Phase::Committed if state.amount() == Some(amount) => {
            check_intent(state, Some(&intent))?;
            Ok(vec![PaymentCaptured { booking: state.id, intent, amount }.into()])
        }
        Phase::Committed => Err(Rejection::PaymentMismatch),
        Phase::Confirmed { .. } | Phase::Refunded => Ok(vec![]),
        _ => Err(Rejection::OutOfOrder { step: "Capturing before the booking is committed" }),
    }
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
