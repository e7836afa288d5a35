//! The auditor's page: a sale at any moment of it, and a booking's chain of events.

use crate::server::Server;
use crate::window::{Size, in_windows};
use serde_json::{Value, json};

#[tokio::test]
async fn an_auditor_goes_back_in_time_and_follows_a_booking() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        let mut bookings = Vec::new();
        for seat in ["A-1", "A-2"] {
            let held = window.request("POST", "/v1/shows/demo/bookings", Some(&admin), json!({ "seats": [seat] })).await.1;
            let booking = held["id"].as_str().unwrap().to_owned();
            let pay = format!("/v1/bookings/{booking}/payment");
            assert_eq!(window.request("POST", &pay, Some(&admin), json!({"payment_method": "pm_card_visa"})).await.0, 200);
            bookings.push(booking);
        }
        // Bought from a block, and given back to it: not for sale.
        let block = json!({"seats": ["H-1"], "reason": "Sponsor", "channel": "till"});
        assert_eq!(window.request("POST", "/v1/shows/demo/blocks", Some(&admin), block).await.0, 201);
        let held =
            window.request("POST", "/v1/shows/demo/bookings", Some(&admin), json!({"seats": ["H-1"], "channel": "till"})).await.1;
        assert_eq!(
            window
                .request("DELETE", &format!("/v1/bookings/{}", held["id"].as_str().unwrap()), Some(&admin), Value::Null)
                .await
                .0,
            200
        );
        let refund = format!("/v1/bookings/{}/refund", bookings[0]);
        assert_eq!(window.request("POST", &refund, Some(&admin), Value::Null).await.0, 200);
        // The live map and the history's end agree.
        window.until_state("A-1", "available").await;

        window.sign_in(&format!("{}/audit#show=demo", server.url), &admin).await;
        window.until_state("A-1", "available").await;
        window.until_state("A-2", "booked").await;
        window.until_state("H-1", "unavailable").await;
        window.until(".counts", "1 sold").await;
        // A-1 is freed last.
        window.until(".what", "Seat given back").await;
        window.until("#agreement", "agree on every seat").await;
        window.click("[data-act=back]").await;
        window.until_state("A-1", "booked").await;
        window.until(".counts", "2 sold").await;
        window.click("[data-act=first]").await;
        window.until_state("A-1", "available").await;
        window.until_state("A-2", "available").await;
        window.until(".what", "Nothing yet").await;
        window.click("[data-act=forward]").await;
        window.until(".what", "Show put on sale").await;
        window.click("[data-act=forward]").await;
        window.until_state("A-1", "locked").await;
        window.until(".what", "Seat held").await;
        // The server reads its log up to there, and comes to the same.
        let position = window.eval("return document.querySelector('.what .hint').innerText.match(/#(\\d+)/)[1]").await;
        window.click("[data-act=compare]").await;
        window.until("#agreement", &format!("agree on every seat at position {}.", position.as_str().unwrap())).await;
        window.click(".what button").await;
        window.until(".timeline", "Money returned").await;
        window.until(".timeline", "Booking confirmed").await;
        window.until(".timeline", "follows from #").await;

        // The server proves its log, and the page says what it came to.
        window.click("[data-act=verify]").await;
        window.until("main", "No violation: every guarantee holds in this log.").await;
        window.until("main", "Guarantee by guarantee").await;

        // A link leads to the same moment.
        let kept = "return location.hash.endsWith('at=' + document.querySelector('.what .hint').innerText.match(/#(\\d+)/)[1])";
        window.until_eval(kept, json!(true)).await;
        let link = window.eval("return location.href").await;
        window.page.goto("about:blank").await.unwrap();
        window.page.goto(link.as_str().unwrap()).await.unwrap();
        window.until_state("A-1", "locked").await;
        window.fill("[name=booking]", "00000000-0000-4000-8000-000000000000").await;
        window.click("form:has([name=booking]) button").await;
        window.until(".panel:has([name=booking]) .notice", "There is no event of this booking").await;
    })
    .await;
}
