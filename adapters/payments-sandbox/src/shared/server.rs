//! The node that has the sandbox: reads a request, runs it on the sandbox, writes the reply.

use super::problem::Problem;
use super::wire::{Act, Authenticate, Confirm, Create, Hello, MAX_BODY, Refund, Reply, Retrieve, VERSION, path};
use crate::gateway::SandboxGateway;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::PaymentOrder;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::sync::Arc;
use std::time::Duration;

/// How long a server that stops should let running calls finish; the sandbox's slow payment method takes 3 s.
pub const DRAIN: Duration = Duration::from_secs(5);
/// How long a request's body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and dropped: most clients read the answer only after
/// they have sent everything.
const DISCARDED: usize = 1 << 20;

type Sandbox = State<Arc<SandboxGateway>>;

/// The routes over which other nodes use this sandbox.
pub fn router(sandbox: Arc<SandboxGateway>) -> Router {
    Router::new()
        .route(path::HELLO, get(async || Json(Hello { shared_sandbox: VERSION })))
        .route(path::CREATE, post(create))
        .route(path::CONFIRM, post(confirm))
        .route(path::RETRIEVE, post(retrieve))
        .route(path::CAPTURE, post(capture))
        .route(path::CANCEL, post(cancel))
        .route(path::REFUND, post(refund))
        .route(path::AUTHENTICATE, post(authenticate))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown_route)
        .with_state(sandbox)
}

async fn create(State(sandbox): Sandbox, JsonBody(request): JsonBody<Create>) -> Json<Reply> {
    let Create { booking, amount, show, seats } = request;
    Json(sandbox.create(&PaymentOrder { booking, amount, show, seats }).await.into())
}

async fn confirm(State(sandbox): Sandbox, JsonBody(body): JsonBody<Confirm>) -> Json<Reply> {
    Json(sandbox.confirm(&body.intent, body.booking, body.attempt, &body.payment_method).await.into())
}

async fn retrieve(State(sandbox): Sandbox, JsonBody(Retrieve { intent }): JsonBody<Retrieve>) -> Json<Reply> {
    Json(sandbox.retrieve(&intent).await.into())
}

async fn capture(State(sandbox): Sandbox, JsonBody(Act { intent, booking }): JsonBody<Act>) -> Json<Reply> {
    Json(sandbox.capture(&intent, booking).await.into())
}

async fn cancel(State(sandbox): Sandbox, JsonBody(Act { intent, booking }): JsonBody<Act>) -> Json<Reply> {
    Json(sandbox.cancel(&intent, booking).await.into())
}

async fn refund(State(sandbox): Sandbox, JsonBody(request): JsonBody<Refund>) -> Json<Reply> {
    let Refund { intent, booking, number, amount } = request;
    Json(sandbox.refund(&intent, booking, number, amount).await.into())
}

async fn authenticate(
    State(sandbox): Sandbox,
    JsonBody(Authenticate { intent, success }): JsonBody<Authenticate>,
) -> Json<Reply> {
    Json(sandbox.authenticate(&intent, success).into())
}

async fn method_not_allowed() -> Problem {
    let detail = "The method is not possible here. The Allow header says which are.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

async fn unknown_route() -> Problem {
    let detail = "This is a payment sandbox for other lastseat nodes. There is nothing at this address.";
    Problem::new(StatusCode::NOT_FOUND, "unknown_route", detail)
}

/// A request's JSON body. It must have JSON's media type, which keeps web pages out: a browser asks
/// for permission before it sends such a body to another site.
struct JsonBody<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        let late = |_| {
            let detail = "The body did not arrive in 30 seconds. Send the request again.";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
        };
        let body = tokio::time::timeout(BODY_DEADLINE, read(request.into_body())).await.map_err(late)??;
        parse(&body).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let detail = "Send the body as JSON, with `Content-Type: application/json`.";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

async fn read(mut body: Body) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let broken = |_| {
            let detail = "The body ended early or is malformed. Send the request again.";
            Problem::new(StatusCode::BAD_REQUEST, "body_unreadable", detail)
        };
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        length += data.len();
        if length > DISCARDED {
            break;
        }
        if length <= MAX_BODY {
            bytes.extend_from_slice(&data);
        }
    }
    if length > MAX_BODY {
        let detail = format!("The body may have at most {MAX_BODY} bytes here. Send less.");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let not_json = |why: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_json", why);
    if body.is_empty() {
        return Err(not_json("The body is empty. Send a JSON object.".to_owned()));
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| match error.inner().classify() {
        Category::Data => {
            let detail = format!("`{}` does not have the expected form: {}.", error.path(), error.inner());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail)
        }
        _ => not_json(format!("The body is not JSON: {}.", error.inner())),
    })?;
    parser.end().map_err(|error| not_json(format!("The body is not JSON: {error}.")))?;
    Ok(value)
}
