//! The page that links in mails lead to.

use crate::server::Server;
use crate::window::{PATIENCE, Size, Window, in_windows};
use fantoccini::Locator;
use serde_json::json;
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse battery staple";

/// The newest link for this in a mail.
async fn link(server: &Server, purpose: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let start = format!("{}/account#{purpose}=", server.url);
        let mails = server.mails();
        let found = mails.iter().rev().flat_map(|mail| mail.lines()).find(|line| line.starts_with(&start));
        if let Some(link) = found {
            return link.to_owned();
        }
        assert!(Instant::now() < until, "no link to {purpose} in {mails:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn fill(window: &Window, css: &str, text: &str) {
    let field = window.page.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

#[tokio::test]
async fn links_from_mails_confirm_an_address_and_replace_a_password() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        window.page.goto(&format!("{}/account", server.url)).await.unwrap();
        window.until("main", "Have you forgotten your password?").await;
        let ann = json!({"email": "ann@example.org", "password": PASSWORD});
        assert_eq!(window.request("POST", "/v1/accounts", None, ann).await.0, 202);

        window.page.goto(&link(&server, "verify").await).await.unwrap();
        window.until("main", "confirm that the e-mail address is yours").await;
        // The secret is out of the address.
        window.until_eval("return location.hash", json!("#verify")).await;
        fill(window, "#verify input", "a wrong password").await;
        window.click("#verify button").await;
        window.until("#outcome", "is wrong").await;
        fill(window, "#verify input", PASSWORD).await;
        window.click("#verify button").await;
        window.until("#outcome", "The address is confirmed.").await;

        window.page.goto(&format!("{}/account#forgot", server.url)).await.unwrap();
        fill(window, "#forgot input", "ann@example.org").await;
        window.click("#forgot button").await;
        window.until("#outcome", "a mail is on its way").await;
        let link = link(&server, "reset").await;
        window.page.goto(&link).await.unwrap();
        window.until_eval("return location.hash", json!("#reset")).await;
        fill(window, "#reset [name=password]", "four other random words").await;
        fill(window, "#reset [name=again]", "four other random word").await;
        window.click("#reset button").await;
        window.until("#outcome", "The two passwords differ.").await;
        fill(window, "#reset [name=again]", "four other random words").await;
        window.click("#reset button").await;
        window.until("#outcome", "The password is changed.").await;
        let ann = json!({"email": "ann@example.org", "password": "four other random words"});
        let (status, session) = window.request("POST", "/v1/sessions", None, ann).await;
        assert_eq!((status, &session["account"]["verified"]), (201, &json!(true)));

        // A link works once; the page leads to the next.
        window.page.goto("about:blank").await.unwrap();
        window.page.goto(&link).await.unwrap();
        fill(window, "#reset [name=password]", "four other random words").await;
        fill(window, "#reset [name=again]", "four other random words").await;
        window.click("#reset button").await;
        window.until("#outcome", "This link does not work").await;
        window.click("#elsewhere a").await;
        window.until("main", "Have you forgotten your password?").await;
        window.until_eval("return document.documentElement.scrollWidth <= innerWidth", json!(true)).await;
    })
    .await;
}
