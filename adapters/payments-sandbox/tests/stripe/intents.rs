//! PaymentIntents: the way of a payment, what is refused, who may ask.

use super::{Answer, Client};
use serde_json::json;

#[tokio::test]
async fn a_payment_is_created_confirmed_and_captured() {
    let stripe = Client::start().await;
    let booking = "3f2b6c1e-0000-4000-8000-000000000001";
    let form = [
        ("amount", "1200"),
        ("currency", "eur"),
        ("capture_method", "manual"),
        ("payment_method_types[]", "card"),
        ("description", "lastseat: demo, 1 seat"),
        ("metadata[lastseat_booking]", booking),
        ("metadata[lastseat_seats]", "A-1"),
    ];
    let created = stripe.post("/v1/payment_intents", &form).await;
    let intent = created.ok();
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["metadata"], json!({ "lastseat_booking": booking, "lastseat_seats": "A-1" }));
    assert_eq!((&intent["livemode"], &intent["object"]), (&json!(false), &json!("payment_intent")));
    assert_eq!(stripe.sandbox.intents()[0].booking.to_string(), booking);

    let id = created.id();
    let authorised = stripe.confirm(&id, "pm_card_visa").await.ok();
    assert_eq!((&authorised["status"], &authorised["amount_capturable"]), (&json!("requires_capture"), &json!(1200)));

    let path = format!("/v1/payment_intents/{id}");
    let expanded = stripe.get(&path, &[("expand[]", "latest_charge"), ("expand[]", "payment_method")]).await.ok();
    let charge = &expanded["latest_charge"];
    let card = &charge["payment_method_details"]["card"];
    assert_eq!(card["capture_before"].as_i64().unwrap() - charge["created"].as_i64().unwrap(), 7 * 24 * 3600);
    assert_eq!((&charge["captured"], &expanded["payment_method"]["card"]["last4"]), (&json!(false), &json!("4242")));

    let taken = stripe.post(&format!("{path}/capture"), &[("expand[]", "latest_charge")]).await.ok();
    assert_eq!((&taken["status"], &taken["amount_received"]), (&json!("succeeded"), &json!(1200)));
    assert_eq!((&taken["latest_charge"]["captured"], &taken["latest_charge"]["amount_captured"]), (&json!(true), &json!(1200)));
}

#[tokio::test]
async fn a_decline_is_an_error_that_carries_the_intent() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let cards = [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ];
    for (number, (method, code, decline_code)) in (1..).zip(cards) {
        let declined = stripe.confirm(&id, method).await;
        assert_eq!(declined.refusal(), (402, "card_error".into(), code.into()));
        let error = &declined.json()["error"];
        assert_eq!(error["decline_code"], decline_code);
        assert_eq!(
            (&error["payment_intent"]["id"], &error["payment_intent"]["status"]),
            (&json!(id), &json!("requires_payment_method"))
        );
        assert_eq!(error["payment_intent"]["last_payment_error"]["decline_code"], decline_code);
        let charge = stripe.get(&format!("/v1/charges/{}", error["charge"].as_str().unwrap()), &[]).await.ok();
        assert_eq!((&charge["status"], &charge["failure_code"]), (&json!("failed"), &json!(code)));
        assert!(charge["id"].as_str().unwrap().ends_with(&format!("_{number}")), "{charge}");
    }
    // Another method succeeds afterwards.
    assert_eq!(stripe.confirm(&id, "pm_card_visa").await.ok()["status"], "requires_capture");
}

