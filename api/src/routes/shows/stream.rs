//! `GET /v1/shows/{show}/seats/stream`

use crate::app::App;
use crate::auth::Permission;
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::{InShow, Params, wrong};
use crate::server::Endless;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Rejection, ShowId};
use lastseat_projections::SEAT_FEED_REACH;

/// The changes of a show's seats as they happen, as server-sent events.
///
/// Names: `seat_locked`, `seat_processing`, `seat_booked`, `seat_released`, `seat_blocked`, `seat_unblocked`, `area_availability`, and
/// `show_revised`, after which prices, times or the plan may differ: read the show and its seats again. The `id` is the position of the log. Starts after `Last-Event-ID` or `from`, or with the next
/// change if neither is there. A reader that is more than 16,384 changes late is disconnected. Stays connected
/// while the log is down.
///
/// How far back it goes: as far as this node has the show's changes in memory, or 16,384 events of the log. Further back is a
/// 400: load the seats again. With a token of an auditor or admin it goes back to the beginning.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/seats/stream",
    tag = "seats",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("from" = Option<u64>, Query, description = "Position of the last change that is known, such as a seats answer's"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same; a browser sends it by itself when it comes back"),
    ),
    responses((status = 200, description = "The changes", body = String, content_type = "text/event-stream")),
)]
pub async fn stream_seats(
    State(app): State<App>,
    InShow(show): InShow,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let fresh = freshness::wait_for_seats(&app, &headers).await?;
    let from = start(&headers, &params)?.unwrap_or(fresh.position);
    freshness::refuse_beyond_the_log(&app, "from", from, "a position of this log; load the seats again and start from theirs")
        .await?;
    refuse_far_back(&app, &show, from, &headers).await?;
    let feed = app.read_model().seat_feed(&show, from).ok_or(Rejection::ShowNotFound)?;
    let client = app.metrics().stream_client();
    // A child: thousands that wait for one token would share its mutex.
    let drained = app.parts().drain.child_token().cancelled_owned();
    let events = feed.take_until(drained).map(move |bytes| {
        let _counted_until_the_stream_is_dropped = &client;
        bytes
    });
    let mut response = Endless::answer(events.boxed());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect an answer before they pass it on would never pass this one on.
    fields.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// Refuses a start for which much of the log would have to be read: anybody could have that done all the time, and learn what
/// the seats were at any time, which is for those who may see the history. They go back to the start.
async fn refuse_far_back(app: &App, show: &ShowId, from: Position, headers: &HeaderMap) -> Result<(), Problem> {
    let model = app.read_model();
    if model.seat_feed_reaches(show, from) || app.caller_by_token(headers).await?.has(Permission::ReadHistory) {
        return Ok(());
    }
    let rule = format!("a position of the last {SEAT_FEED_REACH} events; load the seats again and start from theirs");
    Err(wrong("from", &rule).fact("position", model.seats_freshness().position))
}

/// Where to start. The header wins: a browser that comes back sends it along with the address it
/// first called.
fn start(headers: &HeaderMap, params: &Params) -> Result<Option<Position>, Problem> {
    const RULE: &str = "a position of the log, a whole number from 0";
    if let Some(value) = headers.get("last-event-id") {
        let position = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        return position.map(|position| Some(Position(position))).ok_or_else(|| wrong("Last-Event-ID", RULE));
    }
    Ok(params.value("from", RULE)?.map(Position))
}
