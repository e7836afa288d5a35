//! The limit for seat streams: an axum that broadcasts a message of the same size to everybody who listens, made once
//! and shared. No log, no show, no resuming.

use crate::outcome::Outcome;
use crate::time_of_day::TimeOfDay;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

/// Messages that a slow reader may still have to receive.
const CAPACITY: usize = 16_384;

#[derive(Clone)]
struct Feed {
    messages: broadcast::Sender<Bytes>,
    number: Arc<AtomicU64>,
}

/// Serves until killed. Prints the address on stdout.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let feed = Feed { messages: broadcast::Sender::new(CAPACITY), number: Arc::default() };
    let router = Router::new().route("/changes", post(change)).route("/stream", get(stream)).with_state(feed);
    Ok(axum::serve(listener, router).await?)
}

async fn change(State(feed): State<Feed>) -> &'static str {
    let (number, at) = (feed.number.fetch_add(1, Ordering::Relaxed) + 1, TimeOfDay::now());
    let message = format!(
        "id: {number}\nevent: seat_locked\ndata: {{\"seat\":\"A-1\",\"state\":\"locked\",\"position\":{number},\"at\":\"2026-01-01T{at}Z\"}}\n\n"
    );
    // An error says that nobody listens.
    let _ = feed.messages.send(message.into());
    "{}"
}

async fn stream(State(feed): State<Feed>) -> Response {
    let messages = futures::stream::unfold(feed.messages.subscribe(), |mut messages| async move {
        let message = messages.recv().await.ok()?;
        Some((Ok::<_, Infallible>(message), messages))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(messages)).into_response()
}
