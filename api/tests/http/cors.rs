//! Pages of other sites: those of the listed origins may call, and no others.

use crate::common;

use common::{Call, Reply, TestServer, start_for_origins, start_for_test};
use http::StatusCode;
use http_body_util::BodyExt;
use lastseat::auth::Role;
use serde_json::json;

const SHOP: &str = "https://shop.example";

/// No page of these may read an answer: a suffix, a prefix, another scheme, another port, another case, a sandboxed page.
const FOREIGN: [&str; 12] = [
    "https://evil.example",
    "https://shop.example.evil.com",
    "https://evilshop.example",
    "https://shop.example:8443",
    "https://shop.example/",
    "https://shop.exampl",
    "http://shop.example",
    "https://SHOP.example",
    "https://shop.example, https://evil.example",
    "null",
    "*",
    "",
];

fn preflight(server: &TestServer, path: &str, origin: &str, method: &str) -> Call {
    let call = server.call("OPTIONS", path).header("origin", origin).header("access-control-request-method", method);
    call.header("access-control-request-headers", "authorization,content-type,idempotency-key")
}

/// The headers that are about other origins, by name.
fn shared(reply: &http::HeaderMap) -> Vec<String> {
    let mut names: Vec<_> =
        reply.keys().filter(|name| name.as_str().starts_with("access-control-")).map(ToString::to_string).collect();
    names.sort();
    names
}

fn lists(reply: &Reply, name: &str, item: &str) -> bool {
    reply.header(name).split(',').any(|listed| listed.trim().eq_ignore_ascii_case(item))
}

