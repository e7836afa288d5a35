//! The wallet: a buyer's bookings and tickets, on the device that bought, on another one, and without the server.

use crate::server::Server;
use crate::window::{PATIENCE, Size, Window, in_windows};
use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse battery staple";

/// Holds seats in the shop. By keys: on a phone the first tap zooms in.
async fn hold(window: &Window, server: &Server, seats: &[&str]) {
    window.open(&server.url).await;
    window.until("#link", "Live").await;
    for seat in seats {
        window.eval(&format!("document.querySelector(\"[data-seat='{seat}']\").focus()")).await;
        window.press(&Key::Enter.to_string()).await;
    }
    window.click("[data-act=hold]").await;
    window.until("#checkout", "held").await;
}

/// Buys seats in the shop, and follows the link to the wallet.
async fn buy(window: &Window, server: &Server, seats: &[&str]) {
    hold(window, server, seats).await;
    window.click("[data-act=pay]").await;
    window.until("#checkout .ticket", "Booked and paid").await;
    window.click("[data-act=wallet]").await;
    window.until(".wallet-card", "Booked and paid").await;
}

/// The id and the token of the only booking that this browser has.
async fn kept(window: &Window) -> (String, String) {
    let script = "const entry = JSON.parse(Object.entries(localStorage).find(([key]) => key.startsWith('lastseat:booking:'))[1]);
        return [entry.id, entry.token]";
    let found = window.eval(script).await;
    (found[0].as_str().unwrap().to_owned(), found[1].as_str().unwrap().to_owned())
}

async fn open_wallet(window: &Window, server: &Server, fragment: &str) {
    window.page.goto("about:blank").await.unwrap();
    window.page.goto(&format!("{}/wallet{fragment}", server.url)).await.unwrap();
    window.page.wait().at_most(PATIENCE).for_element(Locator::Css(".network")).await.unwrap();
}

async fn sign_in(window: &Window, server: &Server, email: &str) {
    open_wallet(window, server, "").await;
    window.until(".signing h2", "Account").await;
    window.fill(".signing [name=email]", email).await;
    window.fill(".signing [name=password]", PASSWORD).await;
    window.click(".signing [value=in]").await;
    window.until(".who", email).await;
}

/// The wallet says that it has nothing, and has nothing.
const NOTHING: &str =
    "return document.querySelector('.empty')?.checkVisibility() === true && !document.querySelector('.wallet-card')";

/// The shape of a ticket's code as the server draws it.
const DRAWN: &str = "
    const [path, token, seat] = arguments;
    return (async () => {
        const headers = { accept: 'image/svg+xml', authorization: `Bearer ${token}` };
        const text = await (await fetch(`${path}/tickets/${seat}`, { headers })).text();
        return text.match(/<path d=\"([^\"]+)\"/)[1];
    })()";
const SHOWN: &str = "return [...document.querySelectorAll('.stage[open] .qr path')].map((path) => path.getAttribute('d'))";

#[tokio::test]
async fn a_guest_buys_in_the_shop_and_shows_the_tickets_on_the_whole_screen() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        buy(window, &server, &["A-1", "A-2", "A-3"]).await;
        window.until(".wallet-card", "3 seats · €255.00").await;
        window.until(".wallet-card .loaded", "Loaded today at").await;
        let (id, token) = kept(window).await;
        window.click("[data-act=show]").await;
        window.until(".stage .position", "Ticket 1 of 3").await;
        let mut drawn = Vec::new();
        for seat in ["A-1", "A-2", "A-3"] {
            let arguments = vec![json!(format!("/v1/bookings/{id}")), json!(token), json!(seat)];
            drawn.push(window.page.execute(DRAWN, arguments).await.unwrap());
        }
        assert_eq!(window.eval(SHOWN).await, Value::Array(drawn));
        // The whole of the code is to be seen, dark on white, also on a dark page.
        let seen = "const { left, top, right, bottom } = document.querySelector('.stage .qr').getBoundingClientRect();
            return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right - left > 250
                && getComputedStyle(document.querySelector('.stage')).backgroundColor === 'rgb(255, 255, 255)'";
        assert_eq!(window.eval(seen).await, json!(true));
        window.press(&Key::Right.to_string()).await;
        window.until(".stage .position", "Ticket 2 of 3").await;
        window.click(".stage [data-act=next]").await;
        window.until(".stage .position", "Ticket 3 of 3").await;
        window.until_eval("return document.querySelector('.stage [data-act=next]').disabled", json!(true)).await;
        window.press(&Key::Home.to_string()).await;
        window.until(".stage .position", "Ticket 1 of 3").await;
        window.click(".stage [data-act=close]").await;
        window.until_focus("Show 3 tickets").await;

        // What is under the card is said after it was scratched.
        let rewards = window.request("GET", "/v1/me/rewards", Some(&token), Value::Null).await.1;
        let prize = rewards["vouchers"][0]["reward"].as_str().unwrap().to_owned();
        window.until(".rewards", "Scratch card, not scratched yet").await;
        let said = window.eval("return document.querySelector('main').innerText").await;
        assert!(!said.as_str().unwrap().contains(&prize), "{said}");
        window.click(".wallet-card [data-act=reveal]").await;
        window.until(".rewards .vouchers", &prize).await;
        window.until_eval("return document.documentElement.scrollWidth <= innerWidth", json!(true)).await;
    })
    .await;
}

