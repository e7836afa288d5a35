//! `GET /v1/shows`, `GET /v1/shows/{show}`

use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::params::{InShow, Params};
use crate::routes::wire::{List, ShowJson};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::{Rejection, ShowId};

/// Lists the shows by id.
#[utoipa::path(
    get,
    path = "/v1/shows",
    tag = "shows",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Shows on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<String>, Query, min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$", description = "Id of the last show of the page before"),
    ),
    responses((status = 200, description = "A page of shows", body = List<ShowJson>)),
)]
pub async fn list_shows(State(app): State<App>, params: Params) -> Result<Answer, Problem> {
    let limit = params.limit()?;
    let after = params.value::<ShowId>("starting_after", "the id of a show")?;
    let mut shows = app.box_office().shows();
    shows.sort_by(|a, b| a.facts.show.cmp(&b.facts.show));
    let start = after.map_or(0, |after| shows.partition_point(|show| show.facts.show <= after));
    let rest = shows.get(start..).unwrap_or_default();
    let now = app.now();
    let data = rest.iter().take(limit).map(|show| ShowJson::of(show, now)).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: rest.len() > limit }))
}

/// A show: its plan, its prices, its limits, and whether it is on sale.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show", body = ShowJson)),
)]
pub async fn get_show(State(app): State<App>, InShow(show): InShow) -> Result<Answer, Problem> {
    let show = app.box_office().show(&show).ok_or(Rejection::ShowNotFound)?;
    Ok(Answer::json(StatusCode::OK, &ShowJson::of(&show, app.now())))
}
