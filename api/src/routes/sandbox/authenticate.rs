//! `POST /v1/sandbox/intents/{intent}/authenticate`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::params::InIntent;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::IntentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the buyer's bank decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was the buyer.
    Succeeded,
    /// It was not.
    Failed,
}

/// The bank's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Authentication {
    /// How it ends.
    outcome: Outcome,
}

/// The decision as it was noted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authenticated {
    /// The payment intent.
    #[schema(value_type = String)]
    intent: IntentId,
    /// How it ended.
    outcome: Outcome,
}

/// Plays the page of a bank that asks the buyer for a confirmation. The booking then goes on by
/// itself; paying again without a method tells how it ended.
#[utoipa::path(
    post,
    path = "/v1/sandbox/intents/{intent}/authenticate",
    tag = "sandbox",
    params(("intent" = String, Path, description = "The payment intent's id")),
    request_body = Authentication,
    responses((status = 200, description = "The bank has decided", body = Authenticated)),
)]
pub async fn authenticate(State(app): State<App>, InIntent(intent): InIntent, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Authenticate, command, async move |app: App, command: Command| {
        let Authentication { outcome } = command.json()?;
        let Some(door) = &app.parts().sandbox else {
            return Err(Problem::new(Code::UnknownRoute, "Payments are not played here."));
        };
        let refused = |why| Problem::new(Code::SandboxRefused, why);
        let booking = door.authenticate(&intent, outcome == Outcome::Succeeded).await.map_err(refused)?;
        // What a webhook is elsewhere: a hint, from which the engine only learns where to look.
        app.box_office().settle(booking);
        Ok(Answer::json(StatusCode::OK, &Authenticated { intent, outcome }))
    })
    .await
}