#[tokio::test]
async fn tickets_that_were_loaded_are_shown_without_the_server() {
    in_windows(Size::Phone, async |[window]| {
        let mut server = Server::start().await;
        buy(window, &server, &["B-1", "B-2"]).await;
        window.until(".wallet-card [data-act=show]", "Show 2 tickets").await;
        window.click("[data-act=show]").await;
        window.until(".stage .position", "Ticket 1 of 2").await;
        let online = window.eval(SHOWN).await;
        window
            .until_eval("return caches.open('lastseat-wallet').then(async (c) => (await c.keys()).length > 20)", json!(true))
            .await;
        server.kill().await;
        window.eval("location.reload()").await;
        window.until(".network", "Offline").await;
        window.until(".wallet-card", "Booked and paid").await;
        window.until(".wallet-card .loaded", "Loaded today at").await;
        window.click("[data-act=show]").await;
        window.until(".stage .position", "Ticket 1 of 2").await;
        assert_eq!(window.eval(SHOWN).await, online);
        window.click(".stage [data-act=close]").await;

        // With the server it is as it is now: the booking was refunded meanwhile.
        let (id, _) = kept(window).await;
        server.start_again().await;
        let admin = server.admin().await;
        let refunded = window.request("POST", &format!("/v1/bookings/{id}/refund"), Some(&admin), Value::Null).await;
        assert_eq!(refunded.0, 200, "{refunded:?}");
        window.eval("location.reload()").await;
        window.until(".network", "Online").await;
        window.until_eval("return document.querySelector('.wallet-card')?.dataset.state ?? null", json!("refunded")).await;
        window.until_eval("return document.querySelector('[data-act=show]')", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn the_mailed_link_opens_the_booking_on_another_device_and_its_token_leaves_the_address() {
    in_windows(Size::Phone, async |[one, other]| {
        let server = Server::start().await;
        buy(one, &server, &["C-1"]).await;
        let (id, token) = kept(one).await;
        one.click(".wallet-card summary").await;
        one.fill("[data-act=mail] input", "ann@example.org").await;
        one.click("[data-act=mail] button").await;
        one.until(".wallet-card", "the link is on its way").await;
        let link = one.eval("return document.querySelector('[data-act=copy]').dataset.link").await;
        let link = link.as_str().unwrap();
        assert_eq!(link, format!("{}/wallet#booking={id}&token={token}", server.url));
        let until = Instant::now() + PATIENCE;
        while !server.mails().iter().any(|mail| mail.lines().any(|line| line == link)) {
            assert!(Instant::now() < until, "no mail has {link}: {:?}", server.mails());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        other.page.goto(link).await.unwrap();
        other.until(".wallet-card", "Booked and paid").await;
        other.until_eval("return location.href", json!(format!("{}/wallet#booking={id}", server.url))).await;
        other.click("[data-act=show]").await;
        other.until(".stage .position", "Ticket 1 of 1").await;
        // It is kept for the next visit. A token that was spoiled is not deleted: it may be the only trace of a paid booking.
        open_wallet(other, &server, "").await;
        other.until(".wallet-card", "Booked and paid").await;
        let spoil = "for (const key of Object.keys(localStorage)) {
                localStorage.setItem(key, localStorage.getItem(key).replace(/\"bt_[^\"]*/, '\"bt_wrong'));
            }
            indexedDB.deleteDatabase('lastseat-wallet')";
        other.eval(spoil).await;
        open_wallet(other, &server, "").await;
        other.until_eval("return document.querySelector('[data-state=unknown]')?.textContent.includes('C-1')", json!(true)).await;
    })
    .await;
}

#[tokio::test]
async fn a_foreign_token_opens_nothing_and_nothing_is_kept() {
    in_windows(Size::Phone, async |[one, other]| {
        let server = Server::start().await;
        buy(one, &server, &["D-1"]).await;
        let (id, _) = kept(one).await;
        other.open(&server.url).await;
        let (_, held) = other.request("POST", "/v1/shows/demo/bookings", None, json!({"seats": ["D-2"]})).await;
        for token in [held["token"].as_str().unwrap(), "bt_wrong"] {
            open_wallet(other, &server, &format!("#booking={id}&token={token}")).await;
            other.until(".page > .notice:not([hidden])", "This link opens no booking here").await;
            other.until_eval(NOTHING, json!(true)).await;
            let left = "return [document.querySelectorAll('.wallet-card').length, location.hash.includes('bt_'),
                Object.keys(localStorage).filter((key) => key.startsWith('lastseat:booking:')).length]";
            assert_eq!(other.eval(left).await, json!([0, false, 0]));
        }
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_paid_for_in_the_shop_or_given_back() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        hold(window, &server, &["E-1"]).await;
        open_wallet(window, &server, "").await;
        window.until(".wallet-card", "Held, not paid yet").await;
        window.until(".wallet-card .clock", "left").await;
        // A voucher lowers what is left to pay, until it is taken off.
        let admin = server.admin().await;
        let half = window.request("POST", "/v1/vouchers", Some(&admin), json!({"discount": {"percent": 50}})).await.1;
        window.fill("[data-act=voucher] input", "NO-SUCH-CODE").await;
        window.click("[data-act=voucher] button").await;
        window.until(".wallet-card .notice", "There is no voucher with this code").await;
        window.fill("[data-act=voucher] input", half["vouchers"][0]["voucher"].as_str().unwrap()).await;
        window.click("[data-act=voucher] button").await;
        window.until(".wallet-card .price", "€42.50").await;
        window.click("[data-act=no-voucher]").await;
        window.until(".wallet-card .price", "€85.00").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout", "1 seat held").await;
        window.page.back().await.unwrap();
        window.click("[data-act=cancel]").await;
        window.click("dialog[open] [value=no]").await;
        let held = window.eval("return document.querySelector('.wallet-card').dataset.state").await;
        assert_eq!(held, json!("held"));
        window.click("[data-act=cancel]").await;
        window.click("dialog[open] [value=yes]").await;
        window.until("[data-state=aborted]", "Your seats are free again").await;
        window.until("[data-state=aborted]", "You gave the seats back. You were not charged.").await;
        let (status, again) = window.request("POST", "/v1/shows/demo/bookings", None, json!({"seats": ["E-1"]})).await;
        assert_eq!(status, 201, "{again}");
    })
    .await;
}

#[tokio::test]
async fn an_account_has_its_bookings_and_points_on_every_device_until_it_signs_out() {
    in_windows(Size::Phone, async |[one, other]| {
        let server = Server::start().await;
        one.page.goto(&format!("{}/account", server.url)).await.unwrap();
        let ann = json!({"email": "ann@example.org", "password": PASSWORD});
        assert_eq!(one.request("POST", "/v1/accounts", None, ann).await.0, 202);
        for window in [one, other] {
            sign_in(window, &server, "ann@example.org").await;
        }
        // The shop sells to the one who is signed in.
        buy(one, &server, &["F-1", "F-2", "F-3", "F-4"]).await;
        one.until(".rewards", "40 points").await;
        one.until(".rewards", "6 more seats to the next voucher").await;
        one.until_eval("return document.querySelector('.rewards progress').value", json!(4)).await;
        other.page.refresh().await.unwrap();
        other.until(".wallet-card", "4 seats").await;
        other.until(".rewards", "40 points").await;
        other.click("[data-act=show]").await;
        other.until(".stage .position", "Ticket 1 of 4").await;
        other.click(".stage [data-act=close]").await;

        // A hold of the account has no token on this device, and can be paid for all the same.
        let csrf = "return (async () => (await (await fetch('/v1/sessions/current')).json()).csrf_token)()";
        let csrf = other.eval(csrf).await;
        let hold = "const [csrf] = arguments;
            return (async () => (await fetch('/v1/shows/demo/bookings', { method: 'POST', body: '{\"seats\":[\"G-1\"]}',
                headers: { 'content-type': 'application/json', 'x-csrf-token': csrf } })).status)()";
        assert_eq!(other.page.execute(hold, vec![csrf]).await.unwrap(), json!(201));
        other.page.refresh().await.unwrap();
        other.click("[data-state=held] [data-act=pay]").await;
        other.until("#checkout", "1 seat held").await;
        other.click("[data-act=pay]").await;
        other.until("#checkout .ticket", "Booked and paid").await;
        other.click("[data-act=wallet]").await;
        other.until(".rewards", "5 more seats to the next voucher").await;

        other.click("[data-act=sign-out]").await;
        other.click("dialog[open] [value=yes]").await;
        other.until_eval(NOTHING, json!(true)).await;
        other.page.refresh().await.unwrap();
        other.until_eval(NOTHING, json!(true)).await;
    })
    .await;
}

#[tokio::test]
async fn a_guests_booking_is_taken_into_an_account_and_its_link_ends() {
    in_windows(Size::Phone, async |[one, other]| {
        let server = Server::start().await;
        buy(one, &server, &["H-1"]).await;
        let (id, token) = kept(one).await;
        open_wallet(other, &server, &format!("#booking={id}&token={token}")).await;
        other.until(".wallet-card", "Booked and paid").await;
        let ann = json!({"email": "ann@example.org", "password": PASSWORD});
        assert_eq!(one.request("POST", "/v1/accounts", None, ann).await.0, 202);
        sign_in(one, &server, "ann@example.org").await;
        one.click(".wallet-card summary").await;
        one.click("[data-act=claim]").await;
        one.click("dialog[open] [value=yes]").await;
        one.until_eval("return Object.keys(localStorage).some((key) => key.startsWith('lastseat:booking:'))", json!(false)).await;
        one.until(".wallet-card [data-act=show]", "Show the ticket").await;
        other.page.refresh().await.unwrap();
        other.until_eval("return document.querySelector('.wallet-card')?.dataset.state ?? null", json!("unknown")).await;
        other.until_eval("return document.querySelector('[data-act=show]')", Value::Null).await;
    })
    .await;
}

/// The number that the wallet shows of the account that is signed in.
async fn account_number(window: &Window) -> String {
    window.until(".account-number", "Your account's number").await;
    window.eval("return document.querySelector('.account-number code').innerText").await.as_str().unwrap().to_owned()
}

async fn give(window: &Window, account: &str) {
    window.fill("[data-act=give] input", account).await;
    window.click("[data-act=give] button").await;
}

#[tokio::test]
async fn a_booking_is_given_to_another_account_by_a_guest_and_by_an_account() {
    in_windows(Size::Phone, async |[one, other]| {
        let server = Server::start().await;
        buy(one, &server, &["J-1"]).await;
        let (id, token) = kept(one).await;
        for email in ["ann@example.org", "bob@example.org"] {
            let account = json!({"email": email, "password": PASSWORD});
            assert_eq!(one.request("POST", "/v1/accounts", None, account).await.0, 202);
        }
        sign_in(other, &server, "bob@example.org").await;
        let bob = account_number(other).await;

        one.click(".wallet-card summary").await;
        give(one, "bob@example.org").await;
        one.until(".wallet-card", "This is not the number of an account").await;
        // A number as accounts have, and of none.
        give(one, "account:0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55").await;
        one.click("dialog[open] [value=yes]").await;
        one.until(".wallet-card", "There is no account with this number. Nothing was given away").await;
        let in_view = "const { top, bottom } = document.querySelector('.wallet-card .notice').getBoundingClientRect(); return top >= 0 && bottom <= innerHeight";
        one.until_eval(in_view, json!(true)).await;
        give(one, &bob).await;
        one.until("dialog[open]", &bob).await;
        one.click("dialog[open] [value=no]").await;
        assert_eq!(one.eval("return document.querySelectorAll('.wallet-card').length").await, json!(1));
        one.click("[data-act=give] button").await;
        one.click("dialog[open] [value=yes]").await;
        one.until_eval(NOTHING, json!(true)).await;
        one.until_eval("return Object.keys(localStorage).some((key) => key.startsWith('lastseat:booking:'))", json!(false)).await;
        let (status, _) = one.request("GET", &format!("/v1/bookings/{id}"), Some(&token), Value::Null).await;
        assert_eq!(status, 404);
        other.page.refresh().await.unwrap();
        other.until(".wallet-card [data-act=show]", "Show the ticket").await;

        // The account gives it on.
        sign_in(one, &server, "ann@example.org").await;
        let ann = account_number(one).await;
        other.click(".wallet-card summary").await;
        give(other, &bob).await;
        other.until(".wallet-card", "This is your own account").await;
        give(other, &ann).await;
        other.click("dialog[open] [value=yes]").await;
        other.until_eval(NOTHING, json!(true)).await;
        one.page.refresh().await.unwrap();
        one.until(".wallet-card [data-act=show]", "Show the ticket").await;
        one.until_eval("return document.documentElement.scrollWidth <= innerWidth", json!(true)).await;
    })
    .await;
}
