//! The refusal of a request that never reached the sandbox: an RFC 9457 problem.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

/// The client takes a refusal for ours only if it has this media type.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Problem {
    pub status: u16,
    /// Stable name of the reason.
    pub code: String,
    /// What happened and what to do, for people.
    pub detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status: status.as_u16(), code: code.to_owned(), detail: detail.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
    }
}