#[tokio::test]
async fn an_intent_can_be_made_and_confirmed_at_once() {
    let stripe = Client::start().await;
    let confirmed = async |more: &[(&str, &str)]| -> Answer {
        let form = [&[("amount", "1200"), ("currency", "usd"), ("confirm", "true")], more].concat();
        stripe.post("/v1/payment_intents", &form).await
    };
    assert_eq!(confirmed(&[("payment_method", "pm_card_visa")]).await.ok()["status"], "succeeded");
    let by_hand = confirmed(&[("payment_method", "pm_card_visa"), ("capture_method", "manual")]).await.ok();
    assert_eq!((&by_hand["status"], &by_hand["amount_received"]), (&json!("requires_capture"), &json!(0)));
    assert_eq!(confirmed(&[("payment_method", "pm_card_chargeDeclined")]).await.refusal().2, "card_declined");
    assert_eq!(confirmed(&[]).await.refusal().2, "payment_intent_unexpected_state");
    let card = [("payment_method_data[type]", "card"), ("payment_method_data[card][number]", "4242 4242 4242 4242")];
    assert_eq!(confirmed(&card).await.ok()["status"], "succeeded");
}

#[tokio::test]
async fn cards_are_known_by_number() {
    let stripe = Client::start().await;
    let card = async |number: &str| {
        let form = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2034"),
            ("card[cvc]", "123"),
        ];
        stripe.post("/v1/payment_methods", &form).await
    };
    let cards = [
        ("4242424242424242", "requires_capture", ""),
        ("4000002500003155", "requires_action", ""),
        ("4000000000000002", "", "card_declined"),
        ("4000000000009995", "", "card_declined"),
        ("4000000000000069", "", "expired_card"),
    ];
    for (number, status, code) in cards {
        let method = card(number).await;
        assert_eq!(method.ok()["card"]["last4"], number[12..]);
        let shown = stripe.get(&format!("/v1/payment_methods/{}", method.id()), &[]).await.ok();
        assert_eq!(shown, method.ok());
        let confirmed = stripe.confirm(&stripe.intent().await, &method.id()).await;
        match status {
            "" => assert_eq!(confirmed.refusal().2, code, "{number}"),
            status => assert_eq!(confirmed.ok()["status"], status, "{number}"),
        }
    }
    assert_eq!(card("1234123412341234").await.refusal(), (402, "card_error".into(), "incorrect_number".into()));
    assert_eq!(stripe.get("/v1/payment_methods", &[("type", "card")]).await.ok()["data"].as_array().unwrap().len(), cards.len());
}

#[tokio::test]
async fn what_is_not_possible_is_refused_by_name() {
    let stripe = Client::start().await;
    let create = async |form: &[(&str, &str)]| stripe.post("/v1/payment_intents", form).await.refusal();
    let invalid = |code: &str| (400, "invalid_request_error".to_owned(), code.to_owned());
    assert_eq!(create(&[("currency", "eur")]).await, invalid("parameter_missing"));
    assert_eq!(create(&[("amount", "12.5"), ("currency", "eur")]).await, invalid("parameter_invalid_integer"));
    assert_eq!(create(&[("amount", "49"), ("currency", "eur")]).await, invalid("amount_too_small"));
    assert_eq!(create(&[("amount", "100000000"), ("currency", "eur")]).await, invalid("amount_too_large"));
    assert_eq!(create(&[("amount", "100"), ("currency", "xyz")]).await, invalid(""));
    assert_eq!(create(&[("amount", "100"), ("currency", "eur"), ("amuont", "1")]).await, invalid("parameter_unknown"));
    assert_eq!(
        stripe.get("/v1/payment_intents/pi_no", &[]).await.refusal(),
        (404, "invalid_request_error".into(), "resource_missing".into())
    );
    let unknown = stripe.get("/v1/customers", &[]).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"]["message"].as_str().unwrap().starts_with("Unrecognized request URL (GET: /v1/customers)"));

    let id = stripe.intent().await;
    let path = format!("/v1/payment_intents/{id}");
    assert_eq!(stripe.post(&format!("{path}/capture"), &[]).await.refusal(), invalid("payment_intent_unexpected_state"));
    assert_eq!(stripe.confirm(&id, "pm_card_none").await.refusal(), invalid("resource_missing"));
    let canceled = stripe.post(&format!("{path}/cancel"), &[("cancellation_reason", "abandoned")]).await.ok();
    assert_eq!((&canceled["status"], &canceled["cancellation_reason"]), (&json!("canceled"), &json!("abandoned")));
    assert_eq!(stripe.post(&format!("{path}/cancel"), &[]).await.refusal(), invalid("payment_intent_unexpected_state"));
}

