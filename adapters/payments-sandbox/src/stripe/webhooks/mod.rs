//! Webhooks: reports events to endpoints, signed as Stripe signs, and as late, lost, repeated and shuffled as
//! asked.

mod delivery;
mod signature;

pub(super) use delivery::Deliveries;
pub use signature::sign;

use http::Uri;
use http::uri::Scheme;
use lastseat_domain::Secret;
use std::time::Duration;

/// What happens to webhooks on their way, and one endpoint that is there from the start. Others are made over the API.
/// Shares are from 0 to 1.
#[derive(Debug, Clone, Default)]
pub struct WebhookOptions {
    /// Gets every event.
    pub(super) endpoint: Option<(Uri, Secret)>,
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
        Ok(Self { endpoint: Some((address(url)?, secret)), ..Self::default() })
    }
}

/// The address, if webhooks can go there.
pub(super) fn address(url: &str) -> Result<Uri, BadEndpoint> {
    let bad = || BadEndpoint(url.chars().take(200).collect());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    match uri.scheme() == Some(&Scheme::HTTP) && uri.host().is_some() {
        true => Ok(uri),
        false => Err(bad()),
    }
}
