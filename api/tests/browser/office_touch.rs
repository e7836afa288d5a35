//! The box office on a phone: seats are blocked by drawing over them with a finger, on a map of elements and on a canvas.

use crate::large_map::{open_house, until_drawn};
use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, PointerAction, TouchActions};
use serde_json::{Value, json};
use std::time::Duration;

const MAP: &str = ".viewport";
/// Where the chosen seat is from the middle of the map, and how wide it is with the gap beside it.
const MIDDLE: &str = "const [seat, map] = ['.cells .mine', '.large-map canvas'].map((css) => document.querySelector(css).getBoundingClientRect());
    return [seat.left + seat.width / 2 - map.left - map.width / 2, seat.top + seat.height / 2 - map.top - map.height / 2, seat.width]";
const CHOSEN: &str = "return document.querySelector('#tab-panel .panel p').innerText";

impl Window {
    /// Puts a finger on the first place, moves it over the others and lifts it. A place is so many pixels from the middle of an
    /// element.
    async fn swipe(&self, way: &[(&str, f64, f64)]) {
        let mut finger = TouchActions::new("finger".to_owned());
        for (index, (css, x, y)) in way.iter().enumerate() {
            let element = self.page.find(Locator::Css(css)).await.unwrap();
            finger =
                finger.then(PointerAction::MoveToElement { element, duration: Some(Duration::from_millis(200)), x: *x, y: *y });
            if index == 0 {
                finger = finger.then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
            }
        }
        self.page.perform_actions(finger.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })).await.unwrap();
    }

    async fn open_blocks(&self, server: &Server, show: &str) -> String {
        let admin = server.admin().await;
        self.sign_in(&format!("{}/office#show={show}&tab=blocks", server.url), &admin).await;
        self.until(".seats .badge", "Live").await;
        self.eval("document.querySelector('.viewport').scrollIntoView({ block: 'center', behavior: 'instant' })").await;
        admin
    }
}

#[tokio::test]
async fn a_finger_draws_over_seats_and_moves_the_page_beside_them() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        window.open_blocks(&server, "demo").await;
        let scrolled = window.eval("return scrollY").await;
        // Down the rows, where a finger moves the page elsewhere.
        let seat = |seat: &str| format!("[data-seat='{seat}']");
        window.swipe(&[(&seat("B-3"), 0.0, 0.0), (&seat("E-3"), 0.0, 0.0), (&seat("H-3"), 0.0, 0.0)]).await;
        window.until("#tab-panel .panel", "7 seats chosen: B-3, C-3, D-3, E-3, F-3, G-3, H-3").await;
        assert_eq!(window.eval("return scrollY").await, scrolled);
        // From a chosen seat on, the stroke takes back.
        window.swipe(&[(&seat("H-3"), 0.0, 0.0), (&seat("F-3"), 0.0, 0.0)]).await;
        window.until("#tab-panel .panel", "4 seats chosen: B-3, C-3, D-3, E-3").await;

        let height = window.eval("return document.querySelector('.viewport').clientHeight").await.as_f64().unwrap();
        let below = height / 2.0 - 12.0;
        window.swipe(&[(MAP, 0.0, below), (MAP, 0.0, below - 60.0), (MAP, 0.0, below - 120.0)]).await;
        window.until_eval(&format!("return scrollY > {scrolled}"), json!(true)).await;
        window.until("#tab-panel .panel", "4 seats chosen: B-3, C-3, D-3, E-3").await;
    })
    .await;
}

#[tokio::test]
async fn a_finger_draws_over_seats_of_a_large_map_and_blocks_them() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        open_house(&server, window).await;
        let admin = window.open_blocks(&server, "concert").await;
        window.until_eval("return document.querySelectorAll('.cells [data-section]').length", json!(4)).await;
        let canvas = ".large-map canvas";
        // Sections are no seats: the first tap comes nearer.
        window.swipe(&[(canvas, -70.0, -20.0)]).await;
        window.until_eval("return document.querySelector('.viewport').dataset.zoomed ?? null", json!("")).await;
        until_drawn(window).await;
        // The second chooses the seat in the middle, and three to each side of it are drawn over.
        window.swipe(&[(canvas, 0.0, 0.0)]).await;
        window.until("#tab-panel .panel", "1 seat chosen").await;
        until_drawn(window).await;
        let at = window.eval(MIDDLE).await;
        let [x, y, apart] = [0, 1, 2].map(|index| at[index].as_f64().unwrap());
        window.swipe(&[(canvas, x - 3.0 * apart, y), (canvas, x, y), (canvas, x + 3.0 * apart, y)]).await;
        window.until("#tab-panel .panel", "7 seats chosen: ").await;
        let text = window.eval(CHOSEN).await;
        let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        let numbers: Vec<u32> = text.as_str().unwrap().split(" seat ").skip(1).map(number).collect();
        assert_eq!(numbers.len(), 7, "{text}");
        assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "one seat after the other: {text}");

        window.fill("[name=reason]", "Press").await;
        window.click("[data-act=block]").await;
        window.until("#tab-panel .panel .notice", "7 seats are blocked: “Press”.").await;
        let blocks = window.request("GET", "/v1/shows/concert/blocks", Some(&admin), Value::Null).await.1;
        assert_eq!(blocks["data"][0]["quantity"], 7, "{blocks}");
    })
    .await;
}
