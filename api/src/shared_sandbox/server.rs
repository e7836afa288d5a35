//! The side that has the sandbox: reads a request, asks the sandbox, writes down what it said.

use super::wire::{Act, Authenticate, Confirm, Create, Hello, Reply, Retrieve, VERSION, path};
use crate::problem::{Code, Problem};
use crate::{body, server};
use axum::extract::{FromRequest, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::Uri;
use lastseat_domain::ports::PaymentGateway;
use lastseat_payments_sandbox::SandboxGateway;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// For calls under way when the server is to stop; the sandbox's slow payment method takes 3 s.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves one sandbox to other processes until `shutdown`, then lets the calls under way finish,
/// for a few seconds at most.
///
/// # Errors
/// Only if the listener itself is broken.
pub async fn serve(listener: TcpListener, sandbox: Arc<SandboxGateway>, shutdown: CancellationToken) -> io::Result<()> {
    server::serve(listener, router(sandbox), shutdown, DRAIN).await
}

type Sandbox = State<Arc<SandboxGateway>>;

fn router(sandbox: Arc<SandboxGateway>) -> Router {
    Router::new()
        .route(path::HELLO, get(async || Json(Hello { shared_sandbox: VERSION })))
        .route(path::CREATE, post(create))
        .route(path::CONFIRM, post(confirm))
        .route(path::RETRIEVE, post(retrieve))
        .route(path::CAPTURE, post(capture))
        .route(path::CANCEL, post(cancel))
        .route(path::REFUND, post(refund))
        .route(path::AUTHENTICATE, post(authenticate))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "The method is not possible here. The Allow header says which are.")
        })
        .fallback(unknown_route)
        .with_state(sandbox)
}

async fn create(State(sandbox): Sandbox, Asked(Create { booking, amount }): Asked<Create>) -> Json<Reply> {
    Json(sandbox.create(booking, amount).await.into())
}

async fn confirm(State(sandbox): Sandbox, Asked(ask): Asked<Confirm>) -> Json<Reply> {
    Json(sandbox.confirm(&ask.intent, ask.booking, ask.attempt, &ask.payment_method).await.into())
}

async fn retrieve(State(sandbox): Sandbox, Asked(Retrieve { intent }): Asked<Retrieve>) -> Json<Reply> {
    Json(sandbox.retrieve(&intent).await.into())
}

async fn capture(State(sandbox): Sandbox, Asked(Act { intent, booking }): Asked<Act>) -> Json<Reply> {
    Json(sandbox.capture(&intent, booking).await.into())
}

async fn cancel(State(sandbox): Sandbox, Asked(Act { intent, booking }): Asked<Act>) -> Json<Reply> {
    Json(sandbox.cancel(&intent, booking).await.into())
}

async fn refund(State(sandbox): Sandbox, Asked(Act { intent, booking }): Asked<Act>) -> Json<Reply> {
    Json(sandbox.refund(&intent, booking).await.into())
}

async fn authenticate(State(sandbox): Sandbox, Asked(Authenticate { intent, success }): Asked<Authenticate>) -> Json<Reply> {
    Json(sandbox.authenticate(&intent, success).into())
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(Code::UnknownRoute, "This is a payment sandbox for other lastseat nodes. There is nothing at this address.")
        .fact("path", uri.path())
}

/// What is asked, from a JSON body. That it must say so keeps web pages out: a browser asks first
/// before it sends such a body to another site.
struct Asked<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        body::check_media_type(request.headers())?;
        body::parse(&body::read(request.into_body(), body::SMALL).await?).map(Self)
    }
}
