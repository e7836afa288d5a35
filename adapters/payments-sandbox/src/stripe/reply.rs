//! An answer on its way to the client.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use std::io;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");

/// A status and a JSON object.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
    /// The idempotency key's first answer again.
    pub replayed: bool,
    /// The connection breaks instead.
    pub lost: bool,
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, replayed: false, lost: false }
    }

    pub fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        if self.lost {
            return broken_connection();
        }
        // Stripe's own answers are indented as well; people read them with curl.
        let text = serde_json::to_string_pretty(&self.body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Nothing was done, and nothing is stored under the key.
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("true"));
        }
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A response that never leaves: its body fails before the head is written, so the server closes the
/// connection without a byte.
pub fn broken_connection() -> Response {
    let error = io::Error::other("the sandbox was asked to lose answers");
    Response::new(Body::from_stream(tokio_stream::once(Err::<Bytes, _>(error))))
}
