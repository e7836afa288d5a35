//! `POST /v1/shows`

use super::answers::json_of;
use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::RunShowsWithPlan;
use crate::routes::wire::{self, ShowJson};
use crate::stripe_amounts;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::event::{ShowDetails, ShowScheduled};
use lastseat_domain::plan::{Category, PlanOfShow};
use lastseat_domain::{Currency, PlanId, Rejection, ShowId, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;

const MAX_SLUG_LENGTH: usize = 50;

/// A show to put on sale.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewShow {
    /// Its id: 1 to 64 of a-z, 0-9, `-` and `_`. Made from the title if absent. `show` is another
    /// name for this member.
    #[serde(alias = "show")]
    #[schema(value_type = Option<String>, example = "last-night-of-the-proms", min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$")]
    id: Option<ShowId>,
    /// The name that buyers see.
    #[schema(example = "Last night of the proms", min_length = 1, max_length = 200)]
    title: String,
    /// Where it takes place.
    #[schema(example = "Royal Albert Hall", min_length = 1, max_length = 200)]
    venue: Option<String>,
    /// When it begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// When the doors open.
    #[schema(value_type = Option<String>, format = DateTime)]
    doors_at: Option<Timestamp>,
    /// IANA name of the venue's time zone. All times here have an offset of their own; this one is for
    /// showing them.
    #[schema(example = "Europe/London", min_length = 1, max_length = 64)]
    timezone: Option<String>,
    /// For people, up to 4,096 bytes.
    #[schema(min_length = 1, max_length = 4096)]
    description: Option<String>,
    /// An `https` address of a picture.
    #[schema(example = "https://example.com/proms.png", max_length = 2048, pattern = "^https://")]
    image_url: Option<String>,
    /// The shop's own names and values, up to 4,096 bytes in all. Anybody can read them.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// ISO 4217 code of every price.
    #[schema(value_type = String, example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: Currency,
    /// Prices.
    categories: Vec<wire::NewCategory>,
    /// What is added to the prices of a booking's seats; nothing if absent.
    #[serde(default)]
    fees: wire::Fees,
    /// Its areas, unless it is on a drawn plan.
    #[serde(default)]
    areas: Vec<wire::Area>,
    /// A drawn plan, in place of areas: each of its categories needs a price here.
    #[schema(value_type = Option<String>, example = "house", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    plan: Option<PlanId>,
    /// A revision of the plan; the latest if absent. The show stays on it.
    #[schema(minimum = 1)]
    plan_revision: Option<u32>,
    /// Most seats in one booking, 1 to 100.
    #[serde(default = "ten_seats")]
    #[schema(default = 10, minimum = 1, maximum = 100)]
    max_seats_per_booking: u32,
    /// Most seats of one buyer, held and booked together; no limit if absent. Each booking of a guest counts as another
    /// buyer's: a limit that counts for everybody needs `"guests": false`, too.
    #[schema(minimum = 1)]
    max_seats_per_buyer: Option<u32>,
    /// Whether guests may book in the open sale. At the till they always may.
    #[serde(default = "welcome")]
    #[schema(default = true)]
    guests: bool,
    /// Whether guests have to solve a challenge before each hold.
    #[serde(default)]
    #[schema(required = false, default = false)]
    guest_challenge: bool,
    /// Whether a hold of named seats may leave a single seat alone; `refuse` if the buyer can avoid it.
    #[serde(default)]
    single_seats: wire::SingleSeats,
    /// Whether the refund of a booking returns its voucher, too. A used voucher stays used if absent.
    #[serde(default)]
    #[schema(required = false, default = false)]
    vouchers_return: bool,
    /// Seconds that a hold lasts.
    #[serde(default = "ten_minutes")]
    #[schema(default = 600, minimum = 1, maximum = 86400)]
    hold_seconds: u32,
    /// First moment of the sale; open at once if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_opens_at: Option<Timestamp>,
    /// First moment after the sale; never ends if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    sale_closes_at: Option<Timestamp>,
    /// What a booking of three or more seats may win; nothing if absent.
    rewards: Option<Vec<wire::NewReward>>,
}

fn ten_seats() -> u32 {
    10
}

fn welcome() -> bool {
    true
}

fn ten_minutes() -> u32 {
    600
}

