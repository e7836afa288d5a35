//! `GET /v1/shows/{show}/checkins`: who is inside, and which scans don't fit.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::params::{InShow, Params, wrong};
use crate::routes::tickets::checkins::ScanType;
use crate::routes::wire::ScanConflictJson;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, DeviceId, GateId, Rejection, ShowId, TicketId, Timestamp};
use lastseat_projections::{CheckinsView, GateView, ScanInConflict};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The entrance of a show.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Checkins)]
pub struct CheckinsJson {
    #[schema(value_type = String, example = "demo")]
    show: ShowId,
    /// All entries, also those that don't fit.
    entries: u64,
    exits: u64,
    /// Tickets that were scanned.
    tickets: u64,
    /// Of these, those with which somebody is inside.
    inside: u64,
    /// Scans that were made offline.
    offline: u64,
    /// Entries while somebody was inside with the ticket, by the times of the scans.
    double_entries: u64,
    exits_without_entry: u64,
    /// Entries with a code that was void at the time of the scan.
    void_entries: u64,
    /// By gate, sorted by its name.
    gates: Vec<GateJson>,
    /// The scans that don't fit, ticket by ticket and by time.
    data: Vec<ScanInConflictJson>,
    /// Whether there are more: ask again with `starting_after` set to the id of the last one.
    has_more: bool,
}

/// The scans of a gate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GateCheckins)]
struct GateJson {
    #[schema(value_type = String, example = "north")]
    gate: GateId,
    entries: u64,
    exits: u64,
}

/// A scan that does not fit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScanInConflict)]
struct ScanInConflictJson {
    /// Position of its event in the log.
    id: u64,
    #[schema(value_type = String, format = Uuid)]
    ticket: TicketId,
    #[schema(value_type = String, format = Uuid)]
    booking: BookingId,
    #[schema(example = "A-1")]
    seat: String,
    #[serde(rename = "type")]
    kind: ScanType,
    #[schema(value_type = String, example = "north")]
    gate: GateId,
    /// The device that scanned it, if it has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "scanner-7", nullable = false)]
    device: Option<DeviceId>,
    /// The device's id of it; without a device, the server's.
    scan: Uuid,
    /// When it counts as made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When it was recorded, if it was made offline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    recorded_at: Option<Timestamp>,
    /// What does not fit, among all scans by now: a scan that was sent later may have explained what seemed not to.
    conflicts: Vec<ScanConflictJson>,
}

impl From<ScanInConflict> for ScanInConflictJson {
    fn from(found: ScanInConflict) -> Self {
        let ScanInConflict { scan, conflicts } = found;
        Self {
            id: scan.position.0,
            ticket: scan.ticket,
            booking: scan.booking,
            seat: scan.seat.as_str().to_owned(),
            kind: scan.kind.into(),
            gate: scan.gate,
            device: scan.device,
            scan: scan.scan,
            at: scan.at,
            recorded_at: scan.recorded_at,
            conflicts: conflicts.into_iter().map(Into::into).collect(),
        }
    }
}

impl CheckinsJson {
    fn of(show: ShowId, view: CheckinsView) -> Self {
        let CheckinsView { entries, exits, tickets, inside, offline, double_entries, exits_without_entry, void_entries, .. } =
            view;
        let gates = view.gates.into_iter().map(|(gate, GateView { entries, exits })| GateJson { gate, entries, exits });
        Self {
            show,
            entries,
            exits,
            tickets,
            inside,
            offline,
            double_entries,
            exits_without_entry,
            void_entries,
            gates: gates.collect(),
            data: view.conflicts.data.into_iter().map(Into::into).collect(),
            has_more: view.conflicts.has_more,
        }
    }
}

/// Who came in to a show and went out, by gate, and the scans that don't fit. For staff, managers, auditors and admins.
///
/// Scans are judged by the time of each, also those that were made offline and sent later: an entry while somebody is inside with
/// the ticket is a double entry, and both of its scans are listed.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/checkins",
    tag = "tickets",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Scans that don't fit on a page, 1 to 100; 20 if absent"),
        ("starting_after" = Option<u64>, Query, description = "Id of the last scan of the page before"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "The entrance", body = CheckinsJson)),
    security(("token" = [])),
)]
pub async fn get_checkins(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadBookings)?;
    if app.box_office().show(&show).is_none() {
        return Err(Rejection::ShowNotFound.into());
    }
    params.only(|name| ["limit", "starting_after"].contains(&name))?;
    let cursor = "the id of a scan of this list";
    let (limit, after) = (params.limit()?, params.value::<u64>("starting_after", cursor)?.map(Position));
    let fresh = freshness::wait(&app, &headers).await?;
    let view = app.read_model().checkins(&show, after, limit).await?.ok_or_else(|| wrong("starting_after", cursor))?;
    Ok(Answer::json(StatusCode::OK, &CheckinsJson::of(show, view)).with(freshness::fields(fresh)))
}
