//! The next step of a booking: the process manager's rules, which are also the recovery table.
//!
//! From the state of a booking and the time, [`next_step`] names the one thing to do next. Normal
//! operation and the recovery from a crash both follow it, so no code runs only after a crash. Every
//! step may be repeated: the deciders add no events for what is already done, and the calls of the
//! gateway carry idempotency keys.

use crate::Timestamp;
use crate::booking::{Booking, Phase, Review};
use crate::event::AbortReason;
use chrono::TimeDelta;

/// How long the gateway remembers an idempotency key for certain. After that a repeat could charge a
/// second time, so it is never sent.
pub const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The next thing to do for a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, now or later.
    Done,
    /// Nothing until the hold's deadline.
    WaitUntil(Timestamp),
    /// End the booking, because its deadline has passed.
    Expire,
    /// Find out the outcome of the attempt in progress: send the same request with the same key again.
    ResumePayment,
    /// Retrieve the intent: whether the buyer has confirmed with their bank, or the outcome of an attempt
    /// that is too old to be repeated. This only reads; it doesn't confirm anything.
    CheckAction,
    /// Commit the booking that is paid at the till. No gateway is asked.
    CommitAtTill,
    /// Commit the authorised payment if the hold hasn't expired, abort otherwise.
    CommitAuthorised,
    /// Book the seats that are not booked yet, then take the money.
    BookSeatsAndCapture,
    /// Release the seats that the booking still owns.
    ReleaseSeats(AbortReason),
    /// Release the seats, then cancel the intent.
    ReleaseSeatsAndVoid(AbortReason),
    /// Leave the payment to a person, because the gateway no longer remembers the request.
    Flag,
    /// Return the money, then release the seats.
    Refund,
    /// Lock the seats of the exchange that is under way and decide it, or abandon it if one can't be had.
    Exchange,
    /// Book the seats of decided exchanges, and release those that were given up or not needed.
    FinishExchanges,
    /// Return the money of the partial refund that is under way, then release the seats that were given up for it.
    RefundPart,
    /// Release the seats that were given up for partial refunds, then finish exchanges.
    ReleaseGivenUp,
}

/// What to do next for `booking` at `now`.
#[must_use]
pub fn next_step(booking: &Booking, now: Timestamp) -> Step {
    let overdue = booking.is_overdue(now);
    let forgotten = booking.attempts.last().is_some_and(|a| now.signed_duration_since(a.at) >= KEY_LIFETIME);
    match &booking.phase {
        // Aborting first is always safe: nothing is captured before the commit.
        _ if overdue && booking.is_undecided() => Step::Expire,
        Phase::Held => until_deadline(booking),
        // A person looks at the payment, so the gateway isn't called. The seats are still released in time.
        Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised if booking.flagged => until_deadline(booking),
        Phase::ActionRequired { .. } => Step::CheckAction,
        Phase::Paying if booking.tender().is_some() => Step::CommitAtTill,
        // A hold may last longer than the gateway remembers keys. A known intent can be retrieved.
        // Without one, only the request itself could find out, and that must not be sent again.
        // A person is notified once the booking is aborted: until then a slow worker may still bring
        // the answer, and a flag appended after its commit would keep the money from being taken.
        Phase::Paying if forgotten && booking.intent.is_none() => until_deadline(booking),
        Phase::Paying if forgotten => Step::CheckAction,
        Phase::Paying => Step::ResumePayment,
        Phase::Authorised => Step::CommitAuthorised,
        Phase::Committed if booking.flagged => Step::Done,
        Phase::Committed => Step::BookSeatsAndCapture,
        Phase::Confirmed { refund_requested: false } if booking.exchange.is_some() => Step::Exchange,
        Phase::Confirmed { refund_requested: false } => after_sale(booking),
        Phase::Confirmed { refund_requested: true } if booking.flagged => Step::Done,
        Phase::Confirmed { refund_requested: true } => Step::Refund,
        Phase::Aborted { reason } => {
            // A decline without an intent proves that none was created.
            let no_intent_created = booking.intent.is_none() && booking.attempts.iter().all(|a| a.declined.is_some());
            let settled = booking.reviewed == Some(Review::Settled);
            // A payment at the till has no intent at the gateway.
            let at_till = booking.tender().is_some();
            let nothing_to_void = no_intent_created || at_till || booking.voided || booking.flagged || settled;
            match (nothing_to_void, booking.intent.is_none() && forgotten) {
                (true, _) => Step::ReleaseSeats(*reason),
                (false, true) => Step::Flag,
                (false, false) => Step::ReleaseSeatsAndVoid(*reason),
            }
        }
        Phase::Refunded => Step::ReleaseSeats(AbortReason::Refunded),
    }
}

/// A confirmed booking has something to do only for its partial refunds and exchanges. A refused one waits for a person.
fn after_sale(booking: &Booking) -> Step {
    match booking.refund_under_way() {
        Some(_) if !booking.flagged => Step::RefundPart,
        // The rule does not see the seats, so it names these again and again.
        _ if !booking.given_up().is_empty() => Step::ReleaseGivenUp,
        _ if !booking.past_exchanges.is_empty() => Step::FinishExchanges,
        _ => Step::Done,
    }
}

fn until_deadline(booking: &Booking) -> Step {
    booking.expires_at.map_or(Step::Done, Step::WaitUntil)
}
