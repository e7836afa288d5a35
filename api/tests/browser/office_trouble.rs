//! The box office's page when something goes wrong: answers that are lost, a session that ends, a booking that needs a person.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

impl Window {
    /// Lets `script` answer requests of the page: it gets `real`, `path` and `options`, and returns a response, or `undefined` for
    /// what the server answers.
    pub async fn answer(&self, script: &str) {
        let script = format!(
            "const real = (window.real ??= window.fetch);
             window.problem = (status, code) => new Response(JSON.stringify({{ status, code, detail: code }}), {{ status, headers: {{ 'content-type': 'application/problem+json' }} }});
             const answer = async (real, path, options) => {{ {script} }};
             window.fetch = async (path, options) => (await answer(real, path, options)) ?? real(path, options)"
        );
        self.page.execute(&script, vec![]).await.unwrap();
    }
}

async fn bookings(window: &Window, admin: &str) -> Vec<Value> {
    let (_, list) = window.request("GET", "/v1/shows/demo/bookings", Some(admin), Value::Null).await;
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_sale_without_an_answer_stays_in_view_until_it_is_decided() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.click("[data-seat='A-1']").await;
        window.until(".till", "Total: \u{20ac}85.00").await;
        window.eval("const tender = document.querySelector('[name=tender]'); tender.value = 'invoice'; tender.dispatchEvent(new Event('change'))").await;
        window.click("[data-seat='A-2']").await;
        window.until(".till", "Total: \u{20ac}170.00").await;
        assert_eq!(window.eval("return document.querySelector('[name=tender]').value").await, "invoice", "another seat changes nothing about it");
        // It is paid, and nobody learns of it.
        window.answer("if (path.endsWith('/payment')) { await real(path, options); return window.problem(500, 'internal_error') }").await;
        window.click("[data-act=sell]").await;
        window.until(".seats .notice", "it may be sold or not").await;
        window.until_state("A-1", "booked").await;
        window.until(".till", "The sale of 2 seats (A-1, A-2), invoice, had no answer yet.").await;
        window.click("#tab-bookings").await;
        window.until(".data", "confirmed").await;
        window.click("#tab-sales").await;
        window.until(".till", "had no answer yet").await;
        window.answer("").await;
        window.click("[data-act=sell_again]").await;
        window.until(".seats .notice", "Sold 2 seats for \u{20ac}170.00.").await;
        let sold = bookings(window, &admin).await;
        assert_eq!(sold.len(), 1, "{sold:?}");
        // A sale at the till, of nobody's own: it counts against no seller's limit.
        assert_eq!((&sold[0]["channel"], &sold[0]["payment"]["tender"]), (&json!("till"), &json!("invoice")), "{sold:?}");
        assert!(sold[0]["buyer"].as_str().unwrap().starts_with("guest:"), "{sold:?}");

        // Given up: nothing was paid.
        window.click("[data-seat='A-3']").await;
        window.answer("if (path.endsWith('/payment')) return window.problem(500, 'internal_error')").await;
        window.click("[data-act=sell]").await;
        window.until(".till", "had no answer yet").await;
        window.until_state("A-3", "locked").await;
        window.click("[data-act=give_up]").await;
        window.click("dialog [value=yes]").await;
        window.until(".seats .notice", "Its seats are free again").await;
        window.until_state("A-3", "available").await;
    })
    .await;
}

