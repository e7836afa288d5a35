//! The box office's page: selling at the till, refunds, shows that are paused, cancelled and made.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

impl Window {
    /// Opens a page for staff, and signs in with a token.
    pub async fn sign_in(&self, url: &str, token: &str) {
        self.page.goto(url).await.unwrap();
        self.fill("[name=token]", token).await;
        self.click("form:has([name=token]) button").await;
    }

    /// Types into a field, in place of what is in it.
    pub async fn fill(&self, css: &str, text: &str) {
        self.click(css).await;
        let script = "const field = document.querySelector(arguments[0]); field.value = arguments[1];
                      field.dispatchEvent(new Event('input', { bubbles: true }))";
        self.page.execute(script, vec![css.into(), text.into()]).await.unwrap();
    }

    /// Presses a button that asks first, and says yes.
    pub async fn do_it(&self, act: &str) {
        self.click(&format!("[data-act={act}]")).await;
        self.click("dialog [value=yes]").await;
    }
}

async fn status_of(window: &Window, admin: &str, booking: &str) -> Value {
    window.request("GET", &format!("/v1/bookings/{booking}"), Some(admin), Value::Null).await.1["status"].clone()
}

#[tokio::test]
async fn staff_sell_at_the_till_see_it_in_the_figures_and_refund_it() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.until(".figures", "Sold\n0\n").await;
        for seat in ["A-1", "A-2"] {
            window.click(&format!("[data-seat='{seat}']")).await;
        }
        window.until(".till", "2 seats chosen: A-1, A-2").await;
        window.until(".till", "Total: \u{20ac}170.00").await;
        window.click("[data-act=sell]").await;
        window.until(".seats .notice", "Sold 2 seats for \u{20ac}170.00.").await;
        window.until_state("A-1", "booked").await;
        window.until(".figures", "Sold\n2\n").await;
        window.until(".sales-figures", "Cash").await;
        window.until(".sales-figures", "Till").await;

        window.click("[data-act=open]").await;
        window.until("dialog", "Booking confirmed").await;
        window.until("dialog", "cash or card reader").await;
        window.until("dialog .tickets", "Row A seat 2").await;
        let booking = window.eval("return new URLSearchParams(location.hash.slice(1)).get('booking')").await;
        let booking = booking.as_str().unwrap().to_owned();
        // One seat of two.
        window.click("dialog [value='A-2']").await;
        window.do_it("refund").await;
        window.until("dialog .notice", "Done.").await;
        window.until("dialog .timeline", "Part of the money returned").await;
        assert_eq!(status_of(window, &admin, &booking).await, "confirmed");
        window.do_it("refund").await;
        window.until("dialog .timeline", "Money returned").await;
        window.until("dialog .details", "refunded").await;
        assert_eq!(status_of(window, &admin, &booking).await, "refunded");
    })
    .await;
}

#[tokio::test]
async fn a_show_is_made_paused_cancelled_and_refunded() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#tab=shows", server.url), &admin).await;
        window.until("#tab-panel", "New show").await;
        window.click("[data-act=create]").await;
        window.until("form > .notice", "Id").await;
        for (field, text) in [("id", "gala"), ("show_title", "Gala"), ("rows", "2"), ("seats_per_row", "4")] {
            window.fill(&format!("[name={field}]"), text).await;
        }
        window.until_eval("return document.querySelectorAll('.preview circle').length", json!(8)).await;
        window.click("[data-act=create]").await;
        window.until("#show", "Gala").await;
        let (_, show) = window.request("GET", "/v1/shows/gala", None, Value::Null).await;
        assert_eq!((&show["categories"][0]["price"], &show["status"]), (&json!(5000), &json!("on_sale")), "{show}");

        window.eval("location.hash = 'show=gala&tab=shows'").await;
        window.until("#tab-panel h2", "Gala").await;
        window.do_it("pause").await;
        window.until("#tab-panel .hint", "paused").await;
        window.do_it("resume").await;
        window.until("#tab-panel .hint", "on sale").await;
        let held = window.request("POST", "/v1/shows/gala/bookings", Some(&admin), json!({"seats": ["A-1"]})).await.1;
        let pay = format!("/v1/bookings/{}/payment", held["id"].as_str().unwrap());
        assert_eq!(window.request("POST", &pay, Some(&admin), json!({"payment_method": "pm_card_visa"})).await.0, 200);
        window.do_it("cancel").await;
        window.until("#tab-panel .hint", "cancelled").await;
        window.do_it("refunds").await;
        window.until("#tab-panel", "1 of 1 refunded").await;
    })
    .await;
}

#[tokio::test]
async fn who_may_not_is_kept_out_and_the_page_speaks_german() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.sign_in(&format!("{}/office", server.url), "not a token").await;
        window.until("[role=alert]", "This is no token").await;
        // Nobody has signed it; the server would refuse each request.
        window.fill("[name=token]", "e30.eyJyb2xlIjoiYnV5ZXIiLCJzdWIiOiJhbm4ifQ.x").await;
        window.click("form:has([name=token]) button").await;
        window.until("[role=alert]", "ann has the role").await;
        window.eval("const choice = document.querySelector('.page-top select'); choice.value = 'de'; choice.dispatchEvent(new Event('change'))").await;
        window.until("h1", "Anmelden").await;
        assert_eq!(window.eval("return document.documentElement.lang").await, "de");
    })
    .await;
}
