//! What operators see of requests: ids, lines of the access log, levels that change, and traces at a collector. And what nobody
//! may see there.

use crate::support::process::{SandboxServer, Server, token, verify};
use crate::support::{eventually, show, text};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// What a collector got.
#[derive(Default)]
struct Collector(Mutex<Vec<Span>>);

impl Collector {
    /// Serves until the test ends; returns its address.
    async fn open() -> (Arc<Self>, String) {
        let collector = Arc::<Self>::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&collector));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        (collector, url)
    }

    fn of_trace(&self, trace: &str) -> Vec<Span> {
        self.0.lock().iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect()
    }
}

async fn take(State(collector): State<Arc<Collector>>, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let spans = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
    collector.0.lock().extend(spans);
    StatusCode::OK
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lines(data: &Path) -> String {
    std::fs::read_to_string(data.with_extension("stderr")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_leads_from_the_callers_span_to_the_seat_map() {
    let (collector, url) = Collector::open().await;
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let server = Server::start_with(&data, &["--otlp", &url, "--log-level", "info"]).await;
    let admin = token(&data, "root", "admin");
    server.client.post("/v1/shows").bearer(&admin).json(&show("big", 600, 10)).send().await.ok(201);

    let caller = format!("00-{TRACE}-{CALLER}-01");
    let held = server.client.post("/v1/shows/big/bookings").header("traceparent", &caller).json(&json!({"seats": ["A-1"]}));
    let held = held.send().await.ok(201);
    let (id, secret) = (text(&held, "id"), text(&held, "token"));
    let pay = server.client.post(&format!("/v1/bookings/{id}/payment")).bearer(secret).header("traceparent", &caller);
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    // One that its caller does not record is not recorded here.
    let unrecorded = format!("00-{}-{CALLER}-00", TRACE.replace('4', "5"));
    server
        .client
        .post("/v1/shows/big/bookings")
        .header("traceparent", &unrecorded)
        .json(&json!({"seats": ["A-2"]}))
        .send()
        .await
        .ok(201);
    // One that begins here.
    server.client.get("/v1/shows/big").send().await.ok(200);
    server.stop();

    let spans = collector.of_trace(TRACE);
    let mut by_name: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in &spans {
        by_name.entry(&span.name).or_default().push(span);
    }
    let the = |name: &str| by_name.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", by_name.keys()))[0];
    for request in ["POST /v1/shows/{show}/bookings", "POST /v1/bookings/{id}/payment"] {
        assert_eq!(hex(&the(request).parent_span_id), CALLER, "{request}");
    }
    let (hold, payment) = (&the("POST /v1/shows/{show}/bookings").span_id, &the("POST /v1/bookings/{id}/payment").span_id);
    assert!(by_name["event_log append"].iter().any(|append| append.parent_span_id == *hold));
    assert!(
        by_name["event_log append"].iter().any(|append| append.parent_span_id == *payment),
        "an actor's work is its caller's"
    );
    let calls: Vec<&&str> = by_name.keys().filter(|name| name.starts_with("payment_gateway ")).collect();
    assert!(calls.len() >= 2 && calls.iter().all(|name| the(name).parent_span_id == *payment), "{calls:?}");
    let seen = &by_name["seat map and seat streams"];
    assert!(seen.iter().any(|span| span.parent_span_id == *hold) && seen.iter().any(|span| span.parent_span_id == *payment));
    assert!(seen.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
    assert!(collector.of_trace(&TRACE.replace('4', "5")).is_empty());
    assert!(collector.0.lock().iter().any(|span| span.name == "GET /v1/shows/{show}" && span.parent_span_id.is_empty()));
    let (code, report) = verify(&data);
    assert_eq!(code, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_or_never_answers_costs_no_sale() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for url in ["http://127.0.0.1:9", &silent_url] {
        let data = tempfile::tempdir().unwrap();
        let data = data.path().join("data");
        let server = Server::start_with(&data, &["--otlp", url, "--otlp-share", "0.999"]).await;
        let admin = token(&data, "root", "admin");
        server.client.post("/v1/shows").bearer(&admin).json(&show("big", 600, 10)).send().await.ok(201);
        for seat in ["A-1", "B-1", "C-1"] {
            server.client.post("/v1/shows/big/bookings").json(&json!({"seats": [seat]})).send().await.ok(201);
        }
        if url == silent_url {
            let (_connection, _) = silent.accept().await.unwrap();
            server.stop();
        } else {
            eventually("the outage is logged, once", async || {
                (lines(&data).matches("takes no traces").count() == 1).then_some(())
            })
            .await;
            server.stop();
        }
        assert_eq!(verify(&data).0, 0);
    }
}

/// A client that hangs up has a line, too: what it asked for goes on.
#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_before_the_answer_has_a_line() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let server = Server::start_with(&data, &["--access-log", "true"]).await;
    // Its body never comes.
    let head = "POST /v1/shows/demo/bookings HTTP/1.1\r\nhost: a\r\nx-request-id: gone-1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let mut stream = TcpStream::connect(server.client.addr()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the server reads it", async || (server.client.get("/metrics").send().await.status == 200).then_some(())).await;
    drop(stream);
    let line =
        eventually("it has a line", async || lines(&data).lines().find(|line| line.contains("gone-1")).map(str::to_owned)).await;
    assert!(line.contains("status=499") || line.contains("status=400"), "{line}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_and_a_line_and_no_line_has_a_secret() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let server = Server::start_with(&data, &["--access-log", "true", "--log-format", "json", "--log-level", "trace"]).await;
    let client = &server.client;
    let admin = token(&data, "root", "admin");
    client.post("/v1/shows").bearer(&admin).json(&show("big", 600, 10)).send().await.ok(201);
    let hold = |seat: &str| client.post("/v1/shows/big/bookings").json(&json!({"seats": [seat]}));
    let held = hold("A-1").key("a-key-of-a-buyer").header("x-request-id", "held-1").send().await;
    assert_eq!(held.header("x-request-id"), Some("held-1"));
    let held = held.ok(201);
    let (id, secret) = (text(&held, "id").to_owned(), text(&held, "token").to_owned());
    // Refused at once, and by the router.
    let refused = hold("A-1").header("X-Request-Id", "refused-1").send().await;
    assert_eq!((refused.status, refused.header("x-request-id")), (409, Some("refused-1")));
    let made = hold("A-1").send().await;
    assert!(made.header("x-request-id").unwrap().len() > 9);
    let odd = hold("A-1").header("x-request-id", "two words").send().await;
    assert_ne!(odd.header("x-request-id"), Some("two words"));
    let pay = client.post(&format!("/v1/bookings/{id}/payment")).bearer(&secret).header("x-request-id", "paid-1");
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    client.get("/nowhere?token=in-a-query").header("x-request-id", "lost-1").send().await.problem(404, "unknown_route");
    let tickets = client.get(&format!("/v1/bookings/{id}/tickets")).bearer(&secret).send().await.ok(200);
    let code = tickets["tickets"][0]["ticket"].as_str().unwrap().to_owned();
    server.stop();

    let log = lines(&data);
    let access: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["target"] == "lastseat-access")
        .collect();
    let of = |id: &str| {
        access.iter().find(|line| line["request_id"] == id).unwrap_or_else(|| panic!("no line of {id} in {access:#?}"))
    };
    assert_eq!((&of("held-1")["status"], &of("held-1")["path"]), (&json!(201), &json!("/v1/shows/big/bookings")));
    assert_eq!((&of("refused-1")["status"], &of("refused-1")["method"]), (&json!(409), &json!("POST")));
    assert_eq!(of("paid-1")["status"], json!(200));
    assert_eq!(of("lost-1")["path"], json!("/nowhere"), "without the query");
    assert!(of("paid-1")["micros"].as_u64().is_some() && of("paid-1")["peer"].is_string());
    assert_eq!(access.iter().filter(|line| line["status"] == 409).count(), 3, "one line for each answer");
    for secret in [&admin, &secret, &code, "in-a-query", "a-key-of-a-buyer"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a secret in a line: {line:?}");
    }
}

/// A payment that the gateway does not answer goes on after its request; what is logged for it names the request, whether
/// traces are collected or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_an_actor_names_the_request_that_it_works_for() {
    let (collector, url) = Collector::open().await;
    for more in [&[][..], &["--otlp", &url]] {
        let data = tempfile::tempdir().unwrap();
        let data = data.path().join("data");
        let sandbox_data = data.with_extension("sandbox");
        let sandbox = SandboxServer::start(&sandbox_data, &[]);
        let gateway = ["--stripe-url", &sandbox.url, "--stripe-key", "sk_test_1", "--log-format", "json", "--log-level", "info"];
        let server = Server::start_with(&data, &[&gateway[..], more].concat()).await;
        let admin = token(&data, "root", "admin");
        server.client.post("/v1/shows").bearer(&admin).json(&show("big", 600, 10)).send().await.ok(201);
        let held = server.client.post("/v1/shows/big/bookings").json(&json!({"seats": ["A-1"]})).send().await.ok(201);
        let (id, secret) = (text(&held, "id"), text(&held, "token"));
        drop(sandbox);
        let pay = server.client.post(&format!("/v1/bookings/{id}/payment")).bearer(secret).header("x-request-id", "paid-1");
        pay.json(&json!({"payment_method": "pm_card_visa"})).send().await;
        let line = eventually("it is logged that the gateway does not answer", async || {
            let log = lines(&data);
            let line = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["booking"] == id);
            line.filter(|line| line["span"]["id"].is_string())
        })
        .await;
        assert_eq!(line["span"], json!({"name": "request", "id": "paid-1"}), "{line}");
        server.stop();
    }
    assert!(collector.0.lock().iter().any(|span| span.name.starts_with("payment_gateway ")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_changes_the_level_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let server = Server::start_with(&data, &["--log-level", "error"]).await;
    let (admin, staff) = (token(&data, "root", "admin"), token(&data, "sam", "staff"));
    let path = "/v1/log-level";
    assert_eq!(server.client.get(path).bearer(&admin).send().await.ok(200), json!({"level": "error"}));
    let set = |token: &str, level: &str| server.client.call("PATCH", path).bearer(token).json(&json!({"level": level}));
    set(&staff, "debug").send().await.problem(403, "forbidden");
    set(&admin, "loud").send().await.problem(422, "invalid_request");
    set(&admin, "info,lastseat=debug").send().await.ok(200);
    let changed = |log: &str| log.lines().find_map(|line| Some(line.split_once("the log level is changed")?.1.to_owned()));
    let line = eventually("it is logged", async || changed(&lines(&data))).await;
    assert!(line.contains("before=\"error\"") && line.contains("to=\"info,lastseat=debug\"") && line.contains("root"), "{line}");
    assert_eq!(server.client.get(path).bearer(&admin).send().await.ok(200), json!({"level": "info,lastseat=debug"}));
    // Nonsense ends a connection, which is worth a line for those who look closely.
    let nonsense = async || {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(server.client.addr()).await.unwrap();
        stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    };
    nonsense().await;
    eventually("it is logged", async || lines(&data).contains("a connection ended").then_some(())).await;
    set(&admin, "error").send().await.ok(200);
    eventually("who silences it is named", async || lines(&data).contains("to=\"error\"").then_some(())).await;
    let before = lines(&data).len();
    nonsense().await;
    server.stop();
    assert!(!lines(&data)[before..].contains("a connection ended"), "{}", lines(&data));
}
