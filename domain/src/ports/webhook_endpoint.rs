//! An endpoint of the shop, which is sent messages about what happened.

use crate::Timestamp;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What an endpoint is sent. Each try is the same but for its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// That of the event that it is about, so that the endpoint recognises a repeat.
    pub id: Uuid,
    /// JSON.
    pub body: Arc<str>,
    /// The trace that the event is a part of, as a header `traceparent`; `None` if nobody records it.
    pub traceparent: Option<String>,
}

/// What came of a try to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// The endpoint has taken it.
    Taken,
    /// It answered with another status than 2xx.
    Refused {
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again, if it says so.
        retry_after: Option<Duration>,
    },
    /// There was no answer: it may have taken it.
    NoAnswer(String),
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Refused { status, .. } => write!(f, "answered {status}"),
            Self::NoAnswer(why) => f.write_str(why),
        }
    }
}

/// An endpoint of the shop.
#[async_trait]
pub trait WebhookEndpoint: Send + Sync + 'static {
    /// Sends a message once, within a bounded time. `now` is when it is sent, which its signature covers.
    async fn send(&self, message: &Message, now: Timestamp) -> Receipt;
}
