//! An answer that is complete before it is sent, so that it can be kept and given again.

use crate::problem::{Code, Problem};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers, media type included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// Whether something was decided, so that a repeat under the same idempotency key gets this
    /// answer again.
    pub decided: bool,
    /// The problem's code, if this is one.
    pub problem: Option<Code>,
}

impl Answer {
    /// An answer that is not kept.
    #[must_use]
    pub fn new(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, media_type)], body, decided: false, problem: None }
    }

    /// JSON that is kept if the status is a success.
    #[must_use]
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => {
                let mut answer = Self::new(status, HeaderValue::from_static("application/json"), body.into());
                answer.decided = status.is_success();
                answer
            }
            Err(error) => {
                tracing::error!(%error, "an answer can't be written as JSON");
                Problem::new(Code::Internal, "The answer could not be written.").into_answer()
            }
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says where the new thing is.
    #[must_use]
    pub fn location(self, path: &str) -> Self {
        match HeaderValue::from_str(path) {
            Ok(path) => self.header(LOCATION, path),
            Err(_) => self,
        }
    }

    /// Not kept: the next request of the same kind may get another answer.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.decided = false;
        self
    }

    /// Says that this answer was given before.
    #[must_use]
    pub fn replayed(self) -> Self {
        self.header(REPLAYED, HeaderValue::from_static("true"))
    }

    /// The answer as it was given first.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != REPLAYED);
        self
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        self.body.len() + headers + 128
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 2);
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        *response.headers_mut() = headers;
        response
    }
}
