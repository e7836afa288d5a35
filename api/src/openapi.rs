//! The description of the API around and beyond its operations, which describe themselves.

mod limits;
mod problem_schemas;
mod problems;
pub mod roles;
mod sessions;
mod shape;
mod strict;

pub use problem_schemas::AnyProblem;

use crate::routes::audit::events::Line;
use crate::routes::wire::names;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The document without its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "lastseat",
        description = "Seat reservations for sales in which thousands want the last seat.\n\n\
            Errors are RFC 9457 problems with a stable `code`. Money is integer minor units. Send an \
            `Idempotency-Key` with every POST: the same key and body get the first answer again, with \
            `Idempotent-Replayed: true`.",
    ),
    components(schemas(Line<'static>, names::RoleName, names::SeatState)),
    tags(
        (name = "shows", description = "Shows and their sale"),
        (name = "seats", description = "The state of seats, and its changes"),
        (name = "bookings", description = "From hold to confirmed"),
        (name = "tickets", description = "What a confirmed booking gets in with"),
        (name = "vouchers", description = "Vouchers that lower what a booking costs, or that goods are handed over for"),
        (name = "accounts", description = "People who sign in here, and their sessions"),
        (name = "me", description = "The caller's own bookings and rewards"),
        (name = "audit", description = "The event history"),
        (name = "payments", description = "What payment gateways report"),
        (name = "sandbox", description = "The buyer's bank, where payments are simulated"),
        (name = "operations", description = "For operators"),
    ),
)]
struct Frame;

/// The document that the operations are put into.
#[must_use]
pub fn frame() -> utoipa::openapi::OpenApi {
    let mut frame = Frame::openapi();
    let components = frame.components.get_or_insert_default();
    for (name, what) in [
        ("token", "A JWT: `lastseat token --sub NAME --role ROLE` mints one"),
        ("booking_token", "The token that came with the booking"),
    ] {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(what.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    sessions::describe(components);
    frame
}

/// Adds to every operation what all of its kind have in common.
pub fn complete(document: &mut utoipa::openapi::OpenApi) {
    problems::add(document);
    limits::add(document);
    strict::add(document);
    shape::add(document);
}

/// The document as JSON text.
#[must_use]
pub fn json(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the description of the API can't be written");
        "{}".to_owned()
    })
}

#[cfg(test)]
mod tests;
