//! `POST /v1/checkins:batch`: what a device scanned while it could not ask the server.

use crate::answer::Answer;
use crate::app::App;
use crate::body;
use crate::idempotency;
use crate::metrics;
use crate::openapi::AnyProblem;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::sender::CheckInLater;
use crate::routes::tickets::checkins::{ScanType, invalid, name, not_a_ticket};
use crate::routes::wire::ScanConflictJson;
use axum::extract::State;
use chrono::{Datelike, SubsecRound};
use http::StatusCode;
use lastseat_domain::{DeviceId, GateId, Rejection, ShowId, TicketId, Timestamp};
use lastseat_engine::{CommandError, OfflineScan, RecordedScan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most scans of a batch.
const MOST: usize = 500;

/// The scans, each as it was sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct BatchBody {
    device: String,
    show: Option<String>,
    scans: Vec<Box<RawValue>>,
}

/// What a device has scanned offline.
// Only described: a request is parsed as `BatchBody`, so that a scan which can't be read loses no other.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct OfflineScans {
    /// The device. It gives each of its scans an id.
    #[schema(example = "scanner-7", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    device: String,
    /// The show that people were let in to: a ticket of another one is rejected.
    #[schema(example = "demo", nullable = false)]
    show: Option<String>,
    #[schema(min_items = 1, max_items = 500)]
    scans: Vec<OfflineScanBody>,
}

/// A scan that was made offline.
///
/// Other members are passed over: what a newer device adds must not lose the scan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[schema(as = OfflineScan)]
pub struct OfflineScanBody {
    /// The text of the ticket's code.
    #[schema(example = "AEAZ64DZN2QXOSKZUF3ZTXJ7FQ…", min_length = 1, max_length = 1000)]
    ticket: String,
    /// Where it was scanned.
    #[schema(example = "north", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    gate: String,
    /// The device's id of the scan: sent again, here or alone, it is the same scan.
    scan: Uuid,
    /// When, by the device's clock.
    #[schema(value_type = String, format = DateTime, example = "2030-06-01T18:02:11.482Z")]
    scanned_at: Timestamp,
    /// Whether its bearer came in or went out.
    #[serde(default, rename = "type")]
    kind: ScanType,
}

/// What has become of the scans, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanResults {
    results: Vec<ScanResult>,
}

/// What has become of a scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanResult {
    /// Its place in the batch, from 0.
    index: usize,
    /// The device's id of it, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scan: Option<Uuid>,
    result: ScanOutcome,
    /// Id of the ticket, if it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Uuid, nullable = false)]
    ticket: Option<TicketId>,
    /// When it counts as made: as its device said, but not after it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    at: Option<Timestamp>,
    /// What did not fit when it was recorded. Absent if all did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<ScanConflictJson>,
    /// Why it is not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AnyProblem, nullable = false)]
    problem: Option<Box<RawValue>>,
}

/// `recorded`: now. `repeat`: it was recorded before. `rejected`: it is not, and never will be. `retry`: it is not known to be;
/// send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanOutcome {
    Recorded,
    Repeat,
    Rejected,
    Retry,
}

/// Records what a device scanned while it could not ask the server. For staff, managers and admins.
///
/// Each scan is judged by itself, and recorded whatever it led to; `conflicts` says what does not fit: a second entry with the same
/// ticket by whichever device, an exit without an entry, a code that was void at the time of the scan. A scan that is sent again is
/// recorded once, and gets its first answer. Send those with the result `retry` again.
#[utoipa::path(
    post,
    path = "/v1/checkins:batch",
    tag = "tickets",
    request_body = OfflineScans,
    responses((status = 200, description = "What has become of each scan", body = ScanResults)),
    security(("token" = [])),
)]
pub async fn check_in_batch(State(app): State<App>, command: Result<Command<CheckInLater>, Problem>) -> Answer {
    execute(&app, metrics::Command::CheckInBatch, command, record_all).await
}

