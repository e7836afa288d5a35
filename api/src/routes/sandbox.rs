//! `POST /v1/sandbox/intents/{intent}/authenticate`: the bank's side of the payment sandbox.

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::params::InIntent;
use crate::routes::sender::Anyone;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::IntentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the buyer confirmed the payment to the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BankOutcome)]
pub enum Outcome {
    Succeeded,
    Failed,
}

/// The bank's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Authentication {
    /// The bank's decision.
    outcome: Outcome,
}

/// The decision as it was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authenticated {
    /// The payment intent.
    #[schema(value_type = String)]
    intent: IntentId,
    /// The bank's decision.
    outcome: Outcome,
    /// The shop's page to go back to, if the payment named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
}

/// Simulates the bank's page on which the buyer confirms a payment. The booking then continues by
/// itself; pay again without a method to see the result.
#[utoipa::path(
    post,
    path = "/v1/sandbox/intents/{intent}/authenticate",
    operation_id = "authenticate_payment",
    tag = "sandbox",
    params(("intent" = String, Path, description = "The payment intent's id")),
    request_body = Authentication,
    responses((status = 200, description = "The bank has decided", body = Authenticated)),
)]
pub async fn authenticate(
    State(app): State<App>,
    InIntent(intent): InIntent,
    command: Result<Command<Anyone>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::Authenticate, command, async move |app: App, command: Command<Anyone>| {
        let Authentication { outcome } = command.json()?;
        let Some(bank) = &app.parts().bank else {
            return Err(Problem::new(
                Code::UnknownRoute,
                "This server does not simulate payments. Start it with the sandbox gateway to use this address.",
            ));
        };
        let refused = |why| Problem::new(Code::SandboxRefused, why);
        let booking = bank.authenticate(&intent, outcome == Outcome::Succeeded).await.map_err(refused)?;
        // Like a webhook: a hint. The engine asks the gateway for the outcome.
        app.box_office().settle(booking);
        // The decision is recorded: without the page the buyer finds back by themselves.
        let booking = app.box_office().booking(booking).await.ok().flatten();
        let attempt = booking.and_then(|booking| booking.attempts.last().cloned());
        let return_url = attempt.and_then(|attempt| attempt.started.return_url);
        Ok(Answer::json(StatusCode::OK, &Authenticated { intent, outcome, return_url }))
    })
    .await
}
