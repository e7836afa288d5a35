//! Guests have no name, so they are bounded by their address: unpaid seats, holds and cancels.

use crate::support;

use lastseat::auth::Role;
use lastseat::config::Config;
use serde_json::{Value, json};
use support::client::Answer;
use support::test_server::{GALA, TestServer};
use support::{eventually, show, text};

const HOLD: &str = "/v1/shows/gala/bookings";

async fn server(config: Config) -> TestServer {
    let server = TestServer::open_as_configured(config).await;
    server.put_on_sale(&show(GALA, 600, 1800)).await;
    server
}

fn places(quantity: u32) -> Value {
    json!({"area": "floor", "quantity": quantity})
}

async fn from(server: &TestServer, address: &str, quantity: u32) -> Answer {
    server.client.post(HOLD).header("x-forwarded-for", address).json(&places(quantity)).send().await
}

/// One connection took all 1,800 places in 0.4 s.
#[tokio::test(flavor = "multi_thread")]
async fn guests_of_one_address_can_not_take_a_whole_show() {
    let server = server(Config::default()).await;
    let ten = places(10);
    let calls = (0..180).map(|_| server.try_hold(&ten));
    let answers = futures::future::join_all(calls).await;
    let held: Vec<_> = answers.iter().filter(|answer| answer.status == 201).map(Answer::json).collect();
    assert_eq!(held.len(), 10, "100 seats");
    assert_eq!(server.floor().await, 1700);
    let refused = server.try_hold(&places(1)).await;
    let problem = refused.problem(403, "guest_limit");
    assert_eq!((&problem["most"], &problem["have"]), (&json!(100), &json!(100)));
    assert!(problem["retry_after"].as_u64().unwrap() <= 600 && refused.header("retry-after").is_some());

    // A buyer with a name is not concerned.
    let anna = server.token("anna", Role::Buyer);
    server.client.post(HOLD).bearer(&anna).json(&places(10)).send().await.ok(201);

    // Seats that are paid for or given back count no more.
    server.cancel(&held[0]).await.ok(200);
    server.pay(&held[1], "pm_card_visa").await.ok(200);
    server.hold(&places(10)).await;
    server.hold(&places(10)).await;
    server.try_hold(&places(1)).await.problem(403, "guest_limit");
    // So do those whose holds an admin has ended.
    server.client.delete(&format!("/v1/bookings/{}", text(&held[2], "id"))).bearer(&server.admin()).send().await.ok(200);
    server.hold(&places(10)).await;
    server.close().await;
}

#[tokio::test]
async fn seats_of_expired_holds_count_no_more() {
    let server = TestServer::open_as_configured(Config { guest_seats: Some(5), ..Config::default() }).await;
    server.put_on_sale(&show(GALA, 1, 20)).await;
    server.hold(&places(5)).await;
    server.try_hold(&places(5)).await.problem(403, "guest_limit");
    eventually("the hold is over", async || Some(server.try_hold(&places(5)).await).filter(|answer| answer.status == 201)).await;
    server.close().await;
}

/// A sale needs no list: that the seats are paid for, the log says, too.
#[tokio::test]
async fn while_the_views_can_not_be_read_a_guest_may_hold_as_much_as_before() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let config = Config { guest_seats: Some(5), trusted_proxies, ..Config::default() };
    let server = TestServer::open_as_configured(config).await;
    server.put_on_sale(&show(GALA, 600, 20)).await;
    let held = from(&server, "203.0.113.7", 5).await.ok(201);
    // From elsewhere: nothing reports it to the bounds of the address that has held.
    let pay = server.paying(&held).header("x-forwarded-for", "203.0.113.8");
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    // A query finds the damage first, because nothing can be written meanwhile. Then the file is made from the log again.
    let views = rusqlite::Connection::open(server.data().join("views/views.db")).unwrap();
    views.execute_batch("ALTER TABLE bookings RENAME TO elsewhere; BEGIN IMMEDIATE").unwrap();
    from(&server, "203.0.113.7", 5).await.ok(201);
    from(&server, "203.0.113.7", 1).await.problem(403, "guest_limit");
    views.execute_batch("ROLLBACK").unwrap();
    drop(views);
    server.close().await;
}

/// What another node, another address or a gateway's notification has ended is found within a second or two.
#[tokio::test]
async fn seats_that_were_paid_for_from_elsewhere_count_no_more_soon() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = server(Config { guest_seats: Some(5), trusted_proxies, ..Config::default() }).await;
    let held = from(&server, "203.0.113.7", 5).await.ok(201);
    from(&server, "203.0.113.7", 1).await.problem(403, "guest_limit");
    let pay = server.paying(&held).header("x-forwarded-for", "203.0.113.8");
    pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
    eventually("the payment counts", async || Some(from(&server, "203.0.113.7", 5).await).filter(|answer| answer.status == 201))
        .await;
    server.close().await;
}

