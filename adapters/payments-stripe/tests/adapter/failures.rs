//! Answers that don't come, come in part, or say that Stripe failed.

use crate::server::{Reply, Request, Server, error, ok};
use crate::support::{booking, captured, eur, gateway, intent, later, order, pi, settings};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_payments_stripe::{Limits, StripeGateway, StripeSettings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn refused_with(answer: Result<Intent, GatewayFault>, expected: &str) -> String {
    match answer {
        Err(GatewayFault::Refused { code, message }) if code == expected => message,
        other => panic!("expected {expected}, got {other:?}"),
    }
}

fn unavailable(answer: &Result<Intent, GatewayFault>) -> bool {
    matches!(answer, Err(GatewayFault::Unavailable(_) | GatewayFault::Paused { .. }))
}

fn unknown(answer: &Result<Intent, GatewayFault>) -> bool {
    matches!(answer, Err(GatewayFault::OutcomeUnknown(_)))
}

fn server_error() -> Reply {
    error(500, json!({ "type": "api_error", "message": "An error occurred" }))
}

#[tokio::test]
async fn no_connection_means_not_done() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let gateway = gateway(&url);
    assert!(unavailable(&gateway.create(&order()).await));
    assert!(unavailable(&gateway.capture(&pi(), booking()).await));
}

#[tokio::test]
async fn a_sent_request_without_a_whole_answer_is_unknown() {
    for (name, reply) in [
        ("closed", (|| Reply::Close) as fn() -> Reply),
        ("half", || Reply::Half),
        ("silent", || Reply::Hang),
        ("not JSON", || Reply::Raw(200, "<html>")),
        ("another shape", || ok(json!({ "id": "pi_1" }))),
        ("a proxy's 502", || Reply::Raw(502, "<html>Bad gateway</html>")),
        ("a proxy's 504", || Reply::Raw(504, "")),
    ] {
        let server = Server::start(move |_| reply()).await;
        let gateway = gateway(&server.url);
        for answer in [
            gateway.create(&order()).await,
            gateway.confirm(&pi(), booking(), 1, "pm_card_visa").await,
            gateway.capture(&pi(), booking()).await,
            gateway.cancel(&pi(), booking()).await,
            gateway.refund(&pi(), booking(), 1, eur(4_250)).await,
        ] {
            assert!(unknown(&answer), "{name}: {answer:?}");
        }
        assert!(unavailable(&gateway.retrieve(&pi()).await), "{name}: a look changes nothing");
        let keys: Vec<String> = ["create-B-1", "confirm-I-B-1", "capture-B-1", "cancel-I-1", "refund-B-1-1"]
            .map(|key| key.replace('B', &booking().to_string()).replace('I', pi().as_str()))
            .to_vec();
        assert_eq!(server.keys(), keys, "{name}: each step once, with its first key");
    }
}

/// What the caller does after an unknown outcome.
#[tokio::test]
async fn a_repeated_call_sends_the_same_bytes_under_the_same_key() {
    let mut answers = vec![ok(intent("requires_payment_method")), Reply::Close];
    let server = Server::start(move |_| answers.pop().unwrap()).await;
    let gateway = gateway(&server.url);
    assert!(unknown(&gateway.create(&order()).await));
    assert_eq!(gateway.create(&order()).await.unwrap().status, IntentStatus::RequiresPaymentMethod);
    let seen = server.seen();
    assert_eq!((seen[0].key(), &seen[0].body), (seen[1].key(), &seen[1].body));
}

/// Answers steps with a server error, and looks at the intent with that.
async fn failing(shows: Value) -> (Server, StripeGateway) {
    let script = move |request: &Request| match request.method.as_str() {
        "GET" if request.target.starts_with("/v1/refunds") => ok(json!({ "data": [], "has_more": false })),
        "GET" => ok(shows.clone()),
        _ => server_error(),
    };
    let server = Server::start(script).await;
    let gateway = gateway(&server.url);
    (server, gateway)
}

