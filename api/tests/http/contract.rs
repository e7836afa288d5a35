//! The table of operations, kept: what goes well, and what the rules refuse.

use crate::common;

use common::start_for_test;
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::{Value, json};

#[tokio::test]
async fn shows_are_scheduled_listed_paused_and_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for title in ["Beta", "Alpha"] {
        let mut body = common::demo();
        body.as_object_mut().unwrap().remove("id");
        body["title"] = json!(title);
        let first = server.post("/v1/shows").admin(&server).json(&body).send().await;
        assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
        assert_eq!(first.header("location"), format!("/v1/shows/{}", title.to_lowercase()));
        let again = server.post("/v1/shows").admin(&server).json(&body).send().await;
        assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    }
    let page = server.get("/v1/shows?limit=2").send().await.json();
    let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|show| show["id"].as_str().unwrap()).collect();
    assert_eq!((ids, &page["has_more"]), (vec!["alpha", "beta"], &json!(true)));
    let page = server.get("/v1/shows?limit=2&starting_after=beta").send().await.json();
    assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&json!("demo"), &json!(false)));

    let show = server.get("/v1/shows/alpha").send().await.json();
    assert_eq!(
        (&show["status"], &show["hold_seconds"], &show["max_seats_per_booking"]),
        (&json!("on_sale"), &json!(600), &json!(10))
    );
    assert_eq!(show["rewards"], common::demo()["rewards"]);

    for (step, status, refusal) in [
        ("pause", "paused", Some((403, "sales_paused"))),
        ("resume", "on_sale", None),
        ("cancel", "cancelled", Some((410, "show_cancelled"))),
    ] {
        let reply = server.post(&format!("/v1/shows/alpha/{step}")).admin(&server).send().await;
        assert_eq!((reply.status, reply.text("status")), (StatusCode::OK, status.to_owned()));
        let hold = server.post("/v1/shows/alpha/bookings").json(json!({"seats": ["A-1"]})).send().await;
        match refusal {
            Some((status, code)) => {
                hold.is(status, code);
            }
            None => assert_eq!(hold.status, StatusCode::CREATED),
        }
    }
    server.post("/v1/shows/alpha/resume").admin(&server).send().await.is(410, "show_cancelled");
    server.stop().await;
}

