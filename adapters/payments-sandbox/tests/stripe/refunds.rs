//! Refunds, charges and disputes.

use super::Client;
use serde_json::json;

#[tokio::test]
async fn refunds_are_full_or_partial_by_intent_or_charge() {
    let stripe = Client::start().await;
    let id = stripe.paid().await;
    let charge_id =
        stripe.get(&format!("/v1/payment_intents/{id}"), &[]).await.ok()["latest_charge"].as_str().unwrap().to_owned();
    let partial =
        [("charge", charge_id.as_str()), ("amount", "300"), ("reason", "requested_by_customer"), ("metadata[why]", "x")];
    let partial = stripe.post("/v1/refunds", &partial).await;
    assert_eq!((&partial.ok()["amount"], &partial.ok()["metadata"]), (&json!(300), &json!({ "why": "x" })));
    let charge = stripe.get(&format!("/v1/charges/{charge_id}"), &[]).await.ok();
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(300), &json!(false)));

    let too_much = stripe.post("/v1/refunds", &[("payment_intent", &id), ("amount", "901")]).await;
    assert_eq!(too_much.refusal().2, "amount_too_large");
    let rest = stripe.post("/v1/refunds", &[("payment_intent", &id), ("expand[]", "charge")]).await.ok();
    assert_eq!((&rest["amount"], &rest["charge"]["refunded"]), (&json!(900), &json!(true)));
    assert_eq!(stripe.post("/v1/refunds", &[("payment_intent", &id)]).await.refusal().2, "charge_already_refunded");

    assert_eq!(stripe.get(&format!("/v1/refunds/{}", partial.id()), &[]).await.ok(), partial.ok());
    let listed = stripe.get("/v1/refunds", &[("payment_intent", &id)]).await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][1]["id"]), (&rest["id"], &json!(partial.id())));
    assert_eq!(stripe.get("/v1/refunds/re_none_1", &[]).await.status, 404);
    assert_eq!(stripe.post("/v1/refunds", &[]).await.refusal().2, "parameter_missing");
    let unpaid = stripe.intent().await;
    assert_eq!(stripe.post("/v1/refunds", &[("payment_intent", &unpaid)]).await.status, 400);
}

#[tokio::test]
async fn a_disputed_charge_is_shown_as_such() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    stripe.confirm(&id, "pm_card_createDispute").await.ok();
    assert!(stripe.get("/v1/disputes", &[]).await.ok()["data"].as_array().unwrap().is_empty());
    stripe.post(&format!("/v1/payment_intents/{id}/capture"), &[]).await.ok();
    let disputes = stripe.get("/v1/disputes", &[("payment_intent", &id), ("expand[]", "data.charge")]).await.ok();
    assert_eq!((&disputes["data"][0]["status"], &disputes["data"][0]["amount"]), (&json!("needs_response"), &json!(1200)));
    assert_eq!(disputes["data"][0]["charge"]["disputed"], true);
    let closed = stripe.post(&format!("/v1/disputes/{}/close", disputes["data"][0]["id"].as_str().unwrap()), &[]).await.ok();
    assert_eq!(closed["status"], "lost");
    let disputes = stripe.get("/v1/disputes", &[("payment_intent", &id), ("expand[]", "data.charge")]).await.ok();
    assert_eq!((&disputes["data"][0]["status"], &disputes["data"][0]["charge"]["disputed"]), (&json!("lost"), &json!(true)));
}

#[tokio::test]
async fn the_balance_is_what_was_kept() {
    let stripe = Client::start().await;
    let id = stripe.paid().await;
    stripe.post("/v1/refunds", &[("payment_intent", &id), ("amount", "200")]).await.ok();
    assert_eq!(stripe.get("/v1/balance", &[]).await.ok()["available"][0]["amount"], 1000);
}
