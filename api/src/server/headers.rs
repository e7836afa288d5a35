//! Headers of every answer that tell browsers what not to do with it.

use http::HeaderMap;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

/// Every answer has this header.
pub(super) const MARK: HeaderName = CONTENT_SECURITY_POLICY;

/// For pages: everything comes from this server, data can't run as code, and no other site may show
/// the page inside its own.
pub const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'none'",
);
/// For all other answers, which are data: nothing in them may be loaded or run.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds them. An answer may bring its own policy.
pub(super) fn add(headers: &mut HeaderMap) {
    headers.entry(MARK).or_insert(DATA_POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // The links of bookings have their tokens in the fragment, which is never sent; the booking's id is
    // in the query, and that would be.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
