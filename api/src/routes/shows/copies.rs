//! `POST /v1/shows/{show}/copies`

use super::answers::json_of;
use super::create::{named_by_hash, whole_milliseconds};
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InShow;
use crate::routes::sender::RunShows;
use crate::routes::wire::{self, List};
use crate::stripe_amounts;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::plan::merged;
use lastseat_domain::show::{self, Show, ShowCommand};
use lastseat_domain::{CommandId, Rejection, ShowId, Timestamp};
use lastseat_engine::{CommandError, Origin};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// Most shows of one request.
const MAX_DATES: usize = 100;

/// The dates of a series.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Copies {
    /// A show for each, 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    dates: Vec<CopyDate>,
}

/// One date of a series.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct CopyDate {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// When the doors open; if absent, as long before the beginning as those of the original.
    #[schema(value_type = Option<String>, format = DateTime)]
    doors_at: Option<Timestamp>,
    /// Its id; if absent, made from the original's id and the date.
    #[schema(value_type = Option<String>, example = "gala-second-night", min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$")]
    id: Option<ShowId>,
    /// First moment of its sale; as that of the original if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_opens_at: Option<Timestamp>,
    /// First moment after its sale; if absent, as long before the beginning as that of the original.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_closes_at: Option<Timestamp>,
}

/// Puts a show on sale for each date, with the plan, prices, limits, texts and picture that this show has now. Ids follow from
/// this show's id and the dates, so the same request again makes no second set, and completes one that was begun.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/copies",
    tag = "shows",
    params(("show" = String, Path, description = "The show that is copied")),
    request_body = Copies,
    responses(
        (status = 201, description = "The shows, in the order of the dates", body = wire::ShowList),
        (status = 200, description = "All of them were on sale already", body = wire::ShowList),
    ),
    security(("token" = [])),
)]
pub async fn copy_show(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::CopyShow, command, async move |app: App, command: Command<RunShows>| {
        let original = app.box_office().show(&show).ok_or(Rejection::ShowNotFound)?;
        let copies = command.json::<Copies>()?.of(&original.facts)?;
        let known = copies.iter().filter(|copy| app.box_office().show(&copy.facts.show).is_some()).count();
        copies.iter().try_for_each(|copy| copy.check(&app))?;
        let picture = app.box_office().stored_picture(&show).await?;
        let mut shows = Vec::with_capacity(copies.len());
        for copy in &copies {
            shows.push(copy.put_on_sale(&app, command.origin()).await?);
            if let Some(picture) = &picture {
                let origin = origin_of(command.origin(), "picture", &copy.facts.show);
                app.box_office().take_over_picture(&copy.facts.show, picture, origin).await?;
            }
        }
        let status = if known == shows.len() { StatusCode::OK } else { StatusCode::CREATED };
        let data = shows.iter().map(|show| json_of(&app, show, app.now())).collect();
        Ok(Answer::json(status, &List { data, has_more: false }))
    })
    .await
}

/// A show to put on sale.
struct NewCopy {
    facts: ShowScheduled,
    /// Whether its id follows from the date: then a show with it is this copy, whatever has been changed of either since.
    is_derived: bool,
}

impl Copies {
    fn of(self, original: &ShowScheduled) -> Result<Vec<NewCopy>, Rejection> {
        if !(1..=MAX_DATES).contains(&self.dates.len()) {
            return Err(invalid(format!("`dates` must be 1 to {MAX_DATES} dates")));
        }
        let copies: Vec<NewCopy> = self.dates.into_iter().map(|date| date.of(original)).collect();
        let mut ids = HashSet::new();
        match copies.iter().find(|copy| !ids.insert(&copy.facts.show)) {
            Some(twice) => Err(invalid(format!("two dates would be show `{}`", twice.facts.show))),
            None => Ok(copies),
        }
    }
}

impl CopyDate {
    fn of(self, original: &ShowScheduled) -> NewCopy {
        let starts_at = whole_milliseconds(self.starts_at);
        let moved = |time: Option<Timestamp>| starts_at.checked_add_signed(time? - original.details.starts_at?);
        let is_derived = self.id.is_none();
        let mut facts = ShowScheduled {
            show: self.id.unwrap_or_else(|| id_of(&original.show, starts_at)),
            areas: merged(&original.areas),
            sale_opens_at: self.sale_opens_at.map(whole_milliseconds).or(original.sale_opens_at),
            sale_closes_at: (self.sale_closes_at.map(whole_milliseconds))
                .or_else(|| moved(original.sale_closes_at))
                .or(original.sale_closes_at),
            ..original.clone()
        };
        facts.details.starts_at = Some(starts_at);
        facts.details.doors_at = self.doors_at.map(whole_milliseconds).or_else(|| moved(original.details.doors_at));
        NewCopy { facts, is_derived }
    }
}

impl NewCopy {
    /// Everything that can be refused is refused before the first show is put on sale.
    fn check(&self, app: &App) -> Result<(), Rejection> {
        let existing = app.box_office().show(&self.facts.show);
        if existing.is_some() && self.is_derived {
            return Ok(());
        }
        if existing.is_none() && app.parts().stripe {
            stripe_amounts::check(&self.facts)?;
        }
        show::decide(existing.as_deref(), ShowCommand::Schedule(Box::new(self.facts.clone()))).map(drop)
    }

    async fn put_on_sale(&self, app: &App, origin: Origin) -> Result<Arc<Show>, CommandError> {
        let id = &self.facts.show;
        match app.box_office().schedule_show(self.facts.clone(), origin_of(origin, "copy", id)).await {
            Err(CommandError::Rejected(Rejection::ShowExists { show })) if self.is_derived => {
                app.box_office().show(id).ok_or_else(|| Rejection::ShowExists { show }.into())
            }
            other => other,
        }
    }
}

/// The id of a show's copy on a date, such as `gala-20300601t1930`.
fn id_of(original: &ShowId, starts_at: Timestamp) -> ShowId {
    const MOST: usize = 64;
    let date = starts_at.format("%Y%m%dt%H%M");
    let id = format!("{original}-{date}");
    let short = || {
        let name: String = original.as_str().chars().take(MOST - 9 - 14).collect();
        format!("{}-{date}", named_by_hash(&name, original.as_str().as_bytes()))
    };
    let id = if id.len() <= MOST { id } else { short() };
    ShowId::new(&id).unwrap_or_else(|_| named_by_hash("show", id.as_bytes()))
}

/// Each show is the work of a command of its own, and so is its picture. A repeat of the request repeats them.
fn origin_of(request: Origin, what: &str, show: &ShowId) -> Origin {
    Origin { command: request.command.map(|command| command_of(command, what, show)), ..request }
}

fn command_of(request: CommandId, what: &str, show: &ShowId) -> CommandId {
    let digest = Sha256::new().chain_update(what).chain_update(request.uuid().as_bytes()).chain_update(show.as_str()).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    CommandId::new(bytes)
}

fn invalid(why: String) -> Rejection {
    Rejection::InvalidShow { field: "dates", why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_the_original_and_the_date() {
        let at: Timestamp = "2030-06-01T19:30:00+02:00".parse().unwrap();
        let id = |original: &str| id_of(&ShowId::new(original).unwrap(), at);
        assert_eq!(id("gala").as_str(), "gala-20300601t1730");
        let (first, second) = (id(&"a".repeat(64)), id(&format!("{}b", "a".repeat(63))));
        assert_eq!((first.as_str().len(), first.as_str().ends_with("-20300601t1730")), (64, true), "{first}");
        assert_ne!(first, second);
    }
}
