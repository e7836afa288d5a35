//! Webhook endpoints, kept in the sandbox's journal.

use super::{SandboxGateway, Undelivered};
use crate::endpoint::WebhookEndpoint;
use crate::machine::Change;
use std::sync::Arc;

impl SandboxGateway {
    /// Every webhook endpoint, oldest first.
    pub(crate) fn webhook_endpoints(&self) -> Vec<Arc<WebhookEndpoint>> {
        let mut all: Vec<_> = self.state.lock().machine.endpoints().cloned().collect();
        all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        all
    }

    /// The endpoint of this name.
    pub(crate) fn webhook_endpoint(&self, id: &str) -> Option<Arc<WebhookEndpoint>> {
        self.state.lock().machine.endpoint(id).cloned()
    }

    /// Makes an endpoint of what `change` makes of the one of this name. If that is nothing, it stays as it is.
    pub(crate) fn change_webhook_endpoint(
        &self,
        id: &str,
        change: impl FnOnce(Option<&WebhookEndpoint>) -> Option<WebhookEndpoint>,
    ) -> Result<Option<Arc<WebhookEndpoint>>, Undelivered> {
        let mut state = self.state.lock();
        let before = state.machine.endpoint(id).cloned();
        let Some(after) = change(before.as_deref()).map(Arc::new) else { return Ok(before) };
        let change = Change { endpoint: Some(Arc::clone(&after)), ..Change::at(self.now()) };
        state.make(change)?;
        Ok(Some(after))
    }
}
