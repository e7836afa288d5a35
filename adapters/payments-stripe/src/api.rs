//! Sends requests in their turn, again while Stripe is busy, and sorts the answers.

use super::answers::{Failure, Reply, read};
use super::busy;
use super::objects::IntentObject;
use super::rate::{Buckets, Endpoint, Queue};
use super::requests;
use super::settings::{SettingsError, StripeSettings};
use super::transport::{Answer, Call, NoAnswer, Transport};
use lastseat_domain::IntentId;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::Instant;

/// Code of the refusal of an id that Stripe does not know.
const UNKNOWN_ID: &str = "resource_missing";

/// One account of Stripe.
pub(crate) struct Api {
    transport: Transport,
    buckets: Mutex<Buckets>,
    since: Instant,
    return_url: String,
    busy_for: Duration,
    longest_queue: Duration,
}

impl Api {
    pub(crate) fn open(settings: &StripeSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            transport: Transport::open(settings)?,
            buckets: Mutex::new(Buckets::new(settings.limits, settings.share)),
            since: Instant::now(),
            return_url: settings.return_url.clone(),
            busy_for: settings.busy_for,
            longest_queue: settings.longest_queue,
        })
    }

    pub(crate) fn return_url(&self) -> &str {
        &self.return_url
    }

    /// How long a request would wait for its turn.
    pub(crate) fn delay(&self, endpoint: Endpoint) -> Duration {
        self.buckets.lock().wait(endpoint, self.since.elapsed())
    }

    /// One answer, whatever it says.
    pub(crate) async fn answer(&self, call: &Call, key: Option<&str>, queues: &[Queue]) -> Result<Answer, Failure> {
        let endpoint = call.endpoint();
        for queue in queues {
            let wait = self.buckets.lock().take(*queue, endpoint, self.since.elapsed());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        self.transport.send(call, key).await.map_err(|none| match none {
            NoAnswer::NotSent(why) => Failure::NotDone(format!("no connection to Stripe: {why}")),
            NoAnswer::Lost(why) => Failure::Unknown(format!("no answer from Stripe: {why}")),
        })
    }

    /// The result of a request, which is sent again under the same key while Stripe asks for that.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: &Call, key: Option<&str>) -> Result<T, Failure> {
        let delay = self.delay(call.endpoint());
        if delay > self.longest_queue {
            return Err(Failure::NotDone(format!("its turn within Stripe's limits is {} s away", delay.as_secs())));
        }
        let deadline = Instant::now() + self.busy_for;
        let mut queues: &[Queue] = &Queue::FIRST;
        for number in 1.. {
            let (retry_after, failure) = match read(&self.answer(call, key, queues).await?) {
                Reply::Done(result) => return Ok(result),
                Reply::Failed(failure) => return Err(failure),
                Reply::Busy { retry_after, failure } => (retry_after, failure),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(wait) = busy::wait(number, retry_after, busy::random(), left) else { return Err(failure) };
            tokio::time::sleep(wait).await;
            queues = &Queue::AGAIN;
        }
        Err(Failure::NotDone("Stripe is too busy".to_owned()))
    }

    /// The result of a request that is answered with an intent.
    pub(crate) async fn intent(&self, call: &Call, key: Option<&str>) -> Result<Intent, Failure> {
        let object: IntentObject = self.send(call, key).await?;
        object.view().map_err(|fault| Failure::Unknown(fault.to_string()))
    }

    /// The intent as it is now.
    pub(crate) async fn look(&self, intent: &IntentId) -> Result<IntentObject, GatewayFault> {
        self.send(&requests::retrieve(intent), None).await.map_err(Failure::into_fault_of_look)
    }
}

/// Stripe's ids have these characters only. Others would change the path of a request.
pub(crate) fn checked(intent: &IntentId) -> Result<&IntentId, GatewayFault> {
    if intent.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(intent);
    }
    Err(GatewayFault::Refused { code: UNKNOWN_ID.to_owned(), message: "this is not the id of a payment intent".to_owned() })
}
