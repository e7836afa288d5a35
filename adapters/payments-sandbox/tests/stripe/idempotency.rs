//! `Idempotency-Key`.

use super::Client;

#[tokio::test]
async fn a_key_shows_its_first_answer_again() {
    let stripe = Client::start().await;
    let form = [("amount", "1200"), ("currency", "eur"), ("capture_method", "manual"), ("expand[]", "latest_charge")];
    let create = async || stripe.post_with_key("k", "/v1/payment_intents", &form).await.unwrap();
    let first = create().await;
    assert_eq!(first.header("idempotent-replayed"), None);
    stripe.confirm(&first.id(), "pm_card_visa").await.ok();
    let again = create().await;
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&first.text, Some("true")));
    assert_eq!(stripe.sandbox.intents().len(), 1);

    let other = [("amount", "1300"), ("currency", "eur"), ("capture_method", "manual"), ("expand[]", "latest_charge")];
    let mismatch = stripe.post_with_key("k", "/v1/payment_intents", &other).await.unwrap();
    assert_eq!((mismatch.refusal().0, mismatch.refusal().1), (400, "idempotency_error".into()));
    let elsewhere = stripe.post_with_key("k", &format!("/v1/payment_intents/{}/capture", first.id()), &[]).await.unwrap();
    assert_eq!(elsewhere.refusal().1, "idempotency_error");
    assert_eq!(stripe.sandbox.intents()[0].captured, 0);
}

#[tokio::test]
async fn refusals_are_shown_again_and_invalid_requests_spend_no_key() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let confirm = format!("/v1/payment_intents/{id}/confirm");
    let declined = async || stripe.post_with_key("d", &confirm, &[("payment_method", "pm_card_chargeDeclined")]).await.unwrap();
    let first = declined().await;
    stripe.confirm(&id, "pm_card_visa").await.ok();
    let again = declined().await;
    assert_eq!((again.status.as_u16(), &again.text), (402, &first.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));

    let create = async |amount: &str| {
        stripe.post_with_key("v", "/v1/payment_intents", &[("amount", amount), ("currency", "eur")]).await.unwrap()
    };
    assert_eq!(create("10").await.refusal().2, "amount_too_small");
    assert_eq!(create("100").await.ok()["amount"], 100);
}

#[tokio::test]
async fn a_refund_is_made_once() {
    let stripe = Client::start().await;
    let id = stripe.paid().await;
    let refund = async || stripe.post_with_key("r", "/v1/refunds", &[("payment_intent", &id), ("amount", "500")]).await.unwrap();
    let first = refund().await;
    assert_eq!(refund().await.text, first.text);
    assert_eq!(stripe.sandbox.intents()[0].refunds, [500]);
}

#[tokio::test]
async fn a_key_has_one_request_at_a_time() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let path = format!("/v1/payment_intents/{id}/confirm");
    let slow = async || stripe.post_with_key("s", &path, &[("payment_method", "pm_lastseat_slow")]).await.unwrap();
    let later = async || {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        slow().await
    };
    let (first, second) = tokio::join!(slow(), later());
    assert_eq!(first.ok()["status"], "requires_capture");
    assert_eq!(second.refusal(), (409, "idempotency_error".into(), "idempotency_key_in_use".into()));
    assert_eq!(slow().await.text, first.text);
}

#[tokio::test]
async fn a_lost_answer_breaks_the_connection_and_the_key_has_it() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let path = format!("/v1/payment_intents/{id}/confirm");
    let confirm = async || stripe.post_with_key("l", &path, &[("payment_method", "pm_lastseat_answerLost")]).await;
    assert!(confirm().await.is_none(), "no answer");
    let again = confirm().await.unwrap();
    assert_eq!(again.ok()["status"], "requires_capture");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}
