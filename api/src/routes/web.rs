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

/// The seat map for pages of other sites.
async fn embed(State(app): State<App>, headers: HeaderMap) -> Response {
    assets::serve("embed.js", &headers, app.pages())
}

async fn asset(State(app): State<App>, path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    assets::serve(&path.map(|Path(path)| path).unwrap_or_default(), &headers, app.pages())
}