/// Hold and cancel in a loop wrote 250 MB to the log in 20 s.
#[tokio::test(flavor = "multi_thread")]
async fn holding_and_cancelling_in_a_loop_ends_soon() {
    let server = server(Config::default()).await;
    let mut done = 0;
    for _ in 0..400 {
        let answer = server.try_hold(&places(1)).await;
        if answer.status != 201 {
            let problem = answer.problem(429, "rate_limited");
            assert_eq!(problem["policy"], "guest_holds");
            break;
        }
        server.cancel(&answer.json()).await.ok(200);
        done += 1;
    }
    assert!((100..=130).contains(&done), "{done}");
    server.close().await;
}

#[tokio::test]
async fn cancels_have_a_rate_of_their_own_and_refusals_none() {
    let (rate_limit_guest_holds, rate_limit_guest_cancels) = ("4/1h".parse().ok(), "2/1h".parse().ok());
    let server = server(Config { rate_limit_guest_holds, rate_limit_guest_cancels, ..Config::default() }).await;
    let taken = server.hold(&json!({"seats": ["A-1"]})).await;
    for _ in 0..50 {
        server.try_hold(&json!({"seats": ["A-1"]})).await.problem(409, "seat_unavailable");
        server.try_hold(&json!({"seats": ["Z-1"]})).await.problem(422, "unknown_seat");
    }
    let paid = server.hold(&places(1)).await;
    server.pay(&paid, "pm_card_visa").await.ok(200);
    for _ in 0..20 {
        server.cancel(&paid).await.problem(409, "already_confirmed");
    }
    server.cancel(&taken).await.ok(200);
    let (third, fourth) = (server.hold(&places(1)).await, server.hold(&places(1)).await);
    server.try_hold(&places(1)).await.problem(429, "rate_limited");
    server.cancel(&third).await.ok(200);
    assert_eq!(server.cancel(&fourth).await.problem(429, "rate_limited")["policy"], "guest_cancels");
    // Who helps a guest is not one.
    server.client.delete(&format!("/v1/bookings/{}", text(&fourth, "id"))).bearer(&server.admin()).send().await.ok(200);
    server.close().await;
}

/// Stolen card numbers were tried as fast as the gateway answers.
#[tokio::test]
async fn declined_payments_of_an_address_have_a_rate_and_a_booking_takes_ten_attempts() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let config = Config { rate_limit_guest_declines: "2/1h".parse().ok(), trusted_proxies, ..Config::default() };
    let server = server(config).await;
    let pay = async |booking: &Value, address: &str, body: Value| {
        server.paying(booking).header("x-forwarded-for", address).json(&body).send().await
    };
    let (declined, visa) = (json!({"payment_method": "pm_card_chargeDeclined"}), json!({"payment_method": "pm_card_visa"}));
    let (office, home) = ("203.0.113.7", "203.0.113.8");
    let held = from(&server, office, 1).await.ok(201);
    // A question of the bank, for the first time, and a payment that succeeds count nothing.
    let asked = from(&server, office, 1).await.ok(201);
    pay(&asked, office, json!({"payment_method": "pm_card_authenticationRequired"})).await.ok(202);
    let good = from(&server, office, 1).await.ok(201);
    pay(&good, office, visa.clone()).await.ok(200);
    // Those at the same time do not use up what is for those that are declined.
    let mut together = Vec::new();
    for _ in 0..4 {
        together.push(from(&server, office, 1).await.ok(201));
    }
    for paid in futures::future::join_all(together.iter().map(|booking| pay(booking, office, visa.clone()))).await {
        paid.ok(200);
    }
    for _ in 0..2 {
        pay(&held, office, declined.clone()).await.problem(402, "payment_declined");
    }
    let refused = pay(&held, office, visa.clone()).await;
    assert_eq!(refused.problem(429, "rate_limited")["policy"], "guest_declines");
    assert!(refused.header("retry-after").is_some());
    // What is paid is paid, and asking again is no attempt.
    pay(&good, office, visa.clone()).await.ok(200);
    // It may be asked what became of the last attempt, and who has a name is not concerned.
    pay(&held, office, json!({})).await.problem(402, "payment_declined");
    let anna = server.token("anna", Role::Buyer);
    let annas = server.client.post(HOLD).bearer(&anna).json(&places(1)).header("x-forwarded-for", office).send().await.ok(201);
    let by_anna = server.paying(&annas).header("x-forwarded-for", office).json(&declined).send().await;
    by_anna.problem(402, "payment_declined");

    // From other addresses, too, a booking takes ten.
    for n in 2..10 {
        let address = format!("203.0.113.{}", 100 + n);
        pay(&held, &address, declined.clone()).await.problem(402, "payment_declined");
    }
    let problem = pay(&held, home, visa).await;
    assert_eq!(problem.problem(409, "too_many_payment_attempts")["most"], 10);
    server.cancel(&held).await.ok(200);
    server.close().await;
}

