//! Vouchers that are withdrawn and campaigns that are ended, over real HTTP: who may, what it leaves, and the list.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use support::client::{Answer, Call};
use support::test_server::TestServer;
use support::{eventually, text};

fn by_manager(server: &TestServer, path: &str) -> Call {
    server.client.post(path).bearer(&server.token("mia", Role::Manager))
}

async fn issue(server: &TestServer, body: &Value) -> Value {
    by_manager(server, "/v1/vouchers").json(body).send().await.ok(201)
}

fn code_of(campaign: &Value, number: usize) -> &str {
    text(&campaign["vouchers"][number - 1], "voucher")
}

async fn apply(server: &TestServer, booking: &Value, code: &str) -> Answer {
    let path = format!("/v1/bookings/{}/voucher", text(booking, "id"));
    server.client.post(&path).bearer(text(booking, "token")).json(&json!({"voucher": code})).send().await
}

async fn withdraw(server: &TestServer, code: &str) -> Answer {
    by_manager(server, "/v1/vouchers/withdraw").json(&json!({"voucher": code, "reason": "Leaked"})).send().await
}

async fn list(server: &TestServer, query: &str) -> Value {
    let path = format!("/v1/vouchers{query}");
    server.client.get(&path).bearer(&server.token("mia", Role::Manager)).send().await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_voucher_stays_with_the_booking_that_has_it() {
    let server = TestServer::open(600).await;
    let campaign = issue(&server, &json!({"discount": {"percent": 50}, "count": 3})).await;
    let code = code_of(&campaign, 2);
    let booking = server.hold_seat("A-1").await;
    apply(&server, &booking, code).await.ok(200);
    let expected = json!({"campaign": campaign["id"], "number": 2, "used": 0, "reserved": 1});
    assert_eq!(withdraw(&server, &code.to_lowercase()).await.ok(200), expected);
    assert_eq!(withdraw(&server, code).await.ok(200), expected, "again changes nothing");
    let other = server.hold_seat("A-2").await;
    apply(&server, &other, code).await.problem(409, "voucher_withdrawn");
    server.pay(&booking, "pm_card_visa").await.ok(200);

    let path = format!("/v1/vouchers/{}", text(&campaign, "id"));
    let read = server.client.get(&path).bearer(&server.token("mia", Role::Manager)).send().await.ok(200);
    let states: Vec<_> = read["vouchers"].as_array().unwrap().iter().map(|voucher| voucher["withdrawn"].clone()).collect();
    assert_eq!(states, [false, true, false]);
    eventually("the views have counted", async || {
        let listed = list(&server, "").await["data"][0].clone();
        let counts = ["issued", "used", "reserved", "withdrawn"].map(|name| listed[name].as_u64().unwrap());
        (counts == [3, 1, 0, 1]).then_some(())
    })
    .await;
    // Once in the log, with who and why.
    let events = server.client.get("/v1/audit/events?limit=100000").bearer(&server.admin()).send().await;
    let events = String::from_utf8(events.body.to_vec()).unwrap();
    let withdrawals: Vec<&str> = events.lines().filter(|line| line.contains("VoucherWithdrawn")).collect();
    assert!(withdrawals.len() == 1 && withdrawals[0].contains(r#""by":"mia","reason":"Leaked""#), "{withdrawals:?}");
    assert!(!events.contains(code));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_campaign_leaves_no_code_to_use() {
    let server = TestServer::open(600).await;
    let campaign = issue(&server, &json!({"discount": {"percent": 50}, "count": 300})).await;
    let end = format!("/v1/vouchers/{}/end", text(&campaign, "id"));
    let kept = server.hold_seat("A-1").await;
    apply(&server, &kept, code_of(&campaign, 300)).await.ok(200);
    let ended = by_manager(&server, &end).json(&json!({"reason": "Wrong discount"})).key("end").send().await.ok(200);
    assert_eq!((text(&ended, "status"), ended.get("vouchers")), ("ended", None), "no codes");
    assert_eq!((text(&ended["end"], "by"), text(&ended["end"], "reason")), ("mia", "Wrong discount"));
    let again = by_manager(&server, &end).send().await.ok(200);
    assert_eq!(again["end"], ended["end"]);
    let server = server.restart().await;
    let other = server.hold_seat("A-2").await;
    for number in [1, 257, 300] {
        apply(&server, &other, code_of(&campaign, number)).await.problem(409, "voucher_withdrawn");
    }
    server.pay(&kept, "pm_card_visa").await.ok(200);
    let path = format!("/v1/vouchers/{}", text(&campaign, "id"));
    eventually("the views have counted", async || {
        let read = server.client.get(&path).bearer(&server.token("mia", Role::Manager)).send().await.ok(200);
        assert_eq!((text(&read, "status"), &read["vouchers"][0]["withdrawn"]), ("ended", &json!(true)));
        (read["withdrawn"] == 300 && read["used"] == 1).then_some(())
    })
    .await;
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_withdrawn_or_ended_is_refused() {
    let server = TestServer::open(600).await;
    let campaign = issue(&server, &json!({"discount": {"percent": 50}})).await;
    let (code, end) = (code_of(&campaign, 1), format!("/v1/vouchers/{}/end", text(&campaign, "id")));
    for role in [Role::Buyer, Role::Staff, Role::Auditor] {
        let token = server.token("somebody", role);
        let body = json!({"voucher": code});
        server.client.post("/v1/vouchers/withdraw").bearer(&token).json(&body).send().await.problem(403, "forbidden");
        server.client.post(&end).bearer(&token).send().await.problem(403, "forbidden");
        server.client.get("/v1/vouchers").bearer(&token).send().await.problem(403, "forbidden");
    }
    withdraw(&server, "0000-0000-0000-0000").await.problem(422, "unknown_voucher");
    withdraw(&server, "SUMMER").await.problem(422, "unknown_voucher");
    let bad = json!({"voucher": code, "reason": ""});
    by_manager(&server, "/v1/vouchers/withdraw").json(&bad).send().await.problem(422, "invalid_voucher");
    by_manager(&server, &end).json(&json!({"reason": "two\nlines"})).send().await.problem(422, "invalid_voucher");
    by_manager(&server, &end).json(&json!({"why": "Leaked"})).send().await.problem(422, "invalid_request");
    for path in ["/v1/vouchers/00000000-0000-0000-0000-000000000001/end", "/v1/vouchers/x/end"] {
        by_manager(&server, path).send().await.problem(404, "campaign_not_found");
    }
    let booking = server.hold_seat("A-1").await;
    apply(&server, &booking, code).await.ok(200);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_are_listed_newest_first_in_pages() {
    let server = TestServer::open(600).await;
    assert_eq!(list(&server, "").await, json!({"data": [], "has_more": false}));
    let mut ids = Vec::new();
    for goods in ["A drink", "A cake", "A poster"] {
        ids.insert(0, issue(&server, &json!({"discount": {"goods": goods}})).await["id"].clone());
    }
    let page = list(&server, "?limit=2").await;
    let of = |page: &Value| page["data"].as_array().unwrap().iter().map(|listed| listed["id"].clone()).collect::<Vec<_>>();
    assert_eq!((of(&page), &page["has_more"]), (ids[..2].to_vec(), &json!(true)));
    let first = &page["data"][0];
    assert_eq!(
        (text(first, "status"), &first["discount"], &first["count"]),
        ("issued", &json!({"goods": "A poster"}), &json!(1))
    );
    let next = list(&server, &format!("?limit=2&starting_after={}", text(&page["data"][1], "id"))).await;
    assert_eq!((of(&next), &next["has_more"]), (ids[2..].to_vec(), &json!(false)));
    for query in ["?limit=0", "?starting_after=x", "?starting_after=00000000-0000-0000-0000-000000000001"] {
        let call = server.client.get(&format!("/v1/vouchers{query}")).bearer(&server.admin());
        call.send().await.problem(400, "invalid_parameter");
    }
    server.close().await;
}