#[tokio::test]
async fn a_booking_goes_from_hold_to_refund() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let held = server.post("/v1/shows/demo/bookings").json(json!({"seats": ["A-2", "A-1", "A-3"]})).bearer(&anna).send().await;
    assert_eq!(held.status, StatusCode::CREATED, "{held:?}");
    let booking = held.json();
    let id = held.text("id");
    assert_eq!(held.header("location"), format!("/v1/bookings/{id}"));
    assert_eq!((&booking["show"], &booking["status"], &booking["extended"]), (&json!("demo"), &json!("held"), &json!(false)));
    assert_eq!(booking["amount"], json!({"value": 13_500, "currency": "EUR"}));
    assert_eq!(
        booking["seats"],
        json!([{"seat": "A-1", "price": 4500}, {"seat": "A-2", "price": 4500}, {"seat": "A-3", "price": 4500}])
    );
    assert!(held.text("token").starts_with("bt_") && held.text("expires_at").contains('T'));

    let taken = server.post("/v1/shows/demo/bookings").json(json!({"seats": ["A-1"]})).send().await;
    let taken = taken.is(409, "seat_unavailable").json();
    assert_eq!((&taken["seat"], &taken["state"]), (&json!("A-1"), &json!("locked")));
    assert!(taken["free_at"].is_string());

    let path = format!("/v1/bookings/{id}");
    let seen = server.get(&path).bearer(&anna).send().await.json();
    assert!(seen["token"].is_null() && seen["payment"].is_null());
    let extended = server.post(&format!("{path}/extend")).bearer(&anna).send().await.json();
    assert_eq!(extended["extended"], true);
    assert!(extended["expires_at"].as_str() > booking["expires_at"].as_str());
    server.post(&format!("{path}/extend")).bearer(&anna).send().await.is(409, "already_extended");
    server.post(&format!("{path}/refund")).admin(&server).send().await.is(409, "not_confirmed");

    let pay = |method: &str| server.post(&format!("{path}/payment")).json(json!({"payment_method": method})).bearer(&anna);
    let declined = pay("pm_card_chargeDeclined").send().await;
    assert_eq!(declined.is(402, "payment_declined").json()["decline_code"], "card_declined");
    let seen = server.get(&path).bearer(&anna).send().await.json();
    assert_eq!(
        (&seen["status"], &seen["payment"]["attempts"], &seen["payment"]["last_decline"]),
        (&json!("held"), &json!(1), &json!("card_declined"))
    );

    let paid = pay("pm_card_visa").send().await;
    assert_eq!((paid.status, paid.text("status")), (StatusCode::OK, "confirmed".to_owned()), "{paid:?}");
    server.call("DELETE", &path).bearer(&anna).send().await.is(409, "already_confirmed");

    let mine = server.get("/v1/me/bookings").bearer(&anna).send().await.json();
    assert_eq!(
        (&mine["data"][0]["id"], &mine["data"][0]["status"], &mine["has_more"]),
        (&json!(id), &json!("confirmed"), &json!(false))
    );

    let voucher = voucher_of(&server, &anna).await;
    let redeem = format!("/v1/me/rewards/{voucher}/redeem");
    assert_eq!(server.post(&redeem).bearer(&anna).send().await.text("state"), "redeemed");
    server.post(&redeem).bearer(&anna).send().await.is(409, "voucher_redeemed");

    server.post(&format!("{path}/refund")).bearer(&anna).send().await.is(403, "forbidden");
    for _ in 0..2 {
        let refunded = server.post(&format!("{path}/refund")).admin(&server).send().await;
        assert_eq!((refunded.status, refunded.text("status")), (StatusCode::OK, "refunded".to_owned()), "{refunded:?}");
    }
    let sales = server.get("/v1/shows/demo/sales").admin(&server).send().await.json();
    assert_eq!((&sales["captured"]["value"], &sales["refunded"]["value"]), (&json!(13_500), &json!(13_500)));
    server.stop().await;
}

