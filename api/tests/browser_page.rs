//! The seat map in a real browser: two people look at the same hall and do what people do.
//!
//! It needs chromedriver and a browser that goes with it. Without them it says so and steps aside;
//! with `LASTSEAT_REQUIRE_BROWSER=1`, as in CI, their absence is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use futures::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// For whatever the page has to do. Far more than it needs: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_seat_map_sells_seats() {
    let Some((_driver, one, other)) = two_windows().await else { return };
    let server = Server::start().await;
    let played = AssertUnwindSafe(play(&server.url, &one, &other)).catch_unwind().await;
    // A session that is left open would leave its browser running.
    for window in [one, other] {
        window.page.close().await.unwrap();
    }
    if let Err(panic) = played {
        resume_unwind(panic);
    }
}

async fn play(url: &str, one: &Window, other: &Window) {
    one.open(url).await;
    other.open(url).await;
    shows_the_hall(one).await;
    keyboard_walks_and_picks(one).await;
    hold_is_seen_by_others_and_survives_a_reload(one, other).await;
    declined_card_keeps_the_seats(one).await;
    bank_asks_and_the_seats_are_booked(one, other).await;
    taken_seat_is_told_in_a_sentence(other).await;
    places_without_a_label_are_sold_by_quantity(other, one).await;
}

async fn shows_the_hall(window: &Window) {
    let seats = window.eval("return document.querySelectorAll('#map [data-seat]').length").await;
    assert_eq!(seats, 800);
    window.until("#link", "Live").await;
    window.until("[data-count=available]", "800").await;
    window.until("#offers", "1,000 of 1,000").await;
    let label = window.eval("return document.querySelector('[data-seat=\"A-12\"]').getAttribute('aria-label')").await;
    assert_eq!(label, "Row A seat 12, 85 euros, available");
}

async fn keyboard_walks_and_picks(window: &Window) {
    window.eval("document.querySelector('#map [tabindex=\"0\"]').focus()").await;
    // Right, down, enter; and enter again, which lets go.
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
    one.until("#bank[open]", "€170").await;
    other.until_state("A-20", "in_process").await;
    one.click("#bank button[value=succeeded]").await;
    one.until("#checkout .ticket", "Booked and paid").await;
    other.until_state("A-20", "booked").await;
    other.until_state("A-21", "booked").await;
    other.until("[data-count=booked]", "2").await;
}

async fn taken_seat_is_told_in_a_sentence(window: &Window) {
    window.click("[data-seat='C-5']").await;
    window.click("[data-seat='C-6']").await;
    window.until("#checkout", "2 seats").await;
    // While this request is waited for, the page can't hear from the stream that the seat is gone.
    // So what it does next is what a buyer does who is a moment too late.
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

// --- Browser ----------------------------------------------------------------------------------

struct Window {
    page: Client,
}

impl Window {
    async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
        self.page.wait().at_most(PATIENCE).for_element(Locator::Css("#map [data-seat]")).await.unwrap();
    }

    async fn eval(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    async fn click(&self, css: &str) {
        self.page.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    /// Waits until what `css` finds says `text`.
    async fn until(&self, css: &str, text: &str) {
        let script = "return document.querySelector(arguments[0])?.innerText ?? null";
        self.wait_for(script, css, |found| found.as_str().is_some_and(|found| found.contains(text)), text).await;
    }

    /// Waits until a seat is drawn in a state.
    async fn until_state(&self, seat: &str, state: &str) {
        let script = "return document.querySelector(`[data-seat='${arguments[0]}']`)?.dataset.state ?? null";
        self.wait_for(script, seat, |found| found == state, state).await;
    }

    async fn wait_for(&self, script: &str, what: &str, fits: impl Fn(&Value) -> bool, wanted: &str) {
        let begin = Instant::now();
        loop {
            let found = self.page.execute(script, vec![json!(what)]).await.unwrap();
            if fits(&found) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "`{what}` should be or say `{wanted}`, but: {found}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// The driver and two windows that know nothing of each other; nothing where there is no browser.
async fn two_windows() -> Option<(Child, Window, Window)> {
    let started =
        Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    let mut driver = match started {
        Ok(driver) => driver,
        Err(error) => return no_browser(&format!("chromedriver: {error}")),
    };
    let port = said(driver.stdout.take().unwrap(), "successfully on port ").await;
    let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
    let one = match session(&url).await {
        Ok(window) => window,
        Err(error) => return no_browser(&error),
    };
    let other = session(&url).await.unwrap();
    Some((driver, one, other))
}

fn no_browser<T>(why: &str) -> Option<T> {
    let missing = "a browser: install chromium and chromedriver";
    eprintln!("no browser: {why}");
    lastseat_testkit::skipped::skip(missing, "LASTSEAT_REQUIRE_BROWSER");
    None
}

async fn session(driver: &str) -> Result<Window, String> {
    let options = json!({
        "args": [
            "--headless=new", "--window-size=1280,900", "--lang=en-GB", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            // Containers run tests as root, where the sandbox does not start. It opens our own page only.
            "--no-sandbox",
        ],
        "prefs": {"intl.accept_languages": "en-GB"},
    });
    let capabilities = Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)]);
    let page = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(driver).await;
    page.map(|page| Window { page }).map_err(|error| error.to_string())
}

// --- Server -----------------------------------------------------------------------------------

struct Server {
    url: String,
    _process: Child,
    _data: TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_lastseat"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(data.path())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = said(process.stdout.take().unwrap(), "Seat map").await;
        Self { url: url.trim().to_owned(), _process: process, _data: data }
    }
}

/// Reads on until a line has `mark`, and returns what follows it there. Goes on reading after that:
/// who writes to a closed pipe gets an error.
async fn said(output: impl AsyncRead + Unpin + Send + 'static, mark: &str) -> String {
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time").unwrap();
        let line = line.unwrap_or_else(|| panic!("it ended without saying `{mark}`"));
        if let Some((_, rest)) = line.split_once(mark) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return rest.to_owned();
        }
    }
}
