use super::*;
use async_trait::async_trait;
use lastseat_domain::ports::payments::GatewayFault;
use lastseat_domain::{BookingId, IntentId};
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
    async fn booking_of(&self, intent: &IntentId, _: Option<BookingId>) -> Result<BookingId, GatewayFault> {
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
        let text = self.metrics.render(crate::metrics::Gauges::default(), crate::metrics::Format::Prometheus);
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
