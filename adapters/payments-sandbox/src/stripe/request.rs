//! Reads a request: who sends it, under which idempotency key, with which parameters.

use super::api::Api;
use super::call::{Call, Role};
use super::error::ApiError;
use super::params::Params;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Method, StatusCode};
use std::sync::Arc;

/// Stripe's limit.
const MAX_KEY: usize = 255;

impl FromRequest<Arc<Api>> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let mut params = Params::default();
        params.add(parts.uri.query().unwrap_or_default().as_bytes());
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), api).await.map_err(|_| {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "The body is too large or ended early.")
        })?;
        params.add(&body);
        let role = role(&parts.headers, &params)?;
        let key = header(&parts.headers, "idempotency-key").map(str::to_owned);
        if key.as_ref().is_some_and(|key| key.len() > MAX_KEY) {
            return Err(ApiError::invalid(format!("Idempotency keys have at most {MAX_KEY} characters.")));
        }
        let base = match &api.options.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", header(&parts.headers, HOST.as_str()).unwrap_or("localhost")),
        };
        let faults = api.injector.next(api.sandbox.now())?;
        // A change is lost after it was made.
        if faults.lost_answer && parts.method == Method::GET {
            return Err(ApiError::lost());
        }
        Ok(Self { faults, params, role, key, path: parts.uri.path().to_owned(), base })
    }
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn role(headers: &HeaderMap, params: &Params) -> Result<Role, ApiError> {
    let key = match header(headers, AUTHORIZATION.as_str()) {
        Some(credentials) => credential(credentials),
        // As Stripe.js sends it. A secret key is not taken from there: it would end up in logs of addresses.
        None => params.filled("key").filter(|key| key.starts_with("pk_")).map(str::to_owned),
    };
    let Some(key) = key else {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth \
             (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). This is a sandbox: any key that begins with sk_test_ will do.",
        ));
    };
    let mode = key.get(..8).unwrap_or_default();
    match mode {
        "sk_test_" | "rk_test_" => Ok(Role::Server),
        "pk_test_" => Ok(Role::Browser),
        "sk_live_" | "rk_live_" | "pk_live_" => Err(ApiError::unauthorized(
            "This is lastseat's payment sandbox, not Stripe, and you sent a live key. Use a test key here (any that begins with \
             sk_test_), and think about rolling the live key: it has been sent to another server.",
        )),
        _ => Err(ApiError::unauthorized(format!(
            "Invalid API Key provided: {}****. Use one that begins with sk_test_.",
            mode.get(..3).unwrap_or_default()
        ))),
    }
}

/// The key in a header's value: `Bearer …`, or the user of `Basic …`.
fn credential(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    decoded.split(':').next().map(str::to_owned)
}
