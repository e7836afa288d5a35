//! The box office's page: seats exchanged, blocked on the map and lifted, vouchers issued and used at the till.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use serde_json::{Value, json};
use std::time::Duration;

impl Window {
    /// Draws over the seats of a map with the mouse held down.
    async fn draw_over(&self, seats: &[&str]) {
        let mut actions = MouseActions::new("mouse".to_owned());
        for (index, seat) in seats.iter().enumerate() {
            let element = self.page.find(Locator::Css(&format!("[data-seat='{seat}']"))).await.unwrap();
            if index == 0 {
                self.page
                    .execute("arguments[0].scrollIntoView({ block: 'center' })", vec![json!(element.clone())])
                    .await
                    .unwrap();
            }
            let duration = Some(Duration::from_millis(50));
            actions = actions.then(PointerAction::MoveToElement { element, duration, x: 0.0, y: 0.0 });
            if index == 0 {
                actions = actions.then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
            }
        }
        self.page.perform_actions(actions.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })).await.unwrap();
    }

    /// Sells a seat for cash, and returns the path of the booking.
    async fn sell_at_the_till(&self, token: &str, seat: &str) -> String {
        let order = json!({"seats": [seat], "channel": "till"});
        let held = self.request("POST", "/v1/shows/demo/bookings", Some(token), order).await.1;
        let booking = format!("/v1/bookings/{}", held["id"].as_str().unwrap());
        let paid = self.request("POST", &format!("{booking}/payment"), Some(token), json!({"payment": "cash"})).await;
        assert_eq!(paid.0, 200, "{paid:?}");
        booking
    }

    async fn read(&self, token: &str, path: &str) -> Value {
        let (status, body) = self.request("GET", path, Some(token), Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// The labels in a list of seats.
fn labels(seats: &Value) -> Vec<&str> {
    seats.as_array().unwrap().iter().map(|seat| seat["seat"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_voucher_is_issued_and_used_at_the_till_and_the_seat_is_exchanged() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=vouchers", server.url), &admin).await;
        window.until("#tab-panel", "Issue vouchers").await;
        window.fill("[name=value]", "fifty").await;
        window.click("[data-act=issue]").await;
        window.until("#tab-panel .notice:not([hidden])", "whole numbers from 1 to 100").await;
        window.fill("[name=value]", "50").await;
        window.fill("[name=count]", "2").await;
        window.do_it("issue").await;
        window.until("dialog .data", "Reserved").await;
        let code = window.eval("return document.querySelector('dialog .data code').textContent").await;
        let campaign = window.eval("return document.querySelector('dialog .details code').textContent").await;
        let campaign = format!("/v1/vouchers/{}", campaign.as_str().unwrap());
        let issued = window.read(&admin, &campaign).await;
        assert_eq!(
            (&issued["discount"], &issued["count"], &issued["shows"]),
            (&json!({"percent": 50}), &json!(2), &json!(["demo"]))
        );
        assert_eq!(issued["vouchers"][0]["voucher"], code);
        window.click("dialog [method=dialog] button").await;

        window.click("#tab-sales").await;
        window.until(".seats .badge", "Live").await;
        window.click("[data-seat='A-1']").await;
        window.click(".sale-details summary").await;
        window.fill("[name=sale_voucher]", code.as_str().unwrap()).await;
        window.fill("[name=sale_buyer]", "anna").await;
        window.fill("[name=sale_reference]", "Table 4").await;
        window.click("[data-act=sell]").await;
        window.until(".till", "The voucher takes off \u{20ac}42.50, \u{20ac}42.50 are to be paid.").await;
        window.until_focus("go_on").await;
        window.click("[data-act=agree]").await;
        window.until(".seats .notice", "Sold 1 seat for \u{20ac}42.50.").await;
        let sold = window.read(&admin, "/v1/shows/demo/bookings").await["data"][0].clone();
        assert_eq!(
            (&sold["buyer"], &sold["reference"], &sold["amount"]["value"]),
            (&json!("anna"), &json!("Table 4"), &json!(4250))
        );
        assert_eq!(window.read(&admin, &campaign).await["vouchers"][0]["used"], 1);

        window.click("[data-act=open]").await;
        window.click("[data-act=open_exchange]").await;
        window.click("dialog [data-seat='K-1']").await;
        window.until("dialog .seats ~ [role=status]", "The new seats cost \u{20ac}15.00 less.").await;
        window.click("[data-act=exchange]").await;
        window.click("dialog [value=yes]").await;
        window.until("dialog .notice", "Exchanged: A-1 for K-1. The new seats cost \u{20ac}15.00 less.").await;
        let booking = format!("/v1/bookings/{}", sold["id"].as_str().unwrap());
        assert_eq!(labels(&window.read(&admin, &booking).await["seats"]), ["K-1"]);
        // Half of the difference of the prices: the voucher has paid the other half.
        window.do_it("return_difference").await;
        window.until("dialog .details", "Returned").await;
        assert_eq!(window.read(&admin, &booking).await["refunded"]["value"], 1500);
    })
    .await;
}

#[tokio::test]
async fn an_exchange_without_an_answer_is_shown_as_it_was_sent_when_it_is_opened_again() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let booking = window.sell_at_the_till(&admin, "A-1").await;
        window.sign_in(&format!("{}/office#show=demo&tab=bookings", server.url), &admin).await;
        window.click(".data .number").await;
        window.click("[data-act=open_exchange]").await;
        window.click("dialog [data-seat='K-1']").await;
        window.answer("if (path.endsWith('/exchange')) return window.problem(500, 'internal')").await;
        window.do_it("exchange").await;
        window.until("dialog .seats ~ .notice", "There was no answer").await;
        window.click("dialog:has(#exchange-title) [method=dialog] button").await;
        window.click("[data-act=open_exchange]").await;
        window.until("dialog .seats ~ .stack", "Sent and not answered yet: A-1 for K-1.").await;
        window.until_eval("return document.querySelector('dialog .seats ~ [role=status]').textContent", json!("")).await;
        window.answer("").await;
        window.click("[data-act=exchange]").await;
        window.until("dialog .notice", "Exchanged: A-1 for K-1. The new seats cost \u{20ac}30.00 less.").await;
        assert_eq!(labels(&window.read(&admin, &booking).await["seats"]), ["K-1"]);

        // Somebody else returns all but the difference meanwhile, and a booking that keeps seats keeps some of its money.
        let refund = window.request("POST", &format!("{booking}/refund"), Some(&admin), json!({"amount": 5500})).await;
        assert_eq!(refund.0, 200, "{refund:?}");
        window.do_it("return_difference").await;
        window.until("dialog .notice", "This is all that is left of what was paid").await;
    })
    .await;
}

