//! What seats cost: price types, fees, and the rule against single seats, over HTTP.

use crate::common;

use common::{Reply, TestServer, start_for_test};
use http::StatusCode;
use lastseat::auth::Role;
use lastseat_audit::Audit;
use lastseat_domain::ports::event_log::{Direction, EventLog, Filter};
use serde_json::{Value, json};

const GALA: &str = "/v1/shows/gala/bookings";

/// Rows A of 10 and B of 5 with three prices, a floor of 20 with two, a box with one price; fees.
fn gala() -> Value {
    json!({
        "id": "gala", "title": "Gala", "currency": "EUR", "max_seats_per_booking": 6,
        "categories": [
            {"category": "stalls", "price_types": [
                {"price_type": "adult", "price": 4000}, {"price_type": "child", "price": 1500}, {"price_type": "school", "price": 0}]},
            {"category": "standing", "price_types": [
                {"price_type": "full", "price": 3000}, {"price_type": "reduced", "price": 2000}]},
            {"category": "box", "price": 9000}],
        "fees": {"per_seat": 150, "per_booking": 200},
        "areas": [
            {"area": "stalls", "category": "stalls", "rows": [{"row": "A", "seats": 10}, {"row": "B", "seats": 5}]},
            {"area": "floor", "category": "standing", "capacity": 20},
            {"area": "box", "category": "box", "rows": [{"row": "L", "seats": 4}]}],
    })
}

async fn schedule(server: &TestServer, show: Value) -> Reply {
    server.post("/v1/shows").admin(server).json(show).send().await
}

async fn start() -> (TestServer, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let made = schedule(&server, gala()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    (server, dir)
}

async fn hold(server: &TestServer, body: Value) -> Reply {
    server.post(GALA).json(body).send().await
}

/// Seat, price type and price of each seat, then the amount.
fn bill(reply: &Value) -> (Vec<(String, Option<String>, i64)>, i64) {
    let seats = reply["seats"].as_array().unwrap_or_else(|| panic!("{reply}"));
    let line = |seat: &Value| {
        assert_eq!(seat["fee"], 150, "{reply}");
        let price_type = seat["price_type"].as_str().map(str::to_owned);
        (seat["seat"].as_str().unwrap().to_owned(), price_type, seat["price"].as_i64().unwrap())
    };
    (seats.iter().map(line).collect(), reply["amount"]["value"].as_i64().unwrap())
}

fn line(seat: &str, price_type: &str, price: i64) -> (String, Option<String>, i64) {
    (seat.to_owned(), Some(price_type.to_owned()), price)
}

#[tokio::test]
async fn what_is_no_price_of_a_seat_is_refused_and_nothing_is_held() {
    let (server, _dir) = start().await;
    let before = server.head().await;
    let seat = |seat: &str, price_type: &str| json!({"seats": [{"seat": seat, "price_type": price_type}]});
    let refused = hold(&server, seat("A-1", "senior")).await;
    let body = refused.is(422, "unknown_price_type").json();
    assert_eq!((&body["of"], &body["price_type"]), (&json!("A-1"), &json!("senior")));
    assert_eq!(body["price_types"], json!(["adult", "child", "school"]));
    assert_eq!(body["detail"], "`A-1` has no price type `senior`. There are `adult`, `child`, `school`.");
    // Of another category, of one with a single price, and a text that no type has.
    for (name, price_type) in [("A-1", "reduced"), ("L-1", "adult"), ("A-1", "Child"), ("A-1", "")] {
        hold(&server, seat(name, price_type)).await.is(422, "unknown_price_type");
    }
    let floor = |quantity: u32, price_types: Value| json!({"area": "floor", "quantity": quantity, "price_types": price_types});
    assert_eq!(hold(&server, floor(1, json!({"child": 1}))).await.is(422, "unknown_price_type").json()["of"], "floor");
    let best = json!({"best_available": {"quantity": 1, "category": "stalls", "price_types": {"full": 1}}});
    assert_eq!(hold(&server, best).await.is(422, "unknown_price_type").json()["of"], "stalls");
    for wrong in [
        floor(3, json!({"full": 2})),
        floor(3, json!({"full": 2, "reduced": 2})),
        floor(3, json!({})),
        floor(1, json!({"full": -1, "reduced": 2})),
        json!({"seats": ["A-1"], "price_types": {"adult": 1}}),
        json!({"best_available": {"quantity": 2, "category": "stalls", "price_types": {"adult": 1}}}),
        json!({"seats": [{"seat": "A-1", "type": "child"}]}),
        json!({"seats": [{"price_type": "child"}]}),
        json!({"seats": [["A-1", "child"]]}),
    ] {
        hold(&server, wrong).await.is(422, "invalid_request");
    }
    // Prices come from the server only.
    for (name, value) in [("price", json!(1)), ("fee", json!(0)), ("fees", json!({"per_seat": 0})), ("amount", json!(1))] {
        let mut body = json!({"seats": [{"seat": "A-1", "price_type": "child"}]});
        body["seats"][0][name] = value.clone();
        hold(&server, body).await.is(422, "price_not_accepted");
        let mut body = floor(1, json!({"full": 1}));
        body[name] = value;
        hold(&server, body).await.is(422, "price_not_accepted");
    }
    hold(&server, json!({"seats": ["A-1", {"seat": "A-1", "price_type": "child"}]})).await.is(422, "duplicate_seats");
    assert_eq!(server.head().await, before, "nothing was recorded");
    server.stop().await;
}

#[tokio::test]
async fn shows_whose_prices_make_no_sense_are_refused() {
    let (server, _dir) = start().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut show = gala();
        show["id"] = json!("other");
        change(&mut show);
        show
    };
    type Change = fn(&mut Value);
    let table: [(&str, &str, Change); 8] = [
        ("invalid_show", "twice", |s| s["categories"][0]["price_types"][1]["price_type"] = json!("adult")),
        ("invalid_show", "a price beside them", |s| s["categories"][0]["price"] = json!(1)),
        ("invalid_show", "no price", |s| _ = s["categories"][2].as_object_mut().unwrap().remove("price")),
        ("invalid_show", "too high", |s| s["categories"][0]["price_types"][2]["price"] = json!(99_999_999)),
        ("invalid_show", "negative", |s| s["categories"][0]["price_types"][2]["price"] = json!(-1)),
        ("invalid_show", "a negative fee", |s| s["fees"]["per_seat"] = json!(-1)),
        ("invalid_request", "a fee of another kind", |s| s["fees"]["per_order"] = json!(1)),
        ("invalid_request", "no name of a price type", |s| {
            s["categories"][0]["price_types"][1]["price_type"] = json!("Two words")
        }),
    ];
    for (code, why, change) in table {
        let reply = schedule(&server, with(&change)).await;
        assert_eq!((reply.status.as_u16(), reply.text("code").as_str()), (422, code), "{why}: {reply:?}");
    }
    let wrong_rule = with(&|show: &mut Value| show["single_seats"] = json!("maybe"));
    schedule(&server, wrong_rule).await.is(422, "invalid_request");
    server.stop().await;
}

