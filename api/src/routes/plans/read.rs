//! `GET /v1/plans`, `GET /v1/plans/{plan}`, `GET /v1/plans/{plan}/revisions/{revision}`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::compression::{Coding, Use};
use crate::etag;
use crate::problem::Problem;
use crate::routes::params::{InPlan, InRevision, Params};
use crate::routes::wire::{self, List, PlanJson, PlanSummary};
use axum::extract::State;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};
use lastseat_domain::PlanId;
use lastseat_domain::plan::DrawnPlan;
use std::sync::Arc;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A revision never changes, so it is read once.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Lists the plans by id, each with its latest revision.
#[utoipa::path(
    get,
    path = "/v1/plans",
    tag = "plans",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Plans on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<String>, Query, min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$", description = "Id of the last plan of the page before"),
    ),
    responses((status = 200, description = "A page of plans", body = wire::PlanList)),
    security(("token" = [])),
)]
pub async fn list_plans(State(app): State<App>, caller: Caller, params: Params) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let limit = params.limit()?;
    let after = params.value::<PlanId>("starting_after", "the id of a plan")?;
    let plans = app.box_office().plans();
    let start = after.map_or(0, |after| plans.partition_point(|drawn| drawn.plan <= after));
    let page = plans.get(start..).unwrap_or_default();
    let data = page.iter().take(limit).map(|drawn| PlanSummary::of(drawn)).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.len() > limit }))
}

/// The latest revision of a plan, in short.
#[utoipa::path(
    get,
    path = "/v1/plans/{plan}",
    tag = "plans",
    params(("plan" = String, Path, description = "The plan's id")),
    responses((status = 200, description = "The plan", body = PlanSummary)),
    security(("token" = [])),
)]
pub async fn get_plan(State(app): State<App>, caller: Caller, InPlan(plan): InPlan) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let drawn = app.box_office().plan(&plan, None).await?;
    let tag = HeaderValue::try_from(tag(&drawn)).ok().map(|tag| (ETAG, tag));
    Ok(Answer::json(StatusCode::OK, &PlanSummary::of(&drawn)).with(tag))
}

/// A revision of a plan: every seat with its label, and with its place if the plan has it. It never changes, and may be
/// kept for ever.
#[utoipa::path(
    get,
    path = "/v1/plans/{plan}/revisions/{revision}",
    operation_id = "get_plan_revision",
    tag = "plans",
    params(
        ("plan" = String, Path, description = "The plan's id"),
        ("revision" = u32, Path, minimum = 1, description = "Which; a show's `plan` names its own"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of an earlier answer"),
    ),
    responses((status = 200, description = "The revision", body = PlanJson), (status = 304, description = "As before")),
)]
pub async fn get_revision(
    State(app): State<App>,
    InRevision(plan, revision): InRevision,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let drawn = app.box_office().plan(&plan, Some(revision)).await?;
    let coding = Coding::accepted(&headers);
    let suffix = coding.map(|coding| format!("-{}", coding.name())).unwrap_or_default();
    let tag = format!("\"{}{suffix}\"", drawn.fingerprint.get(..16).unwrap_or_default());
    let answer = match etag::is_known(&headers, &tag) {
        true => Answer::new(StatusCode::NOT_MODIFIED, JSON, Bytes::new()),
        false => match coding {
            None => Answer::new(StatusCode::OK, JSON, written(drawn, None).await?),
            Some(coding) => {
                let body = app.plans().get((plan, revision, coding), || written(drawn, Some(coding))).await?;
                Answer::new(StatusCode::OK, JSON, body).header(CONTENT_ENCODING, HeaderValue::from_static(coding.name()))
            }
        },
    };
    let tag = HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag));
    Ok(answer.header(CACHE_CONTROL, FOR_EVER).header(VARY, HeaderValue::from_static("accept-encoding")).with(tag))
}

/// A large plan takes a moment to write, and longer to compress.
async fn written(drawn: Arc<DrawnPlan>, coding: Option<Coding>) -> Result<Bytes, Problem> {
    let write = move || {
        let body = serde_json::to_vec(&PlanJson::of(&drawn)).map_err(|error| error.to_string())?;
        Ok(match coding {
            None => body.into(),
            Some(coding) => coding.compress(&body, Use::Brief).into(),
        })
    };
    let outcome = tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(error.to_string()));
    outcome.map_err(|error: String| {
        tracing::error!(%error, "a plan could not be written");
        lastseat_engine::Fault::Unavailable("the plan could not be written".to_owned()).into()
    })
}

/// Names a plan's latest revision.
pub(super) fn tag(drawn: &DrawnPlan) -> String {
    etag::of_revision(drawn.revision.into(), "plan")
}
