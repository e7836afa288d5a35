//! Browser windows, by chromedriver.

use crate::server::find_line;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use futures::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The limit of each wait. Far more than a page needs: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Width and height of the windows of a test.
#[derive(Clone, Copy)]
pub enum Size {
    Desktop,
    /// 390 × 844, as a phone shows it.
    Phone,
    /// 375 × 667, likewise.
    SmallPhone,
}

/// Runs `test` in `N` windows with separate storage, or prints that it is skipped.
pub async fn in_windows<const N: usize>(size: Size, test: impl AsyncFnOnce([&Window; N])) {
    in_windows_with(size, &[], test).await;
}

/// Likewise, with more flags of the browser.
pub async fn in_windows_with<const N: usize>(size: Size, flags: &[String], test: impl AsyncFnOnce([&Window; N])) {
    let Some((_driver, windows)) = open_windows::<N>(size, flags).await else { return };
    let outcome = AssertUnwindSafe(test(windows.each_ref())).catch_unwind().await;
    // A session that is left open would leave its browser running.
    for window in windows {
        window.page.close().await.unwrap();
    }
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

pub struct Window {
    pub page: Client,
}

impl Window {
    /// Opens a page and waits for its seat map.
    pub async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
        self.page.wait().at_most(PATIENCE).for_element(Locator::Css("#map [data-seat]")).await.unwrap();
    }

    pub async fn eval(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    /// Opens a show's page, picks a seat and holds it.
    pub async fn open_and_hold(&self, url: &str, seat: &str) {
        self.open(url).await;
        self.until("#link", "Live").await;
        self.click(&format!("[data-seat='{seat}']")).await;
        self.click("[data-act=hold]").await;
        self.until("#checkout", "1 seat held").await;
    }

    /// Clicks, once the element is in view and nothing covers it: a page that was just drawn may still
    /// be scrolling.
    pub async fn click(&self, css: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let element = self.page.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap();
            let script = "document.querySelector(arguments[0])?.scrollIntoView({ block: 'center', behavior: 'instant' })";
            self.page.execute(script, vec![css.into()]).await.unwrap();
            match element.click().await {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < until, "{css} can't be clicked: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sends a key to the element that has the focus.
    pub async fn press(&self, key: &str) {
        self.page.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    /// Waits until the text of the element that `css` selects contains `text`.
    pub async fn until(&self, css: &str, text: &str) {
        let script = "return document.querySelector(arguments[0])?.innerText ?? null";
        self.wait_for(script, css, |found| found.as_str().is_some_and(|found| found.contains(text)), text).await;
    }

    /// Waits until a seat is drawn in a state.
    pub async fn until_state(&self, seat: &str, state: &str) {
        let script = "return document.querySelector(`[data-seat='${arguments[0]}']`)?.dataset.state ?? null";
        self.wait_for(script, seat, |found| found == state, state).await;
    }

    /// Waits until the element with the focus is, or has the text, `expected`.
    pub async fn until_focus(&self, expected: &str) {
        let script = "const e = document.activeElement;
            return [e.dataset.key, e.dataset.seat, e.innerText, e.tagName].filter(Boolean).join(' | ')";
        let fits = |found: &Value| found.as_str().is_some_and(|found| found.contains(expected));
        self.wait_for(script, "the element with the focus", fits, expected).await;
    }

    /// Waits until a script returns `expected`.
    pub async fn until_eval(&self, script: &str, expected: Value) {
        self.wait_for(script, script, |found| *found == expected, &expected.to_string()).await;
    }

    /// Sends a request from the page and returns the status and the body.
    pub async fn request(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> (u64, Value) {
        let script = r#"
            const [method, path, token, body] = arguments;
            const request = new XMLHttpRequest();
            request.open(method, path, false);
            request.setRequestHeader("content-type", "application/json");
            if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
            request.send(body ? JSON.stringify(body) : null);
            return [request.status, JSON.parse(request.responseText)]"#;
        let answer = self.page.execute(script, vec![json!(method), json!(path), json!(token), body]).await.unwrap();
        (answer[0].as_u64().unwrap(), answer[1].clone())
    }

    async fn wait_for(&self, script: &str, what: &str, fits: impl Fn(&Value) -> bool, expected: &str) {
        let begin = Instant::now();
        loop {
            let found = self.page.execute(script, vec![json!(what)]).await.unwrap();
            if fits(&found) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "`{what}` should be or contain `{expected}`, but: {found}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// Starts chromedriver. It looks for a port that is free under IPv4, takes the same under IPv6, and ends if another program has that one.
async fn start_driver() -> Result<(Child, String), String> {
    for _ in 0..5 {
        let mut chromedriver = Command::new("chromedriver");
        chromedriver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = chromedriver.spawn().map_err(|error| format!("chromedriver: {error}"))?;
        if let Some(port) = find_line(driver.stdout.take().unwrap(), "successfully on port ").await {
            return Ok((driver, format!("http://127.0.0.1:{}", port.trim_end_matches('.'))));
        }
    }
    Err("chromedriver ended five times without a port".to_owned())
}

async fn open_windows<const N: usize>(size: Size, flags: &[String]) -> Option<(Child, [Window; N])> {
    let (driver, url) = match start_driver().await {
        Ok(started) => started,
        Err(error) => return no_browser(&error),
    };
    let mut windows = Vec::new();
    for _ in 0..N {
        match session(&url, size, flags).await {
            Ok(window) => windows.push(window),
            Err(error) => return no_browser(&error),
        }
    }
    windows.try_into().ok().map(|windows| (driver, windows))
}

fn no_browser<T>(why: &str) -> Option<T> {
    eprintln!("no browser: {why}");
    lastseat_testkit::skipped::skip("a browser: install chromium and chromedriver", "LASTSEAT_REQUIRE_BROWSER");
    None
}

async fn session(driver: &str, size: Size, flags: &[String]) -> Result<Window, String> {
    let always = [
        "--headless=new",
        "--window-size=1280,900",
        "--lang=en-GB",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // What only a person at the screen uses: the pages of the address bar's pop-ups, which take as long as the page under test,
        // and a process for the next page.
        "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess",
        // Containers run tests as root, where the sandbox does not start. It opens our own page only.
        "--no-sandbox",
    ];
    let args: Vec<&str> = always.into_iter().chain(flags.iter().map(String::as_str)).collect();
    let mut options = json!({
        "args": args,
        "prefs": {"intl.accept_languages": "en-GB"},
    });
    let phone = match size {
        Size::Desktop => None,
        Size::Phone => Some((390, 844)),
        Size::SmallPhone => Some((375, 667)),
    };
    if let Some((width, height)) = phone {
        options["mobileEmulation"] = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0}});
    }
    let capabilities = Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)]);
    let page = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(driver).await;
    page.map(|page| Window { page }).map_err(|error| error.to_string())
}
