//! `POST /v1/checkins`: a ticket is scanned at the entrance.

use crate::answer::Answer;
use crate::app::App;
use crate::idempotency;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::sender::CheckIn;
use crate::tickets::{NotATicket, Place};
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::ids::InvalidId;
use lastseat_domain::ticket::TicketFacts;
use lastseat_domain::{BookingId, DeviceId, GateId, Rejection, ScanKind, ShowId, Timestamp};
use lastseat_engine::{ScanRequest, Scanned};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A scan of a ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct CheckinBody {
    /// The text of its code.
    #[schema(example = "AEAZ64DZN2QXOSKZUF3ZTXJ7FQ…", min_length = 1, max_length = 1000)]
    ticket: String,
    /// Where it was scanned.
    #[schema(example = "north", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    gate: String,
    /// The show that people are let in to: a ticket of another one is refused.
    #[schema(example = "demo", nullable = false)]
    show: Option<String>,
    /// The device that scans, if it names its scans; then with `scan`.
    #[schema(example = "scanner-7", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$", nullable = false)]
    device: Option<String>,
    /// The device's id of this scan: a scan that is sent again, here or in a batch, is the same scan.
    #[schema(nullable = false)]
    scan: Option<Uuid>,
    /// Whether its bearer comes in or goes out.
    #[serde(default, rename = "type")]
    kind: ScanType,
}

/// `entry`: its bearer comes in. `exit`: goes out, and may come in again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanType {
    #[default]
    Entry,
    Exit,
}

/// What the scan has led to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Checkin)]
pub struct CheckinJson {
    /// Id of the ticket.
    ticket: Uuid,
    /// Whether its bearer has come in or gone out.
    #[serde(rename = "type")]
    kind: ScanType,
    #[schema(value_type = String, example = "demo")]
    show: ShowId,
    /// Where its bearer sits.
    #[schema(example = "A-1")]
    seat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "stalls", nullable = false)]
    area: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "front", nullable = false)]
    category: Option<String>,
    #[schema(value_type = String, format = Uuid)]
    booking: BookingId,
    #[schema(value_type = String, example = "north")]
    gate: GateId,
    /// When its bearer came in or went out.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How often it has admitted somebody, this time included.
    #[schema(example = 1)]
    entries: usize,
}

/// Admits the bearer of a ticket, once. For staff, managers and admins.
///
/// `already_admitted` says when and where somebody came in with it. Who goes out for a while is scanned with `"type":"exit"`,
/// and can come in again; where nobody may, scan no exits. Send an `Idempotency-Key`, or `device` and `scan`: a repeat of the
/// same scan gets its first answer, another scan is refused.
#[utoipa::path(
    post,
    path = "/v1/checkins",
    tag = "tickets",
    request_body = CheckinBody,
    responses((status = 200, description = "Let its bearer in, or out", body = CheckinJson)),
    security(("token" = [])),
)]
pub async fn check_in(State(app): State<App>, command: Result<Command<CheckIn>, Problem>) -> Answer {
    execute(&app, metrics::Command::CheckIn, command, async move |app: App, command: Command<CheckIn>| {
        let body: CheckinBody = command.json()?;
        let gate = name("gate", &body.gate, GateId::new)?;
        let scan = match (body.device, body.scan) {
            (Some(device), Some(scan)) => Some((name("device", &device, DeviceId::new)?, scan)),
            (None, None) => None,
            (Some(_), None) => return Err(invalid("scan", "A scan with `device` needs `scan`, the device's id of it.")),
            (None, Some(_)) => return Err(invalid("device", "A scan with `scan` needs `device`, the device that made it.")),
        };
        let code = app.parts().tickets.read(&body.ticket).map_err(not_a_ticket)?;
        if body.show.is_some_and(|show| show != code.show.as_str()) {
            return Err(Rejection::TicketOfOtherShow { show: code.show }.into());
        }
        let request = ScanRequest { code: code.clone(), kind: body.kind.into(), gate: gate.clone(), scan };
        let scanned = app.box_office().check_in(request, command.origin()).await?;
        // Another scan under the id of one that is recorded: it must not pass for that.
        if (scanned.kind, &scanned.gate) != (body.kind.into(), &gate) {
            return Err(idempotency::reused());
        }
        Ok(Answer::json(StatusCode::OK, &CheckinJson::of(&app, code, scanned)))
    })
    .await
}

pub(super) fn invalid(field: &str, text: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidRequest, text.into()).fact("field", field)
}

pub(super) fn name<T>(field: &str, text: &str, read: impl FnOnce(&str) -> Result<T, InvalidId>) -> Result<T, Problem> {
    read(text).map_err(|rule| invalid(field, format!("`{field}` is not valid: {rule}.")))
}

pub(super) fn not_a_ticket(why: NotATicket) -> Problem {
    let code = match why {
        NotATicket::Malformed => Code::NotATicket,
        NotATicket::Forged => Code::TicketForged,
    };
    Problem::new(code, format!("This ticket admits nobody: {why}."))
}

impl CheckinJson {
    fn of(app: &App, code: TicketFacts, scanned: Scanned) -> Self {
        let place = app.box_office().show(&code.show).map(|show| Place::of(&show.plan, &code.seat)).unwrap_or_default();
        Self {
            ticket: code.ticket().0,
            kind: scanned.kind.into(),
            seat: code.seat.as_str().to_owned(),
            area: place.area,
            category: place.category,
            booking: code.booking,
            show: code.show,
            gate: scanned.gate,
            at: scanned.at,
            entries: scanned.entries,
        }
    }
}

impl From<ScanType> for ScanKind {
    fn from(kind: ScanType) -> Self {
        match kind {
            ScanType::Entry => Self::Entry,
            ScanType::Exit => Self::Exit,
        }
    }
}

impl From<ScanKind> for ScanType {
    fn from(kind: ScanKind) -> Self {
        match kind {
            ScanKind::Entry => Self::Entry,
            ScanKind::Exit => Self::Exit,
        }
    }
}
