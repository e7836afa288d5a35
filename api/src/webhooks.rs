//! What a payment gateway reports by itself. Its signature is checked at once; the work happens afterwards.
//!
//! A notification is a hint to look, never a fact: it names a booking or an intent, and the engine asks the
//! gateway how that stands. So repeated, late, unordered and unknown notifications change nothing by themselves.

use crate::metrics::Metrics;
use async_trait::async_trait;
use futures::StreamExt;
use lastseat_domain::ports::payments::GatewayFault;
use lastseat_domain::{BookingId, IntentId, Timestamp};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Notifications that wait. The gateway sends again what is refused for lack of room.
const WAITING: usize = 4096;

/// Notifications that are worked on at once.
const AT_ONCE: usize = 32;

/// A notification whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The gateway's name for it.
    pub id: String,
    /// What it is about, such as `payment_intent.amount_capturable_updated`.
    pub kind: String,
    pub intent: Option<IntentId>,
    pub booking: Option<BookingId>,
    /// Whether it says that a refund has failed: no money went back.
    pub refund_failed: bool,
}

/// Why a notification is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The signature is missing, wrong or too old.
    Signature,
    /// It is signed, and no notification.
    Unreadable,
    /// It is about test payments, and this server takes real money, or the other way round.
    OtherMode,
    /// Too many are waiting.
    Busy,
}

/// Checks and reads the notifications of one gateway.
pub trait WebhookReader: Send + Sync + 'static {
    /// Reads a body, if its signature is right.
    ///
    /// # Errors
    /// [`NotTaken`].
    fn read(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Notification, NotTaken>;
}

/// What a notification leads to.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// The booking that an intent pays for, as the gateway says now.
    ///
    /// # Errors
    /// [`GatewayFault`].
    async fn booking_of(&self, intent: &IntentId) -> Result<BookingId, GatewayFault>;

    /// Looks at a booking: asks the gateway, and goes on from there.
    async fn look_at(&self, booking: BookingId);
}

/// Takes notifications.
pub struct Webhooks {
    reader: Box<dyn WebhookReader>,
    queue: mpsc::Sender<Notification>,
}

impl Webhooks {
    /// Starts the task that works on what is taken. It should run as long as the server.
    #[must_use]
    pub fn start(
        reader: Box<dyn WebhookReader>,
        payments: Arc<dyn Payments>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { reader, queue }, tokio::spawn(work(waiting, payments, metrics, stop)))
    }

    /// Checks a notification and puts it in the queue.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn take(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<(), NotTaken> {
        let notification = self.reader.read(signature, body, now)?;
        self.queue.try_send(notification).map_err(|_| NotTaken::Busy)
    }
}

async fn work(
    mut waiting: mpsc::Receiver<Notification>,
    payments: Arc<dyn Payments>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let notifications = futures::stream::poll_fn(|context| waiting.poll_recv(context));
    let working = notifications.for_each_concurrent(AT_ONCE, |notification| {
        let (payments, metrics) = (Arc::clone(&payments), Arc::clone(&metrics));
        async move { follow(&*payments, &metrics, notification).await }
    });
    tokio::select! {
        () = working => {}
        // What still waits is found by the next process.
        () = stop.cancelled() => {}
    }
}

async fn follow(payments: &dyn Payments, metrics: &Metrics, notification: Notification) {
    let booking = match booking_of(payments, &notification).await {
        Ok(booking) => booking,
        // Of another program that shares the account.
        Err(Some(fault @ GatewayFault::Refused { .. })) => {
            let Notification { id, kind, .. } = notification;
            return tracing::debug!(webhook = id, kind, %fault, "a notification is not about a booking");
        }
        Err(fault) => {
            // Nothing else would report this one.
            if notification.refund_failed {
                report_failed_refund(metrics, &notification, None);
            }
            let Notification { id, kind, .. } = notification;
            // The sweep looks later.
            return tracing::debug!(webhook = id, kind, ?fault, "a notification leads to no booking");
        }
    };
    if notification.refund_failed {
        report_failed_refund(metrics, &notification, Some(booking));
    }
    let Notification { id, kind, .. } = notification;
    match kind.as_str() {
        "charge.dispute.created" => {
            tracing::warn!(webhook = id, kind, %booking, "a buyer disputes a charge; answer it at the gateway")
        }
        "charge.dispute.closed" => {
            tracing::warn!(webhook = id, kind, %booking, "the dispute of a charge is decided; look at the gateway")
        }
        _ => {}
    }
    payments.look_at(booking).await;
}

/// The booking that a notification is about; asked for if it names only the intent.
async fn booking_of(payments: &dyn Payments, notification: &Notification) -> Result<BookingId, Option<GatewayFault>> {
    match (notification.booking, &notification.intent) {
        (Some(booking), _) => Ok(booking),
        (None, Some(intent)) => payments.booking_of(intent).await.map_err(Some),
        (None, None) => Err(None),
    }
}

