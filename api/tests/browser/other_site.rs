//! A page of another site, whose origin the server lists, and one whose origin it does not.

use crate::server::Server;
use crate::window::{Size, in_windows};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

/// Holds, reads and follows, as a shop's page would; what fails is the name of its error.
const SHOP: &str = r#"
    const [server] = arguments;
    const show = `${server}/v1/shows/demo`;
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const body = JSON.stringify({ area: "floor", quantity: 1 });
    const hold = fetch(`${show}/bookings`, { method: "POST", headers, body })
        .then(async (answer) => [answer.status, (await answer.json()).status, answer.headers.has("location")]);
    const seats = fetch(`${show}/seats`)
        .then((answer) => [answer.status, answer.headers.has("etag"), answer.headers.has("lastseat-position")]);
    const stream = new Promise((seen, failed) => {
        const source = new EventSource(`${show}/seats/stream?from=0`);
        source.addEventListener("area_availability", () => { source.close(); seen("followed"); });
        source.addEventListener("error", () => { source.close(); failed(new Error("no stream")); });
    });
    return Promise.all([hold, seats, stream].map((attempt) => attempt.catch((error) => error.name)))"#;

/// Another site; returns its origin.
async fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let page = get(|| async { Html("<!doctype html><title>A shop</title>") });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", page)).await });
    origin
}

#[tokio::test]
async fn a_page_of_a_listed_site_sells_and_one_of_another_reads_nothing() {
    in_windows(Size::Desktop, async |[window]| {
        let (shop, other) = (site().await, site().await);
        let server = Server::start_with(&["--cors-origin", &shop]).await;
        let listed = json!([[201, "held", true], [200, true, true], "followed"]);
        for (site, expected) in [(shop, listed), (other, json!(["TypeError", "TypeError", "Error"]))] {
            window.page.goto(&site).await.unwrap();
            assert_eq!(window.page.execute(SHOP, vec![json!(server.url)]).await.unwrap(), expected, "{site}");
        }
    })
    .await;
}
