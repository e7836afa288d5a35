//! Payment methods of the sandbox and what each does. `pm_card_…` are Stripe's own test methods;
//! `pm_lastseat_…` are additions, for what a network does to a payment.

use super::decline::Decline;
use std::borrow::Cow;

/// What happens when an intent is confirmed with a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    Approve,
    Decline(Decline),
    Authenticate,
    /// The buyer authenticates, and the bank declines all the same.
    AuthenticateThenDecline,
    /// Succeeds, and the buyer disputes the charge once it is captured.
    Dispute,
    ApproveSlowly,
    ApproveAnswerLost,
    DeclineAnswerLost,
    /// Authorises; the authorisation is gone when it is captured.
    CaptureFails,
    /// Authorises; the capture is done and its answer lost.
    CaptureAnswerLost,
    Unavailable,
}

macro_rules! methods {
    ($($name:literal $what:literal => $behaviour:expr;)*) => {
        /// Payment methods that the sandbox knows, each with what it does.
        pub const TEST_METHODS: &[(&str, &str)] = &[$(($name, $what)),*];

        /// What a method does; nothing if there is no such method.
        pub(super) fn behaviour(name: &str) -> Option<Behaviour> {
            match &*test_name(name) {
                $($name => Some($behaviour),)*
                _ => None,
            }
        }
    };
}

/// Prefix of the methods that the sandbox makes from a card's number. A random part follows, then the rest of
/// the test method's name: the name itself says what it does, and needs no memory.
pub(super) const MADE: &str = "pm_sandbox_";

/// The test method of a method that was made from a card's number.
pub(super) fn test_name(name: &str) -> Cow<'_, str> {
    match name.strip_prefix(MADE).and_then(|rest| rest.split_once('_')) {
        Some((_, test)) => Cow::Owned(format!("pm_card_{test}")),
        None => Cow::Borrowed(name),
    }
}

methods! {
    "pm_card_visa" "succeeds" => Behaviour::Approve;
    "pm_card_visa_debit" "succeeds" => Behaviour::Approve;
    "pm_card_mastercard" "succeeds" => Behaviour::Approve;
    "pm_card_mastercard_debit" "succeeds" => Behaviour::Approve;
    "pm_card_mastercard_prepaid" "succeeds" => Behaviour::Approve;
    "pm_card_amex" "succeeds" => Behaviour::Approve;
    "pm_card_discover" "succeeds" => Behaviour::Approve;
    "pm_card_diners" "succeeds" => Behaviour::Approve;
    "pm_card_jcb" "succeeds" => Behaviour::Approve;
    "pm_card_unionpay" "succeeds" => Behaviour::Approve;
    "pm_card_chargeDeclined" "declined: card_declined" => Behaviour::Decline(Decline::Generic);
    "pm_card_visa_chargeDeclined" "declined: card_declined" => Behaviour::Decline(Decline::Generic);
    "pm_card_chargeDeclinedInsufficientFunds" "declined: insufficient_funds" => Behaviour::Decline(Decline::InsufficientFunds);
    "pm_card_visa_chargeDeclinedInsufficientFunds" "declined: insufficient_funds" => Behaviour::Decline(Decline::InsufficientFunds);
    "pm_card_visa_chargeDeclinedLostCard" "declined: lost_card" => Behaviour::Decline(Decline::LostCard);
    "pm_card_visa_chargeDeclinedStolenCard" "declined: stolen_card" => Behaviour::Decline(Decline::StolenCard);
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded" "declined: card_velocity_exceeded" => Behaviour::Decline(Decline::CardVelocityExceeded);
    "pm_card_chargeDeclinedExpiredCard" "declined: expired_card" => Behaviour::Decline(Decline::ExpiredCard);
    "pm_card_chargeDeclinedIncorrectCvc" "declined: incorrect_cvc" => Behaviour::Decline(Decline::IncorrectCvc);
    "pm_card_chargeDeclinedProcessingError" "declined: processing_error" => Behaviour::Decline(Decline::ProcessingError);
    "pm_card_authenticationRequired" "the buyer has to authenticate at the bank's page" => Behaviour::Authenticate;
    "pm_card_threeDSecure2Required" "the buyer has to authenticate at the bank's page" => Behaviour::Authenticate;
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds" "the bank's page, then declined" => Behaviour::AuthenticateThenDecline;
    "pm_card_createDispute" "succeeds; disputed once captured" => Behaviour::Dispute;
    "pm_lastseat_slow" "succeeds, with an answer that takes 3 s (configurable)" => Behaviour::ApproveSlowly;
    "pm_lastseat_answerLost" "succeeds, and the answer is lost the first time" => Behaviour::ApproveAnswerLost;
    "pm_lastseat_answerLostDeclined" "declined: card_declined, and the answer is lost the first time" => Behaviour::DeclineAnswerLost;
    "pm_lastseat_captureFails" "authorised; gone when it is captured: the intent is canceled then" => Behaviour::CaptureFails;
    "pm_lastseat_captureAnswerLost" "succeeds, and the answer of the capture is lost the first time" => Behaviour::CaptureAnswerLost;
    "pm_lastseat_unavailable" "the gateway is unavailable, and nothing is done" => Behaviour::Unavailable;
}

/// The names alone, for a message.
pub(super) fn names() -> String {
    TEST_METHODS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
