//! Webhooks: tells an endpoint of every event, signed as Stripe signs, and as late, lost, repeated and shuffled as
//! asked.

mod delivery;
mod signature;

pub(super) use delivery::Deliveries;
pub use signature::sign;

use http::Uri;
use http::uri::Scheme;
use lastseat_domain::Secret;
use std::time::Duration;

/// Where webhooks go, and what happens to them on the way. Shares are from 0 to 1.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    pub(super) url: Uri,
    pub(super) secret: Secret,
    /// Same seed, same decisions.
    pub seed: u64,
    /// From the event to its first delivery.
    pub delay: Duration,
    /// Events that are never delivered.
    pub loss: f64,
    /// Events that are delivered twice.
    pub repeat: f64,
    /// Events that are overtaken by later ones.
    pub reorder: f64,
}

/// Webhooks can't go there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' can't receive the sandbox's webhooks; name an address that begins with http://")]
pub struct BadEndpoint(String);

impl WebhookOptions {
    /// Prompt, complete and in order, to this address.
    ///
    /// # Errors
    /// [`BadEndpoint`] unless it is an `http` address.
    pub fn new(url: &str, secret: Secret) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        if uri.scheme() != Some(&Scheme::HTTP) || uri.host().is_none() {
            return Err(bad());
        }
        Ok(Self { url: uri, secret, seed: 0, delay: Duration::ZERO, loss: 0.0, repeat: 0.0, reorder: 0.0 })
    }
}
