//! The payments of all bookings, an actor for each that is being worked on.

use crate::actors::payment::{PaymentActor, PaymentMessage, Settled};
use crate::actors::registry::Registry;
use crate::core::Core;
use crate::error::CommandError;
use lastseat_domain::{BookingId, SeatId, ShowId, Timestamp};
use std::sync::Arc;
use tokio::sync::oneshot;

pub(crate) struct Payments {
    core: Arc<Core>,
    actors: Registry<BookingId, PaymentActor>,
}

impl Payments {
    pub(crate) fn new(core: Arc<Core>, supervisor: ractor::ActorCell) -> Self {
        Self { core, actors: Registry::new(supervisor) }
    }

    /// Carries out a buyer's or an operator's command on a booking, if there is room for one more.
    ///
    /// # Errors
    /// [`CommandError`].
    pub(crate) async fn command<T: Send + 'static>(
        &self,
        booking: BookingId,
        message: impl Fn(oneshot::Sender<Result<T, CommandError>>) -> PaymentMessage,
    ) -> Result<T, CommandError> {
        let _permit = self.core.checkouts.enter(false)?;
        self.ask(booking, message).await
    }

    /// Looks at a booking and does what has to follow. `locked`: seats that the log has locked for it,
    /// needed if it never opened.
    pub(crate) async fn settle(&self, booking: BookingId, locked: Vec<(ShowId, SeatId)>) -> Settled {
        match self.ask(booking, |reply| PaymentMessage::Settle(locked.clone(), reply)).await {
            Ok(settled) => settled,
            Err(error) => {
                tracing::warn!(%booking, %error, "a booking could not be settled; trying again later");
                Settled::Later
            }
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        booking: BookingId,
        message: impl Fn(oneshot::Sender<Result<T, CommandError>>) -> PaymentMessage,
    ) -> Result<T, CommandError> {
        let spawn = || (PaymentActor::new(booking, &self.core), ());
        self.actors.ask(&booking, self.core.now(), spawn, message).await?
    }

    /// Bookings whose payment actor is awake.
    pub(crate) fn awake(&self) -> usize {
        self.actors.len()
    }

    /// Stops the actors that were last used before `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        self.actors.passivate(before);
    }

    pub(crate) fn close(&self) {
        self.actors.close();
    }
}
