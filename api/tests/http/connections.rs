//! One connection, many requests: what happens between them, and what every answer has.

use crate::common;

use common::{TestServer, start_for_test};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client that writes headers and body apart, as Python's `http.client` does.
struct Plain {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Plain {
    async fn connect(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: vec![] }
    }

    /// Status and headers of the next answer, whose body is read, too. `None` if there is none.
    async fn answer(&mut self) -> Option<(u16, String)> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        while self.read.len() < length {
            self.more().await?;
        }
        self.read.drain(..length);
        Some((head.get(9..12).unwrap().parse().unwrap(), head))
    }

    async fn more(&mut self) -> Option<()> {
        let mut space = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(5), self.stream.read(&mut space)).await.expect("an answer");
        let read = read.ok().filter(|read| *read > 0)?;
        self.read.extend_from_slice(&space[..read]);
        Some(())
    }

    async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, String)> {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.stream.write_all(head.as_bytes()).await.ok()?;
        // The server has the headers before the body.
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.stream.write_all(body.as_bytes()).await.ok()?;
        self.answer().await
    }
}

#[tokio::test]
async fn two_hundred_refused_requests_on_one_connection_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let buyer = format!("authorization: Bearer {}\r\n", server.token("anna", lastseat::auth::Role::Buyer));
    let json = "content-type: application/json\r\n";
    let body = format!("{{\"seats\":[\"{}\"]}}", "x".repeat(2000));
    let mut client = Plain::connect(&server).await;
    let mut seen = std::collections::BTreeMap::<u16, u32>::new();
    for n in 0..200 {
        let (method, path, headers) = match n % 5 {
            0 => ("POST", "/v1/shows/demo/bookings", format!("{json}authorization: Bearer nonsense\r\n")),
            1 => ("POST", "/v1/nowhere", json.to_owned()),
            2 => ("PUT", "/v1/shows", json.to_owned()),
            // Refused by the role, and after a while by the rate limit.
            3 => ("POST", "/v1/shows", format!("{json}{buyer}")),
            _ => ("GET", "/v1/shows", String::new()),
        };
        let answer = client.send(method, path, &headers, &body).await;
        let (status, head) = answer.unwrap_or_else(|| panic!("request {n}, {method} {path}, has no answer; so far: {seen:?}"));
        assert!(!head.contains("connection: close"), "{head}");
        *seen.entry(status).or_default() += 1;
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [200, 401, 403, 404, 405], "{seen:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_to_drop_closes_the_connection_after_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let body = "x".repeat(300_000);
    for chunked in [false, true] {
        let mut client = Plain::connect(&server).await;
        let answer = if chunked {
            let head = "POST /v1/nowhere HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n493e0\r\n";
            client.stream.write_all(head.as_bytes()).await.unwrap();
            client.stream.write_all(body.as_bytes()).await.unwrap();
            client.answer().await
        } else {
            client.send("POST", "/v1/nowhere", "", &body).await
        };
        let (status, head) = answer.expect("an answer");
        assert_eq!(status, 404);
        assert!(head.contains("connection: close"), "{head}");
        assert!(client.more().await.is_none(), "closed");
    }
    // A client that waits to be asked for its body is not asked, and one that never sends it is not waited for.
    let begun = std::time::Instant::now();
    let mut waiting = Plain::connect(&server).await;
    let head = "POST /v1/nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
    waiting.stream.write_all(head.as_bytes()).await.unwrap();
    let (status, head) = waiting.answer().await.expect("an answer");
    assert!(status == 404 && head.contains("connection: close"), "{head}");
    let mut silent = Plain::connect(&server).await;
    silent.stream.write_all(b"POST /v1/nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nxxx").await.unwrap();
    let (status, head) = silent.answer().await.expect("an answer");
    assert!(status == 404 && head.contains("connection: close"), "{head}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    server.stop().await;
}

/// All of `Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options` and `Referrer-Policy`.
fn has_all_headers(head: &str) -> bool {
    let has = |line: &str| head.contains(&format!("\r\n{line}"));
    head.contains("frame-ancestors 'none'")
        && has("content-security-policy: default-src ")
        && has("x-frame-options: deny\r\n")
        && has("x-content-type-options: nosniff\r\n")
        && has("referrer-policy: no-referrer\r\n")
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let bad = "authorization: Bearer nonsense\r\n";
    for (method, path, headers, expected) in [
        ("GET", "/", "", 200),
        ("GET", "/docs", "", 200),
        ("GET", "/sandbox/authenticate/pi_1", "", 200),
        ("GET", "/assets/main.js", "", 200),
        ("GET", "/assets/nothing.js", "", 404),
        ("GET", "/openapi.json", "", 200),
        ("GET", "/problems/sold_out", "", 200),
        ("GET", "/health/live", "", 200),
        ("GET", "/metrics", "", 200),
        ("GET", "/v1/shows", "", 200),
        ("HEAD", "/v1/shows", "", 200),
        ("GET", "/v1/shows/demo/seats", "", 200),
        ("GET", "/v1/shows/demo/seats", "if-none-match: *\r\n", 304),
        ("GET", "/v1/shows", bad, 401),
        ("GET", "/v1/me/bookings", "", 401),
        ("GET", "/nowhere", "", 404),
        ("GET", "/docs/missing", "", 404),
        ("DELETE", "/v1/shows", "", 405),
        ("POST", "/v1/shows/demo/bookings", "", 415),
    ] {
        let mut client = Plain::connect(&server).await;
        let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
        client.stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        client.stream.read_to_string(&mut text).await.unwrap();
        let head = text.split("\r\n\r\n").next().unwrap().to_ascii_lowercase() + "\r\n";
        assert_eq!(head.get(9..12).unwrap().parse::<u16>().unwrap(), expected, "{method} {path}: {head}");
        assert!(has_all_headers(&head), "{method} {path}: {head}");
        assert_eq!(head.matches("content-security-policy").count(), 1, "{head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_missing_below_docs_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for path in ["/docs/missing", "/docs/docs.js", "/problems/nothing", "/sandbox/nothing", "/assets"] {
        server.get(path).send().await.is(404, "unknown_route");
    }
    server.stop().await;
}

#[tokio::test]
async fn host_is_sent_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for (hosts, status) in [
        ("host: test\r\n", 200),
        ("host: 127.0.0.1:8080\r\n", 200),
        ("", 400),
        ("host: test\r\nhost: test\r\n", 400),
        ("host: test\r\nhost: evil\r\n", 400),
        ("host: \r\n", 400),
        ("host: te st\r\n", 400),
        ("host: user@test\r\n", 400),
        ("host: test/path\r\n", 400),
    ] {
        let mut client = Plain::connect(&server).await;
        client.stream.write_all(format!("GET /v1/shows HTTP/1.1\r\n{hosts}\r\n").as_bytes()).await.unwrap();
        let (seen, head) = client.answer().await.expect("an answer");
        assert_eq!(seen, status, "{hosts:?}");
        assert_eq!(head.contains("application/problem+json"), status == 400, "{head}");
        assert!(has_all_headers(&head), "{head}");
    }
    // Health checks of some load balancers.
    let mut old = Plain::connect(&server).await;
    old.stream.write_all(b"GET /health/live HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(old.answer().await.expect("an answer").0, 200);
    server.stop().await;
}

#[tokio::test]
async fn headers_have_a_size_and_what_is_no_request_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let with = |bytes: usize| format!("GET /v1/shows HTTP/1.1\r\nhost: test\r\nx-long: {}\r\n\r\n", "x".repeat(bytes));
    for (text, status) in [
        (with(15_000), 200),
        (with(17_000), 431),
        // Half-sent: more than the system's buffers would take.
        (format!("GET /v1/shows HTTP/1.1\r\nhost: test\r\nx-long: {}", "x".repeat(400_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: test\r\n\r\n", "x".repeat(70_000)), 431),
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost: test\r\nbad header: x\r\n\r\n".to_owned(), 400),
    ] {
        let (mut reading, mut writing) = Plain::connect(&server).await.stream.into_split();
        let sending = tokio::spawn(async move { drop(writing.write_all(text.as_bytes()).await) });
        let mut first = [0; 2048];
        let read =
            tokio::time::timeout(Duration::from_secs(5), reading.read(&mut first)).await.expect("in time").expect("an answer");
        let head = String::from_utf8_lossy(&first[..read]).to_ascii_lowercase();
        assert_eq!(head.get(9..12).unwrap().parse::<u16>().unwrap(), status, "{head}");
        assert!(has_all_headers(&head), "{head}");
        assert_eq!(head.contains("application/problem+json"), status != 200, "{head}");
        assert_eq!(head.contains("headers_too_large"), status == 431, "{head}");
        sending.abort();
    }
    server.stop().await;
}