#[tokio::test]
async fn a_capture_that_failed_but_was_done_is_done() {
    let (server, gateway) = failing(captured(0)).await;
    let intent = gateway.capture(&pi(), booking()).await.unwrap();
    assert_eq!((intent.status, intent.captured), (IntentStatus::Succeeded, 4_250));
    assert_eq!(server.lines(), ["POST /v1/payment_intents/pi_1/capture", "GET /v1/payment_intents/pi_1"]);
}

#[tokio::test]
async fn a_key_that_failed_is_sent_again_after_a_pause() {
    let (server, gateway) = failing(intent("requires_capture")).await;
    for _ in 0..4 {
        assert!(unavailable(&gateway.capture(&pi(), booking()).await));
    }
    let (capture, look) = ("POST /v1/payment_intents/pi_1/capture", "GET /v1/payment_intents/pi_1");
    assert_eq!(server.lines(), [capture, look], "calls within the pause send nothing");
    assert!(unavailable(&gateway.cancel(&pi(), booking()).await));
    assert_eq!(server.lines().len(), 4, "another step has no pause");
    later(10).await;
    assert!(unavailable(&gateway.capture(&pi(), booking()).await));
    assert_eq!(server.keys().last(), Some(&format!("capture-{}-1", booking())), "it is not known to be stored");
}

/// A new process knows nothing of the keys that were used up.
#[tokio::test]
async fn stored_errors_are_passed_over() {
    let script = move |request: &Request| match request.key().and_then(|key| key.rsplit('-').next()) {
        None => ok(intent("requires_capture")),
        Some("1" | "2" | "3" | "4" | "5") => {
            let body = json!({ "error": { "type": "api_error" } });
            Reply::Json(500, vec![("idempotent-replayed", "true".to_owned())], body)
        }
        Some(_) => ok(captured(0)),
    };
    let server = Server::start(script).await;
    let intent = gateway(&server.url).capture(&pi(), booking()).await.unwrap();
    assert_eq!(intent.status, IntentStatus::Succeeded);
    assert_eq!(server.keys().last(), Some(&format!("capture-{}-6", booking())));
}

#[tokio::test]
async fn a_look_that_fails_leaves_the_outcome_unknown() {
    let server = Server::start(|_| server_error()).await;
    let gateway = gateway(&server.url);
    assert!(unknown(&gateway.capture(&pi(), booking()).await));
    assert!(unknown(&gateway.refund(&pi(), booking(), 1, eur(1)).await));
    assert!(unavailable(&gateway.retrieve(&pi()).await));
}

/// An error at the creation that Stripe did not store: another key would make a second intent, of which a process
/// that dies now would leave no trace.
#[tokio::test]
async fn a_creation_that_failed_is_repeated_under_its_own_key() {
    let mut answers = vec![ok(intent("requires_payment_method")), server_error()];
    let server = Server::start(move |_| answers.pop().unwrap()).await;
    let gateway = gateway(&server.url);
    assert!(unknown(&gateway.create(&order()).await));
    later(10).await;
    gateway.create(&order()).await.unwrap();
    assert_eq!(server.keys(), vec![format!("create-{}-1", booking()); 2]);
}

#[tokio::test]
async fn an_intent_that_was_not_created_is_created_under_the_next_key() {
    let script = |request: &Request| match request.key() {
        Some(key) if key.ends_with("-2") => ok(intent("requires_payment_method")),
        _ => Reply::Json(500, vec![("idempotent-replayed", "true".to_owned())], json!({ "error": { "type": "api_error" } })),
    };
    let server = Server::start(script).await;
    gateway(&server.url).create(&order()).await.unwrap();
    assert_eq!(server.lines(), ["POST /v1/payment_intents", "POST /v1/payment_intents"]);
}

/// A booking may have two intents if Stripe has forgotten the key of the first.
#[tokio::test]
async fn the_confirmation_of_a_second_intent_is_not_answered_with_that_of_the_first() {
    let server = Server::start(|_| ok(intent("requires_capture"))).await;
    let gateway = gateway(&server.url);
    let second = lastseat_domain::IntentId::new("pi_2").unwrap();
    gateway.confirm(&pi(), booking(), 1, "pm_card_visa").await.unwrap();
    gateway.confirm(&second, booking(), 1, "pm_card_visa").await.unwrap();
    let keys = server.keys();
    assert!(keys[0] != keys[1] && keys[0].contains("pi_1") && keys[1].contains("pi_2"), "{keys:?}");
}

