//! Limits on questions and on opening seat streams. This stands in front of the routes only where
//! one of them is set.

use super::{LimitKey, Limits, Pass, Policy, Quota, check_shared_limits, count, fields};
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;

/// The layer.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let pass = match count_question(&app, &parts).await {
        Ok(pass) => pass,
        Err(problem) => return problem.into_response(),
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    fields::tell_in(&pass, &mut response);
    response
}

async fn count_question(app: &App, parts: &Parts) -> Result<Pass, Problem> {
    // Whoever sends a token that is not good is nobody here; the operation says what is wrong with it.
    let caller = || app.parts().auth.caller(&parts.headers, app.now()).unwrap_or(Caller::Guest);
    let Some((policy, quota, key)) = app.limits().of_question(parts, caller) else { return Ok(Pass::default()) };
    let pass = Pass::of(vec![count(app, policy, quota, key).await?]);
    // A question waits for the log in any case, and a stream lasts: one more round trip is no matter.
    check_shared_limits(app, &pass).await?;
    Ok(pass)
}

impl Limits {
    /// What a question is counted under: its caller's name, or its address where there is no token.
    fn of_question(&self, parts: &Parts, caller: impl FnOnce() -> Caller) -> Option<(Policy, Quota, LimitKey)> {
        let (policy, quota) = match kind(parts)? {
            Policy::Streams => (Policy::Streams, self.quotas.streams?),
            policy => (policy, self.quotas.reads?),
        };
        let who = match caller() {
            Caller::Guest => self.proxies.client(parts).to_string(),
            caller if caller.is_admin() => return None,
            caller => caller.scope(),
        };
        Some((policy, quota, LimitKey::new(policy.name(), &who)))
    }
}

/// Which limit is meant by a request, if one is.
fn kind(parts: &Parts) -> Option<Policy> {
    let path = parts.extensions.get::<MatchedPath>()?.as_str();
    let asks = parts.method == Method::GET || parts.method == Method::HEAD;
    match path {
        _ if !asks || !path.starts_with("/v1/") => None,
        _ if path.ends_with("/stream") => Some(Policy::Streams),
        _ => Some(Policy::Reads),
    }
}