/// Rewards follow by themselves, a moment later.
async fn voucher_of(server: &common::TestServer, token: &str) -> String {
    for _ in 0..100 {
        let rewards = server.get("/v1/me/rewards").bearer(token).send().await.json();
        if let Some(voucher) = rewards["vouchers"][0]["voucher"].as_str() {
            assert_eq!((&rewards["seats"], &rewards["points"]), (&json!(3), &json!(30)));
            return voucher.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no voucher")
}

#[tokio::test]
async fn a_bank_may_ask_the_buyer_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"area": "floor", "quantity": 2})).await;
    let (id, token) = (held.text("id"), held.text("token"));
    let pay = |body: Value| server.post(&format!("/v1/bookings/{id}/payment")).json(body).bearer(&token);
    let asked = pay(json!({"payment_method": "pm_card_authenticationRequired"})).send().await;
    assert_eq!((asked.status, asked.text("status")), (StatusCode::ACCEPTED, "action_required".to_owned()), "{asked:?}");
    let action = asked.json()["next_action"].clone();
    assert_eq!(action["type"], "redirect_to_url");
    let url = action["url"].as_str().unwrap();
    let (page, intent) = url.strip_prefix("http://tickets.test").unwrap().rsplit_once('/').unwrap();
    assert_eq!(server.get(&format!("{page}/{intent}")).send().await.header("content-type"), "text/html; charset=utf-8");

    // Not yet: the same key may ask again and again.
    for _ in 0..2 {
        let waiting = pay(json!({})).key("go-on").send().await;
        assert_eq!((waiting.status, waiting.header("idempotent-replayed")), (StatusCode::ACCEPTED, ""), "{waiting:?}");
    }
    let seen = server.get(&format!("/v1/bookings/{id}")).bearer(&token).send().await.json();
    assert_eq!(seen["next_action"], action);

    let bank = format!("/v1/sandbox/intents/{intent}/authenticate");
    server.post(&bank).json(json!({"outcome": "perhaps"})).send().await.is(422, "invalid_request");
    server
        .post("/v1/sandbox/intents/pi_nothing/authenticate")
        .json(json!({"outcome": "failed"}))
        .send()
        .await
        .is(409, "sandbox_refused");
    assert_eq!(server.post(&bank).json(json!({"outcome": "succeeded"})).send().await.status, StatusCode::OK);
    let paid = pay(json!({})).key("go-on").send().await;
    assert_eq!((paid.status, paid.text("status")), (StatusCode::OK, "confirmed".to_owned()), "{paid:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_banks_page_leads_back_to_a_page_of_the_shop_and_to_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = common::start_for_origins(dir.path(), "https://shop.example").await;
    let held = server.hold(json!({"seats": ["A-1"]})).await;
    let (id, token) = (held.text("id"), held.text("token"));
    let pay = |body: Value| server.post(&format!("/v1/bookings/{id}/payment")).json(body).bearer(&token).send();
    let with = |url: &str| pay(json!({"payment_method": "pm_card_authenticationRequired", "return_url": url}));
    for bad in [
        "https://shop.example.evil.example/",
        "http://shop.example/",
        "//shop.example/",
        "/thanks",
        "https://shop.example@evil.example/",
    ] {
        with(bad).await.is(422, "invalid_return_url");
    }
    pay(json!({"return_url": "https://shop.example/"})).await.is(422, "invalid_return_url");
    assert_eq!(server.get(&format!("/v1/bookings/{id}")).bearer(&token).send().await.text("status"), "held");

    let page = "https://shop.example/thanks?order=4711";
    let asked = with(page).await;
    assert_eq!(asked.text("status"), "action_required", "{asked:?}");
    let action = asked.json()["next_action"].clone();
    let intent = action["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(with(page).await.json()["next_action"], action, "the same again is the same attempt");
    let decide = |outcome: &str| {
        server.post(&format!("/v1/sandbox/intents/{intent}/authenticate")).json(json!({"outcome": outcome})).send()
    };
    assert_eq!(decide("succeeded").await.text("return_url"), page);
    assert_eq!(pay(json!({})).await.text("status"), "confirmed");

    // This server's own pages need no list, and a payment that names no page has none.
    let other = server.hold(json!({"seats": ["A-3"]})).await;
    let pay = |body: Value| {
        server.post(&format!("/v1/bookings/{}/payment", other.text("id"))).json(body).bearer(&other.text("token")).send()
    };
    let own = pay(json!({"payment_method": "pm_card_chargeDeclined", "return_url": "http://tickets.test/?booking=1"})).await;
    own.is(402, "payment_declined");
    let asked = pay(json!({"payment_method": "pm_card_authenticationRequired"})).await.json();
    let intent = asked["next_action"]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let bank = server.post(&format!("/v1/sandbox/intents/{intent}/authenticate")).json(json!({"outcome": "failed"})).send().await;
    assert_eq!(bank.json().get("return_url"), None);
    server.stop().await;
}

#[tokio::test]
async fn a_booking_is_its_buyers_and_anothers_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let (anna, ben) = (server.token("anna", Role::Buyer), server.token("ben", Role::Buyer));
    let of_anna = server.post("/v1/shows/demo/bookings").json(json!({"seats": ["A-1"]})).bearer(&anna).send().await;
    let of_guest = server.hold(json!({"seats": ["A-2"]})).await;
    let path = |reply: &common::Reply| format!("/v1/bookings/{}", reply.text("id"));
    let (annas, guests) = (path(&of_anna), path(&of_guest));

    for stranger in [&ben, &of_guest.text("token")] {
        server.get(&annas).bearer(stranger).send().await.is(404, "booking_not_found");
        server.call("DELETE", &annas).bearer(stranger).send().await.is(404, "booking_not_found");
        server.post(&format!("{annas}/extend")).bearer(stranger).send().await.is(404, "booking_not_found");
        let body = json!({"payment_method": "pm_card_visa"});
        server.post(&format!("{annas}/payment")).json(body).bearer(stranger).send().await.is(404, "booking_not_found");
    }
    server.get(&guests).bearer(&anna).send().await.is(404, "booking_not_found");
    // An admin sees, extends and cancels, and pays for nobody.
    assert_eq!(server.get(&guests).admin(&server).send().await.status, StatusCode::OK);
    server.post(&format!("{guests}/payment")).json("{}").admin(&server).send().await.is(404, "booking_not_found");

    let extended = server.post(&format!("{guests}/extend")).admin(&server).send().await;
    assert_eq!((extended.status, extended.json()["extended"].as_bool()), (StatusCode::OK, Some(true)));

    for _ in 0..2 {
        let cancelled = server.call("DELETE", &annas).admin(&server).send().await;
        assert_eq!(
            (cancelled.status, cancelled.text("status"), cancelled.text("reason")),
            (StatusCode::OK, "aborted".into(), "cancelled".into())
        );
    }
    server.post(&format!("{annas}/extend")).bearer(&anna).send().await.is(410, "booking_over");
    server.hold(json!({"seats": ["A-1"]})).await;
    server.stop().await;
}

