//! A complete answer: status, headers and body, built before anything is sent, so that it can be
//! stored and repeated under an idempotency key.

use crate::problem::{Code, MEDIA_TYPE, Problem};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use lastseat_engine::BusyCause;
use serde::Serialize;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    /// `Content-Type` included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
    /// Whether the request was decided. A repeat under the same idempotency key then gets this
    /// answer; otherwise the repeat is executed.
    pub decided: bool,
    /// The problem's code, if this is one.
    pub problem: Option<Code>,
    /// What there is too much of, if that is the problem.
    pub busy: Option<BusyCause>,
}

impl Answer {
    /// An answer that is not stored.
    #[must_use]
    pub fn new(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, media_type)], body, decided: false, problem: None, busy: None }
    }

    /// JSON. It is stored if the status is a success.
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
                Problem::new(Code::Internal, "The server could not write the answer. Report this to the operator.").into()
            }
        }
    }

    /// Done, and nothing to say. Not stored.
    #[must_use]
    pub fn nothing() -> Self {
        let status = StatusCode::NO_CONTENT;
        Self { status, headers: Vec::new(), body: Bytes::new(), decided: false, problem: None, busy: None }
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds several headers.
    #[must_use]
    pub fn with(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets `Location` to the path of what was created.
    #[must_use]
    pub fn location(self, path: &str) -> Self {
        match HeaderValue::from_str(path) {
            Ok(path) => self.header(LOCATION, path),
            Err(_) => self,
        }
    }

    /// Marks the answer as provisional: the same request may get another one later.
    #[must_use]
    pub fn undecided(mut self) -> Self {
        self.decided = false;
        self
    }

    /// Marks the answer as the repeat of an earlier one.
    #[must_use]
    pub fn replayed(self) -> Self {
        self.header(REPLAYED, HeaderValue::from_static("true"))
    }

    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == REPLAYED)
    }

    /// The answer as it was given the first time.
    #[must_use]
    pub fn without_replayed(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != REPLAYED);
        self
    }

    /// About how many bytes of memory the answer takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        self.body.len() + headers + 128
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let (code, decided, busy) = (problem.code(), problem.is_decision(), problem.busy());
        let mut answer = Self::new(code.status(), HeaderValue::from_static(MEDIA_TYPE), problem.to_json());
        answer.headers.extend(problem.into_headers());
        answer.decided = decided;
        (answer.problem, answer.busy) = (Some(code), busy);
        answer
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 6);
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        *response.headers_mut() = headers;
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Answer::from(self).into_response()
    }
}
