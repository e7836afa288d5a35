//! A button that is drawn again while it is pressed.

use crate::server::Server;
use crate::window::{Size, in_windows};
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use serde_json::json;

#[tokio::test]
async fn a_button_that_is_drawn_again_while_it_is_pressed_is_clicked_once() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.click("[data-seat='A-1']").await;
        window.until("[data-act=hold]", "Hold").await;
        let button = window.page.find(Locator::Css("[data-act=hold]")).await.unwrap();
        let on_it = PointerAction::MoveToElement { element: button, duration: None, x: 0., y: 0. };
        let mouse = || MouseActions::new("mouse".to_owned());
        window.page.perform_actions(mouse().then(on_it).then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })).await.unwrap();

        // As when another tab of this browser has kept a booking.
        let elsewhere = "window.old = document.querySelector('[data-act=hold]');
            window.dispatchEvent(new StorageEvent('storage'));
            return window.old.isConnected";
        assert_eq!(window.eval(elsewhere).await, json!(false), "it is drawn again");

        window.page.perform_actions(mouse().then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })).await.unwrap();
        window.until("#checkout", "1 seat held").await;
        window.until("[data-count=locked]", "1").await;
    })
    .await;
}
