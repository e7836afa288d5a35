//! Two visitors look at the same seat map and buy.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::json;

#[tokio::test]
async fn the_seat_map_sells_seats() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start_with(&["--guests-extend", "true"]).await;
        one.open(&server.url).await;
        other.open(&server.url).await;
        shows_the_seats(one).await;
        keyboard_moves_and_picks(one).await;
        hold_is_seen_by_others_and_survives_a_reload(one, other).await;
        declined_card_keeps_the_seats(one).await;
        bank_asks_and_the_seats_are_booked(one, other).await;
        taken_seat_is_reported_in_a_sentence(other).await;
        places_without_a_label_are_sold_by_quantity(other, one).await;
    })
    .await;
}

async fn shows_the_seats(window: &Window) {
    let seats = window.eval("return document.querySelectorAll('#map [data-seat]').length").await;
    assert_eq!(seats, 800);
    window.until("#link", "Live").await;
    window.until("[data-count=available]", "800").await;
    window.until("#offers", "1,000 of 1,000").await;
    let label = window.eval("return document.querySelector('[data-seat=\"A-12\"]').getAttribute('aria-label')").await;
    assert_eq!(label, "Row A seat 12, 85 euros, available");
}

async fn keyboard_moves_and_picks(window: &Window) {
    window.eval("document.querySelector('#map [tabindex=\"0\"]').focus()").await;
    // Right, down, enter; and enter again, which drops the seat.
    for (key, sees) in [
        ("\u{e014}", "Pick your seats"),
        ("\u{e015}", "Pick your seats"),
        ("\u{e007}", "1 seat"),
        ("\u{e007}", "Pick your seats"),
    ] {
        window.page.active_element().await.unwrap().send_keys(key).await.unwrap();
        window.until("#checkout", sees).await;
    }
    let seat = window.eval("return document.activeElement.dataset.seat").await;
    assert_eq!(seat, "B-2");
}

async fn hold_is_seen_by_others_and_survives_a_reload(one: &Window, other: &Window) {
    one.click("[data-seat='A-20']").await;
    one.click("[data-seat='A-21']").await;
    one.until("#checkout .sum", "€170").await;
    one.click("[data-act=hold]").await;
    one.until("#checkout", "2 seats held").await;
    other.until_state("A-20", "locked").await;
    other.until_state("A-21", "locked").await;

    one.page.refresh().await.unwrap();
    one.until("#checkout", "2 seats held").await;
    one.until("[data-count=mine]", "2").await;
    one.click("[data-act=extend]").await;
    one.until("#checkout", "Extended once").await;
}

async fn declined_card_keeps_the_seats(window: &Window) {
    window.click("input[value=pm_card_chargeDeclined]").await;
    window.click("[data-act=pay]").await;
    window.until("#checkout .note", "declined this card").await;
    window.until("#checkout", "2 seats held").await;
}

async fn bank_asks_and_the_seats_are_booked(one: &Window, other: &Window) {
    one.click("input[value=pm_card_authenticationRequired]").await;
    one.click("[data-act=pay]").await;
    one.until("#bank[open]", "Confirm your payment of €170.00").await;
    other.until_state("A-20", "in_process").await;
    one.click("#bank button[value=succeeded]").await;
    one.until("#checkout .ticket", "Booked and paid").await;
    other.until_state("A-20", "booked").await;
    other.until_state("A-21", "booked").await;
    other.until("[data-count=booked]", "2").await;
}

async fn taken_seat_is_reported_in_a_sentence(window: &Window) {
    window.click("[data-seat='C-5']").await;
    window.click("[data-seat='C-6']").await;
    window.until("#checkout", "2 seats").await;
    // While the page waits for this synchronous request, it can't get the event that the seat is taken.
    // So its own hold comes a moment too late.
    let somebody_else = r#"
        const request = new XMLHttpRequest();
        request.open("POST", "/v1/shows/demo/bookings", false);
        request.setRequestHeader("content-type", "application/json");
        request.send('{"seats":["C-6"]}');
        document.querySelector("[data-act=hold]").click();
        return request.status"#;
    assert_eq!(window.eval(somebody_else).await, 201);
    window.until("#checkout .note", "Row C seat 6 was just taken by somebody else.").await;
    window.until("#checkout h2", "1 seat").await;
    window.until_state("C-6", "locked").await;
    window.click("[data-act=hold]").await;
    window.until("#checkout", "1 seat held").await;
    window.click("[data-act=cancel]").await;
    window.until("#checkout .note", "free again").await;
    window.until_state("C-5", "available").await;
}

async fn places_without_a_label_are_sold_by_quantity(one: &Window, other: &Window) {
    one.click("[data-area=floor] [data-act=area]").await;
    one.until("#checkout", "Floor × 2").await;
    other.until("#offers", "998 of 1,000").await;
    one.click("[data-act=pay]").await;
    one.until("#checkout .ticket", "Booked and paid").await;
}

#[tokio::test]
async fn a_guest_is_asked_for_a_challenge_and_the_browser_solves_it() {
    in_windows(Size::Desktop, async |[one]| {
        let server = Server::start_with(&["--challenge-above", "1/10m"]).await;
        one.open(&server.url).await;
        let seats = json!({"seats": ["A-1"]});
        // The one hold that needs none.
        assert_eq!(one.request("POST", "/v1/shows/demo/bookings", None, seats).await.0, 201);
        let (status, refused) = one.request("POST", "/v1/shows/demo/bookings", None, json!({"seats": ["A-3"]})).await;
        assert_eq!((status, &refused["code"]), (403, &json!("challenge_required")));
        one.click("[data-seat='A-3']").await;
        one.click("[data-act=hold]").await;
        one.until("#checkout", "1 seat held").await;
    })
    .await;
}
