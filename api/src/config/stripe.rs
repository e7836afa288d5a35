//! Which settings of payments fit together. What does not is refused at the start, before money is involved.

use super::Config;
use super::destination::Destination;
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

/// Checks the settings of payments against each other. No message repeats a secret.
///
/// # Errors
/// A line that says what to change.
pub fn check(config: &Config) -> Result<(), String> {
    check_destination(config)?;
    let Some(mode) = mode(config) else { return check_without_key(config) };
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

/// The mode of the key, if there is one.
fn mode(config: &Config) -> Option<KeyMode> {
    config.stripe_key.as_ref().map(Secret::expose).map(KeyMode::of)
}

/// Where payments go with this key, or without one.
const fn destination_of(key: Option<KeyMode>) -> Destination {
    match key {
        None => Destination::Sandbox,
        Some(KeyMode::Test) => Destination::StripeTest,
        Some(KeyMode::Live) => Destination::StripeLive,
    }
}

/// Whether the key is the one that `payments` names.
fn check_destination(config: &Config) -> Result<(), String> {
    let is = destination_of(mode(config));
    let Some(wanted) = config.payments.filter(|wanted| *wanted != is) else { return Ok(()) };
    let key = match mode(config) {
        None => "is not set",
        Some(KeyMode::Test) => "is a test key",
        Some(KeyMode::Live) => "is a live key",
    };
    let change = match wanted {
        Destination::Sandbox => "leave stripe_key out",
        Destination::StripeTest => "set stripe_key to a test key",
        Destination::StripeLive => "set stripe_key to Stripe's live key",
    };
    Err(format!("payments is {}, but stripe_key {key}; {change}, or set payments to {}", wanted.name(), is.name()))
}

/// The same for a server, which also has to let buyers pay, and must not sell for nothing by mistake: one that is reached
/// over https:// sells in public, and has to say so if its payments move no money.
///
/// # Errors
/// A line that says what to change.
pub fn check_to_sell(config: &Config) -> Result<(), String> {
    check(config)?;
    let live = mode(config) == Some(KeyMode::Live);
    if let (None, false, Some(url)) =
        (config.payments, live, config.public_url.as_ref().filter(|url| url.starts_with("https://")))
    {
        return Err(format!(
            "payments is not set, and there is no live stripe_key, although buyers reach this server at {url}: seats would be \
             sold without money. Set payments to stripe-live, and stripe_key; or to {}, if that is meant",
            destination_of(mode(config)).name()
        ));
    }
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

    /// What a server says that has these settings.
    fn selling(payments: Option<Destination>, key: &str, public_url: &str) -> Result<(), String> {
        check_to_sell(&Config {
            payments,
            stripe_key: Secret::new(key),
            stripe_publishable_key: key.starts_with("sk_live").then(|| "pk_live_1".into()),
            public_url: (!public_url.is_empty()).then(|| public_url.into()),
            ..Config::default()
        })
    }

    #[test]
    fn a_key_that_payments_does_not_name_is_refused() {
        for (payments, key) in
            Destination::ALL.into_iter().flat_map(|payments| ["", "sk_test_1", "sk_live_1"].map(|k| (payments, k)))
        {
            let is = destination_of(Some(key).filter(|key| !key.is_empty()).map(KeyMode::of));
            let said = selling(Some(payments), key, "https://tickets.example.org");
            if payments == is {
                assert_eq!(said, Ok(()));
                continue;
            }
            let why = said.unwrap_err();
            assert!(why.starts_with(&format!("payments is {}, but stripe_key is ", payments.name())), "{why}");
            assert!(why.ends_with(&format!("or set payments to {}", is.name())) && !why.contains("_1"), "{why}");
        }
    }

    #[test]
    fn a_public_server_that_takes_no_money_has_to_say_so() {
        for (key, choice) in [("", "sandbox"), ("sk_test_1", "stripe-test")] {
            let why = selling(None, key, "https://tickets.example.org").unwrap_err();
            assert!(why.contains("at https://tickets.example.org") && why.contains(&format!("to {choice}, if")), "{why}");
            assert!(!why.contains('\n') && !why.contains("_1"), "{why}");
            for local in ["", "http://127.0.0.1:8080"] {
                assert_eq!(selling(None, key, local), Ok(()));
            }
        }
        assert_eq!(selling(None, "sk_live_1", "https://tickets.example.org"), Ok(()));
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