#[tokio::test]
async fn guests_are_let_in_only_where_they_are_welcome() {
    let dir = tempfile::tempdir().unwrap();
    let server = common::start_with(dir.path(), false).await;
    let hold = || server.post("/v1/shows/demo/bookings").json(json!({"seats": ["A-1"]}));
    let reply = hold().send().await;
    reply.is(401, "authentication_required");
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"lastseat\"");
    hold().bearer(&server.token("ada", Role::Auditor)).send().await.is(403, "forbidden");
    assert_eq!(hold().bearer(&server.token("anna", Role::Buyer)).send().await.status, StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn what_is_sold_out_says_so_and_what_is_too_little_says_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let hold = |body: Value| server.post("/v1/shows/demo/bookings").json(body).send();
    let best = server.hold(json!({"best_available": {"quantity": 3, "category": "stalls"}})).await.json();
    assert_eq!(best["seats"].as_array().unwrap().len(), 3);
    server.hold(json!({"area": "floor", "quantity": 10})).await;
    server.hold(json!({"area": "floor", "quantity": 8})).await;
    let few = hold(json!({"area": "floor", "quantity": 3})).await;
    assert_eq!(few.is(409, "seat_unavailable").json()["available"], 2);
    server.hold(json!({"area": "floor", "quantity": 2})).await;
    let none = hold(json!({"area": "floor", "quantity": 1})).await;
    assert!(none.is(410, "sold_out").json()["free_at"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn the_server_describes_itself() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    assert_eq!(server.get("/health/live").send().await.text("status"), "ok");
    let ready = server.get("/health/ready").send().await;
    assert_eq!((ready.status, ready.text("status")), (StatusCode::OK, "ok".to_owned()), "{ready:?}");
    server.post("/v1/shows/demo/bookings").json("{}").send().await;
    let metrics = server.get("/metrics").send().await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("lastseat_commands_total{command=\"hold\",outcome=\"invalid_request\"} 1"), "{text}");
    assert!(server.get("/openapi.json").send().await.json()["paths"].as_object().unwrap().len() > 15);
    for path in ["/docs", "/docs/"] {
        let docs = server.get(path).send().await;
        assert_eq!((docs.status, docs.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
        // It works without a network: everything that it names is served here.
        let text = String::from_utf8(docs.body.to_vec()).unwrap();
        for named in text.split(['"', ' ']).filter(|word| word.starts_with('/') && word.len() > 1 && !word.starts_with("/>")) {
            assert_eq!(server.get(named).send().await.status, StatusCode::OK, "{named}");
        }
        assert!(!text.contains("http://") && !text.contains("https://"));
    }
    assert_eq!(server.get("/problems/sold_out").send().await.status, StatusCode::OK);
    let page = server.get("/").send().await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let again = server.get("/").header("if-none-match", page.header("etag")).send().await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    server.get("/assets/nothing.js").send().await.is(404, "unknown_route");
    server.get("/assets/..%2f..%2fCargo.toml").send().await.is(404, "unknown_route");
    server.stop().await;
}
