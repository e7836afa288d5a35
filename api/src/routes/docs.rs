//! The documentation that the server serves: `/openapi.json`, `/docs`, `/problems/{code}`.

use crate::app::App;
use crate::assets;
use crate::problem::{Code, Problem};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

/// The routes that are not in the OpenAPI document. `document` is that document as JSON.
pub fn router(document: String) -> Router<App> {
    let document = Bytes::from(document);
    let openapi = get(move || {
        let document = document.clone();
        async move { ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], document) }
    });
    let page =
        get(|State(app): State<App>, headers: HeaderMap| async move { assets::serve("docs/docs.html", &headers, app.pages()) });
    // With and without the slash: people type both.
    Router::new().route("/openapi.json", openapi).route("/docs", page.clone()).route("/docs/", page)
}

/// What a problem's code means. The `type` of every problem leads here.
#[utoipa::path(
    get,
    path = "/problems/{code}",
    operation_id = "explain_problem",
    tag = "operations",
    params(("code" = String, Path, description = "The code of a problem")),
    responses((status = 200, description = "What it means", body = String, content_type = "text/plain")),
)]
pub async fn problem(code: Result<Path<String>, PathRejection>) -> Response {
    let code = code.ok().and_then(|Path(text)| Code::ALL.iter().find(|code| code.text() == text));
    let Some(code) = code else {
        return Problem::new(
            Code::UnknownRoute,
            "No problem has this code. GET /openapi.json lists the codes of every operation.",
        )
        .into_response();
    };
    let advice = lastseat_domain::Rejection::CODES.iter().find(|(name, _)| *name == code.text()).map_or("", |(_, text)| text);
    let (text, title, status) = (code.text(), code.title(), code.status());
    format!("{text} ({status})\n\n{title}.\n{advice}\n").into_response()
}