#[tokio::test]
async fn each_seat_has_its_price_and_the_fees_are_added() {
    let (server, _dir) = start().await;
    let mixed = hold(&server, json!({"seats": [{"seat": "A-2", "price_type": "child"}, "A-1", {"seat": "L-1"}]})).await;
    assert_eq!(mixed.status, StatusCode::CREATED, "{mixed:?}");
    let mixed = mixed.json();
    let expected = vec![line("A-1", "adult", 4000), line("A-2", "child", 1500), ("L-1".to_owned(), None, 9000)];
    assert_eq!(bill(&mixed), (expected, 14_500 + 3 * 150 + 200));
    assert_eq!((&mixed["subtotal"]["value"], &mixed["fees"]["value"]), (&json!(14_500), &json!(650)));

    let floor = hold(&server, json!({"area": "floor", "quantity": 3, "price_types": {"reduced": 1, "full": 2}})).await.json();
    let (lines, amount) = bill(&floor);
    let mut prices: Vec<i64> = lines.iter().map(|line| line.2).collect();
    prices.sort_unstable();
    assert_eq!((prices, amount), (vec![2000, 3000, 3000], 8000 + 3 * 150 + 200));
    // In the order of the plan, A-9 before A-10; without counts the first type.
    let best =
        json!({"best_available": {"quantity": 5, "category": "stalls", "price_types": {"adult": 2, "child": 2, "school": 1}}});
    let (lines, _) = bill(&hold(&server, best).await.json());
    let types: Vec<_> = lines.iter().map(|line| line.1.as_deref().unwrap()).collect();
    assert_eq!(types, ["adult", "adult", "child", "child", "school"]);
    let first = hold(&server, json!({"area": "floor", "quantity": 1})).await.json();
    assert_eq!(bill(&first).0[0].1.as_deref(), Some("full"));

    let show = server.get("/v1/shows/gala").send().await.json();
    assert_eq!(
        (&show["fees"], &show["categories"]),
        (&gala()["fees"], &{
            let mut categories = gala()["categories"].clone();
            categories[0]["price"] = json!(4000);
            categories[1]["price"] = json!(3000);
            categories
        })
    );
    // The same show again, also as it is shown, is the same show.
    assert_eq!(schedule(&server, gala()).await.status, StatusCode::OK);
    let mut shown = gala();
    shown["categories"] = show["categories"].clone();
    assert_eq!(schedule(&server, shown).await.status, StatusCode::OK);
    let seats = server.get("/v1/shows/gala/seats").send().await.json();
    let area = |name: &str| seats["areas"].as_array().unwrap().iter().find(|area| area["area"] == name).unwrap().clone();
    assert_eq!(area("floor")["price_types"], gala()["categories"][1]["price_types"]);
    assert_eq!((&area("floor")["price"], &area("box")["price_types"]), (&json!(3000), &Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn the_whole_amount_is_charged_shown_counted_and_refunded() {
    let (server, _dir) = start().await;
    let anna = server.token("anna", Role::Buyer);
    let body = json!({"seats": ["A-1", {"seat": "A-2", "price_type": "school"}]});
    let held = server.post(GALA).bearer(&anna).key("once").json(&body).send().await;
    let again = server.post(GALA).bearer(&anna).key("once").json(&body).send().await;
    assert_eq!(
        (held.status, again.status, held.json()["id"].clone()),
        (StatusCode::CREATED, StatusCode::CREATED, again.json()["id"].clone())
    );
    let amount = 4000 + 2 * 150 + 200;
    let path = format!("/v1/bookings/{}", held.text("id"));
    let paid = server.post(&format!("{path}/payment")).bearer(&anna).json(json!({"payment_method": "pm_card_visa"})).send().await;
    assert_eq!((paid.text("status").as_str(), bill(&paid.json()).1), ("confirmed", amount), "{paid:?}");
    assert_eq!(server.sandbox.intents().iter().map(|intent| intent.kept()).sum::<i64>(), amount);
    let mine = server.get("/v1/me/bookings").bearer(&anna).send().await.json();
    for shown in [server.get(&path).bearer(&anna).send().await.json(), mine["data"][0].clone()] {
        assert_eq!(bill(&shown), (vec![line("A-1", "adult", 4000), line("A-2", "school", 0)], amount));
        assert_eq!((&shown["subtotal"]["value"], &shown["fees"]["value"]), (&json!(4000), &json!(500)));
    }
    let refunded = server.post(&format!("{path}/refund")).admin(&server).send().await;
    assert_eq!(refunded.text("status"), "refunded");
    assert_eq!(server.sandbox.intents().iter().map(|intent| intent.kept()).sum::<i64>(), 0);
    let sales = server.get("/v1/shows/gala/sales").admin(&server).send().await.json();
    assert_eq!((&sales["captured"]["value"], &sales["refunded"]["value"]), (&json!(amount), &json!(amount)));
    // The audit finds every price, fee and amount right.
    let mut audit = Audit::new();
    for event in server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "{report}");
    server.stop().await;
}

#[tokio::test]
async fn a_show_without_fees_and_rewards_has_none() {
    let (server, _dir) = start().await;
    let mut plain = gala();
    plain["id"] = json!("plain");
    plain.as_object_mut().unwrap().remove("fees");
    let show = schedule(&server, plain).await.json();
    assert_eq!((&show["fees"], &show["rewards"], &show["single_seats"]), (&Value::Null, &json!([]), &json!("allow")));
    let held = server.post("/v1/shows/plain/bookings").json(json!({"seats": ["A-1"]})).send().await.json();
    assert_eq!((&held["amount"]["value"], &held["fees"], &held["subtotal"]), (&json!(4000), &Value::Null, &Value::Null));
    assert!(held["seats"][0].as_object().unwrap().keys().all(|member| member != "fee"));
    server.stop().await;
}

#[tokio::test]
async fn holds_of_a_batch_have_prices_and_the_rule_against_single_seats_too() {
    let (server, _dir) = start().await;
    let mut strict = gala();
    strict["id"] = json!("strict");
    strict["single_seats"] = json!("refuse");
    strict["areas"][0]["rows"][1]["seats"] = json!(6);
    assert_eq!(schedule(&server, strict).await.json()["single_seats"], "refuse");
    let seats = |labels: &[&str]| json!({"buyer": "bob", "seats": labels});
    let holds = [
        json!({"buyer": "bob", "seats": [{"seat": "A-1", "price_type": "child"}]}),
        json!({"buyer": "bob", "area": "floor", "quantity": 2, "price_types": {"full": 1, "reduced": 1}}),
        json!({"buyer": "bob", "seats": [{"seat": "A-2", "price_type": "senior"}]}),
        seats(&["A-3"]),
        seats(&["B-1", "B-2"]),
        seats(&["B-4", "B-5"]),
        // One is left in any case.
        seats(&["B-3", "B-4", "B-5"]),
    ];
    let call = server.post("/v1/shows/strict/bookings:batch").admin(&server).json(json!({"holds": holds}));
    let results = call.send().await.json()["results"].clone();
    let outcome = |n: usize| match results[n]["problem"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => results[n]["booking"]["amount"]["value"].to_string(),
    };
    let outcomes: Vec<_> = (0..holds.len()).map(outcome).collect();
    let with_fees = |prices: i64, seats: i64| (prices + seats * 150 + 200).to_string();
    let expected = [
        with_fees(1500, 1),
        with_fees(5000, 2),
        "unknown_price_type".to_owned(),
        "leaves_single_seat".to_owned(),
        with_fees(8000, 2),
        "leaves_single_seat".to_owned(),
        with_fees(12_000, 3),
    ];
    assert_eq!(outcomes, expected, "{results}");
    assert_eq!((&results[3]["problem"]["seat"], &results[5]["problem"]["seat"]), (&json!("A-2"), &json!("B-3")));
    server.stop().await;
}

#[tokio::test]
async fn a_pick_that_leaves_a_single_seat_is_refused_only_where_the_show_says_so() {
    let (server, _dir) = start().await;
    let mut strict = gala();
    strict["id"] = json!("strict");
    strict["single_seats"] = json!("refuse");
    strict["areas"][0]["rows"] = json!([{"row": "A", "seats": 10, "gaps_after": [5]}, {"row": "B", "seats": 3}]);
    schedule(&server, strict).await;
    let hold = async |show: &str, seats: &[&str]| {
        server.post(&format!("/v1/shows/{show}/bookings")).json(json!({"seats": seats})).send().await
    };
    // Allowed elsewhere.
    assert_eq!(hold("gala", &["A-2", "A-3"]).await.status, StatusCode::CREATED);

    let refused = hold("strict", &["A-2", "A-3"]).await;
    assert_eq!(refused.is(409, "leaves_single_seat").json()["seat"], "A-1");
    // The aisle ends the part of the row: A-5 would be alone, although A-6 is free.
    assert_eq!(hold("strict", &["A-3", "A-4"]).await.is(409, "leaves_single_seat").json()["seat"], "A-5");
    hold("strict", &["A-1", "A-3"]).await.is(409, "leaves_single_seat");
    assert_eq!(hold("strict", &["A-1", "A-2"]).await.status, StatusCode::CREATED);
    // Three are left in this part, and two of them always leave one alone.
    assert_eq!(hold("strict", &["A-3", "A-4"]).await.status, StatusCode::CREATED);
    assert_eq!(hold("strict", &["A-5"]).await.status, StatusCode::CREATED, "only a single seat is left there");
    // The middle of three leaves two alone, the edge none.
    hold("strict", &["B-2"]).await.is(409, "leaves_single_seat");
    assert_eq!(hold("strict", &["B-1"]).await.status, StatusCode::CREATED);
    // A taken seat is named before any rule on others; places and the box office's choice are not picks.
    hold("strict", &["B-1", "B-3"]).await.is(409, "seat_unavailable");
    let place = server.post("/v1/shows/strict/bookings").json(json!({"area": "floor", "quantity": 1})).send().await;
    assert_eq!(place.status, StatusCode::CREATED);
    // The same key gets the same booking, also when only one seat is left beside it.
    let again = async || server.post("/v1/shows/strict/bookings").json(json!({"seats": ["A-6", "A-7"]})).key("six").send().await;
    let first = again().await;
    assert_eq!((first.status, again().await.text("id")), (StatusCode::CREATED, first.text("id")));
    server.stop().await;
}
