//! Nothing is left: other shows, the next best category, and a page that says when seats become free. And what a voucher
//! takes off before anybody pays.

use crate::server::Server;
use crate::shows::create;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

/// Holds seats as somebody else, and returns the booking's path and token.
async fn hold(window: &Window, show: &str, body: Value) -> (String, String) {
    let (status, held) = window.request("POST", &format!("/v1/shows/{show}/bookings"), None, body).await;
    assert_eq!(status, 201, "{held}");
    (format!("/v1/bookings/{}", held["id"].as_str().unwrap()), held["token"].as_str().unwrap().to_owned())
}

/// Gives them back.
async fn cancel(window: &Window, (path, token): &(String, String)) {
    let script = "const [path, token] = arguments;
        return fetch(path, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } }).then(({ ok }) => ok)";
    assert_eq!(window.page.execute(script, vec![json!(path), json!(token)]).await.unwrap(), json!(true));
}

#[tokio::test]
async fn a_sold_out_show_offers_shows_that_have_free_seats() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        for id in ["one", "two", "full"] {
            create(window, &admin, id, 2, json!({"venue": "Town Hall"})).await;
        }
        create(window, &admin, "ended", 2, json!({"venue": "Town Hall"})).await;
        let ended = window.request("POST", "/v1/shows/ended/cancel", Some(&admin), Value::Null).await;
        assert_eq!(ended.0, 200);
        for show in ["one", "full"] {
            hold(window, show, json!({"seats": ["A-1", "A-2"]})).await;
        }
        window.open(&format!("{}/?show=one", server.url)).await;
        window.until("#sold-out .alternatives", "Shows with free seats").await;
        window.until("#checkout h2", "No seats are free now").await;
        // The same house first. Neither what is full itself, nor what is cancelled.
        let cards = "return [...document.querySelectorAll('#sold-out .show-cards a')].map((a) => a.innerText)";
        window.until_eval(cards, json!(["The show called two", "Last Night of the Proms"])).await;
        window.until("#sold-out .show-cards li", "2 free").await;
        window.until_eval("return document.documentElement.scrollWidth", json!(390)).await;
        window.click("#sold-out .show-cards a").await;
        window.until("#title", "The show called two").await;
        window.until("#facts", "Up to").await;
        assert_eq!(window.eval("return document.querySelector('#sold-out').hidden").await, json!(true));
    })
    .await;
}

#[tokio::test]
async fn a_sold_out_category_offers_the_next_best() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let more = json!({
            "categories": [{"category": "gold", "price": 9000}, {"category": "silver", "price": 6000}, {"category": "lawn", "price": 2000}],
            "areas": [
                {"area": "front", "category": "gold", "rows": [{"row": "A", "seats": 2}]},
                {"area": "back", "category": "silver", "rows": [{"row": "B", "seats": 2}]},
                {"area": "lawn", "category": "lawn", "capacity": 5},
            ],
        });
        create(window, &admin, "house", 2, more).await;
        window.open(&format!("{}/?show=house", server.url)).await;
        window.until_eval("return document.querySelector('.best .next').hidden", json!(true)).await;
        let gold = hold(window, "house", json!({"seats": ["A-1", "A-2"]})).await;
        window.until(".best .next", "Gold is sold out at the moment. Take Silver, \u{20ac}60").await;
        window.until("[data-act=best]", "None left").await;
        window.click(".best .next button").await;
        window.until_eval("return document.querySelector('[name=category]:checked').value", json!("silver")).await;
        window.until_focus("best").await;
        window.until("[data-act=best]", "Hold the best").await;
        // The last ones: then a place without a number is the next best.
        let silver = hold(window, "house", json!({"seats": ["B-1", "B-2"]})).await;
        window.until(".best .next", "Silver is sold out at the moment. Take Lawn, \u{20ac}20").await;
        window.click(".best .next button").await;
        window.until_focus("area lawn").await;
        cancel(window, &gold).await;
        window.until(".best .next", "Take Gold, \u{20ac}90").await;
        cancel(window, &silver).await;
        window.until_eval("return document.querySelector('.best .next').hidden", json!(true)).await;
    })
    .await;
}

/// Notifications are kept, and shown to nobody.
const NOTIFICATIONS: &str = "window.sent = [];
    window.Notification = class extends EventTarget {
        static permission = 'granted';
        constructor(text) { super(); window.sent.push(text); }
    }";

