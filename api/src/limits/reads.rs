//! Limits on reads and on opening seat streams: a layer that the router has only where one of them
//! is set.

use super::{AppliedLimits, Counted, Limits, Policy, fields};
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
    let Some((policy, quota)) = app.limits().of_read(parts) else { return Ok(AppliedLimits::default()) };
    // A token or session that is not valid counts as none here; the operation itself answers 401.
    let caller = app.recognise(parts).await.map_or(Caller::Guest, |(caller, _)| caller);
    let who = match app.counted_as(&caller).await {
        Counted::Nobody => app.limits().proxies.client(parts).to_string(),
        Counted::Unlimited => return Ok(AppliedLimits::default()),
        Counted::As(name) => name,
    };
    let key = LimitKey::new(policy.name(), &who);
    let applied = AppliedLimits::new(vec![app.limits().count(policy, quota, key, app.metrics()).await?]);
    // A read waits for the log anyway and a stream lasts: one more round trip does not matter.
    app.check_shared_limits(&applied).await?;
    Ok(applied)
}

impl Limits {
    /// The limit on a read, if there is one.
    fn of_read(&self, parts: &Parts) -> Option<(Policy, Quota)> {
        match kind(parts)? {
            Policy::Streams => self.quotas.streams.map(|quota| (Policy::Streams, quota)),
            policy => self.quotas.reads.map(|quota| (policy, quota)),
        }
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
