//! Lists and their cursors.

use super::Client;
use serde_json::Value;

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn intents_are_listed_newest_first_page_by_page() {
    let stripe = Client::start().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(stripe.intent().await);
    }
    made.reverse();
    let path = "/v1/payment_intents";
    let first = stripe.get(path, &[("limit", "2")]).await.ok();
    assert_eq!((ids(&first), &first["has_more"], &first["url"]), (made[..2].to_vec(), &Value::Bool(true), &Value::from(path)));
    let next = stripe.get(path, &[("limit", "2"), ("starting_after", &made[1])]).await.ok();
    assert_eq!((ids(&next), &next["has_more"]), (made[2..4].to_vec(), &Value::Bool(true)));
    let last = stripe.get(path, &[("limit", "2"), ("starting_after", &made[3])]).await.ok();
    assert_eq!((ids(&last), &last["has_more"]), (made[4..].to_vec(), &Value::Bool(false)));
    let back = stripe.get(path, &[("limit", "2"), ("ending_before", &made[3])]).await.ok();
    assert_eq!((ids(&back), &back["has_more"]), (made[1..3].to_vec(), &Value::Bool(true)));
    let created = first["data"][0]["created"].to_string();
    assert_eq!(ids(&stripe.get(path, &[("created[gte]", &created)]).await.ok()).first(), made.first());
    assert!(ids(&stripe.get(path, &[("created[gt]", &created)]).await.ok()).is_empty());
    for (name, value) in [("limit", "0"), ("limit", "101"), ("limit", "x")] {
        assert_eq!(stripe.get(path, &[(name, value)]).await.status, 400, "{name}={value}");
    }
    assert_eq!(stripe.get(path, &[("starting_after", "pi_none")]).await.status, 404);
}

#[tokio::test]
async fn what_is_listed_can_be_expanded() {
    let stripe = Client::start().await;
    stripe.paid().await;
    let list = stripe.get("/v1/payment_intents", &[("expand[]", "data.latest_charge.payment_intent")]).await.ok();
    let charge = &list["data"][0]["latest_charge"];
    assert_eq!(charge["object"], "charge");
    assert_eq!(charge["payment_intent"]["object"], "payment_intent");
    for wrong in ["data.amount", "data.nothing", "x", "data.latest_charge.payment_intent.latest_charge.payment_intent"] {
        assert_eq!(stripe.get("/v1/payment_intents", &[("expand[]", wrong)]).await.status, 400, "{wrong}");
    }
}