#[tokio::test]
async fn dearer_seats_are_refused_before_anything_is_sent() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let booking = window.sell_at_the_till(&admin, "K-1").await;
        window.sign_in(&format!("{}/office#show=demo&tab=bookings", server.url), &admin).await;
        window.click(".data .number").await;
        window.click("[data-act=open_exchange]").await;
        window.click("[data-act=exchange]").await;
        window.until("dialog .seats ~ .notice", "Choose 1 more seat").await;
        window.click("dialog [data-seat='A-1']").await;
        window.until("dialog .seats ~ [role=status]", "\u{20ac}30.00 more").await;
        window.click("[data-act=exchange]").await;
        window.until("dialog .seats ~ .notice", "An exchange takes no money").await;
        assert_eq!(window.eval("return document.querySelectorAll('dialog [value=yes]').length").await, 0);
        assert_eq!(labels(&window.read(&admin, &booking).await["seats"]), ["K-1"]);
    })
    .await;
}

#[tokio::test]
async fn seats_are_blocked_by_drawing_over_them_and_lifted_again() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=blocks", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.draw_over(&["C-3", "C-6", "C-9"]).await;
        window.until("#tab-panel .panel", "7 seats chosen: C-3, C-4, C-5, C-6, C-7, C-8, C-9").await;
        // A stroke that begins on a chosen seat takes back.
        window.draw_over(&["C-9", "C-8"]).await;
        window.until("#tab-panel .panel", "5 seats chosen").await;
        window.eval("document.querySelector(\"[data-seat='D-1']\").focus()").await;
        // Shift, and the arrow to the right.
        window.press("\u{e008}\u{e014}").await;
        window.until("#tab-panel .panel", "7 seats chosen: C-3, C-4, C-5, C-6, C-7, D-1, D-2").await;
        window.click("[data-act=block]").await;
        window.until("#tab-panel .panel .notice", "name or a reason").await;
        window.fill("[name=reason]", "Press").await;
        window.click("[data-act=block]").await;
        window.until("#tab-panel .panel .notice", "7 seats are blocked: “Press”.").await;
        window.until_state("D-2", "unavailable").await;
        let blocks = window.read(&admin, "/v1/shows/demo/blocks").await;
        let id = blocks["data"][0]["id"].as_str().unwrap();
        let block = window.read(&admin, &format!("/v1/shows/demo/blocks/{id}")).await;
        assert_eq!(
            (&block["reason"], labels(&block["seats"])),
            (&json!("Press"), vec!["C-3", "C-4", "C-5", "C-6", "C-7", "D-1", "D-2"])
        );

        window.click("[data-seat='C-5']").await;
        window.until(".seats .notice", "Row C seat 5 is kept for “Press”.").await;
        window.do_it("lift").await;
        window.until("#tab-panel", "The block “Press” is lifted.").await;
        window.until_state("D-2", "available").await;
        assert_eq!(window.read(&admin, "/v1/shows/demo/blocks").await["data"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_block_without_an_answer_is_the_same_one_when_it_is_sent_again() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=blocks", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.click("[data-seat='C-1']").await;
        window.fill("[name=reason]", "Press").await;
        // It is opened, and nobody learns of it.
        window
            .answer("if (options?.method === 'POST') { await real(path, options); return window.problem(500, 'internal') }")
            .await;
        window.click("[data-act=block]").await;
        window.until("#tab-panel .panel .notice", "There was no answer").await;
        window.click("#tab-bookings").await;
        window.until("[role=search]", "Reference").await;
        window.click("#tab-blocks").await;
        window.until("#tab-panel .panel .notice", "There was no answer").await;
        window.answer("").await;
        window.click("[data-act=block]").await;
        window.until("#tab-panel .panel .notice", "1 seat is blocked: “Press”.").await;
        assert_eq!(window.read(&admin, "/v1/shows/demo/blocks").await["data"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn staff_see_blocks_and_hand_over_goods_and_the_page_says_who_does_the_rest() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let (admin, staff) = (server.admin().await, server.token("stan", "staff").await);
        window.open(&server.url).await;
        let block = json!({"seats": ["B-1"], "reason": "Sponsor"});
        assert_eq!(window.request("POST", "/v1/shows/demo/blocks", Some(&admin), block).await.0, 201);
        let drink = json!({"discount": {"goods": "A drink"}, "uses": 2});
        let drink = window.request("POST", "/v1/vouchers", Some(&admin), drink).await.1;
        window.sign_in(&format!("{}/office#show=demo&tab=blocks", server.url), &staff).await;
        window.until("#tab-panel", "Managers and admins open and lift blocks.").await;
        window.until("#tab-panel .data", "Sponsor").await;
        assert_eq!(window.eval("return document.querySelectorAll('[data-act=lift], [data-act=block]').length").await, 0);
        window.click("#tab-vouchers").await;
        window.until("#tab-panel", "Managers and admins issue vouchers").await;
        window.fill("[name=redeem_code]", "0000-0000-0000-0000").await;
        window.do_it("redeem").await;
        window.until("#tab-panel .notice", "No voucher has this code.").await;
        window.fill("[name=redeem_code]", drink["vouchers"][0]["voucher"].as_str().unwrap()).await;
        window.do_it("redeem").await;
        window.until("#tab-panel .notice", "Hand over: A drink. It can be used 1 more time.").await;
        let campaign = window.read(&admin, &format!("/v1/vouchers/{}", drink["id"].as_str().unwrap())).await;
        assert_eq!(campaign["vouchers"][0]["used"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_withdrawn_and_a_campaign_ended() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let manager = server.token("mia", "manager").await;
        window.open(&server.url).await;
        let body = json!({"discount": {"percent": 50}, "count": 3});
        let campaign = window.request("POST", "/v1/vouchers", Some(&manager), body).await.1;
        let (path, code) = (format!("/v1/vouchers/{}", campaign["id"].as_str().unwrap()), |n: usize| {
            campaign["vouchers"][n]["voucher"].as_str().unwrap()
        });
        window.sign_in(&format!("{}/office#show=demo&tab=vouchers", server.url), &manager).await;
        window.until("#tab-panel .data", "50 % off").await;
        // One that was reported.
        window.fill("[name=withdraw_code]", code(0)).await;
        window.fill("[name=withdraw_reason]", "Posted on a forum").await;
        window.do_it("withdraw").await;
        window.until("#tab-panel .notice:not([hidden])", "The voucher is withdrawn. Nobody has used it.").await;
        // One of the list.
        window.click("[data-campaign]").await;
        window.until("dialog .data", code(1)).await;
        window.do_it(&format!("withdraw-{}", code(1))).await;
        window.until("dialog .notice:not([hidden])", "The voucher is withdrawn.").await;
        // Its button is gone: the focus is beside it, and the list is where it was.
        let focus = "return document.activeElement.dataset.key ?? document.activeElement.id";
        window.until_eval(focus, json!(format!("bookings-{}", code(1)))).await;
        let states =
            |read: &Value| read["vouchers"].as_array().unwrap().iter().map(|v| v["withdrawn"] == true).collect::<Vec<_>>();
        assert_eq!(states(&window.read(&manager, &path).await), [true, true, false]);
        // All of them.
        window.fill("[name=end_reason]", "Wrong discount").await;
        window.do_it("end").await;
        window.until("dialog .notice:not([hidden])", "The campaign has ended.").await;
        window.until_eval(focus, json!("campaign-title")).await;
        window.until("dialog .details", "Wrong discount").await;
        let ended = window.read(&manager, &path).await;
        assert_eq!((&ended["status"], states(&ended)), (&json!("ended"), vec![true; 3]));
        window.click("dialog [method=dialog] button").await;
        window.until("#tab-panel .data", "ended").await;
    })
    .await;
}
