//! Webhook endpoints.

use crate::endpoint::WebhookEndpoint;
use serde_json::{Value, json};

/// Without its secret, which is shown once.
pub fn webhook_endpoint(endpoint: &WebhookEndpoint) -> Value {
    json!({
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": endpoint.api_version,
        "application": null,
        "created": super::seconds(endpoint.created),
        "description": endpoint.description,
        "enabled_events": endpoint.enabled_events,
        "livemode": false,
        "metadata": endpoint.metadata,
        "status": if endpoint.disabled { "disabled" } else { "enabled" },
        "url": endpoint.url,
    })
}
