//! What a payment gateway reports by itself. Its signature is checked at once; the work happens afterwards.
//!
//! A notification is a hint to look, never a fact: it names a booking or an intent, and the engine asks the
//! gateway how that stands. So repeated, late, unordered and unknown notifications change nothing by themselves.

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
    pub fn start(reader: Box<dyn WebhookReader>, payments: Arc<dyn Payments>, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { reader, queue }, tokio::spawn(work(waiting, payments, stop)))
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

async fn work(mut waiting: mpsc::Receiver<Notification>, payments: Arc<dyn Payments>, stop: CancellationToken) {
    let notifications = futures::stream::poll_fn(|context| waiting.poll_recv(context));
    let working = notifications.for_each_concurrent(AT_ONCE, |notification| {
        let payments = Arc::clone(&payments);
        async move { follow(&*payments, notification).await }
    });
    tokio::select! {
        () = working => {}
        // What still waits is found by the next process.
        () = stop.cancelled() => {}
    }
}

async fn follow(payments: &dyn Payments, notification: Notification) {
    let Notification { id, kind, intent, booking } = notification;
    let booking = match (booking, &intent) {
        (Some(booking), _) => booking,
        (None, Some(intent)) => match payments.booking_of(intent).await {
            Ok(booking) => booking,
            // Of another program that shares the account, or the gateway is down: the sweep looks later.
            Err(fault) => return tracing::debug!(webhook = id, kind, %intent, %fault, "a notification leads to no booking"),
        },
        (None, None) => return tracing::debug!(webhook = id, kind, "a notification is about no payment"),
    };
    if kind.starts_with("charge.dispute.") {
        tracing::warn!(webhook = id, kind, %booking, "a buyer disputes a charge; answer it at the gateway");
    }
    payments.look_at(booking).await;
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
            };
            if signature == "right" { Ok(notification) } else { Err(NotTaken::Signature) }
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

    fn start() -> (Webhooks, JoinHandle<()>, Arc<Recorder>, CancellationToken) {
        let (recorder, stop) = (Arc::<Recorder>::default(), CancellationToken::new());
        let (webhooks, task) = Webhooks::start(Box::new(Reader), Arc::clone(&recorder) as _, stop.clone());
        (webhooks, task, recorder, stop)
    }

    async fn take(webhooks: &Webhooks, signature: &str, body: &str) -> Result<(), NotTaken> {
        let taken = webhooks.take(signature, body.as_bytes(), Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_millis(10)).await;
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_signed_leads_to_a_look_at_its_booking_and_to_nothing_else() {
        let (webhooks, task, recorder, stop) = start();
        assert_eq!(take(&webhooks, "wrong", &booking().to_string()).await, Err(NotTaken::Signature));
        for nothing in ["pi_unknown", "about something else"] {
            take(&webhooks, "right", nothing).await.unwrap();
        }
        assert_eq!(*recorder.looked_at.lock(), []);
        take(&webhooks, "right", &booking().to_string()).await.unwrap();
        take(&webhooks, "right", "pi_known").await.unwrap();
        assert_eq!(*recorder.looked_at.lock(), [booking(), booking()]);
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_what_does_not_fit_is_refused() {
        let (webhooks, _task, recorder, _stop) = start();
        let closed = recorder.gate.lock().await;
        let mut taken = 0;
        while take(&webhooks, "right", "pi_known").await.is_ok() {
            taken += 1;
        }
        assert!((WAITING..WAITING + 2 * AT_ONCE).contains(&taken), "{taken}");
        assert_eq!(take(&webhooks, "right", "pi_known").await, Err(NotTaken::Busy));
        drop(closed);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(recorder.looked_at.lock().len(), taken);
        take(&webhooks, "right", "pi_known").await.unwrap();
    }
}
