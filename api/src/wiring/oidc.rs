//! The OpenID provider whose tokens are accepted, if the configuration names one.

use super::start_error::StartError;
use crate::auth::{Oidc, OidcSettings};
use crate::config::{Config, oidc};
use lastseat_domain::ports::{Finding, Severity};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Opens it with its keys, and follows them until `shutdown`. A provider that does not answer keeps nobody from starting:
/// guests and this server's own tokens don't need it.
pub(super) async fn open(config: &Config, shutdown: &CancellationToken) -> Result<Option<Arc<Oidc>>, StartError> {
    let Some(oidc) = unread(config)? else { return Ok(None) };
    if let Err(why) = oidc.read_keys().await {
        tracing::warn!(why, "the keys of the OpenID provider can't be read; its tokens get 503 until they can");
    }
    oidc.follow_keys(shutdown.clone());
    Ok(Some(Arc::new(oidc)))
}

fn unread(config: &Config) -> Result<Option<Oidc>, StartError> {
    let Some((issuer, audience)) = oidc::provider(config).map_err(StartError::Settings)? else { return Ok(None) };
    let (role_claim, roles) = (config.oidc_role_claim.clone(), config.oidc_role.clone());
    Oidc::new(OidcSettings { issuer, audience, role_claim, roles }).map(Some).map_err(StartError::Settings)
}

/// What `lastseat doctor` says of it.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    const OF: &str = "OpenID provider";
    let oidc = match unread(config) {
        Ok(oidc) => oidc?,
        Err(error) => return Some(Finding::new(Severity::Refuse, OF, error.to_string())),
    };
    let issuer = config.oidc_issuer.as_deref().unwrap_or_default();
    Some(match oidc.read_keys().await {
        Ok(()) => Finding::new(Severity::Ok, OF, format!("{issuer} publishes its keys")),
        // A node starts and sells without it.
        Err(why) => Finding::new(Severity::Warn, OF, format!("tokens of {issuer} will get 503: {why}")),
    })
}
