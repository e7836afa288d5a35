//! What a refusal looks like: an RFC 9457 problem with a stable code, a sentence that says what to
//! do, and the fact that stood in the way.

mod codes;
mod facts;

pub use codes::Code;

use crate::answer::Answer;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{StatusCode, header};
use lastseat_domain::Rejection;
use lastseat_domain::ports::LogFault;
use lastseat_engine::{CommandError, Fault};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal, or a failure, on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    /// Members of the problem besides the standard ones, as JSON text, each with a comma before it.
    facts: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the rules said it, and not the parsing in front of them.
    ruled: bool,
}

impl Problem {
    /// A problem; `detail` says what the caller can do.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self(Box::new(Inner { code, detail, facts: Vec::new(), headers: Vec::new(), ruled: false }))
    }

    /// Adds a member. What can't be put as JSON is left out.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Serialize) -> Self {
        // Written where it belongs: these are most of what a refusal costs.
        let facts = &mut self.0.facts;
        let before = facts.len();
        facts.push(b',');
        let named = serde_json::to_writer(&mut *facts, name).is_ok();
        facts.push(b':');
        if !named || serde_json::to_writer(&mut *facts, &value).is_err() {
            facts.truncate(before);
        }
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says when to come back, in the header and in the problem.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = whole_seconds(after);
        self.header(RETRY_AFTER, HeaderValue::from(seconds)).fact("retry_after", seconds)
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        let inner = &self.0;
        let code = inner.code.text();
        let mut body = Vec::with_capacity(160 + inner.detail.len() + inner.facts.len() + 2 * code.len());
        let mut put = |text: &str| body.extend_from_slice(text.as_bytes());
        put("{\"type\":\"/problems/");
        put(code);
        put("\",\"title\":\"");
        put(inner.code.title());
        put("\",\"status\":");
        put(inner.code.status().as_str());
        put(",\"code\":\"");
        put(code);
        put("\",\"detail\":");
        let before = body.len();
        if serde_json::to_writer(&mut body, &inner.detail).is_err() {
            body.truncate(before);
            body.extend_from_slice(b"\"\"");
        }
        body.extend_from_slice(&inner.facts);
        body.push(b'}');
        body.into()
    }

    /// The answer: the problem, and whether its repeat gets it again.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        let body = self.to_json();
        let Inner { code, headers, ruled, .. } = *self.0;
        let mut answer = Answer::new(code.status(), HeaderValue::from_static(MEDIA_TYPE), body);
        answer.headers.extend(headers);
        answer.decided = ruled && code.is_decision();
        answer.problem = Some(code);
        answer
    }
}

/// At least one: a caller told to come back after 0 seconds would not wait at all.
pub(crate) fn whole_seconds(after: Duration) -> u64 {
    let up = u64::from(after.subsec_nanos() > 0);
    after.as_secs().saturating_add(up).max(1)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_answer().into_response()
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let mut problem = Self::new(Code::of(&rejection), rejection.to_string());
        problem.0.ruled = true;
        facts::tell(problem, &rejection)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let soon = Duration::from_secs(1);
        match fault {
            Fault::Busy { retry_after } => {
                Self::new(Code::Busy, "Nothing was done. Send the same request again after the time given.")
                    .retry_after(retry_after)
            }
            Fault::Stopping => {
                Self::new(Code::Stopping, "Nothing was done. Send the same request again; another server will answer.")
                    .retry_after(soon)
            }
            Fault::Unavailable(why) => {
                tracing::warn!(why, "unavailable");
                Self::new(Code::Unavailable, "Nothing was done. Send the same request again after the time given.")
                    .retry_after(soon)
            }
            Fault::OutcomeUnknown(why) => {
                tracing::warn!(why, "outcome unknown");
                let detail = "It may have been done or not. Send the same request with the same Idempotency-Key again: \
                              it finds out, and is never done twice.";
                Self::new(Code::OutcomeUnknown, detail).retry_after(soon)
            }
            // What is wrong is for the operator; a caller can't help and need not know.
            Fault::Damaged(why) => {
                tracing::error!(why, "damaged");
                Self::new(Code::Internal, "The operator was told. Repeating the request will not help before it is mended.")
            }
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            CommandError::Failed(fault) => fault.into(),
        }
    }
}

impl From<LogFault> for Problem {
    fn from(fault: LogFault) -> Self {
        Fault::from(fault).into()
    }
}

impl Problem {
    /// The answer to a caller without a token where one is needed.
    #[must_use]
    pub fn authentication_required() -> Self {
        Self::new(Code::AuthenticationRequired, "Send `Authorization: Bearer …` with your token or with the booking's token.")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lastseat\""))
    }
}

#[cfg(test)]
mod tests;
