//! Disturbances that tests ask for.

use super::Client;
use super::client::eventually;
use chrono::TimeDelta;
use lastseat_payments_sandbox::stripe::{Disturbances, Options, Outage};
use serde_json::json;

async fn disturbed(disturbances: Disturbances) -> Client {
    Client::with(Options { disturbances, ..Options::default() }).await
}

const FORM: &[(&str, &str)] = &[("amount", "1200"), ("currency", "eur"), ("capture_method", "manual")];

#[tokio::test]
async fn a_lost_answer_was_carried_out_and_a_lost_request_was_not() {
    let stripe = disturbed(Disturbances { lost_answers: 1.0, ..Disturbances::default() }).await;
    assert!(stripe.post_with_key("k", "/v1/payment_intents", FORM).await.is_none());
    assert!(stripe.post_with_key("k", "/v1/payment_intents", FORM).await.is_none());
    assert_eq!(stripe.sandbox.intents().len(), 1);

    let stripe = disturbed(Disturbances { lost_requests: 1.0, ..Disturbances::default() }).await;
    assert!(stripe.post_with_key("k", "/v1/payment_intents", FORM).await.is_none());
    assert_eq!(stripe.sandbox.intents().len(), 0);
}

#[tokio::test]
async fn a_key_keeps_a_server_error_whether_the_step_was_done_or_not() {
    let stripe = disturbed(Disturbances { server_errors: 1.0, ..Disturbances::default() }).await;
    for key in 0..20 {
        for replayed in [None, Some("true")] {
            let answer = stripe.post_with_key(&key.to_string(), "/v1/payment_intents", FORM).await.unwrap();
            assert_eq!(answer.refusal(), (500, "api_error".into(), String::new()), "{key}");
            assert_eq!(answer.header("idempotent-replayed"), replayed, "{key}");
        }
    }
    let done = stripe.sandbox.intents().len();
    assert!((1..20).contains(&done), "{done}");
}

/// As long as it lasts, every key is used up; afterwards, only those are.
#[tokio::test]
async fn a_failing_gateway_keeps_its_errors_and_makes_no_change() {
    let failing = Some(Outage { after: TimeDelta::zero(), lasts: TimeDelta::seconds(3) });
    let stripe = disturbed(Disturbances { failing, ..Disturbances::default() }).await;
    for key in ["a", "b"] {
        for replayed in [None, Some("true")] {
            let answer = stripe.post_with_key(key, "/v1/payment_intents", FORM).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.header("idempotent-replayed")), (500, replayed), "{key}");
        }
    }
    assert_eq!(stripe.get("/v1/payment_intents", &[]).await.status, 200, "looks are answered");
    assert_eq!(stripe.sandbox.intents().len(), 0);
    let mut keys = 0;
    eventually("it works again", async || {
        keys += 1;
        let answer = stripe.post_with_key(&format!("c{keys}"), "/v1/payment_intents", FORM).await.unwrap();
        (answer.status == 200).then_some(())
    })
    .await;
    let answer = stripe.post_with_key("a", "/v1/payment_intents", FORM).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("idempotent-replayed")), (500, Some("true")));
    assert_eq!(stripe.sandbox.intents().len(), 1);
}

#[tokio::test]
async fn declines_do_not_touch_what_was_authorised_before() {
    let stripe = disturbed(Disturbances { declines: 1.0, ..Disturbances::default() }).await;
    let id = stripe.intent().await;
    assert_eq!(stripe.confirm(&id, "pm_card_visa").await.refusal().2, "card_declined");
    // A method with a behaviour of its own keeps it.
    assert_eq!(stripe.confirm(&id, "pm_card_authenticationRequired").await.ok()["status"], "requires_action");
}

#[tokio::test]
async fn a_burst_of_429_spends_no_key() {
    let stripe = disturbed(Disturbances { too_many_requests: 0.3, seed: 2, ..Disturbances::default() }).await;
    let mut refused = Vec::new();
    let answer = loop {
        let answer = stripe.post_with_key("k", "/v1/payment_intents", FORM).await.unwrap();
        if answer.status == 200 && !refused.is_empty() {
            break answer;
        }
        if answer.status == 429 {
            refused.push(answer.refusal().2);
        }
        assert!(refused.len() < 200);
    };
    assert_eq!(answer.json()["object"], json!("payment_intent"));
    assert!(refused.contains(&"rate_limit".to_owned()) && refused.contains(&"lock_timeout".to_owned()), "{refused:?}");
    assert_eq!(stripe.sandbox.intents().len(), 1);
}

#[tokio::test]
async fn an_outage_answers_nothing_and_ends() {
    let outage = Some(Outage { after: TimeDelta::zero(), lasts: TimeDelta::milliseconds(400) });
    let stripe = disturbed(Disturbances { outage, ..Disturbances::default() }).await;
    assert!(stripe.post_with_key("k", "/v1/payment_intents", FORM).await.is_none());
    let answer = eventually("the outage ends", async || stripe.post_with_key("k", "/v1/payment_intents", FORM).await).await;
    answer.ok();
}
