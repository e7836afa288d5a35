//! `GET /v1/me/bookings`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::access::{self, Mine};
use crate::routes::freshness;
use crate::routes::params::{Params, wrong};
use crate::routes::wire::{self, BookingJson, List};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::BookingId;
use lastseat_projections::{BookingView, Page, PageError};

/// The caller's bookings, newest first; with a booking's own token, that booking alone.
#[utoipa::path(
    get,
    path = "/v1/me/bookings",
    operation_id = "list_my_bookings",
    tag = "me",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Bookings on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<Uuid>, Query, description = "Id of the last booking of the page before"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of bookings", body = wire::BookingList)),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn my_bookings(State(app): State<App>, caller: Caller, params: Params, headers: HeaderMap) -> Result<Answer, Problem> {
    const CURSOR: &str = "the id of a booking of yours";
    let mine = access::mine(&app, &caller).await?;
    let limit = params.limit()?;
    let after = params.value::<BookingId>("starting_after", CURSOR)?;
    let fresh = freshness::wait(&app, &headers).await?;
    let page = page(&app, &mine, after, limit).await?.ok_or_else(|| wrong("starting_after", CURSOR))?;
    let data: Vec<_> = page.data.iter().map(|view| BookingJson::listed(&app, view)).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.has_more }).with(freshness::fields(fresh)))
}

/// A page of the bookings that the caller may see. `None` if `after` is none of them.
async fn page(app: &App, mine: &Mine, after: Option<BookingId>, limit: usize) -> Result<Option<Page<BookingView>>, Problem> {
    let Some(only) = mine.only else {
        return match app.read_model().bookings_of(&mine.buyer, after, limit).await {
            Ok(page) => Ok(Some(page)),
            Err(PageError::UnknownCursor(_)) => Ok(None),
            Err(PageError::Views(error)) => Err(error.into()),
        };
    };
    let data = match after {
        Some(after) if after == only => vec![],
        Some(_) => return Ok(None),
        None => app.read_model().booking(only).await?.into_iter().collect(),
    };
    Ok(Some(Page { data, has_more: false }))
}
