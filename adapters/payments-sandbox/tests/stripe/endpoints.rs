//! Webhook endpoints that are made over the API.

use super::Client;
use super::client::{Params, eventually};
use super::webhooks::{Endpoint, types};
use lastseat_domain::{Secret, Timestamp};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::stripe::{Options, sign};
use serde_json::json;
use std::sync::Arc;

const PATH: &str = "/v1/webhook_endpoints";
const SUCCEEDED: (&str, &str) = ("enabled_events[0]", "payment_intent.succeeded");

/// An endpoint for these events; its name and its secret.
async fn made(stripe: &Client, url: &str, events: Params<'_>) -> (String, Secret) {
    let made = stripe.post(PATH, &[&[("url", url)], events].concat()).await.ok();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), Secret::new(text("secret")).unwrap())
}

#[tokio::test]
async fn an_endpoint_gets_what_it_asked_for_signed_with_its_secret() {
    let stripe = Client::start().await;
    let ((some, url), (all, other_url)) = (Endpoint::start(0).await, Endpoint::start(0).await);
    let (_, secret) = made(&stripe, &url, &[SUCCEEDED, ("enabled_events[1]", "charge.captured")]).await;
    let (_, other) = made(&stripe, &other_url, &[("enabled_events[]", "*")]).await;
    assert_ne!(secret, other);
    stripe.paid().await;
    assert_eq!(all.events(5).await.len(), 5);
    let events = some.events(2).await;
    let mut kinds = types(&events);
    kinds.sort_unstable();
    assert_eq!(kinds, ["charge.captured", "payment_intent.succeeded"]);
    for (signature, body) in some.got.lock().iter() {
        let seconds = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        let at = Timestamp::from_timestamp(seconds, 0).unwrap();
        assert_eq!(*signature, sign(&secret, body, at));
        assert_ne!(*signature, sign(&other, body, at));
    }
}

#[tokio::test]
async fn the_secret_is_shown_once_and_a_repeated_key_makes_no_second_endpoint() {
    let stripe = Client::start().await;
    let form: Params<'_> = &[("url", "http://127.0.0.1:9/hook"), SUCCEEDED, ("metadata[shop]", "1"), ("description", "d")];
    let first = stripe.post_with_key("k", PATH, form).await.unwrap();
    let again = stripe.post_with_key("k", PATH, form).await.unwrap();
    assert_eq!((first.ok(), again.header("idempotent-replayed")), (again.ok(), Some("true")));
    assert!(first.ok()["secret"].as_str().unwrap().starts_with("whsec_"));
    let other = stripe.post_with_key("k", PATH, &form[..2]).await.unwrap();
    assert_eq!(other.refusal(), (400, "idempotency_error".into(), String::new()));

    let shown = stripe.get(&format!("{PATH}/{}", first.id()), &[]).await.ok();
    let mut expected = first.ok();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown, expected);
    assert_eq!((&shown["object"], &shown["status"]), (&json!("webhook_endpoint"), &json!("enabled")));
    assert_eq!((&shown["enabled_events"], &shown["metadata"]), (&json!(["payment_intent.succeeded"]), &json!({"shop": "1"})));
    assert_eq!(stripe.get(PATH, &[]).await.ok()["data"], json!([expected]));
}

#[tokio::test]
async fn an_endpoint_can_move_rest_and_go() {
    let stripe = Client::start().await;
    let ((old, url), (new, new_url)) = (Endpoint::start(0).await, Endpoint::start(0).await);
    let (watcher, watcher_url) = Endpoint::start(0).await;
    let (id, _) = made(&stripe, &url, &[("enabled_events[]", "payment_intent.created")]).await;
    made(&stripe, &watcher_url, &[("enabled_events[]", "payment_intent.created")]).await;
    let path = format!("{PATH}/{id}");
    let update = async |form: Params<'_>| stripe.post(&path, form).await.ok();

    assert_eq!(update(&[("url", &new_url)]).await["url"], json!(new_url));
    stripe.intent().await;
    new.events(1).await;
    assert_eq!(update(&[("disabled", "true")]).await["status"], "disabled");
    stripe.intent().await;
    assert_eq!(update(&[("disabled", "false"), ("enabled_events[]", "charge.failed")]).await["status"], "enabled");
    stripe.intent().await;
    let gone = stripe.send("DELETE", &path, &[], &[("authorization", "Bearer sk_test_1")]).await.unwrap().ok();
    assert_eq!(gone, json!({"id": id, "object": "webhook_endpoint", "deleted": true}));
    assert_eq!(stripe.get(&path, &[]).await.refusal().0, 404);
    stripe.intent().await;
    // Whatever another endpoint of the same events has got, this one would have got, too.
    watcher.events(4).await;
    assert_eq!((old.got.lock().len(), new.got.lock().len()), (0, 1));
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused() {
    let stripe = Client::start().await;
    let events = SUCCEEDED;
    for (form, param) in [
        (&[("url", "https://example.org/hook"), events][..], "url"),
        (&[("url", "example.org"), events], "url"),
        (&[events], "url"),
        (&[("url", "http://a/")], "enabled_events"),
        (&[("url", "http://a/"), ("enabled_events[]", "charge.*")], "enabled_events"),
        (&[("url", "http://a/"), ("enabled_events[]", "")], "enabled_events"),
        (&[("url", "http://a/"), events, ("secret", "whsec_1")], "secret"),
    ] {
        let answer = stripe.post(PATH, form).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!(param)), "{form:?}");
    }
    assert_eq!(stripe.post(&format!("{PATH}/we_none"), &[("disabled", "true")]).await.refusal().0, 404);
    let browser = stripe.send("GET", PATH, &[], &[("authorization", "Bearer pk_test_1")]).await.unwrap();
    assert_eq!(browser.refusal().0, 401);
    for _ in 0..16 {
        made(&stripe, "http://127.0.0.1:9/", &[events]).await;
    }
    assert_eq!(stripe.post(PATH, &[("url", "http://a/"), events]).await.status, 400);
}

#[tokio::test]
async fn endpoints_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("sandbox.db");
    let open = || SandboxGateway::open(&journal, Arc::new(SystemClock)).ok();
    let (endpoint, url) = Endpoint::start(0).await;
    let before = Client::over(open().unwrap(), Options::default()).await;
    made(&before, &url, &[("enabled_events[]", "payment_intent.created")]).await;
    let gone = made(&before, "http://127.0.0.1:9/", &[("enabled_events[]", "*")]).await.0;
    before.send("DELETE", &format!("{PATH}/{gone}"), &[], &[("authorization", "Bearer sk_test_1")]).await.unwrap().ok();
    let listed = before.get(PATH, &[]).await.ok();
    before.stop().await;
    for start in 1..=2 {
        let sandbox = eventually("the journal is free", async || open()).await;
        let after = Client::over(sandbox, Options::default()).await;
        assert_eq!(after.get(PATH, &[]).await.ok(), listed);
        after.intent().await;
        assert_eq!(endpoint.events(start).await.len(), start);
        after.stop().await;
    }
}
