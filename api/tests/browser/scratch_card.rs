//! The scratch card of a booking of three seats and more.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use serde_json::json;

async fn buy(window: &Window, seats: &[&str]) {
    for seat in seats {
        window.click(&format!("[data-seat='{seat}']")).await;
    }
    window.click("[data-act=hold]").await;
    window.until("#checkout", "held").await;
    window.click("[data-act=pay]").await;
    window.until("#checkout .ticket", "Booked and paid").await;
}

const HIDDEN: &str = "return document.querySelector('.scratch .prize').hidden";

#[tokio::test]
async fn a_group_scratches_its_card_or_presses_reveal_and_two_have_none() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        for window in [one, other] {
            window.open(&server.url).await;
            window.until("#link", "Live").await;
        }
        buy(one, &["A-1", "A-2", "A-3"]).await;
        one.until(".scratch h3", "You have a scratch card").await;
        assert_eq!(one.eval(HIDDEN).await, json!(true), "nothing is read out before it is scratched");
        let cover = one.page.find(Locator::Css(".scratch canvas")).await.unwrap();
        one.eval("document.querySelector('.scratch canvas').scrollIntoView({ block: 'center', behavior: 'instant' })").await;
        // To and fro over the whole of it.
        let stroke = |x: f64, y: f64| PointerAction::MoveBy { duration: None, x, y };
        let begin = PointerAction::MoveToElement { element: cover, duration: None, x: -120.0, y: -40.0 };
        let mut scratch =
            MouseActions::new("mouse".to_owned()).then(begin).then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
        for line in 0..5 {
            let along = if line % 2 == 0 { 240.0 } else { -240.0 };
            scratch = scratch.then(stroke(along, 0.0)).then(stroke(0.0, 20.0));
        }
        one.page.perform_actions(scratch.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })).await.unwrap();
        one.until(".scratch h3", "You have won").await;
        assert_eq!(one.eval(HIDDEN).await, json!(false));
        let prize = one.eval("return document.querySelector('.scratch .prize').innerText").await;
        let kept = "return JSON.parse(localStorage.getItem('lastseat.scratched')).length";
        assert_eq!(one.eval(kept).await, json!(1), "a card is scratched once");
        assert!(!prize.as_str().unwrap().is_empty(), "{prize}");

        buy(other, &["B-1", "B-2", "B-3", "B-4"]).await;
        other.until(".scratch h3", "You have a scratch card").await;
        other.click("[data-act=reveal]").await;
        other.until(".scratch h3", "You have won").await;
        other.until_eval("return document.activeElement.className", json!("prize")).await;

        let again = other.eval("return document.querySelectorAll('.scratch').length").await;
        assert_eq!(again, json!(1));
    })
    .await;
}

#[tokio::test]
async fn two_seats_have_no_card() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        buy(window, &["C-1", "C-2"]).await;
        assert_eq!(window.eval("return document.querySelector('.scratch')").await, json!(null));
    })
    .await;
}
