//! The actor of one booking's payment: every command on an open booking goes through it, one after the
//! other. Several nodes may each have one for the same booking; the booking's stream decides between
//! them.

use super::commands::{self, Leftovers, Settled};
use super::exchange;
use super::opening_voucher;
use super::process::Reach;
use super::review;
use super::session::BookingSession;
use super::vouchers;
use crate::actors::mailbox::Posted;
use crate::error::CommandError;
use crate::origin::Context;
use crate::requests::{ExchangeRequest, Paid, PartialRefundRequest, PayRequest, ReviewRequest};
use crate::services::Services;
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, BuyerId, VoucherHash};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::{Arc, Weak};
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

pub(crate) enum PaymentMessage {
    Pay(Context, PayRequest, Reply<Paid>),
    Extend(Context, Reply<Booking>),
    Cancel(Context, Reply<Booking>),
    Refund(Context, Reply<Booking>),
    /// Because its show is refunded.
    RefundForShow(Context, Reply<()>),
    Transfer(Context, BuyerId, Reply<Booking>),
    Exchange(Context, ExchangeRequest, Reply<Booking>),
    RefundPart(Context, PartialRefundRequest, Reply<Booking>),
    Review(Context, ReviewRequest, Reply<Booking>),
    ApplyVoucher(Context, VoucherHash, Reply<Booking>),
    /// To the booking that it has opened seats to.
    ApplyOrCancel(Context, VoucherHash, Reply<Booking>),
    RemoveVoucher(Context, Reply<Booking>),
    /// Do what has to follow.
    Settle(Leftovers, Reach, Reply<Settled>),
}

/// A message, and what it is done for.
pub(crate) struct InSpan {
    pub span: Span,
    pub message: PaymentMessage,
}

#[derive(Clone)]
pub(crate) struct PaymentActor {
    booking: BookingId,
    /// Weak: an idle actor does not keep the log and the other services of a dropped engine.
    services: Weak<Services>,
}

impl PaymentActor {
    pub(crate) fn new(booking: BookingId, services: &Arc<Services>) -> Self {
        Self { booking, services: Arc::downgrade(services) }
    }
}

impl Actor for PaymentActor {
    type Msg = Posted<InSpan>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        Posted { message: InSpan { span, message }, counted: _counted }: Self::Msg,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // The engine is gone, and with it everyone who waits for a reply.
        let Some(services) = self.services.upgrade() else { return Ok(()) };
        self.run(services, message, span).await;
        Ok(())
    }
}

impl PaymentActor {
    /// On the heap, and only while it runs: the actor's task has room for this future twice. And no `async fn`, which would
    /// be compiled again by each crate that starts an actor.
    fn run(&self, services: Arc<Services>, message: PaymentMessage, span: Span) -> BoxFuture<'_, ()> {
        self.execute(services, message).instrument(span).boxed()
    }

    async fn execute(&self, services: Arc<Services>, message: PaymentMessage) {
        // Nothing is kept from one command to the next: other nodes change the booking, too, and a decision that appends
        // nothing would never notice.
        let session = |context| BookingSession::new(services, self.booking, context);
        // A caller who has gone away is no fault of the booking.
        match message {
            PaymentMessage::Pay(context, request, reply) => drop(reply.send(commands::pay(session(context), request).await)),
            PaymentMessage::Extend(context, reply) => drop(reply.send(commands::extend(session(context)).await)),
            PaymentMessage::Cancel(context, reply) => drop(reply.send(commands::cancel(session(context)).await)),
            PaymentMessage::Refund(context, reply) => drop(reply.send(commands::refund(session(context)).await)),
            PaymentMessage::RefundForShow(context, reply) => {
                drop(reply.send(commands::refund_for_show(session(context)).await));
            }
            PaymentMessage::Transfer(context, buyer, reply) => {
                drop(reply.send(commands::transfer(session(context), buyer).await));
            }
            PaymentMessage::Exchange(context, request, reply) => {
                drop(reply.send(exchange::exchange(session(context), request).await));
            }
            PaymentMessage::RefundPart(context, request, reply) => {
                drop(reply.send(commands::refund_part(session(context), request).await));
            }
            PaymentMessage::Review(context, request, reply) => {
                drop(reply.send(review::review(session(context), request).await));
            }
            PaymentMessage::ApplyVoucher(context, voucher, reply) => {
                drop(reply.send(vouchers::apply(&mut session(context), &voucher).await));
            }
            PaymentMessage::ApplyOrCancel(context, voucher, reply) => {
                drop(reply.send(opening_voucher::apply_or_cancel(session(context), voucher).await));
            }
            PaymentMessage::RemoveVoucher(context, reply) => drop(reply.send(vouchers::remove(session(context)).await)),
            PaymentMessage::Settle(leftovers, reach, reply) => {
                drop(reply.send(commands::settle(session(Context::step("settle", self.booking.0)), leftovers, reach).await));
            }
        }
    }
}
