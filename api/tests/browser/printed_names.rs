//! Seats have the names that their plan prints, and none of its ids is to be read: in the shop, the wallet and the box office.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::json;

/// What no visitor knows.
const ID: &str = "zz";

/// Puts a show on sale on a plan of six drawn seats in one row, 11 to 16.
async fn put_on_sale(window: &Window, admin: &str) {
    let seat =
        |number: u32| json!({"seat": format!("{ID}{number}"), "label": (10 + number).to_string(), "x": 50 * number, "y": 0});
    let row = json!({"row": "C", "seats": (1..=6).map(seat).collect::<Vec<_>>()});
    let stalls = json!({"area": "stalls", "section": "Parquet", "category": "seated", "rows": [row]});
    let balcony = json!({"area": "balcony", "section": "Balcony", "category": "seated", "rows": [{"row": "A", "seats": 3}]});
    let plan = json!({"plan": "house", "name": "House", "areas": [stalls, balcony]});
    assert_eq!(window.request("POST", "/v1/plans", Some(admin), plan).await.0, 201);
    let show = json!({"id": "opera", "title": "Opera", "currency": "EUR", "plan": "house",
        "categories": [{"category": "seated", "price": 4500}]});
    assert_eq!(window.request("POST", "/v1/shows", Some(admin), show).await.0, 201);
}

impl Window {
    /// Waits until an element says all of it, and looks for ids in it.
    async fn names(&self, css: &str, names: &[&str]) {
        let text = format!("document.querySelector({css:?})?.textContent.replaceAll(/\\s+/g, ' ') ?? ''");
        for name in names {
            self.until_eval(&format!("const text = {text}; return text.includes({name:?}) || text"), json!(true)).await;
        }
        let text = self.eval(&format!("return {text}")).await;
        assert!(!text.as_str().unwrap().contains(ID), "{css}: {text}");
    }
}

#[tokio::test]
async fn a_buyer_reads_no_id_from_the_first_pick_to_the_ticket() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        put_on_sale(window, &admin).await;
        window.open(&format!("{}/?show=opera", server.url)).await;
        window.until("#link", "Live").await;
        // By keyboard: a finger zooms first.
        for seat in [1, 2] {
            let pick = format!(
                "const seat = document.querySelector(\"[data-seat='{ID}{seat}']\");
                 seat.focus();
                 seat.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true }}))"
            );
            window.eval(&pick).await;
        }
        window.names("#checkout", &["Parquet C 11", "Parquet C 12"]).await;
        window.click("[data-act=hold]").await;
        window.names("#checkout", &["2 seats held", "Parquet C 11"]).await;
        window.names("#announcer", &["Parquet, row C seat 11, Parquet, row C seat 12"]).await;
        // The wallet knows it from the shop's own list, and then from the server.
        window.page.goto(&format!("{}/wallet", server.url)).await.unwrap();
        window.names(".wallet-card", &["Parquet, row C seat 11", "Parquet, row C seat 12"]).await;
        window.open(&format!("{}/?show=opera", server.url)).await;
        window.click("[data-act=pay]").await;
        window.names("#checkout .ticket", &["Booked and paid", "Parquet C 12"]).await;
        window.click("#my-bookings").await;
        window.names("#booking-list", &["Parquet, row C seat 11, Parquet, row C seat 12"]).await;
    })
    .await;
}

#[tokio::test]
async fn staff_read_no_id_at_the_till_in_bookings_blocks_and_exchanges() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        put_on_sale(window, &admin).await;
        window.sign_in(&format!("{}/office#show=opera&tab=sales", server.url), &admin).await;
        window.until(".seats .badge", "Live").await;
        window.click(&format!("[data-seat='{ID}1']")).await;
        window.click(&format!("[data-seat='{ID}2']")).await;
        window.names(".till", &["Parquet, row C seat 11, Parquet, row C seat 12"]).await;
        window.click("[data-act=sell]").await;
        window.click("[data-act=open]").await;
        window.names("dialog .details", &["Parquet, row C seat 11, Parquet, row C seat 12"]).await;
        window.names("dialog fieldset", &["Parquet, row C seat 11"]).await;
        window.names("#tab-panel .data td:nth-of-type(2)", &["Parquet, row C seat 11, Parquet, row C seat 12"]).await;

        window.click("[data-act=open_exchange]").await;
        window.click("dialog:last-of-type [name=leaves]").await;
        window.names("dialog:last-of-type fieldset", &["Parquet, row C seat 11"]).await;
        window.click(&format!("dialog:last-of-type [data-seat='{ID}5']")).await;
        window.names("dialog:last-of-type .stack", &["Parquet, row C seat 15"]).await;
        window.click("[data-act=exchange]").await;
        window.names("dialog:last-of-type", &["Parquet, row C seat 11", "Parquet, row C seat 15"]).await;
        window.click("dialog:last-of-type [value=yes]").await;
        window.until("dialog .notice.good", "Parquet, row C seat 15").await;
        window.click(&format!("dialog [value={ID}5]")).await;
        window.do_it("refund").await;
        window.until("dialog .timeline", "Part of the money returned").await;
        window.names("dialog .details", &["Parquet, row C seat 12", "Parquet, row C seat 15"]).await;

        window.eval("location.hash = 'show=opera&tab=blocks'").await;
        window.page.refresh().await.unwrap();
        window.until(".seats .badge", "Live").await;
        window.eval("document.querySelector('[name=paint]').click()").await;
        window.click(&format!("[data-seat='{ID}6']")).await;
        window.names("#tab-panel .panel", &["Parquet, row C seat 16"]).await;
    })
    .await;
}
