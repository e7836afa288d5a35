//! `/` and `/assets/…`: the pages that are embedded in the program.

use crate::app::App;
use crate::assets;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;

pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(index))
        .route("/account", get(account))
        .route("/office", get(office))
        .route("/entrance", get(entrance))
        .route("/entrance-worker.js", get(entrance_worker))
        .route("/audit", get(audit))
        .route("/wallet", get(wallet))
        .route("/wallet-worker.js", get(wallet_worker))
        .route("/embed.js", get(embed))
        .route("/assets/{*path}", get(asset))
}

/// The page of the sandbox's bank, to which a booking's `next_action` leads.
pub fn sandbox_router() -> Router<App> {
    Router::new().route("/sandbox/authenticate/{intent}", get(bank))
}

async fn bank(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("bank.html", &headers, app.pages())
}

async fn index(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve_index(app.parts().publishable_key.as_deref(), &headers, app.pages())
}

/// Where links in mails lead.
async fn account(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("account.html", &headers, app.pages())
}

/// For staff and those above: sales, bookings, shows.
async fn office(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("office/office.html", &headers, app.pages())
}

/// For those at the door: scans tickets, also offline.
async fn entrance(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("entrance/entrance.html", &headers, app.pages())
}

/// Keeps the page of the entrance for use offline. A worker serves pages below its own path only, so it is at the top.
async fn entrance_worker(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("entrance/worker.js", &headers, app.pages())
}

/// For auditors: a sale at any time of it, and the verdict of `verify`.
async fn audit(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("audit/audit.html", &headers, app.pages())
}

/// For buyers: their bookings and tickets. The booking of a link and its token are in the fragment, which never comes here.
async fn wallet(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("wallet/wallet.html", &headers, app.pages())
}

/// Keeps the wallet for use offline, as the entrance's worker does.
async fn wallet_worker(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("wallet/worker.js", &headers, app.pages())
}

/// The seat map for pages of other sites.
async fn embed(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("embed.js", &headers, app.pages())
}

async fn asset(State(app): State<App>, path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    assets::serve(&path.map(|Path(path)| path).unwrap_or_default(), &headers, app.pages())
}
