//! The side that asks: a payment gateway, and the bank's page, that are another process.

use super::link::{BadUrl, Link, NoAnswer};
use super::wire::{Act, Authenticate, Confirm, Create, Hello, Reply, Retrieve, VERSION, path};
use crate::app::BankAuthentication;
use crate::problem;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::{BookingId, IntentId, Money};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// For a whole call, if not said. The sandbox's slow payment method takes 3 s.
const DEADLINE: Duration = Duration::from_secs(10);

/// The sandbox of another process. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct SharedSandbox {
    link: Link,
    deadline: Duration,
}

impl SharedSandbox {
    /// The sandbox that is served at `url`. No I/O: whether it is there is for
    /// [`SharedSandbox::check`] to find out.
    ///
    /// # Errors
    /// [`BadUrl`] if it is anything but `http://`, a host and a port.
    pub fn open(url: &str) -> Result<Self, BadUrl> {
        Ok(Self { link: Link::to(url)?, deadline: DEADLINE })
    }

    /// How long a whole call may take; 10 s if not said. If it is shorter than the sandbox's slow
    /// answers take, those are never heard.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Finds out whether a sandbox is there that can be spoken to. Has no effect on it.
    ///
    /// # Errors
    /// [`GatewayFault::Unavailable`] if nobody answers in time; `Refused` with the code
    /// `not_a_shared_sandbox` if it is something else, or of another version.
    pub async fn check(&self) -> Result<(), GatewayFault> {
        let response = match self.link.exchange(Method::GET, path::HELLO, Bytes::new(), self.deadline).await {
            Ok(response) => response,
            // Whether it arrived is all the same: it would have done nothing.
            Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) => return Err(GatewayFault::Unavailable(why)),
        };
        let there = &self.link.authority;
        let message = match serde_json::from_slice(response.body()) {
            Ok(Hello { shared_sandbox: VERSION }) => return Ok(()),
            Ok(Hello { shared_sandbox: theirs }) => {
                format!("the sandbox at {there} speaks version {theirs}, not {VERSION}; run the same lastseat on all nodes")
            }
            Err(_) => format!("what answers at {there} is no shared sandbox ({})", response.status()),
        };
        Err(GatewayFault::Refused { code: "not_a_shared_sandbox".to_owned(), message })
    }

    async fn ask(&self, path: &'static str, what: &(impl Serialize + Sync)) -> Result<Intent, GatewayFault> {
        let body = serde_json::to_vec(what).map_err(|error| GatewayFault::Unavailable(error.to_string()))?;
        match self.link.exchange(Method::POST, path, body.into(), self.deadline).await {
            Ok(response) => self.read(&response),
            Err(NoAnswer::NotSent(why)) => Err(GatewayFault::Unavailable(why)),
            Err(NoAnswer::Lost(why)) => Err(GatewayFault::OutcomeUnknown(why)),
        }
    }

    fn read(&self, response: &Response<Bytes>) -> Result<Intent, GatewayFault> {
        let there = &self.link.authority;
        if response.status() == StatusCode::OK {
            return serde_json::from_slice::<Reply>(response.body()).map_or_else(
                |error| Err(GatewayFault::OutcomeUnknown(format!("the answer of {there} makes no sense: {error}"))),
                Into::into,
            );
        }
        let why = format!("{there} says {}: {}", response.status(), said(response.body()));
        // Said before the sandbox is asked. Anybody else's "no" tells nothing of what was done.
        if response.status().is_client_error() && is_problem(response) {
            return Err(GatewayFault::Unavailable(why));
        }
        Err(GatewayFault::OutcomeUnknown(why))
    }
}

fn is_problem(response: &Response<Bytes>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| value == problem::MEDIA_TYPE)
}

/// The sentence of a problem, or the start of whatever it is.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { code, detail }) => format!("{detail} ({code})"),
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

impl fmt::Debug for SharedSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SharedSandbox");
        shown.field("authority", &self.link.authority).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentGateway for SharedSandbox {
    async fn create(&self, booking: BookingId, amount: Money) -> Result<Intent, GatewayFault> {
        self.ask(path::CREATE, &Create { booking, amount }).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        let ask = Confirm { intent: intent.clone(), booking, attempt, payment_method: payment_method.to_owned() };
        self.ask(path::CONFIRM, &ask).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.ask(path::RETRIEVE, &Retrieve { intent: intent.clone() }).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.ask(path::CAPTURE, &Act { intent: intent.clone(), booking }).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.ask(path::CANCEL, &Act { intent: intent.clone(), booking }).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.ask(path::REFUND, &Act { intent: intent.clone(), booking }).await
    }
}

#[async_trait]
impl BankAuthentication for SharedSandbox {
    /// Has no idempotency key: after an answer that was lost, a repeat may be refused, because the
    /// first was heard.
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<BookingId, String> {
        let answer = self.ask(path::AUTHENTICATE, &Authenticate { intent: intent.clone(), success }).await;
        answer.map(|intent| intent.booking).map_err(|fault| fault.to_string())
    }
}
