//! A booking stays within reach: in another tab, after the next purchase, by its link.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::json;

#[tokio::test]
async fn a_paid_booking_is_listed_in_every_tab_and_after_picking_more_seats() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        buy(window, "A-20").await;
        window.click("[data-act=again]").await;
        window.until("#checkout", "Pick your seats").await;
        listed(window, "A-20").await;

        let tab = window.page.new_window(true).await.unwrap();
        window.page.switch_to_window(tab.handle).await.unwrap();
        window.open(&server.url).await;
        listed(window, "A-20").await;
        window.click("#bookings [data-act=open]").await;
        window.until("#checkout .ticket .chip", "20").await;
        window.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

#[tokio::test]
async fn a_second_tab_shows_the_open_hold() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open_and_hold(&server.url, "A-20").await;
        let first = window.page.window().await.unwrap();

        let tab = window.page.new_window(true).await.unwrap();
        window.page.switch_to_window(tab.handle).await.unwrap();
        window.open(&server.url).await;
        window.until("#checkout", "1 seat held").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .ticket", "Booked and paid").await;

        window.page.switch_to_window(first).await.unwrap();
        window.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

#[tokio::test]
async fn a_link_opens_the_booking_in_another_browser_and_does_not_stay_in_the_address() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        one.open(&server.url).await;
        buy(one, "A-20").await;
        let link = one.eval("return document.querySelector('#checkout [data-act=copy]').dataset.link").await;
        let link = link.as_str().unwrap();
        assert!(link.contains("/?booking=") && link.contains("#token=bt_"), "{link}");

        other.open(link).await;
        other.until("#checkout .ticket", "Booked and paid").await;
        other.until_eval("return location.href.includes('bt_')", json!(false)).await;
        listed(other, "A-20").await;
        other.page.refresh().await.unwrap();
        other.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_does_not_claim_that_the_seats_are_free() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        one.open(&server.url).await;
        buy(one, "A-20").await;
        let link = one.eval("return document.querySelector('#checkout [data-act=copy]').dataset.link").await;
        let (address, _) = link.as_str().unwrap().split_once('#').unwrap();

        for wrong in [address.to_owned(), format!("{address}#token=bt_wrong")] {
            other.open(&wrong).await;
            other.until("#checkout h2", "Can't show this booking").await;
            other.until("#checkout .note", "If you paid, your seats are still yours").await;
            let text = other.eval("return document.querySelector('#checkout').innerText").await;
            assert!(!text.as_str().unwrap().contains("free again"), "{text}");
        }
        // A kept token that the server rejects is not deleted: it may be good again, or good elsewhere.
        let spoil = "for (const key of Object.keys(localStorage)) {
                localStorage.setItem(key, localStorage.getItem(key).replace(/\"bt_[^\"]*/, '\"bt_wrong'));
            }";
        one.eval(spoil).await;
        one.page.refresh().await.unwrap();
        one.until("#checkout h2", "Can't show this booking").await;
        listed(one, "A-20").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_does_not_stay_in_the_address_when_its_link_fails() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&format!("{}/?booking=00000000-0000-4000-8000-000000000000#token=bt_secret", server.url)).await;
        window.until("#checkout", "Can't show this booking").await;
        window.until_eval("return location.href.includes('bt_secret')", json!(false)).await;
        window.until_eval("return location.search", json!("?booking=00000000-0000-4000-8000-000000000000")).await;
    })
    .await;
}

/// The server has held the seats, and every answer was lost. Only the same key finds out.
#[tokio::test]
async fn a_hold_without_an_answer_is_found_after_a_reload() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        window.click("[data-seat='A-20']").await;
        let lose = r#"
            const real = window.fetch;
            window.fetch = async (path, options) => {
                const answer = await real(path, options);
                if (options?.method === "POST") throw new TypeError("lost");
                return answer;
            };"#;
        window.eval(lose).await;
        window.click("[data-act=hold]").await;
        window.until("#checkout .note", "No connection to the box office").await;
        window.page.refresh().await.unwrap();
        window.until("#checkout", "1 seat held for you").await;
        // A guest's hold has no button for more time.
        window.until_eval("return document.querySelector('[data-act=extend]') === null", json!(true)).await;
    })
    .await;
}

#[tokio::test]
async fn only_safe_addresses_of_a_bank_are_links() {
    in_windows(Size::Desktop, async |[window]| {
        let _server = pay_at_the_bank_of(window, "A-20", "javascript:document.title='run'").await;
        window.until("#checkout .note.bad", "not safe to open").await;
        window.until_eval("return document.querySelectorAll(\"#checkout a\").length", json!(0)).await;
    })
    .await;
}

/// As in development: neither the page nor the sandbox that nodes share is encrypted.
#[tokio::test]
async fn the_bank_of_a_shared_sandbox_is_a_link() {
    in_windows(Size::Desktop, async |[window]| {
        let bank = "http://127.0.0.1:2114/3ds/pi_1";
        let _server = pay_at_the_bank_of(window, "A-20", bank).await;
        window.until("#checkout a.primary", "Go to your bank").await;
        window.until_eval("return document.querySelector('#checkout a.primary').href", json!(bank)).await;
    })
    .await;
}

/// Holds a seat and pays, and the server answers that the buyer's bank is there.
async fn pay_at_the_bank_of(window: &Window, seat: &str, bank: &str) -> Server {
    let server = Server::start().await;
    window.open_and_hold(&server.url, seat).await;
    let answer = r#"
        const real = window.fetch;
        window.fetch = async (path, options) => {
            if (!path.startsWith("/v1/bookings/")) return real(path, options);
            const token = options.headers.authorization;
            const booking = await (await real(path.replace("/payment", ""), { headers: { authorization: token } })).json();
            const body = { ...booking, status: "action_required", next_action: { type: "redirect_to_url", url: window.bank } };
            return new Response(JSON.stringify(body), { status: 202 });
        };"#;
    window.eval(&format!("window.bank = {}; {answer}", json!(bank))).await;
    window.click("[data-act=pay]").await;
    server
}

async fn buy(window: &Window, seat: &str) {
    window.until("#link", "Live").await;
    window.click(&format!("[data-seat='{seat}']")).await;
    window.click("[data-act=hold]").await;
    window.until("#checkout", "1 seat held").await;
    window.click("[data-act=pay]").await;
    window.until("#checkout .ticket", "Booked and paid").await;
}

/// Opens the list and waits for a paid booking of `seat`.
async fn listed(window: &Window, seat: &str) {
    window.until("#my-bookings", "My bookings (1)").await;
    window.click("#my-bookings").await;
    for text in [seat, "Booked and paid", "1 seat · €85.00"] {
        window.until("#bookings[open] .entry", text).await;
    }
}
