//! `POST /v1/webhooks/stripe`: what Stripe reports by itself.
//!
//! Stripe has no token and no bound on its rate: its signature is what admits it. The answer is given before
//! anything is done, because Stripe waits for it and sends again what is answered late.

use crate::answer::Answer;
use crate::app::App;
use crate::body;
use crate::metrics::WebhookOutcome;
use crate::problem::{Code, Problem};
use crate::server::Keeping;
use crate::webhooks::{NotTaken, Webhooks};
use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Maximum bytes of a notification; Stripe's largest are a tenth of that.
const MAX_BODY: usize = 256 << 10;
const SIGNATURE: &str = "stripe-signature";
/// Seconds after which a notification that found no room may come again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The notification was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// Always true.
    received: bool,
}

/// An event of Stripe. Of its members only these are read.
#[derive(Debug, ToSchema)]
pub struct StripeEvent {
    /// What happened.
    #[schema(example = "payment_intent.succeeded")]
    pub r#type: String,
    /// Whether it is about real money.
    pub livemode: bool,
    /// What it happened to.
    pub data: StripeEventData,
}

/// What an event of Stripe is about.
#[derive(Debug, ToSchema)]
pub struct StripeEventData {
    pub object: StripeObject,
}

/// An object of Stripe, such as a payment intent.
#[derive(Debug, ToSchema)]
pub struct StripeObject {
    #[schema(example = "pi_3MtwBwLkdIwHu7ix28a3tqPa")]
    pub id: String,
}

/// Takes an event of Stripe. The signature is checked over the body as it came; what the event says is only a
/// hint to ask Stripe about that payment.
#[utoipa::path(
    post,
    path = "/v1/webhooks/stripe",
    operation_id = "receive_stripe_event",
    tag = "payments",
    params(("Stripe-Signature" = String, Header, description = "Stripe's signature: time and HMAC-SHA256 of the body")),
    request_body(content = StripeEvent, description = "The event, as Stripe wrote it"),
    responses((status = 200, description = "Taken; the work follows", body = Received)),
)]
pub async fn stripe(State(app): State<App>, request: Request) -> Answer {
    let Some(webhooks) = &app.parts().webhooks else {
        return not_configured().into();
    };
    match receive(&app, webhooks, request).await {
        Ok(()) => Answer::json(StatusCode::OK, &Received { received: true }).undecided(),
        Err(problem) => problem.into(),
    }
}

async fn receive(app: &App, webhooks: &Webhooks, request: Request) -> Result<(), Problem> {
    let (parts, body) = request.into_parts();
    let count = |outcome| app.metrics().webhook(outcome);
    // Before the body, which is not worth reading then.
    let Some(signature) = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok()) else {
        count(WebhookOutcome::BadSignature);
        return Err(bad_signature());
    };
    let keeping = parts.extensions.get::<Keeping>();
    let body = body::read(body, MAX_BODY, || keeping.into_iter().for_each(Keeping::nothing))
        .await
        .inspect_err(|_| count(WebhookOutcome::Unreadable))?;
    let (outcome, answer) = match webhooks.take(signature, &body, app.now()) {
        Ok(()) => (WebhookOutcome::Accepted, Ok(())),
        // A refusal would make Stripe send it again, for days.
        Err(NotTaken::OtherMode) => (WebhookOutcome::OtherMode, Ok(())),
        Err(NotTaken::Signature) => (WebhookOutcome::BadSignature, Err(bad_signature())),
        Err(NotTaken::Unreadable) => {
            (WebhookOutcome::Unreadable, Err(Problem::new(Code::InvalidJson, "The signed body is no event of Stripe.")))
        }
        Err(NotTaken::Busy) => {
            let busy = Problem::new(Code::Busy, "Too many notifications are waiting. Send this one again later.");
            (WebhookOutcome::Busy, Err(busy.retry_after(LOOK_AGAIN)))
        }
    };
    count(outcome);
    answer
}

fn bad_signature() -> Problem {
    Problem::new(
        Code::WebhookSignature,
        "The Stripe-Signature header does not fit the body, or is older than 5 minutes. Check stripe_webhook_secret and the clock.",
    )
}

fn not_configured() -> Problem {
    let detail = "This server takes no webhooks. Start it with stripe_key and stripe_webhook_secret to use this address.";
    Problem::new(Code::UnknownRoute, detail)
}
