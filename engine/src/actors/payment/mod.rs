//! The actor of one booking's payment: every command on an open booking goes through it, one after
//! the other. Several nodes may each have one for the same booking; the booking's stream decides
//! between them.

mod checkout;
mod gateway;
mod process;
mod session;

use crate::core::Core;
use crate::error::CommandError;
use crate::requests::{Paid, PayRequest};
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, SeatId, ShowId, Timestamp};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use session::BookingSession;
use std::sync::{Arc, Weak};
use tokio::sync::oneshot;

type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

/// Messages to a payment.
pub(crate) enum PaymentMessage {
    /// Pay.
    Pay(PayRequest, Reply<Paid>),
    /// Prolong the hold; by whom.
    Extend(String, Reply<Booking>),
    /// Give the seats back; by whom.
    Cancel(String, Reply<Booking>),
    /// Return the money; by whom.
    Refund(String, Reply<Booking>),
    /// Look at the booking and do what has to follow. The seats are those that the log's
    /// subscription saw locked for it, needed if it never opened.
    Settle(Vec<(ShowId, SeatId)>, Reply<Settled>),
}

/// What there is left to do for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing, for good.
    Done,
    /// Nothing before this moment.
    Waiting(Timestamp),
    /// Something that could not be done now.
    Later,
}

#[derive(Clone)]
pub(crate) struct PaymentActor {
    booking: BookingId,
    /// Weak: an actor does not keep an engine alive that was dropped.
    core: Weak<Core>,
}

impl PaymentActor {
    pub(crate) fn new(booking: BookingId, core: &Arc<Core>) -> Self {
        Self { booking, core: Arc::downgrade(core) }
    }
}

impl Actor for PaymentActor {
    type Msg = PaymentMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<PaymentMessage>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<PaymentMessage>,
        message: PaymentMessage,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // The engine is gone: so are those who wait for a reply.
        let Some(core) = self.core.upgrade() else { return Ok(()) };
        // Read anew for every command: other nodes move the booking on, too, and a decision that
        // appends nothing would never notice.
        let session = BookingSession::new(core, self.booking);
        // Nobody listening any more is no fault of the booking.
        match message {
            PaymentMessage::Pay(request, reply) => drop(reply.send(session.pay(request).await)),
            PaymentMessage::Extend(by, reply) => drop(reply.send(session.extend(by).await)),
            PaymentMessage::Cancel(by, reply) => drop(reply.send(session.cancel(by).await)),
            PaymentMessage::Refund(by, reply) => drop(reply.send(session.refund(by).await)),
            PaymentMessage::Settle(seats, reply) => drop(reply.send(session.settle(seats).await)),
        }
        Ok(())
    }
}
