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
pub async fn site() -> String {
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

/// Puts a map into the page, and keeps what it reports.
const MAP: &str = r"
    const [server, show] = arguments;
    return import(`${server}/embed.js`).then(() => {
        window.heard = [];
        const map = document.createElement('lastseat-map');
        for (const name of ['ready', 'selection', 'seat-lost', 'error']) {
            map.addEventListener(`lastseat-${name}`, ({ detail }) => window.heard.push([name, detail]));
        }
        map.show = show;
        document.body.replaceChildren(map);
        window.map = map;
    })";

/// The chosen seats with their prices.
const CHOSEN: &str = "return map.selection.seats.map(({ seat, price }) => [seat, price])";

#[tokio::test]
async fn a_map_in_a_page_keeps_the_choice_while_its_show_is_revised_and_forgets_it_with_another_show() {
    in_windows(Size::Desktop, async |[window]| {
        let shop = site().await;
        let server = Server::start_with(&["--cors-origin", &shop]).await;
        let admin = server.admin().await;
        window.page.goto(&shop).await.unwrap();
        let shows = format!("{}/v1/shows", server.url);
        let send = async |method: &str, url: &str, body| {
            let (status, answer) = window.request(method, url, Some(&admin), body).await;
            assert!(status == 200 || status == 201, "{status} {answer}");
        };
        let priced = |price: u32| json!([{"category": "seated", "price": price}]);
        let show = |id: &str, currency: &str| {
            json!({"id": id, "title": id, "currency": currency, "hold_seconds": 300, "categories": priced(4500),
                "areas": [{"area": "stalls", "category": "seated", "rows": [{"row": "A", "seats": 6}]}]})
        };
        send("POST", &shows, show("opera", "EUR")).await;
        send("POST", &shows, show("kabuki", "JPY")).await;

        window.page.execute(MAP, vec![json!(server.url), json!("opera")]).await.unwrap();
        window.until_eval("return heard[0]?.[0]", json!("ready")).await;
        window.eval("return [map.choose('A-1'), map.choose('A-2')]").await;
        window.until_eval(CHOSEN, json!([["A-1", 4500], ["A-2", 4500]])).await;
        window.eval("map.held = ['A-3']").await;
        send("PATCH", &format!("{shows}/opera"), json!({"categories": priced(5500)})).await;
        window.until_eval(CHOSEN, json!([["A-1", 5500], ["A-2", 5500]])).await;
        window.until_eval("return heard.at(-1)[1].total", json!(11_000)).await;
        assert_eq!(window.eval("return map.held").await, json!(["A-3"]));

        // Nothing of it is meant for another show, whose currency is another, too.
        window.eval("heard.length = 0; map.show = 'kabuki'").await;
        window.until_eval("return heard.filter(([name]) => name === 'ready').length", json!(1)).await;
        assert_eq!(window.eval("return [map.held, map.selection.seats, map.selection.currency]").await, json!([[], [], "JPY"]));
        assert_eq!(window.eval("return heard.filter(([name]) => name === 'selection').length").await, json!(1));
        let text = "return map.shadowRoot.querySelector('tspan.price').textContent";
        // In British English it is JP¥.
        assert!(window.eval(text).await.as_str().unwrap().ends_with("¥4,500"));
        // What can't be shown does not look like what was shown before.
        window.eval("map.show = 'none'").await;
        window
            .until_eval(
                "return [map.shadowRoot.querySelectorAll('[role=gridcell]').length, map.shadowRoot.textContent]",
                json!([0, "There is no show “none”."]),
            )
            .await;
    })
    .await;
}
