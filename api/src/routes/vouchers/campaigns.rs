//! `POST /v1/vouchers`, `GET /v1/vouchers` and `GET /v1/vouchers/{campaign}`

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::freshness;
use crate::routes::params::{InCampaign, Params, wrong};
use crate::routes::sender::IssueVouchers;
use crate::routes::wire::{self, CampaignJson, CampaignSummary, List, NewDiscount};
use axum::extract::State;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_DISPOSITION, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use lastseat_domain::campaign::MAX_VOUCHERS;
use lastseat_domain::event::{Discount, VoucherTerms};
use lastseat_domain::{BlockId, CampaignId, CategoryId, ShowId, Timestamp};
use lastseat_engine::{CampaignRequest, CampaignStatus};
use serde::Deserialize;
use std::fmt::Write as _;
use utoipa::ToSchema;

/// Seconds after which one may look how a large campaign gets on.
pub(super) const LOOK_AGAIN: u64 = 2;

/// Vouchers to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewCampaign {
    /// What each of them is worth. Vouchers that open blocks need none.
    #[schema(nullable = false)]
    discount: Option<NewDiscount>,
    /// How many vouchers, each with a code of its own.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 100000, example = 500)]
    count: u32,
    /// How often each of them can be used.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    uses: u32,
    /// First moment at which they can be used.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<Timestamp>,
    /// First moment at which they can't be used any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<Timestamp>,
    /// The shows that they are for, up to 100; any show if absent.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 100, example = json!(["demo"]))]
    shows: Vec<ShowId>,
    /// The price categories that they are for, up to 100; any category if absent.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 100, example = json!(["stalls"]))]
    categories: Vec<CategoryId>,
    /// The open blocks that a hold with one of them may buy from, up to 100.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>, required = false, max_items = 100)]
    opens: Vec<BlockId>,
}

fn one() -> u32 {
    1
}

/// Issues vouchers with the same terms. For managers and admins.
///
/// The same request under the same Idempotency-Key issues no others. 202 means that some are still missing: they
/// follow by themselves, and `GET /v1/vouchers/{campaign}` says how far it is.
#[utoipa::path(
    post,
    path = "/v1/vouchers",
    tag = "vouchers",
    request_body = NewCampaign,
    responses(
        (status = 201, description = "All vouchers are issued", body = CampaignJson),
        (status = 202, description = "The campaign has begun; more vouchers follow", body = CampaignJson),
    ),
    security(("token" = [])),
)]
pub async fn issue_vouchers(State(app): State<App>, command: Result<Command<IssueVouchers>, Problem>) -> Answer {
    execute(&app, metrics::Command::IssueVouchers, command, async move |app: App, command: Command<IssueVouchers>| {
        let request = request(&app, &command)?;
        let status = app.box_office().start_campaign(request).await?;
        let most = usize::try_from(MAX_VOUCHERS).unwrap_or(usize::MAX);
        let body = CampaignJson::of(app.parts().auth.vouchers(), &status, 0, most);
        let path = format!("/v1/vouchers/{}", body.summary.id);
        Ok(if status.campaign.completed {
            Answer::json(StatusCode::CREATED, &body).location(&path)
        } else {
            let answer = Answer::json(StatusCode::ACCEPTED, &body).location(&path);
            answer.header(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN)).undecided()
        })
    })
    .await
}

fn request(app: &App, command: &Command<IssueVouchers>) -> Result<CampaignRequest, Problem> {
    let body: NewCampaign = command.json()?;
    let campaign = match command.key() {
        Some(key) => app.parts().auth.campaign_for_key(&command.caller.scope(), key),
        None => CampaignId(app.parts().ids.uuid()),
    };
    for show in &body.shows {
        if app.box_office().show(show).is_none() {
            let detail = format!("There is no show `{show}`. GET /v1/shows lists them.");
            return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "shows"));
        }
    }
    let terms = VoucherTerms {
        discount: body.discount.map_or(Discount::Nothing, Discount::from),
        uses: body.uses,
        valid_from: body.valid_from.map(whole_milliseconds),
        valid_until: body.valid_until.map(whole_milliseconds),
        shows: body.shows,
        categories: body.categories,
        opens: body.opens,
    };
    let (fingerprint, origin) = (command.fingerprint(), command.origin());
    Ok(CampaignRequest { campaign, terms, count: body.count, fingerprint, origin })
}

fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}

/// The campaigns, newest first, with what has become of their vouchers. For managers and admins.
#[utoipa::path(
    get,
    path = "/v1/vouchers",
    tag = "vouchers",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Campaigns on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<uuid::Uuid>, Query, description = "Id of the last campaign of the page before"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "A page of campaigns", body = wire::CampaignList)),
    security(("token" = [])),
)]
pub async fn list_campaigns(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    const CURSOR: &str = "the id of a campaign of this list";
    caller.needs(Permission::IssueVouchers)?;
    let (limit, after) = (params.limit()?, params.value::<CampaignId>("starting_after", CURSOR)?);
    let fresh = freshness::wait(&app, &headers).await?;
    let page = app.read_model().campaigns(after, limit).await?.ok_or_else(|| wrong("starting_after", CURSOR))?;
    let data = page.data.iter().map(CampaignSummary::listed).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: page.has_more }).with(freshness::fields(fresh)))
}

/// A campaign and the codes of its vouchers. For managers and admins: a code is as good as money.
///
/// `Accept: text/csv` or `format=csv` gets all codes as CSV.
#[utoipa::path(
    get,
    path = "/v1/vouchers/{campaign}",
    tag = "vouchers",
    params(
        ("campaign" = String, Path, description = "The campaign's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Vouchers on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<u32>, Query, description = "Number of the last voucher of the page before"),
        ("format" = Option<String>, Query, description = "`json`, or `csv` for a spreadsheet. If absent, the header `Accept` decides"),
    ),
    responses((status = 200, description = "The campaign, or its codes as CSV", content(
        (CampaignJson = "application/json"),
        (String = "text/csv"),
    ))),
    security(("token" = [])),
)]
pub async fn get_campaign(
    State(app): State<App>,
    InCampaign(campaign): InCampaign,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::IssueVouchers)?;
    let (limit, after) = (params.limit()?, params.value::<u32>("starting_after", "the number of a voucher")?);
    let csv = match params.text("format") {
        Some("csv") => true,
        Some("json") => false,
        Some(_) => return Err(wrong("format", "`json` or `csv`")),
        None => headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.starts_with("text/csv")),
    };
    let status = app.box_office().campaign(campaign).await?;
    if csv {
        return Ok(in_csv(&app, &status));
    }
    let page = CampaignJson::of(app.parts().auth.vouchers(), &status, after.unwrap_or(0), limit);
    let listed = match (page.vouchers.first(), page.vouchers.last()) {
        (Some(first), Some(last)) => app.box_office().vouchers_of(campaign, first.number..=last.number).await?,
        _ => vec![],
    };
    freshness::wait_for_own_writes(&app).await;
    // The codes don't wait for views that can't be read.
    let counts = app.read_model().campaign(campaign).await.ok().flatten().map(|view| view.counts);
    Ok(Answer::json(StatusCode::OK, &page.with_uses(&listed, counts)))
}

fn in_csv(app: &App, status: &CampaignStatus) -> Answer {
    let (keys, campaign) = (app.parts().auth.vouchers(), status.campaign.started.campaign);
    let mut text = String::from("number,voucher\r\n");
    for number in 1..=status.issued {
        let _infallible = write!(text, "{number},{}", keys.code_of_campaign(campaign, number));
        text.push_str("\r\n");
    }
    let media_type = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let attachment = HeaderValue::from_static("attachment; filename=\"vouchers.csv\"");
    Answer::new(StatusCode::OK, media_type, Bytes::from(text)).header(CONTENT_DISPOSITION, attachment)
}