/// All times of lastseat are whole milliseconds.
pub(super) fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}

/// Puts a show on sale. Sending the same show again changes nothing and is answered with 200, also if it was changed
/// since.
#[utoipa::path(
    post,
    path = "/v1/shows",
    tag = "shows",
    request_body = NewShow,
    responses(
        (status = 201, description = "The show is on sale", body = ShowJson),
        (status = 200, description = "The same show was on sale already", body = ShowJson),
    ),
    security(("token" = [])),
)]
pub async fn schedule_show(State(app): State<App>, command: Result<Command<RunShowsWithPlan>, Problem>) -> Answer {
    execute(&app, metrics::Command::ScheduleShow, command, schedule).await
}

async fn schedule(app: App, command: Command<RunShowsWithPlan>) -> Result<Answer, Problem> {
    let existing = |id: &ShowId| app.box_office().show(id).map(|show| (*show.scheduled).clone());
    let new_show = command.json::<NewShow>()?;
    let plan = plan_of(&app, &new_show).await?;
    let show = new_show.into_facts(plan, existing)?;
    let is_new = app.box_office().show(&show.show).is_none();
    // A show that is on sale already stays as it is.
    if is_new && app.parts().stripe {
        stripe_amounts::check(&show)?;
    }
    let show = app.box_office().schedule_show(show, command.origin()).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let answer = Answer::json(status, &json_of(&app, &show, app.now()));
    Ok(answer.location(&format!("/v1/shows/{}", show.facts.show)))
}

/// The drawn plan that the show is to be on. A show that is there already, and on this plan, stays on its revision.
async fn plan_of(app: &App, new_show: &NewShow) -> Result<Option<PlanOfShow>, Problem> {
    let Some(plan) = &new_show.plan else {
        return match new_show.plan_revision {
            None => Ok(None),
            Some(_) => Err(invalid("plan_revision", "`plan_revision` is for a show on a `plan`").into()),
        };
    };
    let id = new_show.id.clone().unwrap_or_else(|| slug(&new_show.title));
    let scheduled = app.box_office().show(&id).and_then(|show| show.scheduled.plan.clone());
    let known = scheduled.filter(|known| known.plan == *plan).map(|known| known.revision);
    let drawn = app.box_office().plan(plan, new_show.plan_revision.or(known)).await?;
    Ok(Some(PlanOfShow { plan: drawn.plan.clone(), revision: drawn.revision, drawn: Some(drawn) }))
}

fn invalid(field: &'static str, why: &str) -> Rejection {
    Rejection::InvalidShow { field, why: why.to_owned() }
}

impl NewShow {
    fn details(&self) -> ShowDetails {
        ShowDetails {
            venue: self.venue.clone(),
            starts_at: self.starts_at.map(whole_milliseconds),
            doors_at: self.doors_at.map(whole_milliseconds),
            timezone: self.timezone.clone(),
            description: self.description.clone(),
            image_url: self.image_url.clone(),
            metadata: self.metadata.clone(),
        }
    }

    /// The facts to record. `existing` looks up a show by id.
    ///
    /// # Errors
    /// `InvalidShow` if a category has no price.
    fn into_facts(
        self,
        plan: Option<PlanOfShow>,
        existing: impl Fn(&ShowId) -> Option<ShowScheduled>,
    ) -> Result<ShowScheduled, Rejection> {
        let categories: Vec<Category> = self.categories.iter().cloned().map(TryInto::try_into).collect::<Result<_, _>>()?;
        let chosen = self.id.clone();
        let slug = slug(&self.title);
        let facts = |show: ShowId| ShowScheduled {
            show,
            title: self.title.clone(),
            details: self.details(),
            fees: self.fees.into(),
            currency: self.currency,
            categories: categories.clone(),
            areas: self.areas.iter().cloned().map(Into::into).collect(),
            plan: plan.clone(),
            max_seats_per_booking: self.max_seats_per_booking,
            max_seats_per_buyer: self.max_seats_per_buyer,
            guests: self.guests,
            guest_challenge: self.guest_challenge,
            single_seats: self.single_seats.into(),
            vouchers_return: self.vouchers_return,
            hold_seconds: self.hold_seconds,
            sale_opens_at: self.sale_opens_at.map(whole_milliseconds),
            sale_closes_at: self.sale_closes_at.map(whole_milliseconds),
            rewards: self.rewards.iter().flatten().cloned().map(Into::into).collect(),
        };
        if let Some(chosen) = chosen {
            return Ok(facts(chosen));
        }
        let plain = facts(slug.clone());
        Ok(match existing(&slug) {
            // Two shows may have one title. The suffix is derived from the show's facts, so that the
            // same request still means the same show.
            Some(other) if other != plain => facts(with_suffix(&slug, &plain)),
            _ => plain,
        })
    }
}

