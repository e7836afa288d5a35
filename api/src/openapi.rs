//! The description of the API, made from the code that serves it.

mod limits;
mod problems;

use crate::routes;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// What stands around the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "lastseat",
        description = "Seat reservations for sales in which thousands want the last seat.\n\n\
            Errors are RFC 9457 problems with a stable `code`. Money is integer minor units. Send an \
            `Idempotency-Key` with every POST: the same key and body get the first answer again, with \
            `Idempotent-Replayed: true`.",
    ),
    components(schemas(problems::ProblemJson)),
    tags(
        (name = "shows", description = "Shows and their sale"),
        (name = "seats", description = "Seats as they are, and as they change"),
        (name = "bookings", description = "From hold to confirmed"),
        (name = "me", description = "What is the caller's own"),
        (name = "audit", description = "The history itself"),
        (name = "sandbox", description = "What a buyer's bank would do, where payments are played"),
        (name = "operations", description = "For those who run it"),
    ),
)]
struct Frame;

/// The description without its operations.
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
    frame
}

/// The whole description.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = routes::operations().merge(routes::sandbox_operations()).split_for_parts();
    problems::document(&mut document);
    limits::document(&mut document);
    document
}

/// The whole description as JSON text.
#[must_use]
pub fn json() -> String {
    document().to_pretty_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the description of the API can't be written");
        "{}".to_owned()
    })
}

#[cfg(test)]
mod tests;
