//! Webhook endpoints, kept in the sandbox's store.

use super::SandboxGateway;
use crate::endpoint::WebhookEndpoint;
use crate::store::EndpointChange;
use crate::undelivered::Undelivered;
use std::sync::Arc;

impl SandboxGateway {
    /// Every webhook endpoint, oldest first.
    pub(crate) fn webhook_endpoints(&self) -> Vec<Arc<WebhookEndpoint>> {
        let mut all = self.store.endpoints();
        all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        all
    }

    /// The endpoint of this name.
    pub(crate) fn webhook_endpoint(&self, id: &str) -> Option<Arc<WebhookEndpoint>> {
        self.store.endpoint(id)
    }

    /// Makes an endpoint of what `change` makes of the one of this name. If that is nothing, it stays as it is.
    pub(crate) async fn change_webhook_endpoint(
        &self,
        id: &str,
        change: EndpointChange,
    ) -> Result<Option<Arc<WebhookEndpoint>>, Undelivered> {
        self.store.change_endpoint(id, self.now(), change).await
    }
}
