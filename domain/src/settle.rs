//! What has to follow: the recovery table as a function.
//!
//! Given a booking as the log tells it and the time, [`next_step`] names the one thing to do next.
//! The live path and the recovery after a crash both walk it, so there is no second code path that
//! only a crash would test. Every step may be repeated: the deciders yield nothing for what is done,
//! and the gateway's calls carry idempotency keys.

use crate::Timestamp;
use crate::booking::{Booking, Phase};
use crate::event::AbortReason;
use chrono::TimeDelta;

/// How long the gateway is sure to remember an idempotency key. Behind that a repeat could charge
/// anew, so it is never sent.
pub const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The next thing to do for a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for good.
    Rest,
    /// Nothing until the hold's deadline.
    WaitUntil(Timestamp),
    /// Decide that the time is over.
    Expire,
    /// Ask the gateway what became of the attempt under way: the same request under the same key.
    ResumePayment,
    /// Ask the gateway how the intent stands: whether the buyer has acted, or what became of an
    /// attempt that is too old to be repeated. A question only, nothing is confirmed by it.
    CheckAction,
    /// Decide an authorised payment: commit in time, abort otherwise.
    Decide,
    /// Mark the seats as sold, then take the money.
    BookSeatsAndCapture,
    /// Free the seats that the booking still has.
    ReleaseSeats(AbortReason),
    /// Free the seats, then cancel the intent.
    ReleaseSeatsAndVoid(AbortReason),
    /// The gateway has forgotten: tell a person.
    Flag,
    /// Return the money, then free the seats.
    Refund,
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
        // A person looks at it, nothing is asked of the gateway; the seats still come free.
        Phase::Paying | Phase::ActionRequired { .. } | Phase::Authorised if booking.flagged => until_deadline(booking),
        Phase::ActionRequired { .. } => Step::CheckAction,
        // A hold may outlast the gateway's memory. A known intent can be asked after; without one
        // the only question is the request itself, and that must not be sent again. A person is
        // called once it is aborted: before that, a slow worker may still come with the answer,
        // and a flag that lands behind its commit would keep a sold booking from being captured.
        Phase::Paying if forgotten && booking.intent.is_none() => until_deadline(booking),
        Phase::Paying if forgotten => Step::CheckAction,
        Phase::Paying => Step::ResumePayment,
        Phase::Authorised => Step::Decide,
        Phase::Committed if booking.flagged => Step::Rest,
        Phase::Committed => Step::BookSeatsAndCapture,
        Phase::Confirmed { refund_requested: false } => Step::Rest,
        Phase::Confirmed { refund_requested: true } if booking.flagged => Step::Rest,
        Phase::Confirmed { refund_requested: true } => Step::Refund,
        Phase::Aborted { reason } => {
            // A decline that names no intent is proof that there is none.
            let never_got_there = booking.intent.is_none() && booking.attempts.iter().all(|a| a.declined.is_some());
            let nothing_to_void = never_got_there || booking.voided || booking.flagged;
            match (nothing_to_void, booking.intent.is_none() && forgotten) {
                (true, _) => Step::ReleaseSeats(*reason),
                (false, true) => Step::Flag,
                (false, false) => Step::ReleaseSeatsAndVoid(*reason),
            }
        }
        Phase::Refunded => Step::ReleaseSeats(AbortReason::Refunded),
    }
}

fn until_deadline(booking: &Booking) -> Step {
    booking.expires_at.map_or(Step::Rest, Step::WaitUntil)
}
