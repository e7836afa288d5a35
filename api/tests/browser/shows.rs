//! Which show a page is about, and what it notices of the sale.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

#[tokio::test]
async fn an_open_page_notices_pausing_resuming_and_cancelling() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        window.until("#facts", "Up to").await;
        window.click("[data-seat='A-20']").await;
        for (command, sees, disabled) in
            [("pause", "The sale is paused", true), ("resume", "Up to", false), ("cancel", "This show was cancelled", true)]
        {
            let (status, _) = window.request("POST", &format!("/v1/shows/demo/{command}"), Some(&admin), Value::Null).await;
            assert_eq!(status, 200, "{command}");
            window.until("#facts", sees).await;
            window.until_eval("return document.querySelector('[data-act=hold]').disabled", json!(disabled)).await;
            window.until_eval("return document.querySelector('[data-act=best]').disabled", json!(disabled)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_page_notices_that_the_sale_opens() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        // Where opening the page takes longer than the first delay, the second show is still closed.
        for (show, seconds) in [("soon", 8), ("later", 45)] {
            let opens = (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Millis, true);
            create(window, &admin, show, 2, json!({"sale_opens_at": opens})).await;
            window.open(&format!("{}/?show={show}", server.url)).await;
            let facts = window.eval("return document.querySelector('#facts').innerText").await;
            if facts.as_str().unwrap().contains("The sale opens on") {
                window.until("#countdown", "Open").await;
                break;
            }
            assert_eq!(show, "soon", "{facts}");
        }
        window.until("#facts", "Up to").await;
    })
    .await;
}

#[tokio::test]
async fn an_open_page_notices_that_the_show_is_sold_out() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        one.open(&server.url).await;
        create(one, &admin, "tiny", 1, json!({})).await;
        let url = format!("{}/?show=tiny", server.url);
        one.open(&url).await;
        other.open(&url).await;
        one.click("[data-seat='A-1']").await;
        one.click("[data-act=hold]").await;
        other.until("#facts", "Every seat is taken at the moment").await;
        one.click("[data-act=pay]").await;
        other.until("#facts", "Sold out.").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_cancelled_or_over_is_offered_by_no_other_show_and_still_has_its_page() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        create(window, &admin, "a-past", 2, json!({"starts_at": "2020-06-01T18:00:00Z"})).await;
        create(window, &admin, "z-soon", 2, json!({"starts_at": "2090-06-01T18:00:00Z"})).await;
        let (status, _) = window.request("POST", "/v1/shows/demo/cancel", Some(&admin), Value::Null).await;
        assert_eq!(status, 200);
        let options = "return [...document.querySelectorAll('#shows option')].map((option) => option.value).join()";
        for (open, listed) in [("z-soon", "z-soon"), ("a-past", "a-past,z-soon"), ("demo", "demo,z-soon")] {
            window.open(&format!("{}/?show={open}", server.url)).await;
            window.until_eval(options, json!(listed)).await;
            assert_eq!(window.eval("return document.querySelector('#shows').value").await, open);
            window.until_eval("return document.querySelector('#other-shows').hidden", json!(open == "z-soon")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_show_of_places_alone_offers_them() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let floor = json!({"areas": [{"area": "floor", "category": "seated", "capacity": 40}]});
        create(window, &admin, "standing", 0, floor).await;
        window.page.goto(&format!("{}/?show=standing", server.url)).await.unwrap();
        window.until("#offers", "40 of 40 places left").await;
        window.click("#offers [data-act=area]").await;
        window.until("#checkout", "2 ").await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_show_is_named_and_the_others_are_listed() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.page.goto(&format!("{}/?show=nothing", server.url)).await.unwrap();
        window.until("#title", "There is no show “nothing”").await;
        window.until_eval("return document.querySelector('#choice a').getAttribute('href')", json!("/?show=demo")).await;
        assert_eq!(window.eval("return document.querySelectorAll('#map [data-seat]').length").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_phone_lists_all_of_131_shows_and_does_not_overflow() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        // One show needs no choice, and several need no more room.
        window.until("#link", "Live").await;
        let choice = "return document.querySelector('#shows').checkVisibility()";
        window.until_eval(choice, json!(false)).await;
        let height = "return Math.round(document.querySelector('header').getBoundingClientRect().height)";
        let before = window.eval(height).await;
        for number in 0..130 {
            create(window, &admin, &format!("show-{number}-with-a-rather-long-name-of-its-own"), 2, json!({})).await;
        }
        window.open(&server.url).await;
        window.until_eval("return document.querySelectorAll('#shows option').length", json!(131)).await;
        window.until_eval("return document.documentElement.scrollWidth", json!(390)).await;
        assert_eq!((window.eval(choice).await, window.eval(height).await), (json!(true), before.clone()));
        // The state of the connection has a longer name, and the place that it had.
        window.eval("document.querySelector('#link').lastElementChild.textContent = 'Reconnecting to the box office'").await;
        assert_eq!(window.eval(height).await, before);
        // As cards, some at a time, and all by searching.
        let cards = "return document.querySelectorAll('.show-cards li').length";
        window.until_eval(cards, json!(24)).await;
        window.click("#other-shows > button").await;
        window.until_eval(cards, json!(48)).await;
        window.fill("#other-shows input", "SHOW-129-").await;
        window.until_eval(cards, json!(1)).await;
        window.until(".show-cards", "from \u{20ac}45").await;
        window.click(".show-cards a").await;
        window.until("#title", "show-129-").await;
        window.page.goto(&format!("{}/?show=nothing", server.url)).await.unwrap();
        window.until_eval("return document.querySelectorAll('#choice a').length", json!(131)).await;
        window.until_eval("return document.documentElement.scrollWidth", json!(390)).await;
    })
    .await;
}

pub async fn create(window: &Window, admin: &str, id: &str, seats: u32, more: Value) {
    let mut show = json!({
        "id": id, "title": format!("The show called {id}"), "currency": "EUR", "hold_seconds": 300,
        "categories": [{"category": "seated", "price": 4500}],
        "areas": [{"area": "stalls", "category": "seated", "rows": [{"row": "A", "seats": seats}]}],
    });
    show.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = window.request("POST", "/v1/shows", Some(admin), show).await;
    assert_eq!(status, 201, "{answer}");
}
