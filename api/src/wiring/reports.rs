//! The tasks that follow what a payment gateway reports: webhooks, and the sweep for what they miss.

use super::charges;
use crate::metrics::Metrics;
use crate::reconcile::Difference;
use crate::sweep::{Compare, Sweep};
use crate::webhooks::{Payments, WebhookReader, Webhooks};
use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::payments::{GatewayFault, PaymentRecord};
use lastseat_domain::ports::{Clock, EventLog, PaymentGateway, PaymentRecords};
use lastseat_domain::{BookingId, IntentId};
use lastseat_engine::BoxOffice;
use lastseat_projections::{BookingView, ProjectionError, ReadModel};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a gateway offers besides taking money.
#[derive(Default)]
pub(super) struct Reporting {
    pub records: Option<Arc<dyn PaymentRecords>>,
    pub reader: Option<Box<dyn WebhookReader>>,
    /// Completes when a gateway in this process can't be used any more.
    pub ended: Option<BoxFuture<'static, ()>>,
}

/// What the tasks work with.
pub(super) struct Context<'a> {
    pub log: &'a Arc<dyn EventLog>,
    pub gateway: &'a Arc<dyn PaymentGateway>,
    pub box_office: &'a BoxOffice,
    pub read_model: &'a ReadModel,
    pub clock: &'a Arc<dyn Clock>,
    pub metrics: &'a Arc<Metrics>,
    pub sweep_every: Duration,
    pub shutdown: &'a CancellationToken,
}

/// The tasks, running.
pub(super) struct Reports {
    pub webhooks: Option<Webhooks>,
    /// Cancelled when a task has ended although nobody stopped it.
    pub ended: CancellationToken,
}

impl Reports {
    /// Starts what the gateway offers.
    pub(super) fn start(reporting: Reporting, context: &Context<'_>) -> Self {
        let (ended, stop) = (CancellationToken::new(), context.shutdown);
        let (gateway, log) = (Arc::clone(context.gateway), Arc::clone(context.log));
        let (box_office, read_model) = (context.box_office.clone(), context.read_model.clone());
        let looking = Arc::new(Looking { gateway, log, box_office, read_model });
        let payments: Arc<dyn Payments> = Arc::clone(&looking) as _;
        let metrics = context.metrics;
        let webhooks = reporting.reader.map(|reader| {
            let (webhooks, task) = Webhooks::start(reader, Arc::clone(&payments), Arc::clone(metrics), stop.clone());
            watch("webhooks", task, stop, &ended);
            webhooks
        });
        if let Some(gateway) = reporting.ended {
            watch("payment sandbox", tokio::spawn(gateway), stop, &ended);
        }
        if let Some(records) = reporting.records {
            let sweep = Sweep {
                records,
                payments,
                compare: Arc::clone(&looking) as _,
                bookings: Arc::new(move |record| {
                    let (looking, intent, named) = (Arc::clone(&looking), record.intent.clone(), record.booking);
                    async move { looking.booking(&intent, named).await }.boxed()
                }),
                clock: Arc::clone(context.clock),
                metrics: Arc::clone(metrics),
                every: context.sweep_every,
            };
            watch("payments' sweep", tokio::spawn(sweep.run(stop.clone())), stop, &ended);
        }
        Self { webhooks, ended }
    }
}

/// Cancels `ended` when the task ends before `stop`, however it ends.
fn watch(name: &'static str, task: JoinHandle<()>, stop: &CancellationToken, ended: &CancellationToken) {
    let (stop, ended) = (stop.clone(), ended.clone());
    tokio::spawn(async move {
        let result = task.await;
        if !stop.is_cancelled() {
            tracing::error!(?result, "the task of the {name} has ended");
            ended.cancel();
        }
    });
}

/// Asks the gateway about an intent, and the engine about a booking.
struct Looking {
    gateway: Arc<dyn PaymentGateway>,
    log: Arc<dyn EventLog>,
    box_office: BoxOffice,
    read_model: ReadModel,
}

impl Looking {
    /// The booking whose events name an intent, else the one that the gateway's metadata name.
    async fn booking(&self, intent: &IntentId, named: Option<BookingId>) -> Result<Option<BookingView>, ProjectionError> {
        let named = match named {
            Some(named) => self.read_model.booking(named).await?,
            None => None,
        };
        if named.as_ref().is_some_and(|booking| booking.intent.as_ref() == Some(intent)) {
            return Ok(named);
        }
        Ok(self.read_model.booking_of_intent(intent).await?.or(named))
    }
}

#[async_trait]
impl Payments for Looking {
    async fn booking_of(&self, intent: &IntentId, named: Option<BookingId>) -> Result<BookingId, GatewayFault> {
        // The log may be ahead of the read model, or that can't be read: what the notification names is looked at all the
        // same.
        let known = self.booking(intent, named).await.ok().flatten();
        if let Some(booking) = known.map(|view| view.booking).or(named) {
            return Ok(booking);
        }
        let none = || GatewayFault::Refused {
            code: "foreign_intent".to_owned(),
            message: "the intent names no booking of lastseat in its metadata".to_owned(),
        };
        self.gateway.retrieve(intent).await?.booking.ok_or_else(none)
    }

    async fn look_at(&self, booking: BookingId) {
        self.box_office.look_at(booking).await;
    }
}

#[async_trait]
impl Compare for Looking {
    async fn differences(&self, record: PaymentRecord) -> Result<Vec<Difference>, String> {
        charges::compare(&*self.log, vec![record]).await.map_err(|fault| fault.to_string())
    }

    async fn read_again(&self, record: &PaymentRecord) -> Result<PaymentRecord, String> {
        let now = self.gateway.retrieve(&record.intent).await.map_err(|fault| fault.to_string())?;
        Ok(PaymentRecord { status: now.status, captured: now.captured, refunded: now.refunded, ..record.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_noticed_and_one_that_is_stopped_is_not() {
        async fn is_noticed(task: JoinHandle<()>, stopped: bool) -> bool {
            let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
            if stopped {
                stop.cancel();
            }
            watch("test", task, &stop, &ended);
            tokio::time::timeout(Duration::from_millis(200), ended.cancelled()).await.is_ok()
        }
        assert!(is_noticed(tokio::spawn(async {}), false).await);
        assert!(is_noticed(tokio::spawn(async { panic!("planned") }), false).await);
        assert!(!is_noticed(tokio::spawn(async {}), true).await);
        assert!(!is_noticed(tokio::spawn(std::future::pending()), false).await);
    }
}
