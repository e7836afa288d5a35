//! Why a payment method was declined, in Stripe's words.

use serde::{Deserialize, Serialize};

/// Why a method was declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// No reason given.
    Generic,
    /// Not enough money.
    InsufficientFunds,
    /// The card is reported lost.
    LostCard,
    /// The card is reported stolen.
    StolenCard,
    /// The card has expired.
    ExpiredCard,
    /// The security code is wrong.
    IncorrectCvc,
    /// The bank could not process it.
    ProcessingError,
    /// Over the card's limit.
    CardVelocityExceeded,
    /// The buyer did not pass the bank's page.
    AuthenticationFailure,
}

impl Decline {
    /// `code` of Stripe's error.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Generic | Self::InsufficientFunds | Self::LostCard | Self::StolenCard | Self::CardVelocityExceeded => {
                "card_declined"
            }
            Self::ExpiredCard => "expired_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::ProcessingError => "processing_error",
            Self::AuthenticationFailure => "payment_intent_authentication_failure",
        }
    }

    /// `decline_code` of Stripe's error, where the bank gave one.
    #[must_use]
    pub fn decline_code(self) -> Option<&'static str> {
        Some(match self {
            Self::Generic => "generic_decline",
            Self::InsufficientFunds => "insufficient_funds",
            Self::LostCard => "lost_card",
            Self::StolenCard => "stolen_card",
            Self::CardVelocityExceeded => "card_velocity_exceeded",
            Self::ExpiredCard => "expired_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::ProcessingError => "processing_error",
            Self::AuthenticationFailure => return None,
        })
    }

    /// The one code that says most: the bank's where it gave a reason, else Stripe's.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Generic => self.code(),
            _ => self.decline_code().unwrap_or(self.code()),
        }
    }

    /// For people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Generic | Self::LostCard | Self::StolenCard => "Your card was declined.",
            Self::InsufficientFunds => "Your card has insufficient funds.",
            Self::CardVelocityExceeded => "Your card was declined for exceeding its limit.",
            Self::ExpiredCard => "Your card has expired.",
            Self::IncorrectCvc => "Your card's security code is incorrect.",
            Self::ProcessingError => "An error occurred while processing your card. Try again in a little bit.",
            Self::AuthenticationFailure => "The bank could not authenticate the buyer. Try again, or use another payment method.",
        }
    }
}
