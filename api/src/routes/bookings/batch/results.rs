//! The answers to the holds of a batch, as one answer.

use crate::answer::Answer;
use crate::openapi::AnyProblem;
use crate::routes::wire::BookingJson;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use utoipa::ToSchema;

/// The answers to the holds of a batch, in their order.
// Only described: it is written from the bytes of the answers, which are those of single holds.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldResults {
    results: Vec<HoldResult>,
}

/// The answer to one hold of a batch.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldResult {
    /// The hold's place in the batch, from 0.
    index: u32,
    /// The status that the hold alone would have been answered with.
    #[schema(example = 201)]
    status: u16,
    /// The booking, if the seats are held.
    booking: Option<BookingJson<'static>>,
    /// Whether an earlier request under the same key opened the booking, or got this answer.
    replayed: Option<bool>,
    /// The refusal.
    problem: Option<AnyProblem>,
}

/// Larger answers are not kept for repeats: a few dozen would leave no room for those of others. The log has the bookings.
const MOST_KEPT: usize = 64 << 10;

/// One answer with all of them. It is decided if each of them is.
pub(super) fn together(answers: &[Answer]) -> Answer {
    let media_type = HeaderValue::from_static("application/json");
    let mut answer = Answer::new(StatusCode::OK, media_type, body(answers));
    answer.decided = answers.iter().all(|one| one.decided) && answer.body.len() <= MOST_KEPT;
    // It contains the bookings' tokens.
    answer.header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// Each answer's body is put in as it is.
fn body(answers: &[Answer]) -> Bytes {
    let length: usize = answers.iter().map(|answer| answer.body.len() + 64).sum();
    let mut body = Vec::with_capacity(length + 16);
    body.extend_from_slice(b"{\"results\":[");
    for (index, answer) in answers.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let replayed = if answer.is_replayed() { ",\"replayed\":true" } else { "" };
        let name = if answer.problem.is_none() { "booking" } else { "problem" };
        let status = answer.status.as_u16();
        body.extend_from_slice(format!("{comma}{{\"index\":{index},\"status\":{status}{replayed},\"{name}\":").as_bytes());
        body.extend_from_slice(&answer.body);
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Code, Problem};
    use serde_json::{Value, json};

    #[test]
    fn answers_keep_their_order_and_their_bodies() {
        let held = Answer::json(StatusCode::CREATED, &json!({"id": "x"}));
        let refused = Answer::from(Problem::new(Code::Busy, "Later."));
        let together = together(&[held.clone(), refused, held.clone().replayed()]);
        let body: Value = serde_json::from_slice(&together.body).unwrap();
        assert_eq!(body["results"][0], json!({"index": 0, "status": 201, "booking": {"id": "x"}}));
        assert_eq!(body["results"][1]["problem"]["code"], "busy");
        assert_eq!(body["results"][2], json!({"index": 2, "status": 201, "replayed": true, "booking": {"id": "x"}}));
        assert_eq!((together.status, together.decided), (StatusCode::OK, false), "what may change is not kept");
        assert!(super::together(std::slice::from_ref(&held)).decided);
        let many = |holds: usize| super::together(&vec![held.clone(); holds]);
        let each = many(2).body.len() - many(1).body.len();
        assert!(many(MOST_KEPT / (each + 5)).decided);
        assert!(!many(MOST_KEPT / each + 1).decided, "it is too large");
    }
}