/// The title in the letters of an id.
fn slug(title: &str) -> ShowId {
    let mut text = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
        if text.len() >= MAX_SLUG_LENGTH {
            break;
        }
    }
    ShowId::new(text.trim_end_matches('-')).unwrap_or_else(|_| named_by_hash("show", title.as_bytes()))
}

fn with_suffix(slug: &ShowId, facts: &ShowScheduled) -> ShowId {
    named_by_hash(slug.as_str(), &serde_json::to_vec(facts).unwrap_or_default())
}

/// `{name}-` and eight hexadecimal digits.
pub(super) fn named_by_hash(name: &str, what: &[u8]) -> ShowId {
    let digits = Sha256::digest(what).iter().take(4).fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
    let id = format!("{name}-{digits:08x}");
    match ShowId::new(&id) {
        Ok(id) => id,
        // Not possible: the name is a slug of at most 50 letters, or "show".
        Err(_) => named_by_hash("show", id.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_show(title: &str) -> NewShow {
        serde_json::from_value(serde_json::json!({
            "title": title,
            "currency": "EUR",
            "categories": [{"category": "all", "price": 1000}],
            "areas": [{"area": "floor", "category": "all", "capacity": 10}],
        }))
        .unwrap()
    }

    #[test]
    fn an_id_is_made_from_the_title() {
        for (title, id) in [
            ("Last Night, 2030!", "last-night-2030"),
            ("  --Hello--  ", "hello"),
            ("Ünder the Bridge", "nder-the-bridge"),
            (&"long ".repeat(100), "long-long-long-long-long-long-long-long-long-long"),
        ] {
            assert_eq!(slug(title).as_str(), id);
        }
        assert_ne!(slug("\u{6f14}\u{5531}\u{4f1a}"), slug("\u{30b3}\u{30f3}"));
        assert!(slug("\u{6f14}").as_str().starts_with("show-"));
    }

    #[test]
    fn the_same_request_means_the_same_show_even_if_another_has_the_title() {
        let first = new_show("Gala").into_facts(None, |_| None).unwrap();
        assert_eq!(first.show.as_str(), "gala");
        assert_eq!((first.max_seats_per_booking, first.hold_seconds), (10, 600));
        assert_eq!(first.rewards, []);
        let again = new_show("Gala").into_facts(None, |_| Some(first.clone())).unwrap();
        assert_eq!(again, first);

        let mut other = new_show("Gala");
        other.hold_seconds = 60;
        let second = other.clone().into_facts(None, |_| Some(first.clone())).unwrap();
        assert!(second.show.as_str().starts_with("gala-"));
        assert_eq!(other.into_facts(None, |_| Some(first.clone())).unwrap(), second);
    }

    #[test]
    fn times_are_whole_milliseconds() {
        let mut show = new_show("Gala");
        show.sale_opens_at = Some("2030-06-01T12:00:00.123456Z".parse().unwrap());
        show.sale_closes_at = Some("2030-06-02T12:00:00.999999999Z".parse().unwrap());
        let facts = show.into_facts(None, |_| None).unwrap();
        assert_eq!(facts.sale_opens_at, Some("2030-06-01T12:00:00.123Z".parse().unwrap()));
        assert_eq!(facts.sale_closes_at, Some("2030-06-02T12:00:00.999Z".parse().unwrap()));
    }

    #[test]
    fn an_id_may_be_called_show_but_not_twice() {
        let mut body = serde_json::json!({"show": "gala", "title": "x", "currency": "EUR", "categories": [], "areas": []});
        assert_eq!(serde_json::from_value::<NewShow>(body.clone()).unwrap().id.unwrap().as_str(), "gala");
        body["id"] = "gala".into();
        assert!(serde_json::from_value::<NewShow>(body).is_err());
    }
}
