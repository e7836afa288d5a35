//! Keyboard and screen reader.

use crate::server::Server;
use crate::window::{Size, in_windows};
use serde_json::json;

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

#[tokio::test]
async fn enter_picks_the_seat_that_has_the_focus() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        window.eval("document.querySelector('[data-seat=\"Q-5\"]').focus()").await;
        window.press(ENTER).await;
        window
            .until_eval(
                "return [...document.querySelectorAll('.seat.mine[data-seat]')].map((seat) => seat.dataset.seat)",
                json!(["Q-5"]),
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn the_focus_stays_in_the_checkout_and_each_step_is_announced() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        window.click("[data-seat='A-20']").await;
        window.eval("document.querySelector('[data-act=hold]').focus()").await;
        window.press(ENTER).await;
        window.until_focus("1 seat held").await;
        window
            .until_eval(
                "return document.querySelector('#announcer').textContent.includes('1 seat held for you until')",
                json!(true),
            )
            .await;

        window.click("input[value=pm_card_authenticationRequired]").await;
        window.eval("document.querySelector('[data-act=pay]').focus()").await;
        window.press(ENTER).await;
        window.until("#bank[open]", "Confirm your payment of €85.00").await;
        window.press(ESCAPE).await;
        window.until_focus("Confirm with your bank").await;
        window.press(ENTER).await;
        window.until("#bank[open]", "Confirm your payment").await;
        // What was announced on the way to the ticket.
        let record = "window.announced = [];
            new MutationObserver(() => announced.push(document.querySelector('#announcer').textContent))
                .observe(document.querySelector('#announcer'), { childList: true })";
        window.eval(record).await;
        window.eval("document.querySelector('#bank [value=succeeded]').focus()").await;
        window.press(ENTER).await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_focus("Last Night of the Proms").await;
        window.until_eval("return announced", json!(["Paying. Waiting for the bank.", "Booked and paid: A-20."])).await;
    })
    .await;
}

#[tokio::test]
async fn a_declined_card_leaves_the_focus_on_the_pay_button() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        window.click("[data-seat='A-20']").await;
        window.click("[data-act=hold]").await;
        window.click("input[value=pm_card_chargeDeclined]").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .note", "declined this card").await;
        window.until_focus("pay").await;
    })
    .await;
}
