//! `PATCH /v1/shows/{show}`

use super::answers::{json_of, tag};
use super::create::whole_milliseconds;
use crate::answer::Answer;
use crate::app::App;
use crate::etag;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::InShow;
use crate::routes::sender::RunShowsWithPlan;
use crate::routes::wire::{self, ShowJson};
use crate::stripe_amounts;
use axum::extract::State;
use http::header::{ETAG, HeaderValue, IF_MATCH};
use http::{HeaderMap, StatusCode};
use lastseat_domain::event::Fees;
use lastseat_domain::ports::event_log::Revision;
use lastseat_domain::show::{self, DetailChanges, Show, ShowChanges, ShowCommand};
use lastseat_domain::{Change, Rejection, ShowId, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is to become of a show (RFC 7396, JSON Merge Patch): members that are absent stay, and `null` removes one that
/// may be absent.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
#[schema(as = ShowChanges)]
pub struct ShowPatch {
    /// The name that buyers see.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    title: Change<String>,
    /// Where it takes place.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    venue: Change<String>,
    /// When it begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Change<Timestamp>,
    /// When the doors open.
    #[schema(value_type = Option<String>, format = DateTime)]
    doors_at: Change<Timestamp>,
    /// IANA name of the venue's time zone.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    timezone: Change<String>,
    /// For people.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 4096)]
    description: Change<String>,
    /// An `https` address of a picture.
    #[schema(value_type = Option<String>, max_length = 2048, pattern = "^https://")]
    image_url: Change<String>,
    /// The shop's own names: those with a value get it, those with `null` go.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    metadata: Change<BTreeMap<String, Option<String>>>,
    /// All categories. Their prices are those of new holds.
    #[schema(value_type = Option<Vec<wire::NewCategory>>)]
    categories: Change<Vec<wire::NewCategory>>,
    /// What is added to the prices of new holds.
    #[schema(value_type = Option<wire::Fees>)]
    fees: Change<wire::Fees>,
    /// The whole plan: every area that there is, as it is, or with rows after its rows, or with a larger capacity; and
    /// new areas.
    #[schema(value_type = Option<Vec<wire::Area>>)]
    areas: Change<Vec<wire::Area>>,
    /// Most seats in one booking.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    max_seats_per_booking: Change<u32>,
    /// Most seats of one buyer. Only a show that was put on sale with such a limit can have one.
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_seats_per_buyer: Change<u32>,
    /// Whether guests may book.
    #[schema(value_type = Option<bool>)]
    guests: Change<bool>,
    /// Whether guests have to solve a challenge before each hold.
    #[schema(value_type = Option<bool>)]
    guest_challenge: Change<bool>,
    /// Seconds that a new hold lasts.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86400)]
    hold_seconds: Change<u32>,
    /// First moment of the sale.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_opens_at: Change<Timestamp>,
    /// First moment after the sale.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_closes_at: Change<Timestamp>,
}

/// Changes a show: what people read of it, its sale window and limits, prices of new holds, and more seats. Bookings
/// stay as they are. A show that is like that already is not changed again.
///
/// With `If-Match`, only if the show still has the revision that its `ETag` names.
#[utoipa::path(
    patch,
    path = "/v1/shows/{show}",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the show that the changes are meant for; it is the revision in it that counts"),
    ),
    request_body(content((ShowPatch = "application/merge-patch+json"), (ShowPatch = "application/json"))),
    responses((status = 200, description = "The show, changed", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn revise_show(
    State(app): State<App>,
    InShow(show): InShow,
    headers: HeaderMap,
    command: Result<Command<RunShowsWithPlan>, Problem>,
) -> Answer {
    let known = expected(&headers, &app, &show);
    execute(&app, metrics::Command::ReviseShow, command, async move |app: App, command: Command<RunShowsWithPlan>| {
        // As all members may be absent, a list without items would pass for them.
        command.json::<serde_json::Map<String, serde_json::Value>>()?;
        let changes = command.json::<ShowPatch>()?.into_changes()?;
        check_amounts(&app, &show, &changes)?;
        let revised = app.box_office().revise_show(&show, changes, known?, command.origin()).await?;
        let now = app.now();
        let etag = HeaderValue::try_from(tag(&app, &revised, now)).ok().map(|tag| (ETAG, tag));
        Ok(Answer::json(StatusCode::OK, &json_of(&app, &revised, now)).with(etag))
    })
    .await
}

/// Whether the gateway takes the prices that the show would have. What the rules refuse, they refuse later.
fn check_amounts(app: &App, show: &ShowId, changes: &ShowChanges) -> Result<(), Rejection> {
    let Some(current) = app.box_office().show(show).filter(|_| app.parts().stripe) else { return Ok(()) };
    let command = ShowCommand::Revise { changes: Box::new(changes.clone()), expected: None };
    let events = show::decide(Some(&current), command).unwrap_or_default();
    let after = events.iter().fold(Some(Show::clone(&current)), show::evolve);
    if events.is_empty() { Ok(()) } else { after.map_or(Ok(()), |after| stripe_amounts::check(&after.facts)) }
}

/// The revision that `If-Match` wants; `None` if any will do. Of several tags, that of the revision that there is.
fn expected(headers: &HeaderMap, app: &App, show: &ShowId) -> Result<Option<Revision>, Rejection> {
    let wanted = etag::revisions(headers, &IF_MATCH);
    let current = app.box_office().show(show).map(|show| show.revision);
    match (wanted, current) {
        (None, _) => Ok(None),
        (Some(wanted), Some(current)) if wanted.contains(&current) => Ok(Some(current)),
        // The rule looks again, at the log: this node may not have read its newest events yet.
        (Some(wanted), current) => match wanted.last() {
            Some(revision) => Ok(Some(*revision)),
            None => Err(Rejection::ShowChanged { show: show.clone(), revision: current.unwrap_or_default() }),
        },
    }
}

impl ShowPatch {
    fn into_changes(self) -> Result<ShowChanges, Rejection> {
        let categories = required("categories", self.categories)?;
        let categories =
            categories.map(|all| all.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>, _>>()).transpose()?;
        let fees = match self.fees {
            Change::Keep => None,
            Change::Remove => Some(Fees::default()),
            Change::Set(fees) => Some(fees.into()),
        };
        Ok(ShowChanges {
            title: required("title", self.title)?,
            details: DetailChanges {
                venue: self.venue,
                starts_at: self.starts_at.map(whole_milliseconds),
                doors_at: self.doors_at.map(whole_milliseconds),
                timezone: self.timezone,
                description: self.description,
                image_url: self.image_url,
                metadata: self.metadata,
            },
            categories,
            fees,
            areas: required("areas", self.areas)?.map(|areas| areas.into_iter().map(Into::into).collect()),
            max_seats_per_booking: required("max_seats_per_booking", self.max_seats_per_booking)?,
            max_seats_per_buyer: self.max_seats_per_buyer,
            guests: required("guests", self.guests)?,
            guest_challenge: required("guest_challenge", self.guest_challenge)?,
            hold_seconds: required("hold_seconds", self.hold_seconds)?,
            sale_opens_at: self.sale_opens_at.map(whole_milliseconds),
            sale_closes_at: self.sale_closes_at.map(whole_milliseconds),
        })
    }
}

/// A member that every show has.
fn required<T>(field: &'static str, change: Change<T>) -> Result<Option<T>, Rejection> {
    match change {
        Change::Keep => Ok(None),
        Change::Set(value) => Ok(Some(value)),
        Change::Remove => Err(Rejection::InvalidShow { field, why: format!("`{field}` can't be removed") }),
    }
}