#[tokio::test]
async fn metadata_and_description_can_be_changed() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let path = format!("/v1/payment_intents/{id}");
    stripe.post(&path, &[("metadata[a]", "1"), ("metadata[b]", "2"), ("description", "x")]).await.ok();
    let changed = stripe.post(&path, &[("metadata[a]", ""), ("payment_method", "pm_card_visa")]).await.ok();
    assert_eq!((&changed["metadata"], &changed["description"]), (&json!({ "b": "2" }), &json!("x")));
    assert_eq!(changed["status"], "requires_confirmation");
    assert_eq!(stripe.post(&format!("{path}/confirm"), &[]).await.ok()["status"], "requires_capture");
}

#[tokio::test]
async fn keys_open_what_they_should() {
    let stripe = Client::start().await;
    let as_ = async |header: &str| stripe.send("GET", "/v1/account", &[], &[("authorization", header)]).await.unwrap();
    assert_eq!(as_("Bearer sk_test_x").await.ok()["object"], "account");
    // `sk_test_x:` in base64
    assert_eq!(as_("Basic c2tfdGVzdF94Og==").await.ok()["object"], "account");
    assert_eq!(as_("Bearer rk_test_x").await.status, 200);
    assert_eq!(as_("Bearer nonsense").await.status, 401);
    let live = as_("Bearer sk_live_abc").await;
    assert_eq!(live.status, 401);
    assert!(live.text.contains("payment sandbox") && !live.text.contains("abc"), "{}", live.text);
    assert_eq!(stripe.send("GET", "/v1/account", &[], &[]).await.unwrap().status, 401);
    assert_eq!(as_("Bearer pk_test_x").await.refusal().2, "secret_key_required");
    let version = [("authorization", "Bearer sk_test_1"), ("stripe-version", "2024-06-20")];
    let answer = stripe.send("GET", "/v1/account", &[], &version).await.unwrap();
    assert_eq!(answer.header("stripe-version"), Some("2024-06-20"));
    assert!(answer.header("request-id").unwrap().starts_with("req_"));
}

#[tokio::test]
async fn a_browser_confirms_with_the_client_secret() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    let path = format!("/v1/payment_intents/{id}");
    let secret = stripe.get(&path, &[]).await.ok()["client_secret"].as_str().unwrap().to_owned();
    let browser = async |method, path: &str, form: &[(&str, &str)]| {
        stripe.send(method, path, &[&[("key", "pk_test_1")], form].concat(), &[]).await.unwrap()
    };
    assert_eq!(browser("GET", &path, &[]).await.status, 401, "without its secret");
    assert_eq!(browser("GET", &path, &[("client_secret", "pi_x_secret_y")]).await.status, 400, "with another's");
    let seen = browser("GET", &path, &[("client_secret", &secret)]).await;
    assert_eq!((&seen.ok()["status"], seen.ok().get("metadata")), (&json!("requires_payment_method"), None));
    assert_eq!(seen.header("access-control-allow-origin"), Some("*"));
    let card = [
        ("client_secret", secret.as_str()),
        ("payment_method_data[type]", "card"),
        ("payment_method_data[card][number]", "4242424242424242"),
        ("return_url", "http://shop.example/done"),
    ];
    assert_eq!(browser("POST", &format!("{path}/confirm"), &card).await.ok()["status"], "requires_capture");
    for more in ["capture", "cancel"] {
        assert_eq!(browser("POST", &format!("{path}/{more}"), &[("client_secret", &secret)]).await.status, 401, "{more}");
    }
}
