//! Stripe as the gateway: the adapter, made from the settings, and what it says about the key.

use super::reports::Reporting;
use super::start_error::StartError;
use crate::config::Config;
use crate::config::stripe::STRIPE;
use crate::webhooks::{NotTaken, WebhookReader};
use lastseat_domain::ports::payments::Notification;
use lastseat_domain::ports::{Clock, Finding, Severity};
use lastseat_domain::{Secret, Timestamp};
use lastseat_payments_stripe::webhook::{self, Genuine, WebhookRefused};
use lastseat_payments_stripe::{Mode, StripeGateway, StripeSettings};
use std::sync::Arc;
use std::time::Duration;

const OF: &str = "payments";
/// A clock that is further off makes webhooks look forged, which allow 300 s.
const SKEW: i64 = 60;
/// How long the look at the key may take at a start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The adapter, if the configuration names a key. `url`: where buyers come back to from their bank.
///
/// # Errors
/// [`StartError::Settings`].
pub(super) fn open(config: &Config, url: &str) -> Result<Option<StripeGateway>, StartError> {
    let Some(key) = &config.stripe_key else { return Ok(None) };
    crate::config::stripe::check(config).map_err(StartError::Settings)?;
    let at = config.stripe_url.as_ref().map(|url| url.expose().to_owned());
    let settings = StripeSettings::new(key.clone(), at, format!("{url}/"));
    let settings = StripeSettings { share: config.stripe_rate_share.value(), ..settings };
    StripeGateway::open(&settings).map(Some).map_err(|error| StartError::Settings(error.to_string()))
}

/// What Stripe reports: its list, and webhooks if there is a secret to check them with.
pub(super) fn reporting(gateway: &StripeGateway, config: &Config) -> Reporting {
    let secrets = config.stripe_webhook_secret.clone();
    let live = gateway.mode() == Mode::Live;
    let reader = (!secrets.is_empty()).then(|| Box::new(Reader { secrets, live }) as Box<dyn WebhookReader>);
    Reporting { records: Some(Arc::new(gateway.clone())), reader, ended: None }
}

/// Looks at the key while the server starts, and logs what is wrong: a sale must not find it out. A start does not
/// wait for Stripe.
pub(super) fn warn_of_missing_rights(config: &Config, gateway: &StripeGateway, clock: &Arc<dyn Clock>) {
    if config.stripe_webhook_secret.is_empty() {
        tracing::warn!(
            "stripe_webhook_secret is not set, so no webhooks are taken; payments that buyers confirm themselves are found \
             every {} s",
            config.payments_sweep.as_secs()
        );
    }
    if let Some(Finding { text, .. }) = foreign_page(config) {
        tracing::warn!("{text}");
    }
    let (gateway, clock) = (gateway.clone(), Arc::clone(clock));
    tokio::spawn(async move {
        let findings = tokio::time::timeout(PATIENCE, examine(&gateway, &*clock)).await.unwrap_or_else(|_| {
            vec![Finding::new(Severity::Warn, OF, format!("Stripe did not answer in {} s", PATIENCE.as_secs()))]
        });
        for finding in findings.iter().filter(|finding| finding.severity > Severity::Ok) {
            tracing::warn!("{}: {finding}", finding.subject);
        }
    });
}

/// The seat map loads Stripe's own script, which talks to Stripe alone: with a sandbox as the gateway, no payment of
/// its form would ever be found.
pub(super) fn foreign_page(config: &Config) -> Option<Finding> {
    let url = config.stripe_url.as_ref().filter(|url| url.expose().trim_end_matches('/') != STRIPE)?;
    config.stripe_publishable_key.as_ref()?;
    let text = format!(
        "stripe_publishable_key is set, but stripe_url is {url}: the seat map would load Stripe's own form, which talks to \
         Stripe and not to {url}, so no buyer could pay. Leave stripe_publishable_key out: the map then has a form for test \
         cards"
    );
    Some(Finding::new(Severity::Warn, OF, text))
}

/// Whether Stripe accepts the key, what the key lacks, and how the clocks differ.
pub(super) async fn examine(gateway: &StripeGateway, clock: &dyn Clock) -> Vec<Finding> {
    let mode = mode_name(gateway.mode());
    let examined = match gateway.examine(clock.now()).await {
        Ok(examined) => examined,
        Err(fault) => return vec![Finding::new(Severity::Refuse, OF, fault.to_string())],
    };
    let mut findings = vec![Finding::new(Severity::Ok, OF, format!("Stripe accepts the key ({mode})"))];
    if !examined.missing_rights.is_empty() {
        let rights = examined.missing_rights.join(", ");
        let text = format!("the key lacks rights: {rights}; grant them in Stripe's dashboard (Developers, API keys)");
        findings.push(Finding::new(Severity::Refuse, OF, text));
    }
    if let Some(ahead) = examined.clock_ahead.filter(|ahead| ahead.num_seconds().abs() > SKEW) {
        let (seconds, side) = (ahead.num_seconds().abs(), if ahead.num_seconds() > 0 { "behind" } else { "ahead of" });
        let text = format!("this machine's clock is {seconds} s {side} Stripe's; webhooks of 300 s and more are refused; set it");
        findings.push(Finding::new(Severity::Warn, OF, text));
    }
    findings
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live mode: real money",
        Mode::Test => "test mode: no real money",
    }
}

/// Where the gateway's records are, for people.
pub(super) fn place(config: &Config, gateway: &StripeGateway) -> String {
    let at = config.stripe_url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    format!("Stripe{at}, {}", mode_name(gateway.mode()))
}

/// Reads Stripe's notifications.
struct Reader {
    secrets: Vec<Secret>,
    live: bool,
}

impl WebhookReader for Reader {
    fn read(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Notification, NotTaken> {
        // The reason says nothing of the body; nor does anything that is logged.
        let Genuine { notification, livemode } = webhook::verify(&self.secrets, signature, body, now).map_err(|why| {
            tracing::debug!(%why, "a webhook is refused");
            match why {
                WebhookRefused::NoEvent => NotTaken::Unreadable,
                WebhookRefused::Malformed | WebhookRefused::Old | WebhookRefused::Forged => NotTaken::Signature,
            }
        })?;
        if livemode != self.live {
            tracing::warn!(webhook = notification.id, livemode, "a webhook of the other mode is passed over");
            return Err(NotTaken::OtherMode);
        }
        Ok(notification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::service_url::ServiceUrl;

    #[test]
    fn stripes_own_form_over_a_stand_in_is_warned_of() {
        let with = |url: &str, publishable: Option<&str>| Config {
            stripe_key: Secret::new("sk_test_1"),
            stripe_url: ServiceUrl::of(url, &["http://", "https://"]),
            stripe_publishable_key: publishable.map(str::to_owned),
            ..Config::default()
        };
        let found = foreign_page(&with("http://127.0.0.1:12111", Some("pk_test_1"))).unwrap();
        assert_eq!(found.severity, Severity::Warn);
        assert!(found.text.contains("127.0.0.1:12111") && found.text.contains("Leave stripe_publishable_key out"), "{found}");
        assert_eq!(foreign_page(&with("http://127.0.0.1:12111", None)), None);
        assert_eq!(foreign_page(&with("https://api.stripe.com/", Some("pk_test_1"))), None);
        assert_eq!(foreign_page(&Config { stripe_url: None, ..with(STRIPE, Some("pk_test_1")) }), None);
    }
}