#[tokio::test]
async fn a_confirmation_that_failed_is_what_the_intent_shows() {
    for (shows, status, decline) in [
        ("requires_capture", IntentStatus::RequiresCapture, None),
        ("processing", IntentStatus::Processing, None),
        ("requires_payment_method", IntentStatus::RequiresPaymentMethod, Some("processing_error")),
    ] {
        let (server, gateway) = failing(intent(shows)).await;
        let intent = gateway.confirm(&pi(), booking(), 2, "pm_card_visa").await.unwrap();
        assert_eq!((intent.status, intent.last_decline.as_deref()), (status, decline));
        assert_eq!(server.keys(), [format!("confirm-pi_1-{}-2", booking())], "an attempt has one key");
    }
}

/// The card that was declined before is another attempt's.
#[tokio::test]
async fn a_confirmation_that_failed_may_have_been_declined() {
    for (method, reason) in [("pm_mine", "insufficient_funds"), ("pm_other", "processing_error")] {
        let mut shows = intent("requires_payment_method");
        shows["last_payment_error"] =
            json!({ "code": "card_declined", "decline_code": "insufficient_funds", "payment_method": { "id": "pm_mine" } });
        let (_server, gateway) = failing(shows).await;
        let intent = gateway.confirm(&pi(), booking(), 2, method).await.unwrap();
        assert_eq!(intent.last_decline.as_deref(), Some(reason), "{method}");
    }
}

#[tokio::test]
async fn a_refund_that_failed_is_looked_for_by_its_number() {
    for (number, done) in [(1, true), (2, false)] {
        let script = move |request: &Request| match request.line().as_str() {
            "POST /v1/refunds" => server_error(),
            "GET /v1/refunds" => ok(json!({ "has_more": false, "data": [
                { "id": "re_1", "status": "succeeded", "metadata": {} },
                { "id": "re_2", "status": "succeeded",
                  "metadata": { "lastseat_booking": booking().to_string(), "lastseat_refund": "1" } },
            ] })),
            _ => ok(captured(2_000)),
        };
        let server = Server::start(script).await;
        let answer = gateway(&server.url).refund(&pi(), booking(), number, eur(1_000)).await;
        assert_eq!(answer.is_ok(), done, "{answer:?}");
        assert_eq!(server.keys().len(), 1);
    }
}

#[tokio::test]
async fn a_step_that_is_refused_because_it_is_done_is_done() {
    let unexpected = || error(400, json!({ "type": "invalid_request_error", "code": "payment_intent_unexpected_state" }));
    let script = move |request: &Request| if request.method == "GET" { ok(intent("canceled")) } else { unexpected() };
    let server = Server::start(script).await;
    let gateway = gateway(&server.url);
    assert_eq!(gateway.cancel(&pi(), booking()).await.unwrap().status, IntentStatus::Canceled);
    refused_with(gateway.capture(&pi(), booking()).await, "payment_intent_unexpected_state");
}

#[tokio::test]
async fn a_busy_stripe_is_asked_again_with_the_same_key() {
    for busy in [
        (429, json!({ "type": "invalid_request_error", "code": "rate_limit" })),
        (429, json!({ "type": "invalid_request_error", "code": "lock_timeout" })),
        (409, json!({ "type": "idempotency_error", "code": "idempotency_key_in_use" })),
    ] {
        let mut refusals = 2;
        let (status, body) = busy.clone();
        let script = move |_: &Request| {
            refusals -= 1;
            if refusals >= 0 { error(status, body.clone()) } else { ok(captured(0)) }
        };
        let server = Server::start(script).await;
        gateway(&server.url).capture(&pi(), booking()).await.unwrap();
        assert_eq!(server.keys(), vec![format!("capture-{}-1", booking()); 3], "{busy:?}");
    }
}

