//! The limit for refusals and seat maps: an axum that takes the same POST, reads its body, and answers a problem
//! of the same size without thinking; and that answers a GET with as many bytes as it names.

use crate::outcome::Outcome;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{get, post};
use tokio::net::TcpListener;

/// About what lastseat says of a taken seat.
const TAKEN: &str = r#"{"type":"/problems/seat_unavailable","title":"Seat unavailable","status":409,"code":"seat_unavailable","detail":"Seat `A-1` is taken. Choose another one.","seat":"A-1","state":"locked","free_at":"2026-01-01T12:00:00.000000Z","retry_after":599}"#;

/// Most bytes of an answer to a GET.
const MOST_BYTES: usize = 32 << 20;

/// Serves until killed. Prints the address on stdout.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let answer =
        |_body: String| async { (axum::http::StatusCode::CONFLICT, [("content-type", "application/problem+json")], TAKEN) };
    let zeros = Bytes::from(vec![0; MOST_BYTES]);
    let bytes = move |Path(length): Path<usize>| async move { zeros.slice(..length.min(MOST_BYTES)) };
    let router = Router::new().route("/v1/shows/{show}/bookings", post(answer)).route("/bytes/{length}", get(bytes));
    Ok(axum::serve(listener, router).await?)
}
