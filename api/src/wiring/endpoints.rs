//! The shop's endpoints, as they are configured.

use super::StartError;
use crate::config::Config;
use lastseat_domain::EndpointId;
use lastseat_domain::ports::WebhookEndpoint;
use lastseat_shop_webhooks::HttpEndpoint;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Each endpoint: its name, its address, and what sends.
type Endpoints = Vec<(EndpointId, String, Arc<dyn WebhookEndpoint>)>;

/// The endpoints, each with its secrets.
///
/// # Errors
/// One has no secret, two have one name, or a secret is of no endpoint.
pub(super) fn open(config: &Config) -> Result<Endpoints, StartError> {
    let mut names = BTreeSet::new();
    for (name, _) in &config.webhook_endpoints {
        if !names.insert(name) {
            return Err(StartError::Settings(format!("two webhook endpoints have the name `{name}`; give each its own")));
        }
    }
    if let Some((name, _)) = config.webhook_endpoint_secrets.iter().find(|(name, _)| !names.contains(name)) {
        let why = format!("webhook_endpoint_secrets has one for `{name}`, and no endpoint has this name in webhook_endpoints");
        return Err(StartError::Settings(why));
    }
    let open = |(name, url): &(EndpointId, String)| {
        let secrets: Vec<&str> =
            config.webhook_endpoint_secrets.iter().filter(|(of, _)| of == name).map(|(_, secret)| secret.expose()).collect();
        if secrets.is_empty() {
            let why = format!(
                "the webhook endpoint `{name}` has no secret. Make one with `lastseat webhooks secret`, give \
                 it to the endpoint, and set webhook_endpoint_secrets to {name}=whsec_…"
            );
            return Err(StartError::Settings(why));
        }
        let endpoint = HttpEndpoint::new(url, secrets).map_err(|error| StartError::Settings(error.to_string()))?;
        // A query may have a secret in it.
        let shown = url.split('?').next().unwrap_or_default().to_owned();
        Ok((name.clone(), shown, Arc::new(endpoint) as Arc<dyn WebhookEndpoint>))
    };
    config.webhook_endpoints.iter().map(open).collect()
}
