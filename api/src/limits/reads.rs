//! Limits on reads and on opening seat streams: a layer that the router has only where one of them
//! is set.

use super::{AppliedLimits, Limits, Policy, fields};
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use lastseat_domain::Quota;
use lastseat_domain::ports::rate_limit::LimitKey;

/// The layer.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let applied = match count(&app, &parts).await {
        Ok(applied) => applied,
        Err(problem) => return problem.into_response(),
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    fields::add_to_response(&applied, &mut response);
    response
}

async fn count(app: &App, parts: &Parts) -> Result<AppliedLimits, Problem> {
    // A token that is not valid counts as none here; the operation itself answers 401.
    let caller = || app.parts().auth.caller(&parts.headers, app.now()).unwrap_or(Caller::Guest);
    let Some((policy, quota, key)) = app.limits().of_read(parts, caller) else { return Ok(AppliedLimits::default()) };
    let applied = AppliedLimits::new(vec![app.limits().count(policy, quota, key, app.metrics()).await?]);
    // A read waits for the log anyway and a stream lasts: one more round trip does not matter.
    app.check_shared_limits(&applied).await?;
    Ok(applied)
}

impl Limits {
    /// What a read is counted under: the caller's name, or the address where there is no token.
    fn of_read(&self, parts: &Parts, caller: impl FnOnce() -> Caller) -> Option<(Policy, Quota, LimitKey)> {
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

/// The policy that a request falls under, if it is a read.
fn kind(parts: &Parts) -> Option<Policy> {
    let path = parts.extensions.get::<MatchedPath>()?.as_str();
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    match path {
        _ if !reads || !path.starts_with("/v1/") => None,
        _ if path.ends_with("/stream") => Some(Policy::Streams),
        _ => Some(Policy::Reads),
    }
}
