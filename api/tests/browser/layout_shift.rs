//! Nothing of the shop's page moves while it arrives.

use crate::server::Server;
use crate::window::{Size, in_windows};
use serde_json::json;

/// Browsers call it good up to here: the part of the window that moves, times how far.
const GOOD: f64 = 0.1;

#[tokio::test]
async fn the_page_keeps_its_places_on_a_desktop() {
    keeps_its_places(Size::Desktop).await;
}

#[tokio::test]
async fn the_page_keeps_its_places_on_a_phone() {
    keeps_its_places(Size::Phone).await;
}

async fn keeps_its_places(size: Size) {
    in_windows(size, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#link", "Live").await;
        // The last that comes by itself.
        window.until_eval("return document.querySelectorAll('.show > svg.poster').length", json!(1)).await;
        // What was recorded so far is delivered later, and nothing at all if nothing has moved.
        let script = "const moves = [];
            new PerformanceObserver((list) => moves.push(...list.getEntries())).observe({ type: 'layout-shift', buffered: true });
            const sum = () => moves.filter((move) => !move.hadRecentInput).reduce((sum, { value }) => sum + value, 0);
            return new Promise((resolve) => setTimeout(() => resolve(sum()), 500))";
        let moved = window.eval(script).await.as_f64().unwrap();
        assert!(moved < GOOD, "the page has moved by {moved}");
    })
    .await;
}
