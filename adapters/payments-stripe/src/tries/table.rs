//! What follows an answer, and what follows a look. A pure table; the reasons are in [`super`].

/// What is done to an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
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
    /// Refused for another reason.
    Refused,
}

impl Outcome {
    /// Whether Stripe itself failed.
    #[must_use]
    pub const fn is_server_error(self) -> bool {
        matches!(self, Self::FreshError | Self::StoredError | Self::RepeatedError)
    }
}

/// What the intent, or the list of its refunds, shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
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
pub const fn after_try(step: Step, outcome: Outcome) -> FollowUp {
    match (outcome, step) {
        (Outcome::NoAnswer | Outcome::Refused, _) => FollowUp::Report,
        (Outcome::StoredError, Step::Create) => FollowUp::NextKey,
        (Outcome::FreshError | Outcome::RepeatedError | Outcome::Overloaded, Step::Create) => FollowUp::Report,
        (Outcome::FreshError | Outcome::StoredError | Outcome::RepeatedError | Outcome::Overloaded, _) => FollowUp::Look,
        // It may be refused because it is done already.
        (Outcome::WrongState, Step::Capture | Step::Cancel | Step::Refund) => FollowUp::Look,
        (Outcome::WrongState, Step::Create | Step::Confirm) => FollowUp::Report,
    }
}

/// After the look that [`after_try`] asked for.
#[must_use]
pub const fn after_look(step: Step, outcome: Outcome, shows: Shows) -> FollowUp {
    match (shows, outcome, step) {
        (Shows::Done, _, _) => FollowUp::Settled,
        (Shows::Pending, _, _) => FollowUp::Unclear,
        (Shows::NotDone, Outcome::WrongState | Outcome::Overloaded, _) => FollowUp::Report,
        (Shows::NotDone, _, Step::Confirm) => FollowUp::Declined,
        (Shows::NotDone, Outcome::FreshError, _) => FollowUp::SameKeyLater,
        (Shows::NotDone, _, _) => FollowUp::NextKey,
    }
}
