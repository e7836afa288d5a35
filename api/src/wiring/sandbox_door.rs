//! The sandbox's bank: where a buyer says how an authentication ended.

use crate::app::SandboxDoor;
use async_trait::async_trait;
use lastseat_domain::{BookingId, IntentId};
use lastseat_engine::adapters::payments::SandboxGateway;
use std::sync::Arc;

/// The in-process sandbox as HTTP sees it.
pub(super) struct Door(pub(super) Arc<SandboxGateway>);

#[async_trait]
impl SandboxDoor for Door {
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<BookingId, String> {
        self.0.authenticate(intent, success).map(|intent| intent.booking).map_err(|error| error.to_string())
    }
}
