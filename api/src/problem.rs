//! What a refusal looks like: an RFC 9457 problem with a stable code, a sentence that says what to
//! do next, and the facts that stood in the way.

mod codes;
pub mod facts;
mod rejection;

pub use codes::Code;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use lastseat_domain::ports::LogFault;
use lastseat_engine::{BusyCause, CommandError, Fault};
use lastseat_projections::ProjectionError;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal or a failure, before it becomes an answer.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    /// Members besides the standard ones, as JSON text, each with a comma before it.
    facts: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether a rule of the domain refused the request, not the parsing before it.
    from_rules: bool,
    /// What there is too much of, for the operator.
    busy: Option<BusyCause>,
}

impl Problem {
    /// `detail` says what happened and what the caller can do next.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self(Box::new(Inner { code, detail, facts: Vec::new(), headers: Vec::new(), from_rules: false, busy: None }))
    }

    /// The 401 of a caller without a token where one is needed.
    #[must_use]
    pub fn authentication_required() -> Self {
        Self::new(Code::AuthenticationRequired, "Send `Authorization: Bearer …` with your token or with the booking's token.")
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lastseat\""))
    }

    /// The 403 of a caller with a token where an account here is needed.
    #[must_use]
    pub fn session_required() -> Self {
        let detail =
            "This is about an account here, and your token is not one's. Sign in with POST /v1/sessions, and send no token.";
        Self::new(Code::SessionRequired, detail)
    }

    /// The 404 of an account that is not there.
    #[must_use]
    pub fn account_not_found() -> Self {
        Self::new(Code::AccountNotFound, "There is no such account. GET /v1/accounts lists them.")
    }

    /// The 401 of a token that is not accepted, with its challenge (RFC 6750).
    #[must_use]
    pub fn token_refused(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let challenge = match code {
            Code::TokenExpired => "Bearer realm=\"lastseat\", error=\"invalid_token\", error_description=\"token expired\"",
            _ => "Bearer realm=\"lastseat\", error=\"invalid_token\"",
        };
        Self::new(code, detail).header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// Adds a member. A value that can't be written as JSON is left out.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Serialize) -> Self {
        // Written straight into the buffer: facts are most of what a refusal costs.
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

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says when to try again, in the header and in the body.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = whole_seconds(after);
        self.header(RETRY_AFTER, HeaderValue::from(seconds)).fact("retry_after", seconds)
    }

    /// What happened and what to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What there is too much of, if that is why.
    #[must_use]
    pub fn busy(&self) -> Option<BusyCause> {
        self.0.busy
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// The same refusal, for a reason that may pass at any moment: it must not use up the idempotency key.
    #[must_use]
    pub fn that_may_pass(mut self) -> Self {
        self.0.from_rules = false;
        self
    }

    /// Whether a repeat under the same idempotency key gets this refusal again.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        self.0.from_rules && self.0.code.is_decision()
    }

    #[must_use]
    pub fn into_headers(self) -> Vec<(HeaderName, HeaderValue)> {
        self.0.headers
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
        #[cfg(debug_assertions)]
        facts::check(inner.code, &body);
        body.into()
    }
}

/// Rounded up, and at least one: a client that reads 0 would not wait at all.
pub(crate) fn whole_seconds(after: Duration) -> u64 {
    let up = u64::from(after.subsec_nanos() > 0);
    after.as_secs().saturating_add(up).max(1)
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let soon = Duration::from_secs(1);
        match fault {
            Fault::Busy { retry_after, cause } => {
                let detail = "Nothing was done. Send the same request again after `retry_after` seconds.";
                let mut problem = Self::new(Code::Busy, detail).retry_after(retry_after);
                problem.0.busy = Some(cause);
                problem
            }
            Fault::PaymentQueueFull { wait } => {
                let detail = "Nothing was done, and your seats stay held. More buyers are paying than the payment gateway takes \
                              in the time that your hold has left. Try again after `retry_after` seconds.";
                Self::new(Code::PaymentQueueFull, detail).fact("wait", whole_seconds(wait)).retry_after(Duration::from_secs(5))
            }
            Fault::Stopping => {
                Self::new(Code::Stopping, "Nothing was done. Send the same request again; another server will answer.")
                    .retry_after(soon)
            }
            Fault::Unavailable(why) => {
                tracing::warn!(why, "unavailable");
                Self::new(Code::Unavailable, "Nothing was done. Send the same request again after `retry_after` seconds.")
                    .retry_after(soon)
            }
            Fault::OutcomeUnknown(why) => {
                tracing::warn!(why, "outcome unknown");
                let detail = "The request may have been carried out or not. Send it again with the same Idempotency-Key: \
                              you get the outcome, and nothing is done twice.";
                Self::new(Code::OutcomeUnknown, detail).retry_after(soon)
            }
            // The cause is for the operator's log; the caller can't help and must not learn of it.
            Fault::Damaged(why) => {
                tracing::error!(why, "damaged");
                Self::new(
                    Code::Internal,
                    "The server found damaged data and wrote it to its log. Repeating the request will not help until the \
                     operator has repaired it.",
                )
            }
            Fault::Refused(why) => {
                tracing::error!(why, "the event log refuses");
                Self::new(
                    Code::Internal,
                    "The event log refuses what the server asks of it. Repeating the request will not help until the operator \
                     has looked at the server's log.",
                )
            }
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            CommandError::Contended(rejection) => Self::from(rejection).that_may_pass(),
            CommandError::Failed(fault) => fault.into(),
        }
    }
}

impl From<LogFault> for Problem {
    fn from(fault: LogFault) -> Self {
        Fault::from(fault).into()
    }
}

impl From<ProjectionError> for Problem {
    fn from(error: ProjectionError) -> Self {
        Fault::Unavailable(error.to_string()).into()
    }
}

#[cfg(test)]
mod tests;
