//! Stripe's HTTP API over the sandbox: what lastseat uses of it, as Stripe answers it in test mode.
//!
//! [`router`] serves it. A request becomes a [`Call`](call::Call) (who sends it, its parameters, its idempotency
//! key), a route makes a [`Command`](crate::Command) of it, and the sandbox's machine decides. What is answered is
//! rendered from the intent alone (`objects`), so a repeated key shows what it showed at first.

mod api;
mod call;
mod disturbances;
mod error;
mod events;
mod expand;
mod list;
mod objects;
mod options;
mod page;
mod params;
mod reply;
mod request;
mod routes;
mod webhooks;

pub use disturbances::{Disturbances, Outage};
pub use options::Options;
pub use webhooks::{BadEndpoint, WebhookOptions, sign};

use crate::gateway::SandboxGateway;
use api::Api;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use error::ApiError;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use options::API_VERSION;
use std::sync::Arc;

/// Maximum bytes of a request's body.
const MAX_BODY: usize = 256 << 10;

/// The routes of Stripe's API, and the page of the bank. Needs a tokio runtime, for webhooks. One router for each sandbox: a
/// second one takes the events away from the first.
pub fn router(sandbox: Arc<SandboxGateway>, options: Options) -> Router {
    let api = Arc::new(Api::new(sandbox, options));
    let intent = "/v1/payment_intents/{id}";
    let one_endpoint = get(routes::webhook_endpoints::retrieve)
        .post(routes::webhook_endpoints::update)
        .delete(routes::webhook_endpoints::delete);
    let v1 = Router::new()
        .route("/v1/payment_intents", get(routes::intents::list).post(routes::intents::create))
        .route(intent, get(routes::intents::retrieve).post(routes::intents::update))
        .route(&format!("{intent}/confirm"), post(routes::intents::confirm))
        .route(&format!("{intent}/capture"), post(routes::intents::capture))
        .route(&format!("{intent}/cancel"), post(routes::intents::cancel))
        .route("/v1/refunds", get(routes::refunds::list).post(routes::refunds::create))
        .route("/v1/refunds/{id}", get(routes::refunds::retrieve))
        .route("/v1/charges", get(routes::charges::list))
        .route("/v1/charges/{id}", get(routes::charges::retrieve))
        .route("/v1/disputes", get(routes::charges::list_disputes))
        .route("/v1/disputes/{id}", get(routes::charges::retrieve_dispute))
        .route("/v1/disputes/{id}/close", post(routes::charges::close_dispute))
        .route("/v1/payment_methods", get(routes::methods::list).post(routes::methods::create))
        .route("/v1/payment_methods/{id}", get(routes::methods::retrieve))
        .route("/v1/events", get(routes::events::list))
        .route("/v1/events/{id}", get(routes::events::retrieve))
        .route("/v1/webhook_endpoints", get(routes::webhook_endpoints::list).post(routes::webhook_endpoints::create))
        .route("/v1/webhook_endpoints/{id}", one_endpoint)
        .route("/v1/account", get(routes::account::account))
        .route("/v1/balance", get(routes::account::balance))
        .method_not_allowed_fallback(unknown_route)
        .fallback(unknown_route)
        .layer(from_fn_with_state(Arc::clone(&api), envelope));
    Router::new()
        .route("/3ds/{secret}", get(page::show).post(page::answer))
        .merge(v1)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}

/// What every answer has: the request's name and the version of the API.
async fn envelope(State(api): State<Arc<Api>>, request: axum::extract::Request, next: Next) -> Response {
    let version = request.headers().get("stripe-version").cloned().unwrap_or(HeaderValue::from_static(API_VERSION));
    let key = request.headers().get("idempotency-key").cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let id = api.fresh_name("req");
    headers.insert(HeaderName::from_static("stripe-version"), version);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("request-id"), id);
    }
    if let Some(key) = key {
        headers.insert(HeaderName::from_static("idempotency-key"), key);
    }
    // A browser confirms with the publishable key from the shop's page. Without leave to send an Authorization
    // header, a page can do no more than that.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn unknown_route(method: Method, uri: http::Uri) -> Response {
    let path: String = uri.path().chars().take(120).collect();
    let message = format!(
        "Unrecognized request URL ({method}: {path}). This is lastseat's payment sandbox; it serves the part of Stripe's API that \
         lastseat uses."
    );
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message).into_response()
}
