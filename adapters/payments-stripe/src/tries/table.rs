//! What follows an answer, and what follows a look. A pure table; the reasons are in [`super`].

/// What is done to an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Create it.
    Create,
    /// Try a payment method.
    Confirm,
    /// Take the money.
    Capture,
    /// End the reservation.
    Cancel,
    /// Return money.
    Refund,
}

/// What one try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not done, or unknown: nothing was answered.
    NoAnswer,
    /// An error of Stripe's own. It is not known whether Stripe stored it.
    FreshError,
    /// An error of Stripe's own that it stored: nothing else will ever be answered to this key.
    StoredError,
    /// An error of Stripe's own, again and again, and not marked as stored.
    RepeatedError,
    /// An error of Stripe's own, with the advice to send the same request again.
    Overloaded,
    /// Refused because of the object's state.
    WrongState,
    /// The same, stored under the key: of the object's state as it was then.
    StoredRefusal,
    /// Refused for another reason.
    Refused,
}

impl Outcome {
    /// Whether the same may be answered for a long time, so that the step has to pause: Stripe itself fails, or has
    /// refused it before.
    #[must_use]
    pub const fn may_last(self) -> bool {
        matches!(self, Self::FreshError | Self::StoredError | Self::RepeatedError | Self::StoredRefusal)
    }
}

/// What the intent, or the list of its refunds, shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The step was done.
    Done,
    /// It was not.
    NotDone,
    /// Stripe is still working on the intent.
    Pending,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Hand the try's own answer to the caller.
    Report,
    /// Look at the intent first.
    Look,
    /// Use the next try's key.
    NextKey,
    /// It was not done; use the same key in the next round.
    SameKeyLater,
    /// The intent as it was seen is the answer.
    Settled,
    /// Tell the buyer that this attempt failed.
    Declined,
    /// Nobody knows yet; the caller repeats the step.
    Unclear,
}

/// After a try that brought no result.
#[must_use]
pub const fn after_try(step: Operation, outcome: Outcome) -> FollowUp {
    match (outcome, step) {
        (Outcome::NoAnswer | Outcome::Refused, _) => FollowUp::Report,
        (Outcome::StoredError, Operation::Create) => FollowUp::NextKey,
        (Outcome::FreshError | Outcome::RepeatedError | Outcome::Overloaded, Operation::Create) => FollowUp::Report,
        (Outcome::FreshError | Outcome::StoredError | Outcome::RepeatedError | Outcome::Overloaded, _) => FollowUp::Look,
        // It may be refused because it is done already.
        (Outcome::WrongState | Outcome::StoredRefusal, Operation::Capture | Operation::Cancel | Operation::Refund) => {
            FollowUp::Look
        }
        (Outcome::WrongState | Outcome::StoredRefusal, Operation::Create | Operation::Confirm) => FollowUp::Report,
    }
}

/// After the look that [`after_try`] asked for.
#[must_use]
pub const fn after_look(step: Operation, outcome: Outcome, shows: Seen) -> FollowUp {
    match (shows, outcome, step) {
        (Seen::Done, _, _) => FollowUp::Settled,
        (Seen::Pending, _, _) => FollowUp::Unclear,
        (Seen::NotDone, Outcome::WrongState | Outcome::Overloaded, _) => FollowUp::Report,
        (Seen::NotDone, _, Operation::Confirm) => FollowUp::Declined,
        (Seen::NotDone, Outcome::FreshError, _) => FollowUp::SameKeyLater,
        (Seen::NotDone, _, _) => FollowUp::NextKey,
    }
}
