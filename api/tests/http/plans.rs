//! Drawn plans over real HTTP: drawing, reading, and shows on them.

use crate::support;

use lastseat::auth::Role;
use serde_json::{Value, json};
use support::client::{Answer, Call};
use support::test_server::TestServer;
use support::{seats_of, text};

const HOUSE: &str = include_str!("../../../docs/examples/house.pretix.json");
const ROWS: &str = "application/vnd.lastseat.seat-rows+json";

fn drawing(server: &TestServer, path: &str) -> Call {
    server.client.post(path).bearer(&server.token("mia", Role::Manager))
}

async fn draw(server: &TestServer, plan: &Value) -> Answer {
    drawing(server, "/v1/plans").json(plan).send().await
}

fn small() -> Value {
    json!({
        "plan": "small",
        "name": "Kleines Haus",
        "areas": [
            {"area": "stalls", "section": "Parkett", "category": "good", "rows": [
                {"row": "A", "seats": 4, "gaps_after": [2]},
                {"row": "Reihe „B“", "seats": [
                    {"seat": "B1", "label": "1", "x": 1.5, "y": -2},
                    {"seat": "B2", "label": "2 \"links\"", "x": 3, "y": -2.25},
                ]},
            ]},
            {"area": "balcony", "category": "cheap", "rows": [{"row": "A", "seats": 3}]},
            {"area": "floor", "category": "cheap", "capacity": 5},
        ],
        "shapes": [{"shape": "rectangle", "x": 0, "y": -20, "width": 100, "height": 20, "text": "Bühne"}],
    })
}

fn show_on(plan: &str, id: &str, categories: &[(&str, i64)]) -> Value {
    let categories: Vec<Value> = categories.iter().map(|(name, price)| json!({"category": name, "price": price})).collect();
    json!({"id": id, "title": "Premiere", "currency": "EUR", "plan": plan, "categories": categories})
}

async fn schedule(server: &TestServer, show: &Value) -> Answer {
    server.client.post("/v1/shows").bearer(&server.token("mia", Role::Manager)).json(show).send().await
}