#[tokio::test]
async fn a_stripe_that_stays_busy_is_given_up() {
    let server = Server::start(|_| error(429, json!({ "type": "invalid_request_error", "code": "rate_limit" }))).await;
    let started = Instant::now();
    assert!(unavailable(&gateway(&server.url).capture(&pi(), booking()).await), "429 does nothing");
    assert!(started.elapsed() < Duration::from_secs(3));

    // Somebody else may be doing it.
    let in_use = json!({ "type": "idempotency_error", "code": "idempotency_key_in_use" });
    let server = Server::start(move |_| error(409, in_use.clone())).await;
    assert!(unknown(&gateway(&server.url).capture(&pi(), booking()).await));
}

/// `Stripe-Should-Retry`: the same key again, and in the end a look.
#[tokio::test]
async fn a_failing_stripe_that_asks_for_the_same_request_gets_it() {
    for (shows, done) in [(captured(0), true), (intent("requires_capture"), false)] {
        let script = move |request: &Request| match request.method.as_str() {
            "GET" => ok(shows.clone()),
            _ => {
                let body = json!({ "error": { "type": "api_error" } });
                Reply::Json(503, vec![("stripe-should-retry", "true".to_owned())], body)
            }
        };
        let server = Server::start(script).await;
        let answer = gateway(&server.url).capture(&pi(), booking()).await;
        assert!(if done { answer.is_ok() } else { unavailable(&answer) }, "{answer:?}");
        let keys = server.keys();
        assert!(keys.len() > 1 && keys.iter().all(|key| *key == format!("capture-{}-1", booking())), "{keys:?}");
        assert_eq!(server.lines().last().map(String::as_str), Some("GET /v1/payment_intents/pi_1"));
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let mut first = true;
    let script = move |_: &Request| {
        let busy = std::mem::replace(&mut first, false);
        let body = json!({ "error": { "code": "rate_limit" } });
        if busy { Reply::Json(429, vec![("retry-after", "1".to_owned())], body) } else { ok(captured(0)) }
    };
    let server = Server::start(script).await;
    let settings = StripeSettings { busy_for: Duration::from_secs(3), ..settings(&server.url) };
    let gateway = StripeGateway::open(&settings).unwrap();
    let started = Instant::now();
    gateway.capture(&pi(), booking()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

/// The same call works as soon as the operator has set another key.
#[tokio::test]
async fn a_key_that_is_not_accepted_names_the_setting() {
    for status in [401, 403] {
        let script = move |_: &Request| error(status, json!({ "message": "Invalid API Key provided: sk_test_51Never" }));
        let server = Server::start(script).await;
        match gateway(&server.url).capture(&pi(), booking()).await {
            Err(GatewayFault::Unavailable(why)) => assert!(why.contains("--stripe-key") && !why.contains("51Never"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn connections_are_reused() {
    let server = Server::start(|_| ok(intent("requires_payment_method"))).await;
    let gateway = gateway(&server.url);
    for _ in 0..50 {
        gateway.retrieve(&pi()).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (50, 1));
}

/// An id from elsewhere must not choose another path.
#[tokio::test]
async fn an_id_that_would_change_the_path_is_refused() {
    let server = Server::start(|_| ok(captured(0))).await;
    let gateway = gateway(&server.url);
    for id in ["pi_1/capture", "../refunds", "pi_1?a=b", "pi_1#", "pi%2F1"] {
        let id = lastseat_domain::IntentId::new(id).unwrap();
        refused_with(gateway.retrieve(&id).await, "resource_missing");
        refused_with(gateway.cancel(&id, booking()).await, "resource_missing");
    }
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_queue_that_is_too_long_is_refused_at_once() {
    let server = Server::start(|_| ok(intent("requires_payment_method"))).await;
    let limits = Some(Limits { endpoint: 10, total: 20 });
    let settings = StripeSettings { limits, longest_queue: Duration::from_millis(700), ..settings(&server.url) };
    let gateway = StripeGateway::open(&settings).unwrap();
    let started = Instant::now();
    let order = order();
    let answers = futures::future::join_all((0..50).map(|_| gateway.create(&order))).await;
    let refused = answers.iter().filter(|answer| unavailable(answer)).count();
    assert!((30..50).contains(&refused), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(gateway.queue_delay() < Duration::from_secs(1));
}
