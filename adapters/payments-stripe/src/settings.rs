//! How to reach an account of Stripe.

use lastseat_domain::Secret;
use std::time::Duration;

/// Where Stripe's API is.
pub(crate) const STRIPE: &str = "https://api.stripe.com";

/// Whether a key moves real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Real money.
    Live,
    /// Test cards only.
    Test,
}

/// Requests a second that Stripe accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one endpoint.
    pub endpoint: u32,
    /// Of new payments (create, confirm, look) together. What is left of the account's limit is for captures,
    /// cancellations and refunds, which must never wait for a rush.
    pub payments: u32,
}

impl Limits {
    /// Stripe's own of a new account: 25 a second on an endpoint, 100 in all.
    pub const STRIPE: Self = Self { endpoint: 25, payments: 60 };
}

/// How to reach an account of Stripe.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// The secret key, or a restricted one.
    pub key: Secret,
    /// Another address that speaks Stripe's API; Stripe's own if `None`.
    pub url: Option<String>,
    /// Where a buyer comes back to from their bank.
    pub return_url: String,
    /// None: as many requests as come.
    pub limits: Option<Limits>,
    /// Time for a whole request. Without an answer by then it is not known whether it was done.
    pub timeout: Duration,
}

impl StripeSettings {
    /// The usual time-out, and Stripe's limits where it is Stripe.
    #[must_use]
    pub fn new(key: Secret, url: Option<String>, return_url: String) -> Self {
        let limits = url.as_deref().is_none_or(|url| url.trim_end_matches('/') == STRIPE).then_some(Limits::STRIPE);
        Self { key, url, return_url, limits, timeout: Duration::from_secs(20) }
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.key.expose().split('_').nth(1) == Some("live") { Mode::Live } else { Mode::Test }
    }
}

/// The settings can't be used. No message has the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not a key that a server may use.
    #[error("the key of Stripe must begin with sk_ or rk_; take the secret key from Stripe's dashboard, not the publishable one")]
    Key,
    /// Not an address.
    #[error("`{0}` is not the address of an HTTP server")]
    Url(String),
}
