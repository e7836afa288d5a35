//! What operators and organisers meet: prices, `lastseat doctor`, and a log without secrets.

use super::{KEY, SECRET, Stripe, event, now, sign};
use crate::support;
use crate::support::client::Client;
use crate::support::test_server::TestServer;
use crate::support::text;
use serde_json::Value;
use serde_json::json;
use std::net::SocketAddr;

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_stripe_can_not_charge_are_refused_when_a_show_is_scheduled() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let mut show = support::show("cheap", 600, 20);
    show["categories"][1]["price"] = json!(49);
    let refused = server.client.post("/v1/shows").bearer(&server.admin()).json(&show).send().await;
    let problem = refused.problem(422, "invalid_show");
    assert!(text(&problem, "detail").contains("Stripe charges at least 0.50 EUR"), "{problem}");
    show["categories"][1]["price"] = json!(0);
    server.put_on_sale(&show).await;
    server.stop_and_keep().await;

    let sandbox = TestServer::open(600).await;
    show["categories"][1]["price"] = json!(1);
    sandbox.put_on_sale(&show).await;
    sandbox.stop_and_keep().await;
}

/// `lastseat doctor` beside a running node, and without one.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_the_key_and_the_secrets() {
    let stripe = Stripe::start().await;
    let server = stripe.server(stripe.config()).await;
    let doctor = |listen: SocketAddr, secrets: &str| {
        let environment = [
            ("LASTSEAT_STRIPE_KEY", KEY.to_owned()),
            ("LASTSEAT_STRIPE_URL", stripe.url()),
            ("LASTSEAT_STRIPE_WEBHOOK_SECRET", secrets.to_owned()),
            ("LASTSEAT_LISTEN", listen.to_string()),
        ];
        let found = crate::reconcile::run_with(server.data(), &["doctor", "--json"], &environment).1;
        assert!(!found.contains("S3cret"), "{found}");
        let found: Value = serde_json::from_str(&found).unwrap();
        let of = |subject: &str| {
            let findings = found["findings"].as_array().unwrap().iter().filter(|finding| finding["of"] == subject);
            findings.map(|finding| format!("{}: {}", text(finding, "mark"), text(finding, "text"))).collect::<Vec<_>>()
        };
        (of("payments"), of("webhooks"))
    };
    let node = server.running().addr;
    let (payments, webhooks) = doctor(node, &format!("{SECRET},whsec_unknown"));
    let elsewhere = format!("warning: at {}, which is not Stripe: not for production money", stripe.url());
    assert_eq!(payments, [elsewhere.as_str(), "well: Stripe accepts the key (test mode: no real money)"]);
    assert!(webhooks[0].starts_with("well: ") && webhooks[0].ends_with("takes what is signed with secret 1"), "{webhooks:?}");
    assert!(webhooks[1].starts_with("warning: ") && webhooks[1].contains("refuses secret 2"), "{webhooks:?}");
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, webhooks) = doctor(closed, SECRET);
    assert!(webhooks[0].starts_with("well: secret 1 is set; no node answers"), "{webhooks:?}");
    let (_, webhooks) = doctor(closed, "");
    assert!(webhooks[0].starts_with("warning: stripe_webhook_secret is not set"), "{webhooks:?}");
    server.stop_and_keep().await;
}

/// The real binary, at its most talkative, with a payment, a refused webhook and a key in its environment.
#[tokio::test(flavor = "multi_thread")]
async fn neither_keys_nor_client_secrets_nor_bodies_are_in_the_log() {
    let stripe = Stripe::start().await;
    let dir = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let node = listener.local_addr().unwrap();
    drop(listener);
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_lastseat"))
        .args(["serve", "--log-level", "trace", "--listen", &node.to_string()])
        .env_clear()
        .env("LASTSEAT_STRIPE_KEY", KEY)
        .env("LASTSEAT_STRIPE_URL", stripe.url())
        .env("LASTSEAT_STRIPE_WEBHOOK_SECRET", SECRET)
        .current_dir(dir.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::fs::File::create(dir.path().join("out")).unwrap())
        .stderr(std::fs::File::create(dir.path().join("err")).unwrap())
        .spawn()
        .unwrap();
    let client = Client::new(node);
    support::eventually("the server is ready", async || {
        client.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200)
    })
    .await;
    let held = client.post("/v1/shows/demo/bookings").json(&json!({"seats": ["A-1"]})).send().await.ok(201);
    let pay = client.post(&format!("/v1/bookings/{}/payment", text(&held, "id"))).bearer(text(&held, "token"));
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    let body = event("pi_fromTheBody", None, false);
    for signature in [sign("whsec_other", now(), &body), "S3cretSignature".to_owned()] {
        let forged = client.post("/v1/webhooks/stripe").header("stripe-signature", &signature).text(&body);
        forged.send().await.problem(400, "webhook_signature_invalid");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let (out, err) = (read("out"), read("err"));
    assert!(out.contains("Stripe  test mode") && err.len() > 1000, "it was talkative: {out} {err}");
    let client_secret = stripe.sandbox.intents()[0].client_secret();
    for hidden in ["S3cret", "pi_fromTheBody", &client_secret] {
        let line = out.lines().chain(err.lines()).find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden} is shown");
    }
}
