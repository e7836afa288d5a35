//! `POST /v1/bookings/{id}/review`: what a person found out about a flagged payment.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::sender::ReviewPayments;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use lastseat_domain::StreamName;
use lastseat_domain::booking::{Booking, Review};
use lastseat_domain::codec;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Direction;
use lastseat_engine::ReviewRequest;
use serde::Deserialize;
use utoipa::ToSchema;

const LONGEST_REASON: usize = 500;

/// What was found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ReviewBody {
    outcome: Outcome,
    /// Why, for those who read the history later.
    #[schema(example = "cancelled in Stripe's dashboard", min_length = 1, max_length = 500)]
    reason: String,
}

/// What follows from a review.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewOutcome)]
pub enum Outcome {
    /// The cause is gone: the booking goes on where it stopped, and asks the gateway again.
    Continue,
    /// The payment of the booking, which has ended, was settled at the gateway by hand.
    Settled,
    /// The refund can't be made, or was accepted and has failed, and the buyer has the money back by another way: their bank
    /// returned it after a dispute, or it was transferred. The booking ends as after a refund, and its seats are released; a
    /// refund of a part counts as made.
    ReturnedElsewhere,
    /// The refund of a part that the gateway refused is not made. The booking goes on with all its seats.
    Abandoned,
}

/// Ends the review of a flagged payment. The event history keeps the reason.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/review",
    operation_id = "review_payment",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = ReviewBody,
    responses((status = 200, description = "The booking, no longer under review", body = BookingJson)),
    security(("token" = [])),
)]
pub async fn review(
    State(app): State<App>,
    InBooking(id): InBooking,
    command: Result<Command<ReviewPayments>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::Review, command, async move |app: App, command: Command<ReviewPayments>| {
        let ReviewBody { outcome, reason } = command.json()?;
        let outcome = match outcome {
            Outcome::Continue => Review::Continue,
            Outcome::Settled => Review::Settled,
            Outcome::ReturnedElsewhere => Review::ReturnedElsewhere,
            Outcome::Abandoned => Review::Abandoned,
        };
        let request = ReviewRequest { outcome, reason: checked(&reason)?, origin: command.origin() };
        let booking = app.box_office().review(id, request).await?;
        Ok(Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)))
    })
    .await
}

/// A reason is what makes a decision by hand worth something later.
fn checked(reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    if (1..=LONGEST_REASON).contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(reason.to_owned());
    }
    let detail = format!("`reason` must be 1 to {LONGEST_REASON} characters in one line. Say what you found out.");
    Err(Problem::new(Code::InvalidRequest, detail).fact("field", "reason"))
}

/// Why a booking is under review, for those who read any booking: the reason is written for the person who looks at the
/// gateway.
pub(super) async fn flag_reason(app: &App, caller: &Caller, booking: &Booking) -> Option<String> {
    if !booking.flagged || !caller.has(Permission::ReadBookings) {
        return None;
    }
    let stream = StreamName::booking(booking.id);
    let events = app.parts().log.read_stream(&stream, None, Direction::Forwards, usize::MAX).await.ok()?;
    events.iter().rev().find_map(|recorded| match &codec::decode(recorded).ok().flatten()?.event {
        Event::PaymentFlagged(flagged) => Some(flagged.reason.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_needs_a_reason_of_one_line() {
        assert_eq!(checked("  refunded by hand ").unwrap(), "refunded by hand");
        for bad in ["", " \t ", "two\nlines", &"x".repeat(501)] {
            assert_eq!(checked(bad).unwrap_err().code(), Code::InvalidRequest, "{bad}");
        }
    }
}
