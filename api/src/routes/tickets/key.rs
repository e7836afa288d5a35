//! `GET /v1/tickets/key`: what tickets are checked with.

use crate::answer::Answer;
use crate::app::App;
use crate::tickets::PublicKeyJson;
use axum::extract::State;
use http::StatusCode;

/// The public half of the key that tickets are signed with, as a JWK (RFC 8037): with it a device checks them without
/// asking the server.
#[utoipa::path(
    get,
    path = "/v1/tickets/key",
    tag = "tickets",
    responses((status = 200, description = "The key", body = PublicKeyJson)),
)]
pub async fn get_ticket_key(State(app): State<App>) -> Answer {
    Answer::json(StatusCode::OK, &app.parts().tickets.public())
}
