//! The node that uses another's sandbox: a payment gateway over HTTP.

use super::connection::{BadUrl, Connection, NoAnswer};
use super::problem::{self, Problem};
use super::wire::{Act, Authenticate, Confirm, Create, Hello, Refund, Reply, Retrieve, VERSION, path};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Default for a whole call. The sandbox's slow payment method takes 3 s.
const DEADLINE: Duration = Duration::from_secs(10);

/// The sandbox of another process. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct RemoteSandbox {
    connection: Connection,
    deadline: Duration,
}

impl RemoteSandbox {
    /// The sandbox that another node serves at `url`. Does no I/O; [`RemoteSandbox::check`] finds out
    /// whether it answers.
    ///
    /// # Errors
    /// [`BadUrl`] unless `url` is `http://`, a host and a port.
    pub fn open(url: &str) -> Result<Self, BadUrl> {
        Ok(Self { connection: Connection::to(url)?, deadline: DEADLINE })
    }

    /// How long a whole call may take; 10 s by default. Answers slower than that are lost, also those
    /// that the sandbox delays on purpose.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Checks that a sandbox of this version answers. Has no effect on it.
    ///
    /// # Errors
    /// [`GatewayFault::Unavailable`] if nothing answers in time; `Refused` with the code
    /// `not_a_shared_sandbox` if it is something else, or of another version.
    pub async fn check(&self) -> Result<(), GatewayFault> {
        let response = match self.connection.exchange(Method::GET, path::HELLO, Bytes::new(), self.deadline).await {
            Ok(response) => response,
            // The request has no effect, so it doesn't matter whether it arrived.
            Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) => return Err(GatewayFault::Unavailable(why)),
        };
        let address = &self.connection.authority;
        let message = match serde_json::from_slice(response.body()) {
            Ok(Hello { shared_sandbox: VERSION }) => return Ok(()),
            Ok(Hello { shared_sandbox: version }) => {
                format!("the sandbox at {address} speaks version {version}, not {VERSION}; run the same lastseat on all nodes")
            }
            Err(_) => format!("{address} is no shared sandbox: it answered {}", response.status()),
        };
        Err(GatewayFault::Refused { code: "not_a_shared_sandbox".to_owned(), message })
    }

    /// Ends the buyer's authentication at the bank's page. It has no idempotency key: after an answer
    /// that was lost, a repeat may be refused because the first call was carried out.
    ///
    /// # Errors
    /// [`GatewayFault::Refused`] if the intent does not wait for it.
    pub async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<Intent, GatewayFault> {
        self.call(path::AUTHENTICATE, &Authenticate { intent: intent.clone(), success }).await
    }

    async fn call(&self, path: &'static str, request: &(impl Serialize + Sync)) -> Result<Intent, GatewayFault> {
        let body = serde_json::to_vec(request).map_err(|error| GatewayFault::Unavailable(error.to_string()))?;
        match self.connection.exchange(Method::POST, path, body.into(), self.deadline).await {
            Ok(response) => self.read(&response),
            Err(NoAnswer::NotSent(why)) => Err(GatewayFault::Unavailable(why)),
            Err(NoAnswer::Lost(why)) => Err(GatewayFault::OutcomeUnknown(why)),
        }
    }

    fn read(&self, response: &Response<Bytes>) -> Result<Intent, GatewayFault> {
        let address = &self.connection.authority;
        if response.status() == StatusCode::OK {
            return serde_json::from_slice::<Reply>(response.body()).map_or_else(
                |error| Err(GatewayFault::OutcomeUnknown(format!("{address} sent an answer that cannot be read: {error}"))),
                Into::into,
            );
        }
        let why = format!("{address} answered {}: {}", response.status(), summary(response.body()));
        // Our server refuses such a request before it calls the sandbox. A refusal from anything else,
        // such as a proxy, leaves open whether the call was made.
        if response.status().is_client_error() && is_problem(response) {
            return Err(GatewayFault::Unavailable(why));
        }
        Err(GatewayFault::OutcomeUnknown(why))
    }
}

fn is_problem(response: &Response<Bytes>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| value == problem::MEDIA_TYPE)
}

/// What a problem says, or the start of any other body.
fn summary(body: &[u8]) -> String {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { code, detail, .. }) => format!("{detail} ({code})"),
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

impl fmt::Debug for RemoteSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RemoteSandbox");
        shown.field("authority", &self.connection.authority).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentGateway for RemoteSandbox {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.call(
            path::CREATE,
            &Create { booking: order.booking, amount: order.amount, show: order.show.clone(), seats: order.seats.clone() },
        )
        .await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        let request = Confirm { intent: intent.clone(), booking, attempt, payment_method: payment_method.to_owned() };
        self.call(path::CONFIRM, &request).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.call(path::RETRIEVE, &Retrieve { intent: intent.clone() }).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(path::CAPTURE, &Act { intent: intent.clone(), booking }).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.call(path::CANCEL, &Act { intent: intent.clone(), booking }).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.call(path::REFUND, &Refund { intent: intent.clone(), booking, number, amount }).await
    }
}
