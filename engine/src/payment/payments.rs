//! The bookings that are being worked on: finds or starts the actor of a booking's payment.

use super::actor::{InSpan, PaymentActor, PaymentMessage};
use super::commands::{Leftovers, Settled};
use super::process::Reach;
use crate::actors::registry::Registry;
use crate::error::{CommandError, Fault};
use crate::origin::Context;
use crate::services::Services;
use lastseat_domain::{BookingId, Timestamp};
use ractor::ActorCell;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::Span;
use uuid::Uuid;

/// What came of the request of a booking's refund because its show is refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It is requested, or its money is left to staff, or a rule refuses it until an event of the booking says otherwise.
    Done,
    /// The log did not answer, or this node is busy or stopping. That concerns other bookings, too.
    Failed,
    /// The log's events of this booking make no sense.
    Unreadable,
}

/// All payments, by their actors. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Payments {
    services: Arc<Services>,
    actors: Arc<Registry<BookingId, PaymentActor>>,
    /// Those that never call the gateway. A booking may have one beside the other, as it may have one on each of two
    /// nodes: while one waits for the gateway, the other ends the hold, and the booking's stream decides between them.
    off_gateway: Arc<Registry<BookingId, PaymentActor>>,
}

impl Payments {
    pub(crate) fn new(services: Arc<Services>, supervisor: ActorCell) -> Self {
        // The gates bound the commands, and an actor is awake for its commands only.
        let registry = || Arc::new(Registry::new(supervisor.clone(), usize::MAX));
        Self { services, actors: registry(), off_gateway: registry() }
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
        self.ask(Reach::Gateway, booking, message).await?
    }

    /// Refunds a booking because its show is refunded. One that was paid in cash or by invoice is left to
    /// staff.
    pub(crate) async fn refund_for_show(&self, booking: BookingId, by: &str, trace: Option<String>, cause: Uuid) -> Tried {
        let context = Context::following(by, trace, cause, booking.0);
        let refunded = self.ask(Reach::Gateway, booking, |reply| PaymentMessage::RefundForShow(context.clone(), reply)).await;
        match refunded.unwrap_or_else(|fault| Err(fault.into())) {
            Ok(()) => Tried::Done,
            Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection)) => {
                tracing::info!(%booking, %rejection, "a booking of a show that is refunded waits");
                Tried::Done
            }
            Err(CommandError::Failed(fault @ Fault::Damaged(_))) => {
                tracing::error!(%booking, %fault, "a booking of a show that is refunded can't be read; trying again later");
                Tried::Unreadable
            }
            Err(error) => {
                tracing::warn!(%booking, %error, "a booking of a show that is refunded has to wait; trying again");
                Tried::Failed
            }
        }
    }

    /// Drives a booking forward as far as that is possible now.
    pub(crate) async fn settle(&self, booking: BookingId, leftovers: Leftovers, reach: Reach) -> Settled {
        match self.ask(reach, booking, |reply| PaymentMessage::Settle(leftovers.clone(), reach, reply)).await {
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
        reach: Reach,
        booking: BookingId,
        message: impl Fn(oneshot::Sender<R>) -> PaymentMessage,
    ) -> Result<R, Fault> {
        let actors = match reach {
            Reach::Log => &self.off_gateway,
            Reach::Gateway => &self.actors,
        };
        let spawn = || (PaymentActor::new(booking, &self.services), ());
        // What the actor does for the caller belongs to the caller's span.
        let message = |reply| InSpan { span: Span::current(), message: message(reply) };
        let answer = actors.ask(&booking, self.services.now(), spawn, message).await;
        // It keeps nothing from one command to the next.
        actors.stop_if_idle(&booking);
        answer
    }

    /// Stops the actors that were not used since `before`.
    pub(crate) fn passivate(&self, before: Timestamp) {
        self.actors.passivate(before);
        self.off_gateway.passivate(before);
    }

    /// Starts no actor any more.
    pub(crate) fn close(&self) {
        self.actors.close();
        self.off_gateway.close();
    }

    pub(crate) fn awake(&self) -> usize {
        self.actors.len() + self.off_gateway.len()
    }

    pub(crate) fn messages(&self) -> usize {
        self.actors.messages() + self.off_gateway.messages()
    }
}
