//! What staff do at the box office, over real HTTP: sales at the till, transfers and exchanges.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use support::client::{Answer, Call};
use support::sse::Stream;
use support::test_server::{GALA, TestServer};
use support::{eventually, seats_of, text};

fn staff(server: &TestServer) -> String {
    server.token("stan", Role::Staff)
}

async fn hold_as(server: &TestServer, sub: &str, role: Role, body: &Value) -> Answer {
    let path = format!("/v1/shows/{GALA}/bookings");
    server.client.post(&path).bearer(&server.token(sub, role)).json(body).send().await
}

/// A booking in staff's hands, at the till.
async fn hold_at_till(server: &TestServer, body: &Value) -> Value {
    hold_as(server, "stan", Role::Staff, body).await.ok(201)
}

fn on(server: &TestServer, booking: &Value, what: &str) -> Call {
    server.client.post(&format!("/v1/bookings/{}/{what}", text(booking, "id")))
}

async fn pay_at_till(server: &TestServer, booking: &Value, payment: &str) -> Answer {
    on(server, booking, "payment").bearer(&staff(server)).json(&json!({"payment": payment})).send().await
}

async fn read(server: &TestServer, booking: &Value, token: &str) -> Answer {
    server.client.get(&format!("/v1/bookings/{}", text(booking, "id"))).bearer(token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_at_the_till_is_not_the_sellers_own() {
    let server = TestServer::open(600).await;
    let seat = |n: u32| format!("A-{n}");
    for (body, status, code) in [
        (json!({"seats": ["A-1"], "buyer": ""}), 422, "invalid_request"),
        (json!({"seats": ["A-1"], "buyer": "guest:1"}), 422, "invalid_request"),
        (json!({"seats": ["A-1"], "buyer": "anna", "channel": "sponsor"}), 422, "invalid_request"),
    ] {
        hold_as(&server, "stan", Role::Staff, &body).await.problem(status, code);
    }
    let for_anna = json!({"seats": ["A-1", "A-2"], "buyer": "anna"});
    hold_as(&server, "bob", Role::Buyer, &for_anna).await.problem(403, "forbidden");
    server.try_hold(&for_anna).await.problem(401, "authentication_required");
    let held = hold_at_till(&server, &for_anna).await;
    assert_eq!(text(&held, "channel"), "till");
    // Anna reaches it with her own token, and staff without the booking's.
    read(&server, &held, &server.token("anna", Role::Buyer)).await.ok(200);
    on(&server, &held, "extend").bearer(&staff(&server)).send().await.ok(200);
    let mine = server.client.get("/v1/me/bookings").bearer(&staff(&server)).send().await.ok(200);
    assert_eq!(mine["data"], json!([]), "nothing of it is the seller's");
    // However many the seller sells, each is a guest's own.
    for n in 3..=9 {
        let held = hold_at_till(&server, &json!({"seats": [seat(n)], "channel": "till"})).await;
        let of_guest = server.client.get(&format!("/v1/shows/{GALA}/bookings?seat={}", seat(n))).bearer(&staff(&server));
        let list = of_guest.send().await.ok(200);
        assert_eq!(list["data"][0]["buyer"], json!(format!("guest:{}", text(&held, "id"))));
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_confirm_what_is_paid_at_the_till_and_nobody_else_does() {
    let server = TestServer::open(600).await;
    let held = server.hold_seat("A-1").await;
    let payment = |token: &str| on(&server, &held, "payment").bearer(token).json(&json!({"payment": "cash"}));
    for token in [text(&held, "token").to_owned(), server.token("anna", Role::Buyer), server.token("audrey", Role::Auditor)] {
        payment(&token).send().await.problem(403, "forbidden");
    }
    on(&server, &held, "payment").json(&json!({"payment": "cash"})).send().await.problem(401, "authentication_required");
    for (body, status, code) in [
        (json!({"payment": "cheque"}), 422, "invalid_request"),
        (json!({"payment": "cash", "payment_method": "pm_card_visa"}), 422, "invalid_payment_method"),
        (json!({"payment": "cash", "confirm": "client"}), 422, "invalid_payment_method"),
    ] {
        on(&server, &held, "payment").bearer(&staff(&server)).json(&body).send().await.problem(status, code);
    }
    // Without `payment` the booking is the buyer's alone.
    let by_card = on(&server, &held, "payment").bearer(&staff(&server)).json(&json!({"payment_method": "pm_card_visa"}));
    by_card.send().await.problem(404, "booking_not_found");
    let paid = pay_at_till(&server, &held, "cash").await.ok(200);
    assert_eq!((text(&paid, "status"), &paid["payment"]["tender"]), ("confirmed", &json!("cash")));
    // Another till takes no second payment; it stays paid in cash, and the buyer's card is not charged.
    pay_at_till(&server, &held, "cash").await.problem(409, "already_confirmed");
    pay_at_till(&server, &held, "invoice").await.problem(409, "already_confirmed");
    assert_eq!(server.pay(&held, "pm_card_visa").await.ok(200)["payment"]["tender"], "cash");
    let keyed = server.hold_seat("A-9").await;
    let from =
        |key: &'static str| on(&server, &keyed, "payment").bearer(&staff(&server)).json(&json!({"payment": "cash"})).key(key);
    let first = from("till-1").send().await.ok(200);
    from("till-2").send().await.problem(409, "already_confirmed");
    // Its answer was lost: the same request again.
    assert_eq!(from("till-1").send().await.ok(200), first);
    server.refund(&keyed).await.ok(200);
    let declined = server.hold_seat("A-2").await;
    server.pay(&declined, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    pay_at_till(&server, &declined, "cash").await.problem(409, "gateway_payment_begun");
    server.cancel(&declined).await.ok(200);
    assert_eq!(text(&server.refund(&paid).await.ok(200), "status"), "refunded");
    let books = server.close().await;
    assert_eq!(books.revenue(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_takings_are_counted_by_payment_and_gifts_are_no_revenue() {
    let server = TestServer::open(600).await;
    let prices = server.map(GALA).await["areas"].clone();
    for (seat, payment) in [("A-1", "cash"), ("A-2", "cash"), ("A-3", "invoice"), ("A-4", "complimentary")] {
        let held = hold_at_till(&server, &json!({"seats": [seat], "channel": "till", "reference": payment})).await;
        let paid = pay_at_till(&server, &held, payment).await.ok(200);
        let free = payment == "complimentary";
        assert_eq!(paid["amount"]["value"] == json!(0), free, "{paid}");
    }
    let by_card = server.hold_seat("A-5").await;
    let amount = server.pay(&by_card, "pm_card_visa").await.ok(200)["amount"]["value"].as_i64().unwrap();
    let sales = async || server.client.get(&format!("/v1/shows/{GALA}/sales")).bearer(&staff(&server)).send().await.ok(200);
    let sales = eventually("all five are counted", async || {
        let found = sales().await;
        (found["bookings"]["confirmed"] == 5).then_some(found)
    })
    .await;
    let taken = |payment: &str| {
        let lines = sales["by_payment"].as_array().unwrap();
        let line = lines.iter().find(|line| line["payment"] == payment).unwrap();
        (line["bookings"].as_u64().unwrap(), line["captured"].as_i64().unwrap())
    };
    assert_eq!((taken("cash"), taken("invoice")), ((2, 2 * amount), (1, amount)), "{prices}");
    assert_eq!((taken("complimentary"), taken("gateway")), ((1, 0), (1, amount)));
    assert_eq!(sales["captured"]["value"].as_i64(), Some(4 * amount));
    let category: i64 = sales["by_category"].as_array().unwrap().iter().map(|line| line["captured"].as_i64().unwrap()).sum();
    assert_eq!(category, 4 * amount, "what is given away is in no category's revenue");
    let csv = server.client.get(&format!("/v1/shows/{GALA}/bookings?format=csv")).bearer(&staff(&server)).send().await;
    let csv = String::from_utf8_lossy(&csv.body).into_owned();
    assert!(csv.lines().next().unwrap().contains(",tender,"), "{csv}");
    assert_eq!(csv.lines().filter(|line| line.contains(",cash,")).count(), 2, "{csv}");
    let books = server.close().await;
    assert_eq!(books.revenue(), 4 * amount);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_a_block_is_not_called_like_the_open_sale() {
    let server = TestServer::open(600).await;
    for channel in ["web", "batch"] {
        let body = json!({"seats": ["A-1"], "reason": "Press", "channel": channel, "access_code": "sesame-2027"});
        let call = server.client.post(&format!("/v1/shows/{GALA}/blocks")).bearer(&server.admin()).json(&body);
        assert_eq!(call.send().await.problem(422, "invalid_block")["field"], "channel");
    }
    server.close().await;
}

async fn transfer(server: &TestServer, booking: &Value, token: &str, buyer: &str) -> Answer {
    on(server, booking, "transfer").bearer(token).json(&json!({"buyer": buyer})).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_transfer_only_the_new_buyer_reaches_the_booking() {
    let server = TestServer::open(600).await;
    let [anna, bob, cleo] = ["anna", "bob", "cleo"].map(|name| server.token(name, Role::Buyer));
    let held = hold_as(&server, "anna", Role::Buyer, &json!({"seats": ["A-1", "A-2", "A-3"]})).await.ok(201);
    transfer(&server, &held, &anna, "bob").await.problem(409, "booking_not_changeable");
    server.pay(&held, "pm_card_visa").await.ok(200);
    let paid = server.booking(&held).await;
    transfer(&server, &held, &cleo, "cleo").await.problem(404, "booking_not_found");
    transfer(&server, &held, &anna, "guest:1").await.problem(422, "invalid_request");
    on(&server, &held, "transfer").json(&json!({"buyer": "bob"})).send().await.problem(401, "authentication_required");
    let of_anna = async || server.client.get("/v1/me/rewards").bearer(&anna).send().await.ok(200);
    eventually("Anna has her points", async || (of_anna().await["points"].as_i64() > Some(0)).then_some(())).await;
    let points = of_anna().await;

    transfer(&server, &held, &anna, "bob").await.ok(200);
    // To her and to the booking's own token it does not exist any more, whatever they ask.
    for token in [anna.as_str(), text(&held, "token")] {
        read(&server, &held, token).await.problem(404, "booking_not_found");
        transfer(&server, &held, token, "anna").await.problem(404, "booking_not_found");
        let pay = on(&server, &held, "payment").bearer(token).json(&json!({"payment_method": "pm_card_visa"}));
        pay.send().await.problem(404, "booking_not_found");
        on(&server, &held, "extend").bearer(token).send().await.problem(404, "booking_not_found");
        let cancel = server.client.delete(&format!("/v1/bookings/{}", text(&held, "id"))).bearer(token);
        cancel.send().await.problem(404, "booking_not_found");
    }
    let me = async |token: &str, what: &str| server.client.get(&format!("/v1/me/{what}")).bearer(token).send().await;
    eventually("the lists show the new buyer", async || {
        (me(&bob, "bookings").await.ok(200)["data"][0]["id"] == held["id"]).then_some(())
    })
    .await;
    assert_eq!(me(&anna, "bookings").await.ok(200)["data"], json!([]));
    for what in ["bookings", "rewards"] {
        me(text(&held, "token"), what).await.problem(404, "booking_not_found");
    }
    let list = server.client.get("/v1/bookings?buyer=bob").bearer(&staff(&server)).send().await.ok(200);
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["buyer"]), (&held["id"], &json!("bob")));
    // What was paid, and what it earned, is as it was.
    let now = read(&server, &held, &bob).await.ok(200);
    assert_eq!((&now["seats"], &now["amount"]), (&paid["seats"], &paid["amount"]));
    assert_eq!(of_anna().await, points);

    // Staff transfer for a buyer at the counter; the same again changes nothing.
    for _ in 0..2 {
        transfer(&server, &held, &staff(&server), "cleo").await.ok(200);
    }
    read(&server, &held, &bob).await.problem(404, "booking_not_found");
    read(&server, &held, &cleo).await.ok(200);
    let server = server.restart().await;
    read(&server, &held, &server.token("bob", Role::Buyer)).await.problem(404, "booking_not_found");
    read(&server, &held, text(&held, "token")).await.problem(404, "booking_not_found");
    assert_eq!(text(&server.refund(&held).await.ok(200), "status"), "refunded");
    transfer(&server, &held, &staff(&server), "anna").await.problem(409, "booking_not_changeable");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gives_their_booking_to_an_account_once() {
    let server = TestServer::open(600).await;
    let held = server.hold_seat("A-1").await;
    server.pay(&held, "pm_card_visa").await.ok(200);
    let give = || on(&server, &held, "transfer").bearer(text(&held, "token")).json(&json!({"buyer": "anna"})).key("give");
    let first = give().send().await.ok(200);
    // Its answer was lost: the same request gets it again, and another one gets nothing.
    assert_eq!(give().send().await.ok(200), first);
    transfer(&server, &held, text(&held, "token"), "bob").await.problem(404, "booking_not_found");
    read(&server, &held, &server.token("anna", Role::Buyer)).await.ok(200);
    server.close().await;
}

async fn exchange(server: &TestServer, booking: &Value, body: &Value) -> Answer {
    on(server, booking, "exchange").bearer(&staff(server)).json(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_exchanged_and_everybody_sees_it() {
    let server = TestServer::open(600).await;
    let anna = server.token("anna", Role::Buyer);
    let held = hold_as(&server, "anna", Role::Buyer, &json!({"seats": ["A-1", "A-2"]})).await.ok(201);
    let move_one = json!({"leaves": ["A-1"], "takes": ["B-7"]});
    exchange(&server, &held, &move_one).await.problem(409, "booking_not_changeable");
    server.pay(&held, "pm_card_visa").await.ok(200);
    for token in [text(&held, "token"), anna.as_str()] {
        on(&server, &held, "exchange").bearer(token).json(&move_one).send().await.problem(403, "forbidden");
    }
    let other = server.hold_seat("B-1").await;
    for (body, status, code) in [
        (json!({"leaves": ["A-1"], "takes": ["B-1"]}), 409, "seat_unavailable"),
        (json!({"leaves": ["A-1"], "takes": ["Z-1"]}), 422, "unknown_seat"),
        (json!({"leaves": ["A-3"], "takes": ["B-7"]}), 409, "not_owner"),
        (json!({"leaves": ["A-1"], "takes": []}), 422, "invalid_exchange"),
        (json!({"leaves": ["A-1"], "takes": ["B-7", "B-8"]}), 422, "invalid_exchange"),
        (json!({"leaves": ["A-1"], "takes": [{"seat": "B-7", "price_type": "child"}]}), 422, "unknown_price_type"),
        (json!({"leaves": ["A-1"], "takes": [{"seat": "B-7", "price": 1}]}), 422, "price_not_accepted"),
        (json!({"leaves": ["A-1"]}), 422, "invalid_request"),
    ] {
        exchange(&server, &held, &body).await.problem(status, code);
    }
    assert_eq!((server.state("B-7").await, server.state("A-1").await), ("available".to_owned(), "booked".to_owned()));
    let before = server.map(GALA).await["position"].as_u64();
    let mut stream = Stream::open(&server.client, GALA, before, None).await;
    let moved = exchange(&server, &held, &move_one).await.ok(200);
    assert_eq!((seats_of(&moved), &moved["amount"]), (vec!["A-2".to_owned(), "B-7".to_owned()], &held["amount"]));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let change = stream.next_seat(std::time::Duration::from_secs(20)).await.expect("the stream continues");
        seen.push((change.name, text(&change.data, "seat").to_owned()));
    }
    let names = |seat: &str| seen.iter().filter(|(_, of)| of == seat).map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!((names("B-7"), names("A-1")), (vec!["seat_locked", "seat_booked"], vec!["seat_released"]));
    // Lists find it by its new seat, and no more by its old one.
    let by_seat = async |seat: &str| {
        let path = format!("/v1/shows/{GALA}/bookings?seat={seat}&status=confirmed");
        let list = server.client.get(&path).bearer(&staff(&server)).send().await.ok(200);
        list["data"].as_array().unwrap().len()
    };
    eventually("the lists follow", async || (by_seat("B-7").await == 1).then_some(())).await;
    assert_eq!((by_seat("A-1").await, by_seat("A-2").await), (0, 1));
    // To cheaper places: the money stays, and the categories show where the seats are.
    let cheaper = exchange(&server, &held, &json!({"leaves": ["B-7"], "takes": ["floor:1"]})).await.ok(200);
    let dearer = exchange(&server, &held, &json!({"leaves": ["floor:1"], "takes": ["B-7"]})).await;
    assert_eq!(dearer.problem(409, "exchange_costs_more")["more"], json!({"value": 1500, "currency": "EUR"}));
    assert_eq!(cheaper["amount"], held["amount"]);
    let sales = async || server.client.get(&format!("/v1/shows/{GALA}/sales")).bearer(&staff(&server)).send().await.ok(200);
    let found = eventually("the sales follow", async || {
        let found = sales().await;
        let is_there = found["by_category"].as_array().unwrap().iter().any(|line| line["category"] == "standing");
        is_there.then_some(found)
    })
    .await;
    let of = |category: &str| {
        let line = found["by_category"].as_array().unwrap().iter().find(|line| line["category"] == category).unwrap();
        (line["bookings"].as_i64().unwrap(), line["seats"].as_i64().unwrap(), line["captured"].as_i64().unwrap())
    };
    assert_eq!((of("stalls"), of("standing")), ((1, 1, 4500), (1, 1, 3000)));
    assert_eq!(found["captured"], held["amount"]);
    assert_eq!(text(&server.refund(&held).await.ok(200), "status"), "refunded");
    exchange(&server, &held, &json!({"leaves": ["A-2"], "takes": ["A-9"]})).await.problem(409, "booking_not_changeable");
    server.cancel(&other).await.ok(200);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_exchanges_to_one_seat_one_wins_and_a_restart_changes_nothing() {
    let server = TestServer::open(600).await;
    let mut bookings = Vec::new();
    for n in 1..=20 {
        let seat = if n <= 10 { format!("A-{n}") } else { format!("B-{}", n - 10) };
        let held = hold_at_till(&server, &json!({"seats": [seat], "channel": "till"})).await;
        pay_at_till(&server, &held, "cash").await.ok(200);
        bookings.push((held, seat));
    }
    let all = bookings.iter().map(|(booking, seat)| {
        let body = json!({"leaves": [seat], "takes": ["C-5"]});
        let server = &server;
        async move { exchange(server, booking, &body).await }
    });
    let answers = futures::future::join_all(all).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.problem(409, "seat_unavailable");
    }
    let server = server.restart().await;
    let mut at_c = 0;
    for (booking, seat) in &bookings {
        let now = read(&server, booking, &staff(&server)).await.ok(200);
        let seats = seats_of(&now);
        at_c += usize::from(seats == ["C-5"]);
        assert!(seats == ["C-5"] || seats == [seat.as_str()], "{now}");
    }
    assert_eq!(at_c, 1);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_keeps_the_amount_that_a_voucher_has_lowered() {
    let server = TestServer::open(600).await;
    let campaign = server.client.post("/v1/vouchers").bearer(&server.token("mia", Role::Manager));
    let campaign = campaign.json(&json!({"discount": {"percent": 50}})).send().await.ok(201);
    let voucher = text(&campaign["vouchers"][0], "voucher").to_owned();
    let held = hold_at_till(&server, &json!({"seats": ["A-1", "A-2"], "channel": "till"})).await;
    let held = on(&server, &held, "voucher").bearer(&staff(&server)).json(&json!({"voucher": voucher})).send().await.ok(200);
    assert_eq!(held["amount"]["value"], json!(4500));
    pay_at_till(&server, &held, "cash").await.ok(200);
    let moved = exchange(&server, &held, &json!({"leaves": ["A-1"], "takes": ["floor:1"]})).await.ok(200);
    assert_eq!((seats_of(&moved), &moved["amount"]), (vec!["A-2".to_owned(), "floor:1".to_owned()], &held["amount"]));
    let lines = async || {
        let sales = server.client.get(&format!("/v1/shows/{GALA}/sales")).bearer(&staff(&server)).send().await.ok(200);
        let line = |line: &Value| (text(line, "category").to_owned(), line["captured"].as_i64(), line["refunded"].as_i64());
        sales["by_category"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    let expect = |stalls, standing| {
        vec![("stalls".to_owned(), Some(2250), Some(stalls)), ("standing".to_owned(), Some(1500), Some(standing))]
    };
    let follows =
        async |expected: Vec<_>| eventually("the sales follow", async || (lines().await == expected).then_some(())).await;
    follows(expect(0, 0)).await;
    // The whole refund returns what was paid, and no line more than it took.
    assert_eq!(text(&server.refund(&held).await.ok(200), "status"), "refunded");
    follows(expect(2250, 1500)).await;
    server.close().await;
}
