//! The limit for refusals: an axum that takes the same POST, reads its body, and answers a problem
//! of the same size without thinking.

use crate::outcome::Outcome;
use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;

/// About what lastseat says of a taken seat.
const TAKEN: &str = r#"{"type":"/problems/seat_unavailable","title":"Seat unavailable","status":409,"code":"seat_unavailable","detail":"Seat `A-1` is taken. Choose another one.","seat":"A-1","state":"locked","free_at":"2026-01-01T12:00:00.000000Z","retry_after":599}"#;

/// Serves until killed. Prints the address on stdout.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let answer =
        |_body: String| async { (axum::http::StatusCode::CONFLICT, [("content-type", "application/problem+json")], TAKEN) };
    Ok(axum::serve(listener, Router::new().route("/v1/shows/{show}/bookings", post(answer))).await?)
}
