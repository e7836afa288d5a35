//! Limits in an answer: the fields `RateLimit-Policy` and `RateLimit` of the IETF draft
//! draft-ietf-httpapi-ratelimit-headers, and the 429.

use super::applied::{AppliedLimit, AppliedLimits};
use super::policy::Policy;
use crate::answer::Answer;
use crate::problem::{Code, Problem, whole_seconds};
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use lastseat_domain::{Allowance, Quota};
use std::fmt::Write;

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The 429, with its fields.
pub(super) fn problem(policy: Policy, quota: Quota, allowance: Allowance) -> Problem {
    let (burst, seconds) = (quota.burst(), quota.seconds());
    let detail = format!(
        "Nothing was done: at most {burst} requests of this kind are allowed in {seconds} seconds. Send the same request \
         again after `retry_after` seconds; its Idempotency-Key stays valid."
    );
    let problem = Problem::new(Code::RateLimited, detail).fact("policy", policy.name()).retry_after(allowance.more_in);
    let fields = of(&[(policy, quota, allowance)]);
    fields.into_iter().flatten().fold(problem, |problem, (name, value)| problem.header(name, value))
}

/// Adds the fields to an answer. A refusal for a limit has its own already.
pub fn add_to_answer(applied: &AppliedLimits, mut answer: Answer) -> Answer {
    if answer.problem != Some(Code::RateLimited) {
        answer.headers.extend(of_applied(applied));
    }
    answer
}

/// Adds the fields to a response.
pub(super) fn add_to_response(applied: &AppliedLimits, response: &mut Response) {
    response.headers_mut().extend(of_applied(applied));
}

fn of_applied(applied: &AppliedLimits) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let limits: Vec<_> =
        applied.list().iter().map(|AppliedLimit { policy, quota, allowance, .. }| (*policy, *quota, *allowance)).collect();
    of(&limits).into_iter().flatten()
}

/// Both fields, or none where nothing is limited. The window `t` of `RateLimit` is the time until one
/// more request is allowed: within it, no more than `r` can be used.
fn of(applied: &[(Policy, Quota, Allowance)]) -> Option<[(HeaderName, HeaderValue); 2]> {
    if applied.is_empty() {
        return None;
    }
    let (mut policies, mut limits) = (String::new(), String::new());
    for (n, (policy, quota, allowance)) in applied.iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        let (name, window) = (policy.name(), whole_seconds(allowance.more_in));
        // Writing to a string can't fail.
        let _ = write!(policies, "{comma}\"{name}\";q={};w={}", quota.burst(), quota.seconds());
        let _ = write!(limits, "{comma}\"{name}\";r={};t={window}", allowance.remaining);
    }
    let (policies, limits) = (HeaderValue::try_from(policies).ok()?, HeaderValue::try_from(limits).ok()?);
    Some([(POLICY.clone(), policies), (LIMIT.clone(), limits)])
}