async fn hold(server: &TestServer, show: &str, body: Value) -> Answer {
    let path = format!("/v1/shows/{show}/bookings");
    server.client.post(&path).bearer(&server.token("ann", Role::Buyer)).json(&body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_drawn_is_refused_and_nothing_is_drawn() {
    let server = TestServer::open(600).await;
    type Spoil = fn(&mut Value);
    let table: [(Spoil, u16, &str); 16] = [
        (|p| p["areas"][1]["rows"][0]["seats"] = 0.into(), 422, "invalid_plan"),
        (|p| p["areas"][1]["rows"] = json!([]), 422, "invalid_plan"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["seat"] = "B1".into(), 422, "invalid_plan"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["seat"] = "stalls.A-4".into(), 422, "invalid_plan"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["seat"] = "floor:1".into(), 422, "invalid_plan"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["seat"] = "Ö".into(), 422, "invalid_request"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["x"] = Value::Null, 422, "invalid_plan"),
        (|p| p["areas"][0]["rows"][1]["seats"][1]["x"] = 1e7.into(), 422, "invalid_plan"),
        (|p| p["areas"][2]["capacity"] = 200_001.into(), 422, "invalid_plan"),
        (|p| p["areas"][2]["area"] = "stalls".into(), 422, "invalid_plan"),
        (|p| p["areas"][2]["area"] = "The Floor".into(), 422, "invalid_request"),
        (|p| p["categories"] = json!([{"category": "good"}, {"category": "good"}]), 422, "invalid_plan"),
        (|p| p["shapes"][0]["shape"] = "blob".into(), 422, "invalid_plan"),
        (|p| p["name"] = "".into(), 422, "invalid_plan"),
        (|p| p["price"] = 1.into(), 422, "invalid_request"),
        (|p| drop(p.as_object_mut().unwrap().remove("areas")), 422, "invalid_request"),
    ];
    for (spoil, status, code) in table {
        let mut plan = small();
        spoil(&mut plan);
        draw(&server, &plan).await.problem(status, code);
    }
    for (body, code) in
        [("{", "invalid_json"), ("", "invalid_json"), ("[]", "invalid_request"), (r#"{"zones":7}"#, "invalid_request")]
    {
        let answer = drawing(&server, "/v1/plans").text(body).send().await;
        assert_eq!(answer.code(), code, "{body}");
    }
    drawing(&server, "/v1/plans?plan=No%20Id").json(&small()).send().await.problem(400, "invalid_parameter");
    let staff = server.client.post("/v1/plans").bearer(&server.token("stan", Role::Staff));
    staff.json(&small()).send().await.problem(403, "forbidden");
    server.client.post("/v1/plans").json(&small()).send().await.problem(401, "authentication_required");
    for path in ["/v1/plans/small", "/v1/plans/No%20Id", "/v1/plans/small/revisions/1", "/v1/plans/small/revisions/x"] {
        server.client.get(path).bearer(&server.admin()).send().await.problem(404, "plan_not_found");
    }
    let list = server.client.get("/v1/plans").bearer(&server.admin()).send().await.ok(200);
    assert_eq!(list, json!({"data": [], "has_more": false}));
    schedule(&server, &show_on("small", "premiere", &[("good", 1), ("cheap", 1)])).await.problem(404, "plan_not_found");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_drawn_in_revisions_that_never_change() {
    let server = TestServer::open(600).await;
    let drawn = draw(&server, &small()).await;
    let summary = drawn.ok(201);
    assert_eq!(drawn.header("location"), Some("/v1/plans/small/revisions/1"));
    let expected = json!({
        "plan": "small", "revision": 1, "name": "Kleines Haus", "seats": 14, "rows": 3,
        "sections": ["Parkett", "balcony", "floor"],
        "categories": [{"category": "good", "seats": 6}, {"category": "cheap", "seats": 8}],
        "not_taken_over": [],
    });
    assert_eq!(summary, expected);
    draw(&server, &small()).await.ok(200);
    let first = server.client.get("/v1/plans/small/revisions/1").send().await;
    assert!(first.header("cache-control").unwrap().contains("immutable"));
    let rows = &first.ok(200)["areas"][0]["rows"];
    assert_eq!(rows[0]["seats"][3], json!({"seat": "stalls.A-4", "label": "4"}));
    assert_eq!(rows[1]["seats"][1], json!({"seat": "B2", "label": "2 \"links\"", "x": 3.0, "y": -2.25}));
    // What a plan is read as can be drawn again, and is the same for those who buy.
    let tag = first.header("etag").unwrap().to_owned();
    let again = server.client.get("/v1/plans/small/revisions/1").header("if-none-match", &tag).send().await;
    assert_eq!(again.status, 304);

    let mut larger = small();
    larger["areas"][2]["capacity"] = 6.into();
    let etag = server.client.get("/v1/plans/small").bearer(&server.admin()).send().await.header("etag").unwrap().to_owned();
    let follow = async |plan: &Value| drawing(&server, "/v1/plans").header("if-match", &etag).json(plan).send().await;
    assert_eq!(follow(&larger).await.ok(201)["revision"], 2);
    larger["areas"][2]["capacity"] = 7.into();
    assert_eq!(follow(&larger).await.problem(412, "plan_changed")["revision"], 2);
    let latest = server.client.get("/v1/plans/small").bearer(&server.admin()).send().await.ok(200);
    assert_eq!((&latest["revision"], &latest["seats"]), (&json!(2), &json!(15)));
    assert_eq!(server.client.get("/v1/plans/small/revisions/1").send().await.ok(200), first.json());
    server.client.get("/v1/plans/small/revisions/3").send().await.problem(404, "plan_not_found");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_on_a_plan_sell_its_seats_and_stay_on_their_revision() {
    let server = TestServer::open(600).await;
    draw(&server, &small()).await.ok(201);
    let prices = [("good", 5000), ("cheap", 1000)];
    schedule(&server, &show_on("small", "premiere", &prices[..1])).await.problem(422, "invalid_show");
    let mut both = show_on("small", "premiere", &prices);
    both["areas"] = json!([{"area": "floor", "category": "cheap", "capacity": 5}]);
    schedule(&server, &both).await.problem(422, "invalid_show");
    let mut none = show_on("small", "premiere", &prices);
    none["plan_revision"] = 2.into();
    schedule(&server, &none).await.problem(404, "plan_not_found");
    let show = schedule(&server, &show_on("small", "premiere", &prices)).await.ok(201);
    assert_eq!(show["plan"], json!({"plan": "small", "revision": 1}));
    assert_eq!(show["areas"][2], json!({"area": "floor", "category": "cheap", "capacity": 5}));

    let mut larger = small();
    larger["areas"][1]["rows"][0]["seats"] = 4.into();
    draw(&server, &larger).await.ok(201);
    // The same request is still the same show.
    schedule(&server, &show_on("small", "premiere", &prices)).await.ok(200);
    let second = schedule(&server, &show_on("small", "second", &prices)).await.ok(201);
    assert_eq!(second["plan"]["revision"], 2);
    hold(&server, "premiere", json!({"seats": ["balcony.A-4"]})).await.problem(422, "unknown_seat");
    let held = hold(&server, "second", json!({"seats": ["balcony.A-4", "stalls.A-1", "B2"]})).await.ok(201);
    assert_eq!(seats_of(&held), ["stalls.A-1", "B2", "balcony.A-4"]);
    assert_eq!(held["amount"]["value"], 11_000);
    let printed = json!({"seat": "B2", "price": 5000, "section": "Parkett", "row": "Reihe „B“", "label": "2 \"links\""});
    assert_eq!(held["seats"][1], printed);
    // Ids that a row counts are printed as its numbers; an area without a section prints none.
    assert_eq!(held["seats"][2], json!({"seat": "balcony.A-4", "price": 1000, "row": "A", "label": "4"}));
    let dates = json!({"dates": [{"starts_at": "2031-01-01T19:00:00Z"}]});
    let copies = server.client.post("/v1/shows/second/copies").bearer(&server.admin()).json(&dates).send().await.ok(201);
    assert_eq!(copies["data"][0]["plan"], json!({"plan": "small", "revision": 2}));
    let patch = |body: Value| server.client.call("PATCH", "/v1/shows/second").bearer(&server.admin()).json(&body).send();
    patch(json!({"areas": []})).await.problem(422, "invalid_show");
    patch(json!({"title": "Changed"})).await.ok(200);

    let map = server.client.get("/v1/shows/second/seats").send().await.ok(200);
    assert_eq!(map["plan"], json!({"plan": "small", "revision": 2}));
    let seat = map["seats"].as_array().unwrap().iter().find(|seat| seat["seat"] == "B2").unwrap();
    let expected = json!({
        "seat": "B2", "area": "stalls", "state": "locked", "price": 5000,
        "section": "Parkett", "row": "Reihe „B“", "label": "2 \"links\"", "x": 3, "y": -2.25,
    });
    assert_eq!(seat.to_string().replace("3.0", "3"), expected.to_string());
    let rows = server.client.get("/v1/shows/second/seats").header("accept", ROWS).send().await.ok(200);
    assert_eq!(rows["areas"][0]["rows"][1], json!({"row": "Reihe „B“", "seats": "al"}));
    assert_eq!(rows["areas"][0]["section"], "Parkett");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_pretix_is_drawn_and_sold() {
    let server = TestServer::open(600).await;
    let house = drawing(&server, "/v1/plans?plan=house").text(HOUSE).send().await;
    let summary = house.ok(201);
    assert_eq!((&summary["seats"], &summary["sections"]), (&json!(1000), &json!(["Stalls", "Balcony"])));
    let not_taken_over = summary["not_taken_over"].to_string();
    for named in ["`radius` of seats (1000 times)", "`size` of the plan", "`uuid` of rows"] {
        assert!(not_taken_over.contains(named), "{not_taken_over}");
    }
    let prices = [("category-1", 9000), ("category-2", 6000), ("category-3", 3000)];
    schedule(&server, &show_on("house", "opera", &prices)).await.ok(201);
    let held = hold(&server, "opera", json!({"seats": ["stalls-A-1", "balcony-A-1"]})).await.ok(201);
    assert_eq!(held["amount"]["value"], 15_000);
    // Five side by side are on one side of the aisle.
    let best = hold(&server, "opera", json!({"best_available": {"category": "category-1", "quantity": 5}})).await.ok(201);
    let numbers: Vec<u32> = seats_of(&best).iter().map(|seat| seat.rsplit('-').next().unwrap().parse().unwrap()).collect();
    assert!(numbers.iter().all(|n| *n <= 15) || numbers.iter().all(|n| *n > 15), "{numbers:?}");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_seats_are_drawn_in_one_request_and_read_in_rows() {
    let server = TestServer::open(600).await;
    let row = |area: usize, row: usize| {
        let seats =
            (1..=100).map(|n| json!({"seat": format!("a{area}.{row}-{n}"), "label": n.to_string(), "x": n * 20, "y": row * 25}));
        json!({"row": row.to_string(), "seats": seats.collect::<Vec<_>>()})
    };
    let areas: Vec<Value> = (0..10)
        .map(|area| json!({"area": format!("a{area}"), "category": "all", "rows": (0..100).map(|n| row(area, n)).collect::<Vec<_>>()}))
        .collect();
    let plan = json!({"plan": "arena", "name": "Arena", "areas": areas});
    assert_eq!(draw(&server, &plan).await.ok(201)["seats"], 100_000);
    schedule(&server, &show_on("arena", "concert", &[("all", 5000)])).await.ok(201);
    hold(&server, "concert", json!({"seats": ["a9.99-100"]})).await.ok(201);
    let rows = server.client.get("/v1/shows/concert/seats").header("accept", ROWS).send().await;
    assert!(rows.body.len() < 500_000, "{}", rows.body.len());
    let rows = rows.ok(200);
    assert_eq!(rows["areas"][9]["rows"][99]["seats"].as_str().unwrap().matches('l').count(), 1);
    let whole = server.client.get("/v1/plans/arena/revisions/1").send().await.ok(200);
    assert_eq!(whole["areas"][9]["rows"][99]["seats"][99]["seat"], "a9.99-100");
    assert_eq!(text(&whole["areas"][9]["rows"][99]["seats"][99], "label"), "100");
    server.close().await;
}
