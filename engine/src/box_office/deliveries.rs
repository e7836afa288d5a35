//! Who sends to an endpoint of the shop, and how far it has got. What is sent, and how, is decided outside.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::{Context, Origin};
use lastseat_domain::deliveries::{Deliveries, DeliveriesCommand};
use lastseat_domain::event::Pending;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::{EndpointId, Rejection, codec};
use std::time::Duration;
use uuid::Uuid;

/// The actor of what a node records of deliveries.
const SENDER: &str = "webhooks";

impl BoxOffice {
    /// How far an endpoint has got.
    ///
    /// # Errors
    /// Faults of the log.
    pub async fn deliveries(&self, endpoint: &EndpointId) -> Result<Deliveries, Fault> {
        Ok(self.services.journal.load::<Deliveries>(endpoint).await?.state)
    }

    /// Claims an endpoint for a while, because of an event whose message is to be sent: nobody else sends to it then. An endpoint
    /// that is new begins after `begin`. `None`: another node sends.
    ///
    /// # Errors
    /// Faults of the log.
    pub async fn claim_deliveries(
        &self,
        endpoint: &EndpointId,
        sender: Uuid,
        (cause, begin): (&RecordedEvent, Position),
        lasts: Duration,
    ) -> Result<Option<Deliveries>, CommandError> {
        let now = self.services.now();
        let command = DeliveriesCommand::Claim { sender, now, until: now + lasts, begin };
        let trace = codec::decode(cause).ok().flatten().and_then(|envelope| envelope.metadata.trace.clone());
        self.record(endpoint, command, &Context::following(SENDER, trace, cause.id, sender)).await
    }

    /// Records that everything up to a position was delivered or given up, but for what is pending. `None`: another node sends, or something is to be
    /// sent again; then it has to be claimed again.
    ///
    /// # Errors
    /// Faults of the log.
    pub async fn checkpoint_deliveries(
        &self,
        endpoint: &EndpointId,
        sender: Uuid,
        (position, pending): (Position, Vec<Pending>),
        lasts: Duration,
    ) -> Result<Option<Deliveries>, CommandError> {
        let until = self.services.now() + lasts;
        let command = DeliveriesCommand::Checkpoint { sender, position, pending, until };
        self.record(endpoint, command, &Context::step(SENDER, sender)).await
    }

    /// Records that a message is given up. `None` as above.
    ///
    /// # Errors
    /// Faults of the log.
    pub async fn abandon_delivery(
        &self,
        endpoint: &EndpointId,
        sender: Uuid,
        given_up: &RecordedEvent,
        (tries, reason): (u32, String),
    ) -> Result<Option<Deliveries>, CommandError> {
        let event = Pending { stream: given_up.stream.clone(), revision: given_up.revision };
        let (message, position) = (given_up.id, given_up.position);
        let command = DeliveriesCommand::Abandon { sender, message, event, position, tries, reason };
        self.record(endpoint, command, &Context::step(SENDER, sender)).await
    }

    /// Requests everything after a position again.
    ///
    /// # Errors
    /// Faults of the log.
    pub async fn replay_deliveries(
        &self,
        endpoint: &EndpointId,
        position: Position,
        by: impl Into<Origin>,
    ) -> Result<Deliveries, CommandError> {
        let origin = by.into();
        let command = DeliveriesCommand::Replay { position, by: origin.by.clone() };
        let context = self.command(origin);
        // The last event has all of the state, but not all commands: this one may have been sent before, and its answer lost.
        let mut known = Some(self.services.journal.load_whole::<Deliveries>(endpoint).await?);
        self.services.journal.execute::<Deliveries>(endpoint, command, &context, &mut known).await?;
        Ok(match known {
            Some(loaded) => loaded.state,
            None => self.deliveries(endpoint).await?,
        })
    }

    async fn record(
        &self,
        endpoint: &EndpointId,
        command: DeliveriesCommand,
        context: &Context,
    ) -> Result<Option<Deliveries>, CommandError> {
        let mut known = None;
        match self.services.journal.execute::<Deliveries>(endpoint, command, context, &mut known).await {
            Ok(_) => Ok(Some(match known {
                Some(loaded) => loaded.state,
                None => self.deliveries(endpoint).await?,
            })),
            Err(CommandError::Rejected(Rejection::OutOfOrder { .. })) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}
