//! The load tool against a server of a few lines: an honest one, and one that sells twice. A tool
//! that finds nothing wrong with the second proves nothing about the first.

use crate::binary::{Place, Run};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Sells the seats `A-1` to `A-3`, and 5 places of `floor`.
#[derive(Clone)]
struct Shop {
    honest: bool,
    sold: Arc<Mutex<BTreeMap<String, &'static str>>>,
}

const SEATS: [&str; 3] = ["A-1", "A-2", "A-3"];
const FLOOR: usize = 5;

impl Shop {
    fn open(honest: bool) -> SocketAddr {
        let shop = Self { honest, sold: Arc::default() };
        let router = Router::new()
            .route("/v1/shows/demo/seats", get(seats))
            .route("/v1/shows/demo/bookings", post(hold))
            .route("/v1/bookings/{id}/payment", post(pay))
            .with_state(shop);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async move {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        address
    }
}

fn floor_left(sold: &BTreeMap<String, &'static str>) -> usize {
    FLOOR - sold.keys().filter(|seat| seat.starts_with("floor:")).count()
}

async fn seats(State(shop): State<Shop>) -> Json<Value> {
    let sold = shop.sold.lock().unwrap();
    let left = floor_left(&sold);
    let line = |seat: &&str| json!({ "seat": seat, "area": "a", "state": sold.get(*seat).unwrap_or(&"available"), "price": 1 });
    let free = SEATS.iter().filter(|seat| !sold.contains_key(**seat)).count();
    Json(json!({
        "show": "demo", "position": 1,
        "seats": SEATS.iter().map(line).collect::<Vec<_>>(),
        "areas": [
            { "area": "a", "labelled": true, "capacity": 3, "available": free, "price": 1 },
            { "area": "floor", "labelled": false, "capacity": FLOOR, "available": left, "price": 1 },
        ],
    }))
}

async fn hold(State(shop): State<Shop>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    // One look and one sale: another buyer must not get in between.
    let mut sold = shop.sold.lock().unwrap();
    let left = floor_left(&sold);
    let seat = match body["seats"][0].as_str() {
        Some(seat) => seat.to_owned(),
        None if left == 0 => return (StatusCode::GONE, Json(json!({ "code": "sold_out" }))),
        None => format!("floor:{left}"),
    };
    if sold.contains_key(&seat) && shop.honest {
        return (StatusCode::CONFLICT, Json(json!({ "code": "seat_unavailable" })));
    }
    sold.insert(seat.clone(), "locked");
    let booking =
        json!({ "id": seat, "seats": [{ "seat": seat, "price": 1 }], "token": "t", "expires_at": "2999-01-01T00:00:00Z" });
    (StatusCode::CREATED, Json(booking))
}

async fn pay(State(shop): State<Shop>, Path(id): Path<String>) -> Json<Value> {
    shop.sold.lock().unwrap().insert(id, "booked");
    Json(json!({ "status": "confirmed" }))
}

fn load(shop: SocketAddr, arguments: &[&str]) -> Run {
    let url = format!("http://{shop}");
    Place::new().run(&[&["load", "--url", &url], arguments].concat())
}

#[test]
fn five_hundred_buyers_of_one_seat() {
    let shop = Shop::open(true);
    let run = load(shop, &["--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let report = run.json();
    for (what, count) in [("won", 1), ("taken", 499), ("sold_out", 0), ("refused", 0), ("errors", 0), ("paid", 1)] {
        assert_eq!(report[what], count, "{what} in {report}");
    }
    assert_eq!(report["wanted"], "all for seat A-1");
    assert_eq!(report["connections"], 500);
    assert!(report["hold_latency"]["p99_ms"].as_f64().unwrap() > 0.0);
    let unverified = report["verdict"]["unverified"][0].as_str().unwrap();
    assert!(unverified.contains("token.key") && unverified.contains("--data"), "{unverified}");

    // The next race is for the next seat.
    let run = load(shop, &["--buyers", "20", "--connections", "3"]);
    assert_eq!(run.code, 0, "{run:?}");
    for part in [
        "20 buyers at once, all for seat A-2 (show demo)",
        "over 3 connections",
        "taken              19",
        "verified: no seat sold twice",
        "✓ no seat was given to two buyers",
        "could not be verified: the event log: there is no key",
    ] {
        assert!(run.out.contains(part), "{part:?} is missing in {}", run.out);
    }
}

#[test]
fn an_area_sells_out() {
    let run = load(Shop::open(true), &["--buyers", "40", "--area", "floor", "--no-pay", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let report = run.json();
    assert_eq!((&report["won"], &report["sold_out"], &report["paid"]), (&json!(5), &json!(35), &json!(0)), "{report}");
}

#[test]
fn a_server_that_sells_twice_is_found_out() {
    let run = load(Shop::open(false), &["--buyers", "20"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("VIOLATION: seat A-1 was given to 20 buyers"), "{}", run.out);
    assert!(!run.out.contains('✓'), "{}", run.out);
}

#[test]
fn refusals_for_a_while() {
    let shop = Shop::open(true);
    let run = load(shop, &["--seconds", "1", "--concurrency", "2"]);
    assert!(
        run.code == 0 && run.out.contains(" refusals: ") && run.out.contains("could not be verified: the event log"),
        "{run:?}"
    );
    let run = load(shop, &["--seconds", "1", "--concurrency", "2", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let figures = run.json();
    assert_eq!(figures["scenario"], "refuse");
    assert!(figures["done"].as_u64().unwrap() > 0, "{figures}");
    assert_eq!(figures["statuses"].as_object().unwrap().keys().collect::<Vec<_>>(), ["409"]);
}

#[test]
fn holds_need_seats_from_somewhere() {
    let run = load(Shop::open(true), &["--seconds", "1", "--scenario", "hold"]);
    assert!(run.one_line(2).contains("or take places of an area with --area"));
    let run =
        load(Shop::open(true), &["--seconds", "1", "--scenario", "book", "--area", "floor", "--concurrency", "1", "--json"]);
    assert_eq!(run.json()["done"], 5, "{run:?}");
}

#[test]
fn what_is_not_there_is_said_in_one_line() {
    let shop = Shop::open(true);
    assert_eq!(load(shop, &["--seat", "Z-9"]).one_line(2), "the show has no labelled seat \"Z-9\"");
    assert!(load(shop, &["--area", "roof"]).one_line(2).contains("its areas are a, floor"));
    assert!(load(shop, &["--show", "other"]).one_line(3).starts_with("404 Not Found"));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    assert!(load(nobody, &[]).one_line(3).contains("start the server with `lastseat serve`"));
    let place = Place::new();
    assert!(place.run(&["load", "--url", "https://localhost"]).one_line(2).contains("must start with http://"));
}
