//! `POST /v1/challenges`

use crate::answer::Answer;
use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::sender::Anyone;
use axum::extract::State;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use lastseat_domain::{Rejection, ShowId};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a challenge is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewChallenge {
    /// The show whose seats the guest wants.
    #[schema(value_type = String, example = "demo")]
    show: String,
}

/// A challenge of ALTCHA's proof of work, version 2. Its libraries and its widget solve it as it is.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only described, never built")]
pub struct ChallengeJson {
    parameters: ChallengeParameters,
    /// Of the parameters; goes back with the solution.
    signature: Option<String>,
}

/// What to solve: the first counter whose key, derived from the salt, the nonce and the counter, begins with the prefix.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only described, never built")]
struct ChallengeParameters {
    /// How a key is derived.
    #[schema(example = "PBKDF2/SHA-256")]
    algorithm: String,
    /// Iterations of each derivation.
    #[schema(example = 300)]
    cost: u32,
    /// The show.
    #[schema(example = json!({"show": "demo"}))]
    data: BTreeMap<String, String>,
    /// Seconds since 1970 after which the solution comes too late.
    #[schema(example = 1_795_000_000)]
    expires_at: i64,
    /// Bytes of a key.
    #[schema(example = 32)]
    key_length: usize,
    /// What the key has to begin with, in hexadecimal digits.
    #[schema(example = "9f2c0c1e5d0b4f3f8a7e6d5c4b3a2918")]
    key_prefix: String,
    /// Lets the server check a key without deriving it.
    key_signature: Option<String>,
    /// In hexadecimal digits, as is the salt.
    nonce: String,
    salt: String,
}

/// Makes a challenge for a guest who wants to hold seats of a show. Solve it, and send base64 of
/// `{"challenge": …, "solution": {"counter": …, "derivedKey": …}}` with the hold in the header `Challenge-Solution`. A
/// solution is good for one booking and its repeats, for ten minutes.
#[utoipa::path(
    post,
    path = "/v1/challenges",
    tag = "bookings",
    request_body = NewChallenge,
    responses((status = 201, description = "A challenge", body = ChallengeJson)),
    security(()),
)]
pub async fn create_challenge(State(app): State<App>, command: Result<Command<Anyone>, Problem>) -> Answer {
    execute(&app, metrics::Command::CreateChallenge, command, create).await
}

async fn create(app: App, command: Command<Anyone>) -> Result<Answer, Problem> {
    let wanted = command.json::<NewChallenge>()?;
    let show = ShowId::new(&wanted.show).ok().and_then(|show| app.box_office().show(&show)).ok_or(Rejection::ShowNotFound)?;
    if !app.parts().guests || !show.facts.guests {
        return Err(Rejection::GuestsRefused { show: show.facts.show.clone() }.into());
    }
    let challenge = app.parts().challenges.create(&show.facts.show, app.now())?;
    let answer = Answer::json(StatusCode::CREATED, &challenge);
    Ok(answer.header(CACHE_CONTROL, HeaderValue::from_static("no-store")))
}
