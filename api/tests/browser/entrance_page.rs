//! The page of the entrance: with the server, and without it.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

impl Window {
    pub async fn scan(&self, code: &str) {
        self.fill("[name=code]", code).await;
        self.click("form button.primary").await;
    }

    async fn text(&self, css: &str) -> String {
        let text = self.eval(&format!("return document.querySelector('{css}')?.innerText ?? ''")).await;
        text.as_str().unwrap().to_owned()
    }
}

/// Sells these seats, and returns the booking's path and the codes of its tickets.
pub async fn sold(window: &Window, admin: &str, seats: &[&str]) -> (String, Vec<String>) {
    let held = window.request("POST", "/v1/shows/demo/bookings", Some(admin), json!({ "seats": seats })).await.1;
    let path = format!("/v1/bookings/{}", held["id"].as_str().unwrap());
    let paid = window.request("POST", &format!("{path}/payment"), Some(admin), json!({"payment_method": "pm_card_visa"})).await;
    assert_eq!(paid.0, 200, "{paid:?}");
    let tickets = window.request("GET", &format!("{path}/tickets"), Some(admin), Value::Null).await.1;
    let codes = tickets["tickets"].as_array().unwrap().iter().map(|ticket| ticket["ticket"].as_str().unwrap().to_owned());
    (path, codes.collect())
}

#[tokio::test]
async fn a_ticket_admits_once_and_void_forged_and_foreign_ones_never() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/entrance", server.url), &admin).await;
        window.until(".page .badge", "Online").await;
        let (path, codes) = sold(window, &admin, &["A-1", "A-2"]).await;
        window.scan(&codes[0].to_lowercase()).await;
        window.until(".verdict", "Come in").await;
        window.until(".verdict", "Row A seat 1").await;
        window.scan(&codes[0]).await;
        window.until(".verdict", "Somebody is inside with this ticket").await;
        window.click("[value=exit]").await;
        window.scan(&codes[0]).await;
        window.until(".verdict", "Goodbye").await;
        window.click("[value=entry]").await;
        window.scan(&codes[0]).await;
        window.until(".verdict", "Entry 2").await;
        let reissued = window.request("POST", &format!("{path}/tickets/A-2/reissue"), Some(&admin), Value::Null).await;
        assert_eq!(reissued.0, 200, "{reissued:?}");
        window.scan(&codes[1]).await;
        window.until(".verdict", "This ticket was replaced by another").await;
        let (start, end) = codes[1].split_at(60);
        let other = if end.starts_with('A') { "B" } else { "A" };
        window.scan(&format!("{start}{other}{}", &end[1..])).await;
        window.until(".verdict", "Forged").await;
        window.scan("https://tickets.example/17").await;
        window.until(".verdict", "This is no ticket").await;
        let report = window.request("GET", "/v1/shows/demo/checkins", Some(&admin), Value::Null).await.1;
        assert_eq!((&report["entries"], &report["exits"], &report["inside"]), (&json!(2), &json!(1), &json!(1)), "{report}");
    })
    .await;
}

/// The code as the server draws it, read by what the browser has for that or by what the page brings along.
#[tokio::test]
async fn a_picture_of_a_ticket_is_read() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/entrance", server.url), &admin).await;
        window.until(".page .badge", "Online").await;
        let (path, _) = sold(window, &admin, &["C-7"]).await;
        // As if the person had chosen a file.
        let choose = "
            const [address, token, type] = arguments;
            return (async () => {
                const answer = await fetch(address, { headers: { authorization: `Bearer ${token}`, accept: type } });
                const files = new DataTransfer();
                files.items.add(new File([await answer.blob()], 'picture', { type }));
                const input = document.querySelector('input[type=file]');
                input.files = files.files;
                input.dispatchEvent(new Event('change'));
            })()";
        let choose = async |address: &str, kind: &str| {
            let arguments = vec![address.into(), admin.as_str().into(), kind.into()];
            window.page.execute(choose, arguments).await.unwrap();
        };
        choose(&format!("{path}/tickets/C-7"), "image/png").await;
        window.until(".verdict", "Come in").await;
        window.until(".verdict", "Row C seat 7").await;
        choose("/assets/favicon.svg", "image/svg+xml").await;
        window.until(".verdict", "There is no code in this picture").await;
    })
    .await;
}

/// Two devices without a server admit the same ticket: nobody can prevent that, and nobody may lose it.
#[tokio::test]
async fn without_the_server_each_device_admits_once_and_what_they_did_is_sent_later() {
    in_windows(Size::Phone, async |[one, other]| {
        let mut server = Server::start().await;
        let admin = server.admin().await;
        // A page of the server, to ask it from.
        one.open(&server.url).await;
        let (_, codes) = sold(one, &admin, &["B-1", "B-2"]).await;
        for window in [one, other] {
            window.sign_in(&format!("{}/entrance", server.url), &admin).await;
            window.until("[role=status]:not(.badge)", "2 tickets, as of").await;
            // The page is kept for later.
            window
                .until_eval(
                    "return caches.open('lastseat-entrance').then(async (c) => (await c.keys()).length > 10)",
                    json!(true),
                )
                .await;
        }
        server.kill().await;
        one.scan(&codes[0]).await;
        one.until(".verdict", "Come in").await;
        one.until(".verdict", "By the list of this device").await;
        one.scan(&codes[0]).await;
        one.until(".verdict", "Somebody is inside with this ticket").await;
        other.scan(&codes[0]).await;
        other.until(".verdict", "Come in").await;
        // The browser itself is closed and opened again, as far as the page can tell.
        one.eval("location.reload()").await;
        one.until(".page .badge", "Offline").await;
        one.until(".unsent", "1 scan to send").await;
        one.scan(&codes[0]).await;
        one.until(".verdict", "Somebody is inside with this ticket").await;

        server.start_again().await;
        for window in [one, other] {
            window.until(".page .badge", "Online").await;
            window.until_eval("return document.querySelector('.unsent') === null", json!(true)).await;
        }
        let report = one.request("GET", "/v1/shows/demo/checkins", Some(&admin), Value::Null).await.1;
        assert_eq!(
            (&report["entries"], &report["offline"], &report["double_entries"]),
            (&json!(2), &json!(2), &json!(1)),
            "{report}"
        );
        // The device that sent its scan later has learned of the other one.
        let found = [one.text(".entrance").await, other.text(".entrance").await];
        assert_eq!(found.iter().filter(|text| text.contains("Second entry with this ticket")).count(), 1, "{found:?}");
    })
    .await;
}
