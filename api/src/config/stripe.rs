//! Which settings of Stripe fit together. What does not is refused at the start, before money is involved.

use super::Config;
use super::share::Share;
use lastseat_domain::Secret;

/// Where Stripe's API is.
pub const STRIPE: &str = "https://api.stripe.com";

/// Whether a key of Stripe moves real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    Live,
    Test,
}

impl KeyMode {
    /// The mode that a key names itself: `sk_live_…`, `pk_test_…`.
    #[must_use]
    pub fn of(key: &str) -> Self {
        if key.split('_').nth(1) == Some("live") { Self::Live } else { Self::Test }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Checks the settings of Stripe against each other. No message repeats a secret.
///
/// # Errors
/// A line that says what to change.
pub fn check(config: &Config) -> Result<(), String> {
    let Some(key) = config.stripe_key.as_ref().map(Secret::expose) else { return check_without_key(config) };
    let mode = KeyMode::of(key);
    if let (KeyMode::Live, Some(url)) = (mode, config.stripe_url.as_ref().filter(|url| url.expose() != STRIPE)) {
        return Err(format!(
            "stripe_key is a live key, but stripe_url is {url}, which is not Stripe: real money only goes to {STRIPE}. \
             Leave stripe_url out, or use a test key"
        ));
    }
    match config.stripe_publishable_key.as_deref().map(KeyMode::of) {
        Some(other) if other != mode => Err(format!(
            "stripe_key is a {} key, but stripe_publishable_key is a {} key; take both from the same mode of Stripe's dashboard",
            mode.name(),
            other.name()
        )),
        _ => Ok(()),
    }
}

/// The same for a server, which also has to let buyers pay.
///
/// # Errors
/// A line that says what to change.
pub fn check_to_sell(config: &Config) -> Result<(), String> {
    check(config)?;
    let live = config.stripe_key.as_ref().is_some_and(|key| KeyMode::of(key.expose()) == KeyMode::Live);
    if live && config.stripe_publishable_key.is_none() {
        return Err(
            "stripe_key is a live key, and stripe_publishable_key is missing, so the seat map would offer test cards; take \
                    the publishable key from the same page of Stripe's dashboard"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_without_key(config: &Config) -> Result<(), String> {
    let alone = [
        ("stripe_publishable_key", config.stripe_publishable_key.is_some()),
        ("stripe_webhook_secret", !config.stripe_webhook_secret.is_empty()),
        ("stripe_url", config.stripe_url.is_some()),
        ("stripe_rate_share", config.stripe_rate_share != Share::ALL),
    ];
    match alone.iter().find(|(_, set)| *set) {
        Some((setting, _)) => {
            Err(format!("{setting} is set, but stripe_key is not; set both, or none to use the sandbox of this process"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::service_url::ServiceUrl;

    fn with(key: &str, change: impl FnOnce(&mut Config)) -> Result<(), String> {
        let mut config = Config { stripe_key: Secret::new(key), ..Config::default() };
        change(&mut config);
        check(&config)
    }

    fn at(url: &str) -> Option<ServiceUrl> {
        ServiceUrl::of(url, &["http://", "https://"])
    }

    #[test]
    fn what_fits_together_is_accepted() {
        assert_eq!(check(&Config::default()), Ok(()));
        assert_eq!(with("sk_live_1", |c| c.stripe_publishable_key = Some("pk_live_1".into())), Ok(()));
        assert_eq!(with("rk_live_1", |c| c.stripe_url = at(STRIPE)), Ok(()));
        assert_eq!(with("sk_test_1", |c| c.stripe_url = at("http://127.0.0.1:12111")), Ok(()));
    }

    #[test]
    fn a_server_with_a_live_key_needs_the_publishable_one() {
        let mut config = Config { stripe_key: Secret::new("sk_live_1"), ..Config::default() };
        assert!(check_to_sell(&config).unwrap_err().contains("stripe_publishable_key"));
        config.stripe_publishable_key = Some("pk_live_1".into());
        assert_eq!(check_to_sell(&config), Ok(()));
        assert_eq!(check_to_sell(&Config { stripe_key: Secret::new("sk_test_1"), ..Config::default() }), Ok(()));
    }

    #[test]
    fn what_could_move_money_by_mistake_is_refused_with_what_to_change() {
        for (refused, part) in [
            (with("rk_live_1", |c| c.stripe_url = at("http://127.0.0.1:12111")), "use a test key"),
            (with("sk_live_1", |c| c.stripe_url = at("https://api.stripe.com.example.org")), "use a test key"),
            (with("sk_live_1", |c| c.stripe_publishable_key = Some("pk_test_1".into())), "the same mode"),
            (with("sk_test_1", |c| c.stripe_publishable_key = Some("pk_live_1".into())), "the same mode"),
            (with("", |c| c.stripe_publishable_key = Some("pk_test_1".into())), "stripe_key is not"),
            (with("", |c| c.stripe_webhook_secret = vec![Secret::new("whsec_1").unwrap()]), "stripe_key is not"),
            (with("", |c| c.stripe_rate_share = Share::of("0.5").unwrap()), "stripe_key is not"),
            (with("", |c| c.stripe_url = at("http://127.0.0.1:12111")), "stripe_key is not"),
        ] {
            let why = refused.unwrap_err();
            assert!(why.contains(part) && !why.contains('\n'), "{why}");
            assert!(!why.contains("_live_1") && !why.contains("_test_1") && !why.contains("whsec_"), "a secret is shown: {why}");
        }
    }
}
