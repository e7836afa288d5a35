//! The routes by resource. The tables below list everything that the server answers.

pub mod access;
pub mod audit;
pub mod bookings;
pub mod command;
pub mod docs;
pub mod health;
pub mod me;
pub mod metrics;
pub mod params;
pub mod sandbox;
pub mod shows;
pub mod web;
pub mod wire;

use crate::app::App;
use crate::limits;
use crate::openapi;
use crate::problem::{Code, Problem};
use axum::Router;
use axum::middleware::from_fn_with_state;
use http::{Method, Uri};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The documented operations.
#[must_use]
pub fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        // Shows
        .routes(routes!(shows::read::list_shows, shows::create::schedule_show))
        .routes(routes!(shows::read::get_show))
        .routes(routes!(shows::seats::get_seats))
        .routes(routes!(shows::stream::stream_seats))
        .routes(routes!(shows::control::pause_sales))
        .routes(routes!(shows::control::resume_sales))
        .routes(routes!(shows::control::cancel_show))
        .routes(routes!(shows::sales::get_sales))
        // Bookings
        .routes(routes!(bookings::hold::hold_seats))
        .routes(routes!(bookings::manage::get_booking, bookings::manage::cancel_booking))
        .routes(routes!(bookings::manage::extend_hold))
        .routes(routes!(bookings::pay::pay))
        .routes(routes!(bookings::manage::refund))
        // The caller
        .routes(routes!(me::bookings::my_bookings))
        .routes(routes!(me::rewards::my_rewards))
        .routes(routes!(me::redeem::redeem_voucher))
        // Auditors
        .routes(routes!(audit::events::audit_events))
        // Operators
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        // Documentation
        .routes(routes!(docs::problem))
}

/// Operations of the payment sandbox; present only where payments are simulated.
#[must_use]
pub fn sandbox_operations() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(sandbox::authenticate))
}

/// The description of the API (OpenAPI 3.1), made from the code that serves it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = operations().merge(sandbox_operations()).split_for_parts();
    openapi::complete(&mut document);
    document
}

/// Everything that the server answers.
pub fn router(app: App) -> Router {
    let mut operations = operations();
    let mut pages = web::router();
    if app.parts().sandbox.is_some() {
        operations = operations.merge(sandbox_operations());
        pages = pages.merge(web::sandbox_router());
    }
    let (mut router, _) = operations.split_for_parts();
    if app.limits().has_reads() {
        router = router.route_layer(from_fn_with_state(app.clone(), limits::reads::limit));
    }
    router
        .merge(docs::router(openapi::json(&document())))
        .merge(pages)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown_route)
        .with_state(app)
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(Code::UnknownRoute, "There is nothing at this address. GET /openapi.json lists all addresses.")
        .fact("path", uri.path())
}

/// The router adds the `Allow` header.
async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "This address does not support the method. The Allow header lists the methods that it supports.",
    )
    .fact("method", method.as_str())
}
