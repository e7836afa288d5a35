//! `GET /v1/shows`, `GET /v1/shows/{show}`

use super::answers::{json_of, tag};
use crate::answer::Answer;
use crate::app::App;
use crate::etag;
use crate::problem::Problem;
use crate::routes::params::{InShow, Params, wrong};
use crate::routes::wire::{self, List, STATUSES, ShowJson, sale_status};
use axum::extract::State;
use bytes::Bytes;
use chrono::TimeDelta;
use http::header::{ETAG, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::show::Show;
use lastseat_domain::{Rejection, ShowId, Timestamp};

/// Lists the shows by id, also those that are over or cancelled; with `upcoming=true` those to come, the next one first. With
/// filters, those that fit all of them.
#[utoipa::path(
    get,
    path = "/v1/shows",
    tag = "shows",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Shows on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<String>, Query, min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$", description = "Id of the last show of the page before"),
        ("upcoming" = Option<bool>, Query, description = "`true`: shows that are not cancelled and have not begun more than a day ago, in the order of `starts_at`; without one, last"),
        ("starts_from" = Option<String>, Query, format = DateTime, description = "Shows that begin then or later. A show without `starts_at` fits neither this nor `starts_to`"),
        ("starts_to" = Option<String>, Query, format = DateTime, description = "Shows that begin before then"),
        ("status" = Option<String>, Query, description = "`on_sale`, `not_open`, `closed`, `paused` or `cancelled`"),
        ("text" = Option<String>, Query, min_length = 1, max_length = 200, description = "Shows with this text in their title or venue, in any case"),
    ),
    responses((status = 200, description = "A page of shows", body = wire::ShowList)),
)]
pub async fn list_shows(State(app): State<App>, params: Params) -> Result<Answer, Problem> {
    let limit = params.limit()?;
    let after = params.value::<ShowId>("starting_after", "the id of a show")?;
    let wanted = Wanted::of(&params)?;
    let now = app.now();
    let mut shows = app.box_office().shows();
    shows.sort_by(|a, b| wanted.place_of(a).cmp(&wanted.place_of(b)));
    let start = match after {
        None => 0,
        // Where it is now: it may have been moved to another day, or have been cancelled.
        Some(after) if wanted.upcoming => {
            let before = shows.iter().position(|show| show.facts.show == after);
            before.ok_or_else(|| wrong("starting_after", "the id of a show"))? + 1
        }
        Some(after) => shows.partition_point(|show| show.facts.show <= after),
    };
    let fits = shows.get(start..).unwrap_or_default().iter().filter(|show| wanted.fits(show, now));
    let page: Vec<_> = fits.take(limit + 1).collect();
    let data = page.iter().take(limit).map(|show| json_of(&app, show, now)).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.len() > limit }))
}

/// Which shows a list is to have.
struct Wanted {
    /// Only those to come, in the order of time.
    upcoming: bool,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    status: Option<&'static str>,
    /// In lower case.
    text: Option<String>,
}

impl Wanted {
    fn of(params: &Params) -> Result<Self, Problem> {
        const TIME: &str = "a time such as 2030-06-01T19:30:00Z; write a `+` as %2B";
        let status = params.text("status").map(|text| {
            let known = STATUSES.iter().copied().find(|status| *status == text);
            known.ok_or_else(|| wrong("status", "`on_sale`, `not_open`, `closed`, `paused` or `cancelled`"))
        });
        let text = params.text("text").map(|text| match text.trim() {
            text if (1..=200).contains(&text.len()) => Ok(text.to_lowercase()),
            _ => Err(wrong("text", "1 to 200 bytes of text")),
        });
        Ok(Self {
            upcoming: params.value("upcoming", "true or false")?.unwrap_or(false),
            from: params.value("starts_from", TIME)?,
            to: params.value("starts_to", TIME)?,
            status: status.transpose()?,
            text: text.transpose()?,
        })
    }

    /// What the list is sorted by.
    fn place_of<'a>(&self, show: &'a Show) -> (bool, Option<Timestamp>, &'a ShowId) {
        let starts_at = if self.upcoming { show.facts.details.starts_at } else { None };
        (self.upcoming && starts_at.is_none(), starts_at, &show.facts.show)
    }

    fn fits(&self, show: &Show, now: Timestamp) -> bool {
        let (facts, details) = (&show.facts, &show.facts.details);
        // A show has a beginning and no end, and some go on until late.
        let is_to_come =
            || details.starts_at.is_none_or(|at| now - at < TimeDelta::days(1)) && sale_status(show, now) != "cancelled";
        let has = |text: &str| self.text.as_ref().is_none_or(|wanted| text.to_lowercase().contains(wanted.as_str()));
        (!self.upcoming || is_to_come())
            && self.from.is_none_or(|from| details.starts_at.is_some_and(|at| at >= from))
            && self.to.is_none_or(|to| details.starts_at.is_some_and(|at| at < to))
            && self.status.is_none_or(|status| status == sale_status(show, now))
            && (has(&facts.title) || details.venue.as_deref().is_some_and(has))
    }
}

/// A show: what people read of it, its plan, its prices, its limits, and whether it is on sale.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of an earlier answer"),
    ),
    responses((status = 200, description = "The show", body = ShowJson), (status = 304, description = "As before")),
)]
pub async fn get_show(State(app): State<App>, InShow(show): InShow, headers: HeaderMap) -> Result<Answer, Problem> {
    let show = app.box_office().show(&show).ok_or(Rejection::ShowNotFound)?;
    let now = app.now();
    let tag = tag(&app, &show, now);
    let answer = match etag::is_known(&headers, &tag) {
        true => Answer::new(StatusCode::NOT_MODIFIED, HeaderValue::from_static("application/json"), Bytes::new()),
        false => Answer::json(StatusCode::OK, &json_of(&app, &show, now)),
    };
    Ok(answer.with(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag))))
}
