//! `GET /v1/bookings` and `GET /v1/shows/{show}/bookings`: the shop's lists, as JSON in pages or as CSV.

use super::csv;
use super::filter::{CURSOR, Format, ListQuery, ListRequest};
use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::{InShow, Params, wrong};
use crate::routes::wire::{self, BookingJson, List};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::{BookingId, Rejection};
use lastseat_projections::{BookingFilter, BookingView, Freshness, Page, PageError};

/// Bookings fetched at a time for CSV; what one reader keeps in memory.
const LINES: usize = 1_000;

/// The bookings of all shows, newest first. For staff, managers, auditors and admins.
///
/// All filters that are sent have to apply. `Accept: text/csv` or `format=csv` gets the whole list as CSV.
#[utoipa::path(
    get,
    path = "/v1/bookings",
    tag = "bookings",
    params(
        ("show" = Option<String>, Query, description = "Only of this show"),
        ListQuery,
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of bookings, or all of them as CSV", content(
        (wire::BookingList = "application/json"),
        (String = "text/csv"),
    ))),
    security(("token" = [])),
)]
pub async fn list_bookings(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.needs(Permission::ReadBookings)?;
    let request = ListRequest::read(app.parts().auth.vouchers(), &params, &headers, None)?;
    answer(app, request, &headers).await
}

/// The bookings of a show, newest first. For staff, managers, auditors and admins.
///
/// All filters that are sent have to apply. `Accept: text/csv` or `format=csv` gets the whole list as CSV.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/bookings",
    tag = "bookings",
    params(
        ("show" = String, Path, description = "The show's id"),
        ListQuery,
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of bookings, or all of them as CSV", content(
        (wire::BookingList = "application/json"),
        (String = "text/csv"),
    ))),
    security(("token" = [])),
)]
pub async fn list_bookings_of_show(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.needs(Permission::ReadBookings)?;
    if app.box_office().show(&show).is_none() {
        return Err(Rejection::ShowNotFound.into());
    }
    let request = ListRequest::read(app.parts().auth.vouchers(), &params, &headers, Some(show))?;
    answer(app, request, &headers).await
}

async fn answer(app: App, request: ListRequest, headers: &HeaderMap) -> Result<Response, Problem> {
    let fresh = freshness::wait(&app, headers).await?;
    if request.format == Format::Csv {
        return in_csv(app, request, fresh).await;
    }
    let page = page(&app, &request.filter, request.after, request.limit).await?;
    let data: Vec<_> = page.data.iter().map(|view| BookingJson::listed(&app, view).for_the_shop(view)).collect();
    let answer = Answer::json(StatusCode::OK, &List { data, has_more: page.has_more });
    Ok(answer.with(freshness::fields(fresh)).into_response())
}

async fn page(app: &App, filter: &BookingFilter, after: Option<BookingId>, limit: usize) -> Result<Page<BookingView>, Problem> {
    match app.read_model().bookings(filter, after, limit).await {
        Ok(page) => Ok(page),
        Err(PageError::UnknownCursor(_)) => Err(wrong("starting_after", CURSOR)),
        Err(PageError::Views(error)) => Err(error.into()),
    }
}

/// The first page is read before the answer begins, so that a fault still has a status. A later fault cuts the answer off.
async fn in_csv(app: App, request: ListRequest, fresh: Freshness) -> Result<Response, Problem> {
    let mut lines = Lines { app, request, is_over: false };
    let first = lines.next().await?.unwrap_or_default();
    let first = Bytes::from(format!("{}{first}", csv::HEADER));
    let mut response = Response::new(Body::from_stream(stream::iter([Ok(first)]).chain(lines.rest())));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    fields.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"bookings.csv\""));
    fields.extend(freshness::fields(fresh));
    Ok(response)
}

/// Reads page by page, and goes on after the last booking of the page before: new bookings don't move the pages.
struct Lines {
    app: App,
    request: ListRequest,
    is_over: bool,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        if self.is_over {
            return Ok(None);
        }
        let page = page(&self.app, &self.request.filter, self.request.after, self.request.limit.min(LINES)).await?;
        self.request.limit -= page.data.len();
        self.request.after = page.data.last().map(|view| view.booking).or(self.request.after);
        self.is_over = !page.has_more || self.request.limit == 0;
        let mut text = String::with_capacity(page.data.len() * 256);
        page.data.iter().for_each(|view| csv::add(&mut text, view));
        Ok(Some(text))
    }

    fn rest(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
        stream::try_unfold(self, async |mut lines| {
            let next = lines.next().await;
            let text =
                next.map_err(|problem| std::io::Error::other(format!("the list ended early: {}", problem.code().text())))?;
            Ok(text.map(|text| (Bytes::from(text), lines)))
        })
    }
}
