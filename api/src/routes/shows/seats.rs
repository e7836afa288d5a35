//! `GET /v1/shows/{show}/seats`

use super::seats_at::{Moment, body_at};
use crate::app::App;
use crate::compression::{Coding, Use};
use crate::etag;
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::InShow;
use crate::routes::wire::{PlanOfShow, PriceType, names};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Rejection, ShowId};
use lastseat_projections::{MapBody, MapForm};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of seat maps in rows.
pub const ROWS: &str = "application/vnd.lastseat.seat-rows+json";

// What `lastseat_projections::MapBody` has: these types describe it in the API's document.

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
    /// The drawn plan that the show is on, if it is on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanOfShow>,
    /// The labelled seats.
    seats: Vec<SeatJson>,
    /// The areas, labelled and not.
    areas: Vec<AreaJson>,
}

/// A labelled seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatJson {
    /// Its id.
    #[schema(example = "A-1")]
    seat: String,
    /// The area that it is in.
    #[schema(example = "stalls")]
    area: String,
    /// Its state.
    #[schema(value_type = names::SeatState, example = "available")]
    state: String,
    /// Minor units; with price types, the first.
    #[schema(example = 4500)]
    price: i64,
    /// What a drawn plan prints on its part of the house.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    /// On its row; of a drawn plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<String>,
    /// And on itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Where it is, if the drawn plan has that: to the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<f64>,
    /// And down.
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<f64>,
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
    /// Its prices, if it has several; `price` is the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    price_types: Vec<PriceType>,
    /// What a drawn plan prints on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
}

/// The same in rows: for large shows, where it takes about a byte a seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatRows)]
pub struct SeatRowsJson {
    /// The show.
    #[schema(example = "demo")]
    show: String,
    /// Position of the log that this is true at: the place to listen from.
    #[schema(example = 4711)]
    position: u64,
    /// The drawn plan that the show is on, if it is on one: its rows have the ids of the seats, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanOfShow>,
    /// The areas, labelled and not, in the organiser's order.
    areas: Vec<AreaOfRowsJson>,
}

/// An area, with the rows of its seats.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatAreaOfRows)]
pub struct AreaOfRowsJson {
    #[serde(flatten)]
    area: AreaJson,
    /// Its rows, front first; only if its seats have labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<RowJson>>,
}

/// A row of labelled seats.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatRow)]
pub struct RowJson {
    /// What its seats' ids begin with; of a drawn plan, what is printed on the row.
    #[schema(example = "A")]
    row: String,
    /// A letter for each seat, from number 1: `a` available, `l` locked, `i` in process, `b` booked, `u`
    /// unavailable. The third letter of row `A` is seat `A-3`.
    #[schema(example = "aaalbbiaa")]
    seats: String,
}

/// Every seat and its state, from memory: also while the log can't be reached. `Age` is the time in
/// seconds since the answer was known to be current, `Lastseat-Lag` its distance from the end of the
/// log. What the caller did before on this node is in it.
///
/// `position` is where to go on: `GET /v1/shows/{show}/seats/stream?from={position}` has every
/// change after it, without gap or repeat.
///
/// `?at={position}` is for auditors: the seats as they were after the event at that position of the log, read from the log
/// itself.
///
/// `Accept: application/vnd.lastseat.seat-rows+json` gets rows with a letter for each seat instead of an
/// object: a hundredth of the bytes.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/seats",
    tag = "seats",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("at" = Option<u64>, Query, description = "For auditors: the seats as they were after the event at this position of the log, read from the log. Needs the role `auditor` or `admin`"),
        ("Accept" = Option<String>, Header, description = "`application/vnd.lastseat.seat-rows+json` for rows"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of an earlier answer"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses(
        (status = 200, description = "The seats", content(
            (SeatsJson = "application/json"),
            (SeatRowsJson = "application/vnd.lastseat.seat-rows+json"),
        )),
        (status = 304, description = "As before"),
    ),
)]
pub async fn get_seats(
    State(app): State<App>,
    InShow(show): InShow,
    Moment(at): Moment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(at) = at {
        return seats_of_then(&app, &show, at, &headers).await;
    }
    let fresh = freshness::wait_for_seats(&app, &headers).await?;
    let (form, coding) = (accepted_form(&headers), Coding::accepted(&headers));
    let MapBody { position, bytes } = match coding {
        None => app.read_model().seat_map_body(&show, form),
        Some(coding) => {
            app.read_model().compressed_seat_map_body(&show, form, coding.name(), |body| coding.compress(body, Use::Brief))
        }
    }
    .ok_or(Rejection::ShowNotFound)?;
    let tag = tag(position, form, coding);
    let mut response = if etag::is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(bytes.into());
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(form)));
        fields.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding.name()))));
        response
    };
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    fields.extend(freshness::fields(fresh));
    fields.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    Ok(response)
}

/// The seats at a position of the log. Only for those who may see the history, so no cache keeps them for others.
async fn seats_of_then(app: &App, show: &ShowId, at: Position, headers: &HeaderMap) -> Result<Response, Problem> {
    let (form, coding) = (accepted_form(headers), Coding::accepted(headers));
    let MapBody { bytes, .. } = body_at(app, show, at, form).await?;
    let bytes = coding.map_or(bytes.clone(), |coding| coding.compress(&bytes, Use::Brief).into());
    let mut response = Response::new(bytes.into());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(form)));
    fields.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding.name()))));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    Ok(response)
}

/// The media type of a form.
const fn media_type(form: MapForm) -> &'static str {
    match form {
        MapForm::Seats => "application/json",
        MapForm::Rows => ROWS,
    }
}

/// Rows, if the client names their media type.
fn accepted_form(headers: &HeaderMap) -> MapForm {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let mut names = accepted.map(|part| part.split_once(';').map_or(part, |(name, _)| name).trim());
    if names.any(|name| name.eq_ignore_ascii_case(ROWS)) { MapForm::Rows } else { MapForm::Seats }
}

/// The same position means the same seats; each form and coding has its own bytes.
fn tag(position: Position, form: MapForm, coding: Option<Coding>) -> String {
    let form = match form {
        MapForm::Seats => "",
        MapForm::Rows => "-rows",
    };
    let coding = coding.map(|coding| format!("-{}", coding.name())).unwrap_or_default();
    format!("\"{position}{form}{coding}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_for_clients_that_name_them() {
        for (accept, form) in [
            ("application/vnd.lastseat.seat-rows+json", MapForm::Rows),
            ("application/vnd.lastseat.seat-rows+json;q=0.9, application/json", MapForm::Rows),
            ("application/json, Application/vnd.lastseat.seat-rows+JSON", MapForm::Rows),
            ("*/*", MapForm::Seats),
            ("application/*", MapForm::Seats),
            ("application/json", MapForm::Seats),
            ("", MapForm::Seats),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(accepted_form(&headers), form, "{accept}");
        }
        assert_eq!(accepted_form(&HeaderMap::new()), MapForm::Seats);
    }
}