#[tokio::test]
async fn a_listed_page_reads_holds_and_pays() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_origins(dir.path(), "https://shop.example, http://localhost:5173").await;
    for origin in [SHOP, "http://localhost:5173"] {
        let reply = preflight(&server, "/v1/shows/demo/bookings", origin, "POST").send().await;
        assert_eq!((reply.status, reply.body.len()), (StatusCode::OK, 0), "{reply:?}");
        assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), (origin, "origin"));
        assert_eq!(reply.header("access-control-max-age"), "3600");
        for header in ["authorization", "content-type", "idempotency-key", "if-none-match", "last-event-id"] {
            assert!(lists(&reply, "access-control-allow-headers", header), "{header}: {reply:?}");
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(lists(&reply, "access-control-allow-methods", method), "{method}: {reply:?}");
        }
        // A token is sent by the page, or not at all: the browser adds nothing by itself.
        assert_eq!(reply.header("access-control-allow-credentials"), "");
    }
    let seats = server.get("/v1/shows/demo/seats").header("origin", SHOP).send().await;
    assert_eq!((seats.status, seats.header("access-control-allow-origin")), (StatusCode::OK, SHOP));
    for header in ["etag", "location", "retry-after", "idempotent-replayed", "ratelimit", "lastseat-position"] {
        assert!(lists(&seats, "access-control-expose-headers", header), "{header}: {seats:?}");
    }
    let vary: Vec<_> = seats.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.contains(&"origin") && vary.contains(&"accept, accept-encoding"), "{vary:?}");
    let hold = json!({"seats": ["A-1"]});
    let call = server.post("/v1/shows/demo/bookings").header("origin", SHOP);
    let held = call.clone().key("cors").json(hold.clone()).send().await;
    assert_eq!((held.status, held.header("access-control-allow-origin")), (StatusCode::CREATED, SHOP), "{held:?}");
    // The same answer from the store, for a page of the other origin, and to none.
    let again = server.post("/v1/shows/demo/bookings").key("cors").json(hold.clone());
    let other = again.clone().header("origin", "http://localhost:5173").send().await;
    assert_eq!(
        (other.header("idempotent-replayed"), other.header("access-control-allow-origin")),
        ("true", "http://localhost:5173")
    );
    assert_eq!(shared(&again.send().await.headers), [""; 0]);
    // A page can read why it was refused: on the fast path, by the route, without a token, with a bad one, by no route.
    let taken = call.json(hold).send().await;
    assert_eq!((taken.status, taken.header("access-control-allow-origin")), (StatusCode::CONFLICT, SHOP), "{taken:?}");
    for (path, token, status) in [
        ("/v1/bookings", "", 401),
        ("/v1/bookings", "nonsense", 401),
        ("/v1/bookings", "buyer", 403),
        ("/v1/shows/none", "", 404),
        ("/nowhere", "", 404),
    ] {
        let call = server.get(path).header("origin", SHOP);
        let call = match token {
            "" => call,
            "buyer" => call.bearer(&server.token("anna", Role::Buyer)),
            other => call.bearer(other),
        };
        let reply = call.send().await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (status, SHOP), "{path}: {reply:?}");
    }
    let wrong = server.call("PUT", "/v1/shows/demo").header("origin", SHOP).send().await;
    assert_eq!((wrong.status.as_u16(), wrong.header("access-control-allow-origin")), (405, SHOP), "{wrong:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_listed_page_follows_the_seats() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_origins(dir.path(), SHOP).await;
    for (origin, allowed) in [(SHOP, SHOP), ("https://evil.example", "")] {
        let (parts, mut body) = server.get("/v1/shows/demo/seats/stream").header("origin", origin).open().await;
        let field = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!((parts.status, field("content-type").as_str()), (StatusCode::OK, "text/event-stream"));
        assert_eq!((field("access-control-allow-origin").as_str(), field("vary").as_str()), (allowed, "origin"));
        server.hold(json!({"area": "floor", "quantity": 1})).await;
        let mut text = String::new();
        while !text.contains("event: area_availability") {
            let frame = body.frame().await.expect("the stream goes on").unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&frame).unwrap());
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn no_other_page_gets_a_header_that_lets_it_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_origins(dir.path(), SHOP).await;
    server.hold(json!({"seats": ["A-1"]})).await;
    for origin in FOREIGN {
        for (method, status) in [("POST", 405), ("GET", 405), ("DELETE", 405)] {
            let reply = preflight(&server, "/v1/shows/demo/bookings", origin, method).send().await;
            assert_eq!((reply.status.as_u16(), shared(&reply.headers)), (status, vec![]), "{origin:?}: {reply:?}");
        }
        let seats = server.get("/v1/shows/demo/seats").header("origin", origin).send().await;
        // On the fast path.
        let taken = server.post("/v1/shows/demo/bookings").header("origin", origin).json(json!({"seats": ["A-1"]})).send().await;
        let unknown = server.get("/nowhere").header("origin", origin).send().await;
        for (reply, status) in [(seats, 200), (taken, 409), (unknown, 404)] {
            assert_eq!((reply.status.as_u16(), shared(&reply.headers)), (status, vec![]), "{origin:?}: {reply:?}");
            let varies = reply.headers.get_all("vary").iter().any(|value| value == "origin");
            assert!(varies, "a cache would give it to the shop: {origin:?}: {reply:?}");
        }
    }
    // A listed page may not use a method that the API does not have.
    let reply = preflight(&server, "/v1/shows/demo/bookings", SHOP, "TRACE").send().await;
    assert!(!lists(&reply, "access-control-allow-methods", "TRACE") && !lists(&reply, "access-control-allow-methods", "*"));
    server.stop().await;
}

#[tokio::test]
async fn by_default_no_page_of_another_site_may_call() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for origin in FOREIGN.into_iter().chain([SHOP]) {
        let reply = preflight(&server, "/v1/shows/demo/bookings", origin, "POST").send().await;
        assert_eq!((reply.status.as_u16(), shared(&reply.headers)), (405, vec![]), "{origin:?}");
        let reply = server.get("/v1/shows").header("origin", origin).send().await;
        assert_eq!((reply.status.as_u16(), shared(&reply.headers), reply.header("vary")), (200, vec![], ""), "{origin:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_description_names_the_servers_address() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let document = server.get("/openapi.json").send().await.json();
    assert_eq!(document["servers"], json!([{"url": "http://tickets.test"}]));
    server.stop().await;
}