async fn record_all(app: App, command: Command<CheckInLater>) -> Result<Answer, Problem> {
    let BatchBody { device, show, scans } = command.json()?;
    let device = name("device", &device, DeviceId::new)?;
    let show = show.map(|show| name("show", &show, ShowId::new)).transpose()?;
    if !(1..=MOST).contains(&scans.len()) {
        let detail = format!("Nothing was recorded: a batch has 1 to {MOST} `scans`, and this has {}.", scans.len());
        return Err(invalid("scans", detail).fact("most", MOST));
    }
    let mut results = HashMap::new();
    let (mut known, mut places) = (Vec::with_capacity(scans.len()), Vec::with_capacity(scans.len()));
    let count = scans.len();
    for (index, scan) in scans.iter().enumerate() {
        match read(&app, &device, show.as_ref(), scan.get()) {
            Ok(scan) => {
                places.push((index, scan.clone()));
                known.push(scan);
            }
            Err((scan, problem)) => {
                results.insert(index, ScanResult::refused(index, scan, ScanOutcome::Rejected, problem));
            }
        }
    }
    let recorded = app.box_office().record_scans(known, command.origin()).await?;
    for ((index, scan), recorded) in places.into_iter().zip(recorded) {
        results.insert(index, ScanResult::of(index, &scan, recorded));
    }
    let results = (0..count).map(|index| results.remove(&index).unwrap_or_else(|| ScanResult::unanswered(index))).collect();
    // The log has the scans: a repeat finds them there, and those that are not there are tried again.
    Ok(Answer::json(StatusCode::OK, &ScanResults { results }).undecided())
}

/// The id of a scan that can't be read otherwise, so that its device knows which one it is.
fn id_of(text: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Named {
        scan: Uuid,
    }
    serde_json::from_str::<Named>(text).ok().map(|named| named.scan)
}

/// A scan as the engine takes it.
fn read(app: &App, device: &DeviceId, show: Option<&ShowId>, text: &str) -> Result<OfflineScan, (Option<Uuid>, Problem)> {
    let OfflineScanBody { ticket, gate, scan, scanned_at, kind } =
        body::parse(text.as_bytes()).map_err(|problem| (id_of(text), problem))?;
    let refused = |problem| (Some(scan), problem);
    let gate = name("gate", &gate, GateId::new).map_err(refused)?;
    if !(0..=9999).contains(&scanned_at.year()) {
        return Err(refused(invalid("scanned_at", "`scanned_at` must be a time of the years 0 to 9999.")));
    }
    let code = app.parts().tickets.read(&ticket).map_err(|why| refused(not_a_ticket(why)))?;
    if show.is_some_and(|show| *show != code.show) {
        return Err(refused(Rejection::TicketOfOtherShow { show: code.show }.into()));
    }
    // As precise as all times here.
    let scanned_at = scanned_at.trunc_subsecs(3);
    Ok(OfflineScan { code, kind: kind.into(), gate, device: device.clone(), scan, scanned_at })
}

/// Whether what is recorded under the scan's id is this scan.
fn is_the_same(recorded: &RecordedScan, sent: &OfflineScan) -> bool {
    let same_time = recorded.scanned_at.is_none_or(|at| at == sent.scanned_at);
    same_time && (recorded.kind, &recorded.gate) == (sent.kind, &sent.gate)
}

impl ScanResult {
    fn of(index: usize, sent: &OfflineScan, recorded: Result<RecordedScan, CommandError>) -> Self {
        let (scan, ticket) = (sent.scan, sent.code.ticket());
        match recorded {
            // Another scan under the id of one that is recorded: it must not pass for that.
            Ok(recorded) if !is_the_same(&recorded, sent) => {
                Self::refused(index, Some(scan), ScanOutcome::Rejected, idempotency::reused())
            }
            Ok(RecordedScan { is_repeat, at, conflicts, .. }) => Self {
                index,
                scan: Some(scan),
                result: if is_repeat { ScanOutcome::Repeat } else { ScanOutcome::Recorded },
                ticket: Some(ticket),
                at: Some(at),
                conflicts: conflicts.into_iter().map(ScanConflictJson::from).collect(),
                problem: None,
            },
            Err(error @ CommandError::Rejected(_)) => Self::refused(index, Some(scan), ScanOutcome::Rejected, error.into()),
            Err(error) => Self::refused(index, Some(scan), ScanOutcome::Retry, error.into()),
        }
    }

    fn refused(index: usize, scan: Option<Uuid>, result: ScanOutcome, problem: Problem) -> Self {
        let text = String::from_utf8(problem.to_json().to_vec()).ok();
        let problem = text.and_then(|text| RawValue::from_string(text).ok());
        Self { index, scan, result, ticket: None, at: None, conflicts: vec![], problem }
    }

    fn unanswered(index: usize) -> Self {
        let detail = "This scan may have been recorded or not. Send it again: it is recorded once.";
        Self::refused(index, None, ScanOutcome::Retry, Problem::new(Code::OutcomeUnknown, detail))
    }
}
