//! How limits look in an answer: the fields `RateLimit-Policy` and `RateLimit` of the IETF draft
//! draft-ietf-httpapi-ratelimit-headers, and the problem of whoever was too fast.

use super::{Count, Pass, Policy};
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
        "Nothing was done. At most {burst} of this kind in {seconds} seconds. Send the same request again after the time \
         given; an Idempotency-Key stays good."
    );
    let problem = Problem::new(Code::RateLimited, detail).fact("policy", policy.name()).retry_after(allowance.more_in);
    let fields = of(&[(policy, quota, allowance)]);
    fields.into_iter().flatten().fold(problem, |problem, (name, value)| problem.header(name, value))
}

/// Tells the limits that an answer was counted under. A refusal for a limit has its own already.
pub fn tell(pass: &Pass, mut answer: Answer) -> Answer {
    if answer.problem != Some(Code::RateLimited) {
        answer.headers.extend(of_pass(pass));
    }
    answer
}

/// The same for a response that is under way.
pub(super) fn tell_in(pass: &Pass, response: &mut Response) {
    response.headers_mut().extend(of_pass(pass));
}

fn of_pass(pass: &Pass) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let counts: Vec<_> =
        pass.counts().iter().map(|Count { policy, quota, allowance, .. }| (*policy, *quota, *allowance)).collect();
    of(&counts).into_iter().flatten()
}

/// Both fields, or none where nothing is limited. The window of `RateLimit` is the time until there
/// is one more: within it, no more can be used than is left.
fn of(counts: &[(Policy, Quota, Allowance)]) -> Option<[(HeaderName, HeaderValue); 2]> {
    if counts.is_empty() {
        return None;
    }
    let (mut policies, mut limits) = (String::new(), String::new());
    for (n, (policy, quota, allowance)) in counts.iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        let (name, window) = (policy.name(), whole_seconds(allowance.more_in));
        // Writing to a string can't fail.
        let _ = write!(policies, "{comma}\"{name}\";q={};w={}", quota.burst(), quota.seconds());
        let _ = write!(limits, "{comma}\"{name}\";r={};t={window}", allowance.remaining);
    }
    let (policies, limits) = (HeaderValue::try_from(policies).ok()?, HeaderValue::try_from(limits).ok()?);
    Some([(POLICY.clone(), policies), (LIMIT.clone(), limits)])
}
