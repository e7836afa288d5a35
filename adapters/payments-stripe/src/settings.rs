//! How to reach an account of Stripe.

use http::Uri;
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
    /// On one endpoint.
    pub endpoint: u32,
    /// In all.
    pub total: u32,
}

impl Limits {
    /// Stripe's own for the live mode of a new account.
    pub const LIVE: Self = Self { endpoint: 25, total: 100 };
    /// Stripe's own for the test mode.
    pub const TEST: Self = Self { endpoint: 25, total: 25 };
}

/// How to reach an account of Stripe.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// The secret key, or a restricted one.
    pub key: Secret,
    /// Another address that speaks Stripe's API; Stripe's own if `None`.
    pub url: Option<String>,
    /// Where a buyer comes back to from their bank, without a query: the booking is added, as `?booking=…`. No token is:
    /// the buyer's browser has it. The address is a part of each confirmation, so a payment that is under way
    /// while it is changed is refused and has to be tried again.
    pub return_url: String,
    /// None: as many requests as come.
    pub limits: Option<Limits>,
    /// This node's share of the limits, above 0 and up to 1: all nodes of an installation use one account.
    pub share: f64,
    /// Time for a whole request. Without an answer by then it is not known whether it was done.
    pub timeout: Duration,
    /// How long a request is sent again that Stripe is too busy for.
    pub busy_for: Duration,
    /// How long a request waits for its turn within the limits. One that would wait longer is given up at once.
    pub longest_queue: Duration,
}

impl StripeSettings {
    /// The usual time-out, and Stripe's limits where it is Stripe.
    #[must_use]
    pub fn new(key: Secret, url: Option<String>, return_url: String) -> Self {
        let of_mode = if mode(&key) == Some(Mode::Live) { Limits::LIVE } else { Limits::TEST };
        let limits = url.as_deref().is_none_or(|url| url.trim_end_matches('/') == STRIPE).then_some(of_mode);
        let (timeout, busy_for, longest_queue) = (Duration::from_secs(20), Duration::from_secs(10), Duration::from_secs(60));
        Self { key, url, return_url, limits, share: 1.0, timeout, busy_for, longest_queue }
    }

    /// From the key's prefix.
    pub(crate) fn mode(&self) -> Result<Mode, SettingsError> {
        mode(&self.key).ok_or(SettingsError::Key)
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> Result<String, SettingsError> {
        let base = self.url.as_deref().unwrap_or(STRIPE).trim_end_matches('/').to_owned();
        let Ok(uri) = base.parse::<Uri>() else { return Err(SettingsError::Url) };
        let is_plain = uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        match uri.scheme_str() {
            Some("https") if is_plain => Ok(base),
            Some("http") if is_plain && self.mode()? == Mode::Live => Err(SettingsError::LiveKeyInTheClear),
            Some("http") if is_plain => Ok(base),
            _ => Err(SettingsError::Url),
        }
    }
}

fn mode(key: &Secret) -> Option<Mode> {
    let is = |prefixes: [&str; 2]| {
        prefixes.into_iter().any(|prefix| key.expose().strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
    };
    match key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        true if is(["sk_live_", "rk_live_"]) => Some(Mode::Live),
        true if is(["sk_test_", "rk_test_"]) => Some(Mode::Test),
        _ => None,
    }
}

/// The settings can't be used. No message has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a key that a server may use.
    #[error(
        "the key of Stripe must begin with sk_live_, rk_live_, sk_test_ or rk_test_; take the secret key from Stripe's \
         dashboard, not the publishable one"
    )]
    Key,
    /// Not an address.
    #[error(
        "the address of Stripe must be an http or https address without user, password and query, such as http://127.0.0.1:12111"
    )]
    Url,
    /// Everybody on the way could read the key.
    #[error("the address of Stripe begins with http://, which would send a live key in the clear; use https, or a test key")]
    LiveKeyInTheClear,
    /// The connections can't be made.
    #[error("TLS can't be set up")]
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(key: &str, url: Option<&str>) -> StripeSettings {
        StripeSettings::new(Secret::new(key).unwrap(), url.map(str::to_owned), "http://localhost/".to_owned())
    }

    #[test]
    fn the_keys_prefix_names_the_mode() {
        for (key, mode) in [
            ("sk_live_x", Ok(Mode::Live)),
            ("rk_live_x", Ok(Mode::Live)),
            ("sk_test_x", Ok(Mode::Test)),
            ("rk_test_x", Ok(Mode::Test)),
            ("pk_live_x", Err(SettingsError::Key)),
            ("sk_test_", Err(SettingsError::Key)),
            ("sk_test_a b", Err(SettingsError::Key)),
            ("sk_other_x", Err(SettingsError::Key)),
        ] {
            assert_eq!(settings(key, None).mode(), mode, "{key}");
        }
    }

    #[test]
    fn an_address_may_have_a_path_and_no_password() {
        for (url, base) in [
            (None, Ok("https://api.stripe.com")),
            (Some("http://127.0.0.1:12111/"), Ok("http://127.0.0.1:12111")),
            (Some("https://proxy.example/stripe"), Ok("https://proxy.example/stripe")),
            (Some("ftp://example"), Err(SettingsError::Url)),
            (Some("127.0.0.1:12111"), Err(SettingsError::Url)),
            (Some("http://example/?a=b"), Err(SettingsError::Url)),
            (Some("http://user:password@example"), Err(SettingsError::Url)),
        ] {
            assert_eq!(settings("sk_test_x", url).base(), base.map(str::to_owned), "{url:?}");
        }
        assert_eq!(settings("sk_live_x", Some("http://example")).base(), Err(SettingsError::LiveKeyInTheClear));
    }

    #[test]
    fn limits_are_stripes_where_it_is_stripe() {
        assert_eq!(settings("sk_live_x", None).limits, Some(Limits::LIVE));
        assert_eq!(settings("sk_test_x", Some("https://api.stripe.com/")).limits, Some(Limits::TEST));
        assert_eq!(settings("sk_test_x", Some("http://127.0.0.1:1")).limits, None);
    }
}
