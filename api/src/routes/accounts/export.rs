//! `GET /v1/accounts/me/export`

use super::accounts;
use super::me::AccountJson;
use crate::accounts::SignedIn;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::header::{CONTENT_DISPOSITION, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::account::Session;
use lastseat_domain::{BuyerId, Timestamp};
use lastseat_projections::{BookingView, PageError};
use serde::Serialize;
use utoipa::ToSchema;

/// Bookings that are read at once.
const PAGE: usize = 100;

/// Everything that is held about a person.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountExport)]
pub struct ExportJson<'a> {
    account: AccountJson,
    /// Where they are signed in, newest first.
    sessions: Vec<UseJson>,
    /// Newest first.
    bookings: Vec<BookingJson<'a>>,
}

/// When a session was used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionUse)]
pub struct UseJson {
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// To the minute.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}

/// Everything that is held about the owner of the account, with their bookings. Points and vouchers are at
/// `/v1/me/rewards`.
#[utoipa::path(
    get,
    path = "/v1/accounts/me/export",
    tag = "accounts",
    responses((status = 200, description = "Everything", body = ExportJson)),
    security(("session" = [])),
)]
pub async fn export_account(State(app): State<App>, who: SignedIn, headers: HeaderMap) -> Result<Answer, Problem> {
    let sessions = accounts(&app)?.store().sessions_of(who.account.id).await?;
    let sessions = sessions.into_iter().map(|Session { opened_at, seen_at, .. }| UseJson { opened_at, seen_at }).collect();
    let fresh = freshness::wait(&app, &headers).await?;
    let bookings = bookings_of(&app, &who.account.id.buyer()).await?;
    let bookings = bookings.iter().map(|view| BookingJson::listed(&app, view)).collect();
    let export = ExportJson { account: AccountJson::of(&who.account), sessions, bookings };
    let name = HeaderValue::from_static("attachment; filename=\"lastseat-account.json\"");
    Ok(Answer::json(StatusCode::OK, &export).header(CONTENT_DISPOSITION, name).with(freshness::fields(fresh)))
}

async fn bookings_of(app: &App, buyer: &BuyerId) -> Result<Vec<BookingView>, Problem> {
    let mut bookings: Vec<BookingView> = Vec::new();
    loop {
        let after = bookings.last().map(|booking| booking.booking);
        match app.read_model().bookings_of(buyer, after, PAGE).await {
            Ok(page) => {
                bookings.extend(page.data);
                if !page.has_more {
                    return Ok(bookings);
                }
            }
            // It was transferred while the pages were read: begin again.
            Err(PageError::UnknownCursor(_)) => bookings.clear(),
            Err(PageError::Views(error)) => return Err(error.into()),
        }
    }
}
