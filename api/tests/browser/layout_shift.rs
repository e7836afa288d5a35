//! Nothing of the shop's page moves while it arrives, however late its parts do.

use crate::server::Server;
use crate::slow_line::slow_line;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};
use std::time::Duration;

/// The part of the window that moves, times how far, in all. Browsers call 0.1 good; a line of text that comes above the map of a phone
/// is 0.02.
const LITTLE: f64 = 0.01;
/// On a desktop the footer leaves the window once the map is there, and moves nothing that is read.
const LITTLE_WITH_FOOTER: f64 = 0.05;

/// On a slow line the seats come after all that is around the map, and the picture after the map.
const SLOW: [(&str, Duration); 2] =
    [("GET /v1/shows/demo/seats ", Duration::from_millis(1_500)), ("GET /v1/shows/demo/picture", Duration::from_millis(1_000))];

/// An upright picture: it has another shape than its place.
const SET_PICTURE: &str = "const [token] = arguments;
    const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 900 });
    canvas.getContext('2d').fillRect(0, 0, 400, 900);
    return new Promise((done) => canvas.toBlob(done, 'image/png'))
        .then((body) => fetch('/v1/shows/demo/picture', { method: 'PUT', headers: { authorization: `Bearer ${token}` }, body }))
        .then(({ status }) => status)";

impl Window {
    /// How much of the page has moved since it was opened, and what. Nobody has touched it: what a browser takes for an input,
    /// as it does with the size of a phone's window, is none.
    async fn moved(&self) -> (f64, Value) {
        // What was recorded before is delivered later, and nothing at all if nothing has moved.
        let script = "const moves = [];
            new PerformanceObserver((list) => moves.push(...list.getEntries())).observe({ type: 'layout-shift', buffered: true });
            const nameOf = ({ node }) => node?.id || node?.className || node?.nodeName;
            const named = ({ value, startTime, sources }) => ({ value, at: Math.round(startTime), what: sources.map(nameOf) });
            return new Promise((resolve) => setTimeout(() => resolve(moves.map(named)), 500))";
        let moves = self.eval(script).await;
        let sum = moves.as_array().unwrap().iter().map(|shift| shift["value"].as_f64().unwrap()).sum();
        (sum, moves)
    }
}

#[tokio::test]
async fn the_page_keeps_its_places_on_a_desktop() {
    keeps_its_places(Size::Desktop, LITTLE_WITH_FOOTER).await;
}

#[tokio::test]
async fn the_page_keeps_its_places_on_a_phone() {
    keeps_its_places(Size::SmallPhone, LITTLE).await;
}

async fn keeps_its_places(size: Size, most: f64) {
    in_windows(size, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        assert_eq!(window.page.execute(SET_PICTURE, vec![json!(admin)]).await.unwrap(), 201);

        let url = slow_line(&server.url, &SLOW).await;
        window.open(&url).await;
        window.until("#link", "Live").await;
        // The last that comes by itself.
        window.until_eval("return document.querySelector('.show > img.poster')?.naturalWidth ?? null", json!(400)).await;
        let late = "const lasts = (end) => performance.getEntriesByType('resource').find(({ name }) => end.test(name))?.duration;
                    return lasts(/seats$/) > 1400 && lasts(/picture\\?v=/) > 900";
        window.until_eval(late, json!(true)).await;
        let (sum, moves) = window.moved().await;
        assert!(sum < most, "the page has moved by {sum}: {moves}");

        // A page that moves is found.
        window.eval("document.querySelector('.legend').style.marginTop = '120px'").await;
        let (sum, moves) = window.moved().await;
        assert!(sum > most, "the legend has moved the page by {sum}: {moves}");
    })
    .await;
}