/// The log says that the money is returned, and it is not. No rule knows whether to send it again: banks refuse
/// refunds of closed accounts for good.
fn report_failed_refund(metrics: &Metrics, notification: &Notification, booking: Option<BookingId>) {
    metrics.refund_failed();
    let Notification { id, kind, intent, .. } = notification;
    let (booking, intent) = (booking.map(tracing::field::display), intent.as_ref().map(tracing::field::display));
    tracing::error!(
        webhook = id,
        kind,
        booking,
        intent,
        "a refund has failed, so its buyer has no money back; `lastseat payments reconcile` says what is left to do"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::time::Duration;

    /// Signed with "right".
    struct Reader;

    impl WebhookReader for Reader {
        fn read(&self, signature: &str, body: &[u8], _: Timestamp) -> Result<Notification, NotTaken> {
            let text = std::str::from_utf8(body).map_err(|_| NotTaken::Unreadable)?;
            let notification = Notification {
                id: "evt_1".into(),
                kind: "payment_intent.succeeded".into(),
                intent: IntentId::new(text).ok().filter(|_| text.starts_with("pi_")),
                booking: text.parse().ok(),
                refund_failed: signature == "failed refund",
            };
            if ["right", "failed refund"].contains(&signature) { Ok(notification) } else { Err(NotTaken::Signature) }
        }
    }

    /// Knows the intent `pi_known`; takes as long for a booking as `gate` is held.
    #[derive(Default)]
    struct Recorder {
        looked_at: Mutex<Vec<BookingId>>,
        gate: tokio::sync::Mutex<()>,
    }

    #[async_trait]
    impl Payments for Recorder {
        async fn booking_of(&self, intent: &IntentId) -> Result<BookingId, GatewayFault> {
            match intent.as_str() {
                "pi_known" => Ok(booking()),
                "pi_down" => Err(GatewayFault::Unavailable("down".into())),
                _ => Err(GatewayFault::Refused { code: "resource_missing".into(), message: String::new() }),
            }
        }

        async fn look_at(&self, booking: BookingId) {
            let _open = self.gate.lock().await;
            self.looked_at.lock().push(booking);
        }
    }

    fn booking() -> BookingId {
        "11112222-3333-4444-5555-666677770001".parse().unwrap()
    }

    struct Running {
        webhooks: Webhooks,
        task: JoinHandle<()>,
        recorder: Arc<Recorder>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    }

    fn start() -> Running {
        let (recorder, metrics, stop) = (Arc::<Recorder>::default(), Arc::<Metrics>::default(), CancellationToken::new());
        let (webhooks, task) = Webhooks::start(Box::new(Reader), Arc::clone(&recorder) as _, Arc::clone(&metrics), stop.clone());
        Running { webhooks, task, recorder, metrics, stop }
    }

    impl Running {
        fn take(&self, signature: &str, body: &str) -> Result<(), NotTaken> {
            self.webhooks.take(signature, body.as_bytes(), Timestamp::UNIX_EPOCH)
        }

        /// Until so many bookings were looked at.
        async fn looked_at(&self, count: usize) -> Vec<BookingId> {
            let done = async {
                while self.recorder.looked_at.lock().len() < count {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), done).await.expect("they are looked at");
            self.recorder.looked_at.lock().clone()
        }

        fn failed_refunds(&self) -> u64 {
            let text = self.metrics.render(&crate::metrics::Gauges::default());
            let count = text.lines().find_map(|line| line.strip_prefix("lastseat_refunds_failed_total "));
            count.unwrap().parse().unwrap()
        }
    }

    #[tokio::test]
    async fn what_is_signed_leads_to_a_look_at_its_booking_and_to_nothing_else() {
        let running = start();
        assert_eq!(running.take("wrong", &booking().to_string()), Err(NotTaken::Signature));
        for nothing in ["pi_unknown", "about something else"] {
            running.take("right", nothing).unwrap();
        }
        running.take("right", &booking().to_string()).unwrap();
        running.take("right", "pi_known").unwrap();
        // In turn: when the last is done, so are those before it.
        assert_eq!(running.looked_at(2).await, [booking(), booking()]);
        assert_eq!(running.failed_refunds(), 0);
        running.stop.cancel();
        running.task.await.unwrap();
        assert_eq!(running.recorder.looked_at.lock().len(), 2);
    }

    #[tokio::test]
    async fn a_refund_that_failed_is_counted_and_its_booking_is_looked_at() {
        let running = start();
        running.take("failed refund", &booking().to_string()).unwrap();
        running.take("failed refund", "pi_known").unwrap();
        assert_eq!(running.looked_at(2).await, [booking(), booking()]);
        assert_eq!(running.failed_refunds(), 2);
        // Another program's is its own business.
        running.take("failed refund", "pi_unknown").unwrap();
        running.take("right", "pi_known").unwrap();
        running.looked_at(3).await;
        assert_eq!(running.failed_refunds(), 2);
        // The gateway is down: it is reported without the booking.
        running.take("failed refund", "pi_down").unwrap();
        running.take("right", "pi_known").unwrap();
        running.looked_at(4).await;
        assert_eq!(running.failed_refunds(), 3);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_what_does_not_fit_is_refused() {
        let running = start();
        let closed = running.recorder.gate.lock().await;
        let mut taken = 0;
        // The worker takes some out of the queue, and then waits for the gate.
        for _ in 0..3 {
            while running.take("right", "pi_known").is_ok() {
                taken += 1;
            }
            for _ in 0..AT_ONCE * 4 {
                tokio::task::yield_now().await;
            }
        }
        assert!((WAITING..WAITING + 2 * AT_ONCE).contains(&taken), "{taken}");
        assert_eq!(running.take("right", "pi_known"), Err(NotTaken::Busy));
        drop(closed);
        running.looked_at(taken).await;
        running.take("right", "pi_known").unwrap();
        assert_eq!(running.looked_at(taken + 1).await.len(), taken + 1);
    }
}
