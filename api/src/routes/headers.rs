//! Headers that many answers have in common.

use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderValue};

/// Paths whose answers, errors included, are for one caller only.
const PRIVATE: [&str; 5] = ["/v1/bookings", "/v1/me", "/v1/audit", "/v1/accounts", "/v1/sessions"];

/// Forbids every cache to store the answer.
pub(super) async fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same for an answer that no route gave.
pub(super) fn no_store_if_private(path: &str, mut response: Response) -> Response {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if PRIVATE.iter().any(|root| below(root)) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
