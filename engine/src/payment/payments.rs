//! The bookings that are being worked on: finds or starts the actor of a booking's payment.

use super::actor::{PaymentActor, PaymentMessage};
use super::commands::Settled;
use crate::actors::registry::Registry;
use crate::error::{CommandError, Fault};
use crate::services::Services;
use lastseat_domain::{BookingId, SeatId, ShowId, Timestamp};
use ractor::ActorCell;
use std::sync::Arc;
use tokio::sync::oneshot;

/// All payments, by their actors. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Payments {
    services: Arc<Services>,
    actors: Arc<Registry<BookingId, PaymentActor>>,
}

impl Payments {
    pub(crate) fn new(services: Arc<Services>, supervisor: ActorCell) -> Self {
        // The gates bound the commands, and an actor is awake for its commands only.
        Self { services, actors: Arc::new(Registry::new(supervisor, usize::MAX)) }
    }

    /// A caller's command on a booking.
    ///
    /// # Errors
    /// [`CommandError`].
    pub(crate) async fn command<T: Send + 'static>(
        &self,
        booking: BookingId,
        message: impl Fn(oneshot::Sender<Result<T, CommandError>>) -> PaymentMessage,
    ) -> Result<T, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        self.ask(booking, message).await?
    }

    /// Drives a booking forward as far as that is possible now. `locked`: seats that the log's
    /// subscription saw locked for it.
    pub(crate) async fn settle(&self, booking: BookingId, locked: Vec<(ShowId, SeatId)>) -> Settled {
        match self.ask(booking, |reply| PaymentMessage::Settle(locked.clone(), reply)).await {
            Ok(Ok(settled)) => settled,
            Ok(Err(error)) => {
                tracing::warn!(%booking, %error, "a booking could not be settled; trying again");
                Settled::Later
            }
            Err(fault) => {
                tracing::warn!(%booking, %fault, "a booking could not be settled; trying again");
                Settled::Later
            }
        }
    }

    async fn ask<R: Send + 'static>(
        &self,
        booking: BookingId,
        message: impl Fn(oneshot::Sender<R>) -> PaymentMessage,
    ) -> Result<R, Fault> {
        let spawn = || (PaymentActor::new(booking, &self.services), ());
        let answer = self.actors.ask(&booking, self.services.now(), spawn, message).await;
        // It keeps nothing from one command to the next.
        self.actors.stop_if_idle(&booking);
        answer
    }

    /// Stops the actors that were not used since `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        self.actors.passivate(before);
    }

    /// Starts no actor any more.
    pub(crate) fn close(&self) {
        self.actors.close();
    }

    pub(crate) fn awake(&self) -> usize {
        self.actors.len()
    }
}
