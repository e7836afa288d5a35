//! The documentation page: shows every operation and sends requests.

use crate::server::Server;
use crate::window::{Size, in_windows};
use serde_json::json;

#[tokio::test]
async fn the_documentation_shows_every_operation_and_sends_one() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.page.goto(&format!("{}/docs", server.url)).await.unwrap();
        window.until("nav", "hold seats").await;
        let shown = window.eval("return document.querySelectorAll('article').length").await;
        let documented = "const request = new XMLHttpRequest(); request.open('GET', '/openapi.json', false); request.send();
            return Object.values(JSON.parse(request.responseText).paths).flatMap((item) => Object.keys(item)).length";
        assert_eq!(shown, window.eval(documented).await);

        window.page.goto(&format!("{}/docs#hold_seats", server.url)).await.unwrap();
        window.until("#hold_seats", "best_available").await;
        window.click("#hold_seats form button[type=submit]").await;
        window.until("#hold_seats form [role=status]", "201 Created").await;
        window.until("#hold_seats form", "\"status\": \"held\"").await;
        window.until("#hold_seats form", "curl -i").await;
    })
    .await;
}

#[tokio::test]
async fn the_documentation_works_by_keyboard_and_on_a_phone() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        window.page.goto(&format!("{}/docs", server.url)).await.unwrap();
        window.until("main", "/v1/shows/{show}/seats").await;
        window.eval("document.querySelector('#get_seats summary').focus()").await;
        window.press("\u{e007}").await;
        window.until("#get_seats", "If-None-Match").await;
        let fits = "return document.documentElement.scrollWidth <= innerWidth";
        window.until_eval(fits, json!(true)).await;
    })
    .await;
}