#[tokio::test]
async fn a_page_says_when_seats_become_free_also_after_a_reload_and_until_the_show_is_over() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        create(window, &admin, "full", 2, json!({})).await;
        let all = json!({"seats": ["A-1", "A-2"]});
        let first = hold(window, "full", all.clone()).await;
        window.open(&format!("{}/?show=full", server.url)).await;
        window.until("#link", "Live").await;
        window.eval(NOTIFICATIONS).await;
        window.until("[data-act=tell]", "Tell me when seats become free").await;
        window.click("[data-act=tell]").await;
        window.until("#sold-out .hint", "You will hear from this page").await;
        window.page.refresh().await.unwrap();
        window.until("#link", "Live").await;
        window.until("[data-act=tell]", "Don't tell me").await;
        window.eval(NOTIFICATIONS).await;
        assert_eq!(
            window.eval("return [document.title, window.sent.length]").await,
            json!(["The show called full \u{b7} lastseat", 0])
        );
        // A visitor who comes back to the page may have allowed notifications meanwhile: it asks the browser again.
        let quiet = "return document.querySelector('#sold-out .hint').innerText.includes('and in view')";
        window.until_eval(quiet, json!(true)).await;
        window.eval("window.dispatchEvent(new Event('focus'))").await;
        window.until_eval(quiet, json!(false)).await;

        cancel(window, &first).await;
        window.until("#announcer", "2 places of “The show called full” are free now.").await;
        window.until("#sold-out h2", "2 places are free now").await;
        window.until_eval("return document.title", json!("Free now: The show called full")).await;
        assert_eq!(window.eval("return window.sent").await, json!(["2 places of “The show called full” are free now."]));
        // Somebody was faster; it goes on watching.
        let second = hold(window, "full", all).await;
        window.until("#announcer", "They are gone again.").await;
        window.until_eval("return document.title", json!("The show called full \u{b7} lastseat")).await;
        cancel(window, &second).await;
        window.until_eval("return window.sent.length", json!(2)).await;

        // Who has a seat waits for none, and who says stop does not.
        window.click("[data-act=tell]").await;
        window.until_eval("return document.querySelector('#sold-out').hidden", json!(true)).await;
        window.until_eval("return Object.keys(localStorage).some((key) => key.includes('tell-me'))", json!(false)).await;
        let third = hold(window, "full", json!({"seats": ["A-1", "A-2"]})).await;
        window.click("[data-act=tell]").await;
        window.until("#sold-out .hint", "You will hear from this page").await;
        cancel(window, &third).await;
        window.click("[data-seat='A-1']").await;
        window.click("[data-act=hold]").await;
        window.until("#checkout", "1 seat held").await;
        window.until_eval("return document.querySelector('#sold-out').hidden", json!(true)).await;
        window.click("[data-act=cancel]").await;
        window.until("#checkout .note", "free again").await;
        hold(window, "full", json!({"seats": ["A-1", "A-2"]})).await;
        window.click("[data-act=tell]").await;
        let over = window.request("POST", "/v1/shows/full/cancel", Some(&admin), Value::Null).await;
        assert_eq!(over.0, 200);
        window.until("#facts", "This show was cancelled.").await;
        window.until_eval("return Object.keys(localStorage).some((key) => key.includes('tell-me'))", json!(false)).await;
        assert_eq!(window.eval("return window.sent.length").await, json!(3));
    })
    .await;
}

#[tokio::test]
async fn a_voucher_shows_the_new_price_before_anybody_pays() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        create(window, &admin, "fees", 3, json!({"fees": {"per_seat": 150, "per_booking": 200}})).await;
        let (status, campaign) = window.request("POST", "/v1/vouchers", Some(&admin), json!({"discount": {"percent": 50}})).await;
        assert_eq!(status, 201, "{campaign}");
        window.open_and_hold(&format!("{}/?show=fees", server.url), "A-1").await;
        let sums = "return [...document.querySelectorAll('.sums dd')].map((sum) => sum.innerText)";
        window.until_eval(sums, json!(["\u{20ac}45.00", "\u{20ac}3.50", "\u{20ac}48.50"])).await;
        window.click(".voucher summary").await;
        window.fill("[name=voucher]", "AAAA-AAAA-AAAA-AAAA").await;
        window.click("[data-act=use-voucher]").await;
        window.until("#checkout .note", "No voucher has this code.").await;
        window.fill("[name=voucher]", campaign["vouchers"][0]["voucher"].as_str().unwrap()).await;
        window.click("[data-act=use-voucher]").await;
        window.until("#checkout .note", "The voucher takes \u{20ac}24.25 off.").await;
        window.until_eval(sums, json!(["\u{20ac}45.00", "\u{20ac}3.50", "-\u{20ac}24.25", "\u{20ac}24.25"])).await;
        window.until("[data-act=pay]", "Pay \u{20ac}24.25").await;
        window.click("[data-act=no-voucher]").await;
        window.until("[data-act=pay]", "Pay \u{20ac}48.50").await;
        // The field is still open.
        window.fill("[name=voucher]", campaign["vouchers"][0]["voucher"].as_str().unwrap()).await;
        window.click("[data-act=use-voucher]").await;
        window.until("[data-act=pay]", "Pay \u{20ac}24.25").await;
        // After an attempt to pay, the price is fixed.
        window.click("input[value=pm_card_chargeDeclined]").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .note", "declined this card").await;
        window.until_eval("return document.querySelector('[data-act=no-voucher], .voucher')", json!(null)).await;
        window.click("input[value=pm_card_visa]").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .ticket", "\u{20ac}24.25").await;
    })
    .await;
}

#[tokio::test]
async fn places_are_held_at_several_prices() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let more = json!({
            "categories": [{"category": "lawn", "price_types": [{"price_type": "adult", "price": 2000}, {"price_type": "child", "price": 500}]}],
            "areas": [{"area": "lawn", "category": "lawn", "capacity": 20}, {"area": "row", "category": "lawn", "rows": [{"row": "A", "seats": 4}]}],
        });
        create(window, &admin, "picnic", 2, more).await;
        window.open(&format!("{}/?show=picnic", server.url)).await;
        window.until("[data-area=lawn] .head", "from \u{20ac}5").await;
        window.click("[data-key='fewer lawn adult']").await;
        window.click("[data-key='fewer lawn adult']").await;
        window.until_eval("return document.querySelector('[data-area=lawn] [data-act]').disabled", json!(true)).await;
        window.click("[data-key='more lawn adult']").await;
        for _ in 0..2 {
            window.click("[data-key='more lawn child']").await;
        }
        window.click("[data-area=lawn] [data-act]").await;
        window.until("#checkout .sum", "\u{20ac}30").await;
        window.until("#checkout", "Lawn × 3").await;
        window.click("[data-act=cancel]").await;
        window.until("#checkout .note", "free again").await;
        window.click("[data-key='more best child']").await;
        window.click("[data-act=best]").await;
        window.until("#checkout .sum", "\u{20ac}45").await;
    })
    .await;
}
