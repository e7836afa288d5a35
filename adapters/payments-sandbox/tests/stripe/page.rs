//! The bank's page.

use super::Client;

#[tokio::test]
async fn the_buyer_authenticates_at_a_page_and_returns_to_the_shop() {
    for (result, status, redirect_status) in
        [("complete", "requires_capture", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let stripe = Client::start().await;
        let id = stripe.intent().await;
        let path = format!("/v1/payment_intents/{id}");
        let form = [("payment_method", "pm_card_authenticationRequired"), ("return_url", "http://shop.example/done?a=1#x")];
        let confirmed = stripe.post(&format!("{path}/confirm"), &form).await.ok();
        assert_eq!(confirmed["status"], "requires_action");
        let action = &confirmed["next_action"]["redirect_to_url"];
        assert_eq!(action["return_url"], "http://shop.example/done?a=1#x");
        let page = action["url"].as_str().unwrap().strip_prefix(&stripe.base).unwrap().to_owned();

        let shown = stripe.send("GET", &page, &[], &[]).await.unwrap();
        assert!(shown.text.contains("12.00 EUR") && !shown.text.contains("<script"), "{}", shown.text);
        let answered = stripe.send("POST", &page, &[("result", result)], &[]).await.unwrap();
        let secret = confirmed["client_secret"].as_str().unwrap();
        let expected = format!(
            "http://shop.example/done?a=1&payment_intent={id}&payment_intent_client_secret={secret}&redirect_status={redirect_status}#x"
        );
        assert_eq!((answered.status.as_u16(), answered.header("location")), (303, Some(expected.as_str())));
        let intent = stripe.get(&path, &[]).await.ok();
        assert_eq!(intent["status"], status);
        if result == "fail" {
            assert_eq!(intent["last_payment_error"]["code"], "payment_intent_authentication_failure");
        }
        // A second press changes nothing.
        stripe.send("POST", &page, &[("result", "complete")], &[]).await.unwrap();
        assert_eq!(stripe.get(&path, &[]).await.ok()["status"], status);
    }
}

#[tokio::test]
async fn the_page_is_there_for_who_has_its_address_only() {
    let stripe = Client::start().await;
    let id = stripe.intent().await;
    stripe.confirm(&id, "pm_card_authenticationRequired").await.ok();
    for page in [format!("/3ds/{id}_secret_x"), "/3ds/x".to_owned()] {
        assert_eq!(stripe.send("GET", &page, &[], &[]).await.unwrap().status, 404);
        assert_eq!(stripe.send("POST", &page, &[("result", "complete")], &[]).await.unwrap().status, 404);
    }
    assert_eq!(stripe.get(&format!("/v1/payment_intents/{id}"), &[]).await.ok()["status"], "requires_action");
}