#[tokio::test]
async fn a_sale_goes_on_after_signing_in_again_and_holds_nothing_before() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.click("[data-seat='A-1']").await;
        window.answer("if (!window.signedIn && options?.method === 'POST') return window.problem(401, 'session_ended')").await;
        window.click("[data-act=sell]").await;
        window.until("dialog", "The session has ended").await;
        assert_eq!(bookings(window, &admin).await, Vec::<Value>::new());
        // Not now: nothing is sent, and the page says how to go on.
        window.click("dialog [value=no]").await;
        window.until(".who", "Sign in").await;
        window.until(".till", "had no answer yet").await;
        window.eval("window.signedIn = true").await;
        window.click("[data-act=sell_again]").await;
        window.fill("dialog [name=token]", &admin).await;
        window.click("dialog form:has([name=token]) button").await;
        window.until(".seats .notice", "Sold 1 seat").await;
        window.until(".who", "Sign out").await;
        assert_eq!(bookings(window, &admin).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_search_stays_while_its_bookings_are_looked_at() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        for seat in 1..=60 {
            let body = json!({"seats": [format!("{}-{}", ["A", "B", "C"][seat % 3], 1 + seat / 3)], "reference": format!("order {seat}")});
            assert_eq!(window.request("POST", "/v1/shows/demo/bookings", Some(&admin), body).await.0, 201);
        }
        window.sign_in(&format!("{}/office#show=demo&tab=bookings", server.url), &admin).await;
        window.until(".data caption", "50 bookings, and there are more").await;
        window.eval("const more = [...document.querySelectorAll('button')].find((it) => it.textContent === 'More'); more.click(); more.click()").await;
        window.until(".data caption", "60 bookings").await;
        window.until_eval("return document.querySelectorAll('.data tbody tr').length", json!(60)).await;
        window.fill("[name=reference]", "order 7").await;
        window.click("[role=search] .primary").await;
        window.until(".data caption", "1 booking").await;
        window.click(".data .number").await;
        window.until("dialog .details", "order 7").await;
        window.until("dialog .details", "ann").await;
        window.page.back().await.unwrap();
        window.until_eval("return document.querySelectorAll('dialog').length", json!(0)).await;
        window.until(".data caption", "1 booking").await;
        assert_eq!(window.eval("return document.querySelector('[name=reference]').value").await, "order 7");
        // A part of a number is no reason to show all bookings.
        window.fill("[name=number]", "0198c5f2").await;
        window.click("[role=search] .primary").await;
        window.until(".notice", "has 36 characters").await;
        window.until(".data caption", "1 booking").await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_needs_a_person_can_be_reviewed_on_the_page() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let held = window.request("POST", "/v1/shows/demo/bookings", Some(&admin), json!({"seats": ["A-1"]})).await.1;
        let booking = held["id"].as_str().unwrap();
        let pay = format!("/v1/bookings/{booking}/payment");
        assert_eq!(window.request("POST", &pay, Some(&admin), json!({"payment_method": "pm_card_visa"})).await.0, 200);
        window.sign_in(&format!("{}/office#show=demo&tab=bookings", server.url), &admin).await;
        window.until(".data", "confirmed").await;
        // As the server has it then: no tickets, and somebody has to look.
        window
            .answer(&format!(
                "if (path.endsWith('/tickets')) return window.problem(409, 'no_tickets');
                 if (!path.endsWith('/{booking}')) return undefined;
                 const found = await (await real(path, options)).json();
                 Object.assign(found.payment, {{ refund_requested: true, under_review: true, flagged: 'card closed' }});
                 return new Response(JSON.stringify(found), {{ headers: {{ 'content-type': 'application/json' }} }})"
            ))
            .await;
        window.click(".data .number").await;
        window.until("dialog", "card closed").await;
        window.click("[data-act=review]").await;
        window.until("dialog .notice", "Give a reason").await;
    })
    .await;
}

#[tokio::test]
async fn a_price_in_forints_is_what_the_server_has() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#tab=shows", server.url), &admin).await;
        window.until("#tab-panel", "New show").await;
        for (field, text) in [
            ("id", "budapest"),
            ("show_title", "Budapest"),
            ("currency", "HUF"),
            ("price", "5000"),
            ("starts_at", "2027-07-20T19:30"),
            ("timezone", "Europe/Budapest"),
        ] {
            window.fill(&format!("[name={field}]"), text).await;
        }
        window.click("[data-act=create]").await;
        window.until("#show", "Budapest").await;
        let (_, show) = window.request("GET", "/v1/shows/budapest", None, Value::Null).await;
        // A forint has a hundred parts in ISO 4217, and so at the gateway.
        assert_eq!(show["categories"][0]["price"], 500_000, "{show}");
        assert_eq!(
            (&show["starts_at"], &show["timezone"]),
            (&json!("2027-07-20T17:30:00Z"), &json!("Europe/Budapest")),
            "{show}"
        );
        window.eval("location.hash = 'show=budapest&tab=sales'").await;
        window.until(".seats .badge", "Live").await;
        window.click("[data-seat='A-1']").await;
        window.until(".till", "Total: HUF\u{a0}5,000.00").await;
        window.open(&format!("{}/?show=budapest", server.url)).await;
        window.click("[data-seat='A-1']").await;
        window.until("body", "HUF\u{a0}5,000").await;
    })
    .await;
}
