//! Stripe's error objects.

use super::reply::Reply;
use crate::decline::Decline;
use crate::record::{Code, Refusal};
use crate::undelivered::Undelivered;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// What a route answers.
pub type Handled = Result<Reply, ApiError>;

/// Why a request was not carried out, as Stripe says it.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
    /// Further fields of the error object.
    pub more: Vec<(&'static str, Value)>,
    pub replayed: bool,
    /// Nothing is answered: the connection breaks.
    pub lost: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, message: message.into(), param: None, more: Vec::new(), replayed: false, lost: false }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    pub fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    pub fn not_found(what: &str, id: &str, param: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(format!("No such {what}: '{id}'")) }
            .code("resource_missing")
            .param(param)
    }

    /// The connection breaks without an answer.
    pub fn lost() -> Self {
        Self { lost: true, ..Self::unavailable("the answer is lost") }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", message)
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    pub fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// A decline, as the answer to a confirmation.
    pub fn declined(decline: Decline) -> Self {
        let error = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", decline.message()).code(decline.code());
        match decline.decline_code() {
            Some(code) => error.with("decline_code", json!(code)),
            None => error,
        }
    }

    pub fn into_reply(self) -> Reply {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Value::Object(fields) = &mut error {
            if let Some(code) = self.code {
                fields.insert("code".to_owned(), json!(code));
                fields.insert("doc_url".to_owned(), json!(doc_url(code)));
            }
            if let Some(param) = self.param {
                fields.insert("param".to_owned(), json!(param));
            }
            fields.extend(self.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let body = json!({ "error": error });
        Reply { status: self.status, body, replayed: self.replayed, lost: self.lost }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into_reply().into_response()
    }
}

pub fn doc_url(code: &str) -> String {
    format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"))
}

impl From<Undelivered> for ApiError {
    fn from(undelivered: Undelivered) -> Self {
        match undelivered {
            Undelivered::Lost => Self::lost(),
            Undelivered::Unavailable(why) => Self::unavailable(why),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match refusal.code {
            Code::ApiError => (StatusCode::INTERNAL_SERVER_ERROR, "api_error"),
            Code::IdempotencyError => (StatusCode::BAD_REQUEST, "idempotency_error"),
            Code::ResourceMissing if refusal.param.as_deref() == Some("intent") => {
                (StatusCode::NOT_FOUND, "invalid_request_error")
            }
            _ => (StatusCode::BAD_REQUEST, "invalid_request_error"),
        };
        let error = Self { param: refusal.param, ..Self::new(status, kind, refusal.message) };
        match refusal.code {
            // These are types of error, and have no code.
            Code::ApiError | Code::IdempotencyError => error,
            code => error.code(code.as_str()),
        }
    }
}
