//! What a payment gateway reports by itself. Its signature is checked at once; the work happens afterwards.
//!
//! A notification is a hint to look, never a fact: it names a booking or an intent, and the engine asks the
//! gateway how that stands. So repeated, late, unordered and unknown notifications change nothing by themselves.

mod follow;
mod notification;

pub use notification::{NotTaken, Payments, WebhookReader};

use crate::metrics::Metrics;
use follow::follow;
use futures::StreamExt;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::payments::Notification;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Notifications that wait. The gateway sends again what is refused for lack of room.
const WAITING: usize = 4096;

/// Notifications that are worked on at once.
const AT_ONCE: usize = 32;

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

    /// Notifications that nobody works on yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
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
        // What still waits is found by the sweep of another process.
        () = stop.cancelled() => {}
    }
}

#[cfg(test)]
mod tests;
