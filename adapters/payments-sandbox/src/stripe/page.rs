//! The bank's page, at which a buyer authenticates: two buttons, no script.

use super::api::Api;
use super::objects::{self, Named};
use super::params::Params;
use crate::machine::Command;
use crate::record::{Record, Status};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use http::{HeaderValue, StatusCode};
use std::sync::Arc;

const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

/// `GET /3ds/{client_secret}`
pub async fn show(State(api): State<Arc<Api>>, Path(secret): Path<String>) -> Response {
    let Some(record) = find(&api, &secret).await else { return unknown() };
    if record.status != Status::RequiresAction {
        return page(StatusCode::OK, "<p>Nothing is left to do here. Go back to the shop.</p>");
    }
    let amount = escape(&record.amount.to_string());
    let what = escape(record.details.description.as_deref().unwrap_or("a purchase"));
    let body = format!(
        "<p>Confirm the payment of <strong>{amount}</strong> for {what}.</p>\n\
         <form method=\"post\"><button name=\"result\" value=\"complete\">Complete authentication</button>\n\
         <button name=\"result\" value=\"fail\">Fail authentication</button></form>"
    );
    page(StatusCode::OK, &body)
}

/// `POST /3ds/{client_secret}`: what the buyer chose.
pub async fn answer(State(api): State<Arc<Api>>, Path(secret): Path<String>, body: Bytes) -> Response {
    let Some(record) = find(&api, &secret).await else { return unknown() };
    let mut form = Params::default();
    form.add(&body);
    let success = match form.text("result") {
        Some("complete") => true,
        Some("fail") => false,
        _ => return page(StatusCode::BAD_REQUEST, "<p>Choose one of the two buttons.</p>"),
    };
    let command = Command::Authenticate { intent: record.id.clone(), success };
    // A second press finds that nothing is left to do, and leads back to the shop as the first did.
    if let Err(error) = api.sandbox.execute(None, command).await {
        return page(StatusCode::SERVICE_UNAVAILABLE, &format!("<p>{}</p>", escape(&error.to_string())));
    }
    let record = api.sandbox.find(&record.id).await.ok().flatten().unwrap_or(record);
    match return_to(&record) {
        Some(url) => redirect(&url),
        None => page(StatusCode::OK, "<p>Done. Go back to the shop.</p>"),
    }
}

/// The shop's page, with what Stripe adds to its address.
fn return_to(record: &Record) -> Option<String> {
    let url = record.details.return_url.as_deref()?;
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let passed = matches!(record.status, Status::RequiresCapture | Status::Succeeded);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("payment_intent", record.id.as_str());
    query.append_pair("payment_intent_client_secret", &record.client_secret());
    query.append_pair("redirect_status", if passed { "succeeded" } else { "failed" });
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{separator}{}{fragment}", query.finish()))
}

fn redirect(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        Err(_) => page(StatusCode::OK, "<p>Done. Go back to the shop.</p>"),
    }
}

/// The intent with this client secret.
async fn find(api: &Api, secret: &str) -> Option<Arc<Record>> {
    let (id, _) = secret.split_once("_secret_")?;
    let Some(Named::Intent(id)) = objects::find(id) else { return None };
    api.sandbox.find(&id).await.ok().flatten().filter(|record| record.client_secret() == secret)
}

fn unknown() -> Response {
    page(StatusCode::NOT_FOUND, "<p>There is no such payment. Start again in the shop.</p>")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>3-D Secure test page</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>body{{font:1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}button{{font:inherit;padding:.5rem 1rem}}\
         </style></head>\n<body><h1>Your bank, as lastseat's sandbox plays it</h1>\n{body}\n</body></html>\n"
    );
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
