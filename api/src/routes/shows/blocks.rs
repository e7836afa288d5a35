//! `/v1/shows/{show}/blocks`: seats that are kept from the open sale.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::bookings::block_access::{access_code, channel_id};
use crate::routes::bookings::hold_body::{area_id, seat_id};
use crate::routes::command::{Command, execute};
use crate::routes::params::{InBlock, InShow};
use crate::routes::sender::{RunShows, RunShowsWithPlan};
use crate::routes::wire::{self, BlockJson, BlockSummary, List, SeatState};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::{BlockId, Rejection, ShowId};
use lastseat_engine::{BlockRequest, BlockSelection};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which seats to keep from sale, and who may buy them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct BlockBody {
    /// Labels of seats, up to 5,000. Or leave it out and send `area` with `quantity`.
    #[schema(example = json!(["A-1", "A-2"]), min_items = 1, max_items = 5000, nullable = false)]
    seats: Option<Vec<String>>,
    /// An area without labels, with `quantity`.
    #[schema(nullable = false)]
    area: Option<String>,
    /// Number of places of `area`, up to 5,000.
    #[schema(minimum = 1, maximum = 5000, nullable = false)]
    quantity: Option<u32>,
    /// Why, for staff. Buyers don't see it.
    #[schema(example = "Sponsor", min_length = 1, max_length = 200)]
    reason: String,
    /// Whatever of these is free, and not all or none. `not_blocked` in the answer names the others.
    #[serde(default)]
    #[schema(required = false, default = false)]
    partial: bool,
    /// Where these seats are sold. `till` is the box office and needs no access code; every other channel does.
    #[schema(example = "sponsor", nullable = false)]
    channel: Option<String>,
    /// A hold that sends this code may buy from the block. lastseat keeps only a hash of it.
    #[schema(example = "sesame-2027", min_length = 8, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    access_code: Option<String>,
}

/// Keeps seats from the open sale. Nobody can hold them without access to the block.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/blocks",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    request_body = BlockBody,
    responses((status = 201, description = "The seats are kept from sale", body = BlockJson)),
    security(("token" = [])),
)]
pub async fn open_block(
    State(app): State<App>,
    InShow(show): InShow,
    command: Result<Command<RunShowsWithPlan>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::OpenBlock, command, async move |app: App, command: Command<RunShowsWithPlan>| {
        let request = request(&app, show, &command)?;
        let opened = app.box_office().open_block(request).await?;
        let (show, id) = (opened.block.opened.as_ref().map(|o| o.show.clone()), opened.block.opened.as_ref().map(|o| o.block));
        let (Some(show), Some(id)) = (show, id) else { return Err(Rejection::BlockNotFound.into()) };
        let status = app.box_office().block(&show, id).await?;
        let mut body = BlockJson::of(&status).ok_or(Rejection::BlockNotFound)?;
        body.not_blocked = opened.taken.iter().map(SeatState::of).collect();
        let answer = Answer::json(StatusCode::CREATED, &body).location(&format!("/v1/shows/{show}/blocks/{id}"));
        Ok(if opened.replayed { answer.replayed() } else { answer })
    })
    .await
}

/// Puts the seats of a block back on sale. Those that are held or sold from it stay so; if they are given back, they
/// are for everybody.
#[utoipa::path(
    delete,
    path = "/v1/shows/{show}/blocks/{block}",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id"), ("block" = String, Path, description = "The block's id")),
    responses((status = 200, description = "The block, lifted", body = BlockJson)),
    security(("token" = [])),
)]
pub async fn lift_block(
    State(app): State<App>,
    InBlock(show, block): InBlock,
    command: Result<Command<RunShows>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::LiftBlock, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        app.box_office().lift_block(&show, block, command.origin()).await?;
        answer(&app, &show, block).await
    })
    .await
}

/// The open blocks of a show. For staff, managers, auditors and admins.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/blocks",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The blocks, by id", body = wire::BlockList)),
    security(("token" = [])),
)]
pub async fn list_blocks(State(app): State<App>, InShow(show): InShow, caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let blocks = app.box_office().blocks(&show)?;
    let data = blocks.iter().filter_map(BlockSummary::of).collect();
    Ok(Answer::json(StatusCode::OK, &List { data, has_more: false }))
}

/// A block with its seats, lifted or not. For staff, managers, auditors and admins.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/blocks/{block}",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id"), ("block" = String, Path, description = "The block's id")),
    responses((status = 200, description = "The block", body = BlockJson)),
    security(("token" = [])),
)]
pub async fn get_block(State(app): State<App>, InBlock(show, block): InBlock, caller: Caller) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    answer(&app, &show, block).await
}

async fn answer(app: &App, show: &ShowId, block: BlockId) -> Result<Answer, Problem> {
    let status = app.box_office().block(show, block).await?;
    let body = BlockJson::of(&status).ok_or(Rejection::BlockNotFound)?;
    Ok(Answer::json(StatusCode::OK, &body))
}

fn request(app: &App, show: ShowId, command: &Command<RunShowsWithPlan>) -> Result<BlockRequest, Problem> {
    let body: BlockBody = command.json()?;
    let block = match command.key() {
        Some(key) => app.parts().auth.block_for_key(&format!("{}|{show}", command.caller.scope()), key),
        None => BlockId(app.parts().ids.uuid()),
    };
    let selection = match (body.seats, body.area, body.quantity) {
        (Some(seats), None, None) => BlockSelection::Seats(seats.iter().map(|seat| seat_id(seat)).collect::<Result<_, _>>()?),
        (None, Some(area), Some(quantity)) => BlockSelection::Any { area: area_id(&area)?, quantity },
        _ => {
            let detail = "Say which seats in exactly one way: `seats`, or `area` with `quantity`.";
            return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "seats"));
        }
    };
    let access_code = body.access_code.map(|code| access_code(app, &show, &code)).transpose()?;
    let channel = body.channel.map(|channel| channel_id(&channel)).transpose()?;
    Ok(BlockRequest {
        block,
        show,
        selection,
        partial: body.partial,
        reason: body.reason,
        channel,
        access_code,
        fingerprint: command.fingerprint(),
        origin: command.origin(),
    })
}
