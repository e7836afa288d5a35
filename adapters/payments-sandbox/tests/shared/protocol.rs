//! The protocol between nodes, invalid requests, servers that are something else, invalid addresses.

use super::{Served, at, booking, clock, eur, in_time};
use axum::Router;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::GatewayFault;
use lastseat_payments_sandbox::{RemoteSandbox, SandboxGateway};
use lastseat_testkit::payments::order;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
#[cfg(target_os = "linux")]
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

const JSON: &str = "application/json";

async fn send(addr: SocketAddr, method: &str, path: &str, media: &str, body: impl Into<Bytes>) -> (StatusCode, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::builder().method(method).uri(format!("http://{addr}{path}")).header(CONTENT_TYPE, media);
    let answer = in_time(client.request(request.body(Full::new(body.into())).unwrap())).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = in_time(body.collect()).await.unwrap().to_bytes();
    (head.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_its_reason() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let ann = booking("nonsense").to_string();
    let create = |booking: &str, amount: Value| json!({"booking": booking, "amount": amount}).to_string();
    let confirm = |attempt: Value, intent: &str| {
        json!({"intent": intent, "booking": ann, "attempt": attempt, "payment_method": "pm_card_visa"}).to_string()
    };
    let good = create(&ann, json!({"value": 100, "currency": "EUR"}));
    let large = create(&"x".repeat(70_000), json!({"value": 100, "currency": "EUR"}));
    let cases = [
        ("POST", "/sandbox/create", JSON, String::new(), 400, "invalid_json", "empty"),
        ("POST", "/sandbox/create", JSON, good[..good.len() - 1].to_owned(), 400, "invalid_json", "not JSON"),
        ("POST", "/sandbox/create", JSON, "\u{1f3ab}".to_owned(), 400, "invalid_json", "not JSON"),
        ("POST", "/sandbox/create", JSON, "[]".to_owned(), 422, "invalid_request", "expected form"),
        ("POST", "/sandbox/create", JSON, "{}".to_owned(), 422, "invalid_request", "`booking`"),
        (
            "POST",
            "/sandbox/create",
            JSON,
            create("no uuid", json!({"value": 1, "currency": "EUR"})),
            422,
            "invalid_request",
            "`booking`",
        ),
        (
            "POST",
            "/sandbox/create",
            JSON,
            create(&ann, json!({"value": 1, "currency": "EURO"})),
            422,
            "invalid_request",
            "amount.currency",
        ),
        (
            "POST",
            "/sandbox/create",
            JSON,
            create(&ann, json!({"value": 0.5, "currency": "EUR"})),
            422,
            "invalid_request",
            "amount.value",
        ),
        ("POST", "/sandbox/capture", JSON, good.clone(), 422, "invalid_request", "`amount`"),
        ("POST", "/sandbox/confirm", JSON, confirm(json!(-1), "pi_x"), 422, "invalid_request", "`attempt`"),
        ("POST", "/sandbox/confirm", JSON, confirm(json!(1), "pi x"), 422, "invalid_request", "`intent`"),
        ("POST", "/sandbox/create", JSON, large, 413, "body_too_large", "65536"),
        ("POST", "/sandbox/create", "text/plain", good.clone(), 415, "unsupported_media_type", JSON),
        ("GET", "/sandbox/create", JSON, String::new(), 405, "method_not_allowed", "Allow"),
        ("POST", "/v1/shows", JSON, good, 404, "unknown_route", "nothing at this address"),
    ];
    for (method, path, media, body, status, code, says) in cases {
        let (got, problem) = send(served.addr, method, path, media, body.clone()).await;
        assert_eq!((got.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{body}: {problem}");
    }
    assert_eq!(served.sandbox.intents().len(), 0);
    at(served.addr).create(&order(booking("nonsense"), eur(100))).await.unwrap();
    served.stop().await;
}

/// A server that gives the same answer to every request.
async fn always(status: u16, media: &'static str, body: String) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let answer = move || async move { (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, media)], body).into_response() };
    tokio::spawn(
        axum::serve(listener, Router::new().fallback(answer))
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .into_future(),
    );
    (addr, stop.drop_guard())
}

/// Only our own server's refusal of the request itself proves that nothing was done.
#[tokio::test]
async fn the_answer_of_something_else_proves_nothing() {
    const PROBLEM: &str = "application/problem+json";
    let problem = json!({"code": "invalid_request", "detail": "`attempt` is wrong."}).to_string();
    let large = json!({"fault": {"kind": "unavailable", "message": "x".repeat(100_000)}}).to_string();
    let answers = [
        (422, PROBLEM, problem.clone(), true),
        (422, "text/html", problem.clone(), false),
        (503, PROBLEM, problem, false),
        (502, "text/html", "<h1>Bad Gateway</h1>".to_owned(), false),
        (200, "text/html", "<h1>It works!</h1>".to_owned(), false),
        (200, JSON, json!({"fault": {"kind": "tired"}}).to_string(), false),
        (200, JSON, json!({"intent": {"id": "pi_x"}}).to_string(), false),
        (200, JSON, large, false),
        (204, JSON, String::new(), false),
        (302, JSON, String::new(), false),
    ];
    for (status, media, body, undone) in answers {
        let (addr, _stop) = always(status, media, body.clone()).await;
        let answer = in_time(at(addr).create(&order(booking("else"), eur(100)))).await;
        let reported = if undone {
            matches!(answer, Err(GatewayFault::Unavailable(_)))
        } else {
            matches!(answer, Err(GatewayFault::OutcomeUnknown(_)))
        };
        assert!(reported, "{status} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_check_distinguishes_a_sandbox_from_other_servers() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let (addr, shared) = (served.addr, at(served.addr));
    assert_eq!(shared.check().await, Ok(()));
    assert_eq!(RemoteSandbox::open(&format!("http://localhost:{}/", addr.port())).unwrap().check().await, Ok(()));
    served.stop().await;
    assert!(matches!(shared.check().await, Err(GatewayFault::Unavailable(_))));

    for (body, says) in [(json!({"shared_sandbox": 3}), "version 3, not 2"), (json!({"status": "up"}), "no shared sandbox")] {
        let (addr, _stop) = always(200, JSON, body.to_string()).await;
        match at(addr).check().await {
            Err(GatewayFault::Refused { code, message }) => {
                assert_eq!(code, "not_a_shared_sandbox");
                assert!(message.contains(says) && message.contains(&addr.to_string()), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hurried = at(silent.local_addr().unwrap()).with_deadline(Duration::from_millis(100));
    assert!(matches!(in_time(hurried.check()).await, Err(GatewayFault::Unavailable(_))));
}

/// A request that was not sent had no effect.
#[tokio::test]
async fn no_server_means_not_done() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let answer = in_time(at(nobody).create(&order(booking("nobody"), eur(100)))).await;
    assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
}

/// An unreachable machine answers nothing at all: here, a listener whose queue is full.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_failed_connection_means_not_done() {
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let addr = full.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(addr)).await {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 10, "the queue is never full");
    }
    let answer = in_time(at(addr).with_deadline(super::PATIENCE).create(&order(booking("gone"), eur(100)))).await;
    assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
}

/// Calls over the limit wait; one that waits until its deadline was not made.
#[tokio::test]
async fn a_call_that_waits_until_its_deadline_is_not_done() {
    const AT_ONCE: usize = 256;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shared = at(silent.local_addr().unwrap()).with_deadline(super::PATIENCE);
    let mut under_way = JoinSet::new();
    let mut connections = Vec::new();
    for n in 0..AT_ONCE {
        let shared = shared.clone();
        under_way.spawn(async move { shared.create(&order(booking(&format!("under way {n}")), eur(100))).await });
        connections.push(in_time(silent.accept()).await.unwrap());
    }
    let late = in_time(shared.clone().with_deadline(Duration::from_millis(100)).create(&order(booking("late"), eur(100)))).await;
    assert!(matches!(&late, Err(GatewayFault::Unavailable(why)) if why.contains("under way")), "{late:?}");
    drop((connections, silent));
    while let Some(answer) = in_time(under_way.join_next()).await {
        assert!(matches!(answer.unwrap(), Err(GatewayFault::OutcomeUnknown(_))));
    }
}

#[test]
fn an_address_is_a_host_and_a_port() {
    for good in ["http://127.0.0.1:8090", "http://127.0.0.1:8090/", "http://[::1]:8090", "http://sandbox.internal:80"] {
        RemoteSandbox::open(good).unwrap();
    }
    let bad = [
        ("", "can't be read"),
        ("127.0.0.1:8090", "http://"),
        ("https://127.0.0.1:8090", "http://"),
        ("redis://127.0.0.1:8090", "http://"),
        ("http://127.0.0.1", "a port"),
        ("http://127.0.0.1:0", "a port"),
        ("http://:8090", "host"),
        ("http://127.0.0.1:80900", ""),
        ("http://ann:secret@127.0.0.1:8090", "password"),
        ("http://127.0.0.1:8090/v1", "end after the port"),
        ("http://127.0.0.1:8090/?a=b", "end after the port"),
    ];
    for (url, says) in bad {
        let message = RemoteSandbox::open(url).expect_err(url).to_string();
        assert!(message.contains(says) && message.contains("write it like") && !message.contains("secret"), "{url}: {message}");
    }
}