#[tokio::test]
async fn guests_do_not_extend_and_their_bookings_say_so() {
    let server = server(Config::default()).await;
    let guests = server.hold_seat("A-1").await;
    assert_eq!(guests["extendable"], false);
    let extend = |booking: &Value| server.client.post(&format!("/v1/bookings/{}/extend", text(booking, "id")));
    extend(&guests).bearer(text(&guests, "token")).send().await.problem(403, "not_for_guests");
    let anna = server.token("anna", Role::Buyer);
    let annas = server.client.post(HOLD).bearer(&anna).json(&json!({"seats": ["A-2"]})).send().await.ok(201);
    assert_eq!(annas["extendable"], true);
    // With the token of her booking, too.
    let extended = extend(&annas).bearer(text(&annas, "token")).send().await.ok(200);
    assert_eq!((&extended["extended"], &extended["extendable"]), (&json!(true), &json!(false)));
    assert_eq!(extend(&guests).bearer(&server.admin()).send().await.ok(200)["extended"], true);
    server.cancel(&guests).await.ok(200);
    server.client.delete(&format!("/v1/bookings/{}", text(&annas, "id"))).bearer(&anna).send().await.ok(200);
    server.close().await;
}

/// Its answer was lost, and with it the booking's token, which nobody can get otherwise.
#[tokio::test]
async fn a_repeat_from_an_address_that_may_hold_no_more_gets_the_answer_of_its_first_try() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = self::server(Config { guest_seats: Some(4), trusted_proxies, ..Config::default() }).await;
    let keyed = async |server: &TestServer, address: &str, key: &str, quantity: u32| {
        let request = server.client.post(HOLD).header("x-forwarded-for", address).key(key);
        request.json(&places(quantity)).send().await
    };
    let first = keyed(&server, "203.0.113.7", "lost", 3).await.ok(201);
    // The process forgets whom it has answered, and the phone has moved to a crowded network.
    let server = server.restart().await;
    from(&server, "203.0.113.8", 4).await.ok(201);
    let floor = server.floor().await;
    for _ in 0..2 {
        let repeat = keyed(&server, "203.0.113.8", "lost", 3).await;
        assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
        let repeat = repeat.ok(201);
        assert_eq!((text(&repeat, "id"), text(&repeat, "token")), (text(&first, "id"), text(&first, "token")));
    }
    assert_eq!(server.floor().await, floor);
    // A key that was never used, and a key that was used for something else, get no seats.
    keyed(&server, "203.0.113.8", "new", 3).await.problem(403, "guest_limit");
    let server = server.restart().await;
    from(&server, "203.0.113.9", 4).await.ok(201);
    keyed(&server, "203.0.113.9", "lost", 2).await.problem(422, "idempotency_key_reused");
    server.close().await;
}

#[tokio::test]
async fn addresses_are_told_apart_as_far_as_they_are_believed_and_are_not_written_down() {
    let server = server(Config { guest_seats: Some(4), ..Config::default() }).await;
    // Without a trusted proxy the header means nothing.
    from(&server, "203.0.113.7", 4).await.ok(201);
    from(&server, "203.0.113.8", 1).await.problem(403, "guest_limit");
    server.close().await;

    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = self::server(Config { guest_seats: Some(4), trusted_proxies, ..Config::default() }).await;
    from(&server, "203.0.113.7", 4).await.ok(201);
    from(&server, "203.0.113.7", 1).await.problem(403, "guest_limit");
    from(&server, "203.0.113.8", 4).await.ok(201);
    from(&server, "2001:db8:1:2::1", 4).await.ok(201);
    from(&server, "2001:db8:1:2:ffff::9", 1).await.problem(403, "guest_limit");
    from(&server, "2001:db8:1:3::1", 4).await.ok(201);
    let history = server.client.get("/v1/audit/events").bearer(&server.admin()).send().await;
    let history = String::from_utf8(history.body.to_vec()).unwrap();
    assert!(history.lines().count() > 16);
    for address in ["203.0.113", "2001:db8", "127.0.0.1"] {
        assert!(!history.contains(address), "{address}");
    }
}
