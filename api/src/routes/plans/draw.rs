//! `POST /v1/plans`

use super::pretix::{self, PretixPlan};
use super::read::tag;
use crate::answer::Answer;
use crate::app::App;
use crate::etag;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::Params;
use crate::routes::sender::DrawPlans;
use crate::routes::wire::{NewPlan, PlanSummary};
use axum::extract::State;
use http::header::{ETAG, HeaderValue, IF_MATCH};
use http::{HeaderMap, StatusCode};
use lastseat_domain::drawing::CheckedDrawing;
use lastseat_domain::plan::Drawing;
use lastseat_domain::{PlanId, Rejection};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

const MAX_SLUG_LENGTH: usize = 50;

/// What distinguishes the two forms of a plan: pretix's has zones.
#[derive(Deserialize)]
struct Form {
    zones: Option<IgnoredAny>,
}

/// A plan as it was read.
struct Read {
    id: PlanId,
    drawing: CheckedDrawing,
    not_taken_over: Vec<String>,
}

/// Draws a plan, or a further revision of one. A body with `zones` is a seating plan in pretix's JSON; what of it is not
/// in the plan, the answer names. Sending the latest revision again changes nothing and is answered with 200.
///
/// With `If-Match`, only if the plan still has the revision that its `ETag` names.
#[utoipa::path(
    post,
    path = "/v1/plans",
    tag = "plans",
    params(
        ("plan" = Option<String>, Query, min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$", description = "The plan's id; made from its name if neither this nor the body has it"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the plan whose latest revision this one is to follow"),
    ),
    request_body(content((NewPlan = "application/json"))),
    responses(
        (status = 201, description = "The revision is drawn", body = PlanSummary),
        (status = 200, description = "The plan's latest revision is the same", body = PlanSummary),
    ),
    security(("token" = [])),
)]
pub async fn draw_plan(
    State(app): State<App>,
    params: Result<Params, Problem>,
    headers: HeaderMap,
    command: Result<Command<DrawPlans>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::DrawPlan, command, async move |app: App, command: Command<DrawPlans>| {
        let chosen = params?.value::<PlanId>("plan", "1 to 64 of a-z, 0-9, `-` and `_`, starting with a letter or digit")?;
        let follows = etag::revisions(&headers, &IF_MATCH);
        let origin = command.origin();
        // A large plan takes a moment to read and check.
        let read = tokio::task::spawn_blocking(move || read(&command, chosen)).await;
        let Read { id, drawing, not_taken_over } = read.map_err(|error| {
            tracing::error!(%error, "a plan could not be read");
            Problem::from(lastseat_engine::Fault::Unavailable("the plan could not be read".to_owned()))
        })??;
        let follows = match follows.as_deref() {
            None => None,
            // A tag that names no revision names none that there is.
            Some([]) => return Err(Rejection::PlanChanged { plan: id, revision: 0 }.into()),
            Some([.., last]) => Some(u32::try_from(*last).unwrap_or(u32::MAX)),
        };
        let (drawn, is_new) = app.box_office().draw_plan(&id, drawing, follows, origin).await?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        let summary = PlanSummary { not_taken_over: Some(not_taken_over), ..PlanSummary::of(&drawn) };
        let etag = HeaderValue::try_from(tag(&drawn)).ok().map(|tag| (ETAG, tag));
        let location = format!("/v1/plans/{}/revisions/{}", drawn.plan, drawn.revision);
        Ok(Answer::json(status, &summary).with(etag).location(&location))
    })
    .await
}

fn read(command: &Command<DrawPlans>, chosen: Option<PlanId>) -> Result<Read, Problem> {
    let is_pretix = command.json::<Form>()?.zones.is_some();
    let (named, drawing, not_taken_over) = if is_pretix {
        let (drawing, not_taken_over) = pretix::read(command.json::<PretixPlan>()?)?;
        (None, drawing, not_taken_over)
    } else {
        let plan = command.json::<NewPlan>()?;
        (plan.plan.clone(), Drawing::try_from(plan)?, vec![])
    };
    let id = chosen.or(named).unwrap_or_else(|| slug(&drawing.name));
    Ok(Read { id, drawing: CheckedDrawing::new(drawing)?, not_taken_over })
}

/// The name in the letters of an id.
fn slug(name: &str) -> PlanId {
    let text = pretix::slug(name, MAX_SLUG_LENGTH);
    let by_hash = || {
        let digits = Sha256::digest(name).iter().take(4).fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
        PlanId::new(&format!("plan-{digits:08x}"))
    };
    // Never fails: both are of the letters of an id.
    PlanId::new(&text).or_else(|_| by_hash()).unwrap_or_else(|_| slug("plan"))
}
