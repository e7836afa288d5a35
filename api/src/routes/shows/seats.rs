//! `GET /v1/shows/{show}/seats`

use crate::app::App;
use crate::etag;
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::InShow;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

/// The seats of a show, true at a position of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seats)]
pub struct SeatsJson {
    /// The show.
    #[schema(example = "demo")]
    show: String,
    /// Position of the log that this is true at: the place to listen from.
    #[schema(example = 4711)]
    position: u64,
    /// The labelled seats.
    seats: Vec<SeatJson>,
    /// The areas, labelled and not.
    areas: Vec<AreaJson>,
}

/// A labelled seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatJson {
    /// Its label.
    #[schema(example = "A-1")]
    seat: String,
    /// The area that it is in.
    #[schema(example = "stalls")]
    area: String,
    /// One of `available`, `locked`, `in_process`, `booked`.
    #[schema(example = "available")]
    state: String,
    /// Minor units.
    #[schema(example = 4500)]
    price: i64,
}

/// An area.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatArea)]
pub struct AreaJson {
    /// Its id.
    #[schema(example = "floor")]
    area: String,
    /// Whether its seats have labels.
    labelled: bool,
    /// Its seats.
    #[schema(example = 1000)]
    capacity: u32,
    /// Those that are free.
    #[schema(example = 998)]
    available: u32,
    /// Price of one, minor units.
    #[schema(example = 3000)]
    price: i64,
}

/// Every seat and its state, from memory: also while the log can't be reached. `Age` is the time in
/// seconds since the answer was known to be current, `Lastseat-Lag` its distance from the end of the
/// log. What the caller did before on this node is in it.
///
/// `position` is where to go on: `GET /v1/shows/{show}/seats/stream?from={position}` has every
/// change after it, without gap or repeat.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/seats",
    tag = "seats",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of an earlier answer"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses(
        (status = 200, description = "The seats", body = SeatsJson),
        (status = 304, description = "As before"),
    ),
)]
pub async fn get_seats(State(app): State<App>, InShow(show): InShow, headers: HeaderMap) -> Result<Response, Problem> {
    let fresh = freshness::wait(&app, &headers).await?;
    let body = app.read_model().seats_json(&show).ok_or(Rejection::ShowNotFound)?;
    let tag = position_in(&body).map(|position| format!("\"{position}\""));
    let known = tag.as_ref().is_some_and(|tag| etag::is_known(&headers, tag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(body.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().extend(freshness::fields(fresh));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The position that a seats answer is true at. It stands before the seats, so a look at the start
/// is enough. The same position means the same seats.
fn position_in(body: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"position\":";
    let head = body.get(..body.len().min(256))?;
    let at = head.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits: Vec<u8> = head.get(at..)?.iter().copied().skip_while(|b| *b == b' ').take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_read_from_the_start_of_the_body() {
        assert_eq!(position_in(br#"{"show":"demo","position":4711,"seats":[]}"#), Some(4711));
        assert_eq!(position_in(br#"{"show":"demo","position": 7}"#), Some(7));
        assert_eq!(position_in(br#"{"show":"demo"}"#), None);
        assert_eq!(position_in(br#"{"position":"x"}"#), None);
        assert_eq!(position_in(b""), None);
    }
}
