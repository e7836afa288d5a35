//! Shows as their organisers see them: what a show says to people, and lists of shows.

use crate::common;

use common::start_for_test;
use http::StatusCode;
use http_body_util::BodyExt;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Filter};
use serde_json::{Value, json};

/// The demo show with other members.
fn with(members: Value) -> Value {
    let mut show = common::demo();
    let object = show.as_object_mut().unwrap();
    object.extend(members.as_object().unwrap().clone());
    show
}

#[tokio::test]
async fn what_a_show_tells_people_is_checked_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for (field, wrong) in [
        ("venue", json!("")),
        ("timezone", json!("+02:00")),
        ("description", json!("x".repeat(4097))),
        ("image_url", json!("http://example.com/a.png")),
        ("metadata", json!({"a": "x".repeat(4096)})),
        ("doors_at", json!("2030-06-01T19:30:01Z")),
    ] {
        let mut show = with(json!({"id": "gala", "starts_at": "2030-06-01T19:30:00Z"}));
        show[field] = wrong;
        let refused = server.post("/v1/shows").admin(&server).json(show).send().await;
        assert_eq!(refused.is(422, "invalid_show").json()["field"], field);
    }
    for wrong in
        [json!({"metadata": {"a": 1}}), json!({"starts_at": "tonight"}), json!({"metadata": null}), json!({"city": "Graz"})]
    {
        let show = with(json!({"id": "gala"})).as_object().unwrap().clone();
        let show: Value = show.into_iter().chain(wrong.as_object().unwrap().clone()).collect::<serde_json::Map<_, _>>().into();
        server.post("/v1/shows").admin(&server).json(show).send().await.is(422, "invalid_request");
    }
    server.get("/v1/shows/gala").send().await.is(404, "show_not_found");

    let details = json!({
        "venue": "Großer Saal", "starts_at": "2030-06-01T19:30:00.1234+02:00", "doors_at": "2030-06-01T17:00:00Z",
        "timezone": "Europe/Vienna", "description": "Two hours.\nOne interval.", "image_url": "https://example.com/gala.png",
        "metadata": {"season": "2030"},
    });
    let mut gala = with(json!({"id": "gala"}));
    gala.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
    let created = server.post("/v1/shows").admin(&server).json(&gala).send().await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(server.post("/v1/shows").admin(&server).json(&gala).send().await.status, StatusCode::OK);
    let shown = server.get("/v1/shows/gala").send().await.json();
    assert_eq!(shown["starts_at"], "2030-06-01T17:30:00.123Z");
    for member in ["venue", "doors_at", "timezone", "description", "image_url", "metadata"] {
        assert_eq!((&created.json()[member], &shown[member]), (&details[member], &details[member]), "{member}");
    }
    let plain = server.get("/v1/shows/demo").send().await.json();
    assert!(plain.get("venue").is_none() && plain.get("metadata").is_none() && plain.get("starts_at").is_none());
    server.stop().await;
}

#[tokio::test]
async fn lists_of_shows_are_chosen_by_date_status_and_text() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for (id, title, venue, day) in
        [("a", "Aida", "OPER Köln", 1), ("b", "Carmen", "Oper köln", 2), ("c", "Köln lacht", "Halle", 3)]
    {
        let body = with(json!({"id": id, "title": title, "venue": venue, "starts_at": format!("2030-06-0{day}T18:00:00Z")}));
        assert_eq!(server.post("/v1/shows").admin(&server).json(body).send().await.status, StatusCode::CREATED);
    }
    server.post("/v1/shows/b/pause").admin(&server).send().await;
    let list = async |query: &str| {
        let page = server.get(&format!("/v1/shows?{query}")).send().await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let page = page.json();
        let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|show| show["id"].as_str().unwrap().to_owned()).collect();
        (ids.join(" "), page["has_more"].as_bool().unwrap())
    };
    for (query, ids, more) in [
        ("", "a b c demo", false),
        ("starts_from=2030-06-02T18:00:00Z", "b c", false),
        ("starts_to=2030-06-02T18:00:00Z", "a", false),
        ("starts_from=2030-06-01T20:00:00%2B02:00&starts_to=2030-06-03T00:00:00Z", "a b", false),
        ("status=paused", "b", false),
        ("status=on_sale&starts_from=2000-01-01T00:00:00Z", "a c", false),
        ("status=cancelled", "", false),
        ("text=K%C3%96LN", "a b c", false),
        ("text=%20oper%20k%C3%B6ln%20", "a b", false),
        ("text=k%C3%B6ln&limit=1", "a", true),
        ("text=k%C3%B6ln&limit=1&starting_after=a", "b", true),
        ("text=k%C3%B6ln&limit=1&starting_after=b", "c", false),
    ] {
        assert_eq!(list(query).await, (ids.to_owned(), more), "{query}");
    }
    // To come: by time, and neither what is over nor what was cancelled.
    for (id, starts_at) in [
        ("z", "2030-05-31T18:00:00Z"),
        ("d", "2030-06-04T18:00:00Z"),
        ("over", "2020-06-01T18:00:00Z"),
        ("open", "2030-05-31T18:00:00Z"),
    ] {
        let body = with(json!({"id": id, "starts_at": starts_at}));
        assert_eq!(server.post("/v1/shows").admin(&server).json(body).send().await.status, StatusCode::CREATED);
    }
    server.post("/v1/shows/d/cancel").admin(&server).send().await;
    for (query, ids, more) in [
        ("upcoming=false", "a b c d demo open over z", false),
        ("upcoming=true", "open z a b c demo", false),
        ("upcoming=true&limit=2", "open z", true),
        ("upcoming=true&limit=2&starting_after=z", "a b", true),
        // The page before ended with a show that was cancelled since.
        ("upcoming=true&starting_after=d", "demo", false),
        ("upcoming=true&text=oper&status=on_sale", "a", false),
    ] {
        assert_eq!(list(query).await, (ids.to_owned(), more), "{query}");
    }
    for wrong in [
        "starts_from=tomorrow",
        "starts_to=2030",
        "status=open",
        "text=",
        "text=%20",
        "upcoming=soon",
        "upcoming=true&starting_after=no",
    ] {
        server.get(&format!("/v1/shows?{wrong}")).send().await.is(400, "invalid_parameter");
    }
    server.stop().await;
}

fn patch(server: &common::TestServer, body: Value) -> common::Call {
    server.call("PATCH", "/v1/shows/demo").admin(server).json(body)
}

#[tokio::test]
async fn a_change_that_is_not_possible_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let before = server.get("/v1/shows/demo").send().await;
    assert_eq!((before.header("etag"), &before.json()["revision"]), ("\"0-on_sale\"", &json!(0)));
    let head = server.head().await;
    let areas = || common::demo()["areas"].clone();
    let spoilt = |spoil: &dyn Fn(&mut Value)| {
        let mut areas = areas();
        spoil(&mut areas);
        json!({"areas": areas})
    };
    for (field, body) in [
        ("title", json!({"title": null})),
        ("title", json!({"title": ""})),
        ("hold_seconds", json!({"hold_seconds": null})),
        ("hold_seconds", json!({"hold_seconds": 0})),
        ("venue", json!({"venue": ""})),
        ("image_url", json!({"image_url": "http://example.com/a.png"})),
        ("max_seats_per_buyer", json!({"max_seats_per_buyer": 4})),
        ("sale_closes_at", json!({"sale_opens_at": "2030-01-02T00:00:00Z", "sale_closes_at": "2030-01-01T00:00:00Z"})),
        ("areas", json!({"categories": [{"category": "stalls", "price": 1}]})),
        ("categories", json!({"categories": [{"category": "stalls", "price": -1}, {"category": "standing", "price": 1}]})),
        ("areas", json!({"areas": []})),
        ("areas", spoilt(&|areas| areas[1]["capacity"] = json!(19))),
        ("areas", spoilt(&|areas| areas[0]["rows"][0]["seats"] = json!(9))),
        ("areas", spoilt(&|areas| drop(areas[0]["rows"].as_array_mut().unwrap().remove(0)))),
        ("areas", spoilt(&|areas| areas[0]["category"] = json!("standing"))),
    ] {
        let refused = patch(&server, body.clone()).send().await;
        assert_eq!(refused.is(422, "invalid_show").json()["field"], field, "{body}");
    }
    // Currency, id and rewards never change.
    for body in
        [json!({"currency": "USD"}), json!({"id": "other"}), json!({"rewards": []}), json!({"hold_seconds": "60"}), json!([])]
    {
        patch(&server, body).send().await.is(422, "invalid_request");
    }
    server.call("PATCH", "/v1/shows/demo").admin(&server).bytes("{}").send().await.is(415, "unsupported_media_type");
    server.call("PATCH", "/v1/shows/gala").admin(&server).json(json!({})).send().await.is(404, "show_not_found");
    let buyer = server.token("anna", lastseat::auth::Role::Buyer);
    server.call("PATCH", "/v1/shows/demo").bearer(&buyer).json(json!({"title": "Mine"})).send().await.is(403, "forbidden");
    // As it is already.
    let same =
        patch(&server, common::demo().as_object().map(|show| json!({"areas": show["areas"], "title": show["title"]})).unwrap());
    assert_eq!(same.send().await.json(), before.json());
    assert_eq!((server.head().await, server.get("/v1/shows/demo").send().await.json()), (head, before.json()));
    server.post("/v1/shows/demo/cancel").admin(&server).send().await;
    patch(&server, json!({"title": "Late"})).send().await.is(410, "show_cancelled");
    server.stop().await;
}

#[tokio::test]
async fn of_two_organisers_who_change_the_same_revision_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let tag = server.get("/v1/shows/demo").send().await.header("etag").to_owned();
    let first = patch(&server, json!({"title": "First"})).header("if-match", &tag).send().await;
    assert_eq!((first.status, first.text("title")), (StatusCode::OK, "First".to_owned()), "{first:?}");
    let late = patch(&server, json!({"title": "Second"})).header("if-match", &tag).send().await;
    assert_eq!(late.is(412, "show_changed").json()["revision"], 1);
    for none in ["\"x\"", "W/\"1-on_sale\""] {
        patch(&server, json!({"title": "Second"})).header("if-match", none).send().await.is(412, "show_changed");
    }
    // A pause is no change of what the tag names.
    server.post("/v1/shows/demo/pause").admin(&server).send().await;
    assert_eq!(server.get("/v1/shows/demo").send().await.header("etag"), "\"1-paused\"");
    let second = patch(&server, json!({"title": "Second"})).header("if-match", first.header("etag")).send().await;
    assert_eq!((second.status, second.header("etag")), (StatusCode::OK, "\"3-paused\""), "{second:?}");
    // Without the header, the last one wins.
    assert_eq!(patch(&server, json!({"title": "Third"})).send().await.text("title"), "Third");
    let unchanged = server.get("/v1/shows/demo").header("if-none-match", "\"4-paused\"").send().await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));

    // A repeat under the same key has the effect of one, also after a restart.
    let keyed =
        |server: &common::TestServer| patch(server, json!({"title": "Fourth"})).header("if-match", "\"4-paused\"").key("k");
    assert_eq!(keyed(&server).send().await.text("title"), "Fourth");
    assert_eq!(keyed(&server).send().await.header("idempotent-replayed"), "true");
    let show = server.get("/v1/shows/demo").send().await.json();
    server.stop().await;
    let server = start_for_test(dir.path()).await;
    assert_eq!(server.get("/v1/shows/demo").send().await.json(), show);
    assert_eq!(keyed(&server).send().await.text("title"), "Fourth");
    assert_eq!(server.get("/v1/shows/demo").send().await.json()["revision"], 5);
    server.stop().await;
}

#[tokio::test]
async fn prices_and_seats_change_for_new_holds_only_and_readers_hear_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let old = server.hold(json!({"seats": ["A-1"]})).await;
    let map = server.get("/v1/shows/demo/seats").send().await;
    let position = map.json()["position"].as_u64().unwrap();
    let (_, mut live) = server.get(&format!("/v1/shows/demo/seats/stream?from={position}")).open().await;

    let mut areas = common::demo()["areas"].clone();
    areas[0]["rows"].as_array_mut().unwrap().push(json!({"row": "D", "seats": 2}));
    areas[1]["capacity"] = json!(22);
    areas.as_array_mut().unwrap().push(json!({"area": "balcony", "category": "stalls", "rows": [{"row": "Z", "seats": 1}]}));
    let body = json!({
        "venue": "Arena", "metadata": {"a": "1"}, "max_seats_per_booking": 22, "areas": areas,
        "categories": [{"category": "stalls", "price": 5000}, {"category": "standing", "price": 3500}],
    });
    let changed = patch(&server, body).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let show = server.get("/v1/shows/demo").send().await.json();
    assert_eq!((&show, &show["areas"], &show["venue"], &show["revision"]), (&changed.json(), &areas, &json!("Arena"), &json!(1)));
    assert_eq!(patch(&server, json!({"venue": null, "metadata": {"a": null}})).send().await.json().get("venue"), None);

    let seats = server.get("/v1/shows/demo/seats").header("if-none-match", map.header("etag")).send().await;
    assert_eq!(seats.status, StatusCode::OK);
    let seats = seats.json();
    let seat = |id: &str| seats["seats"].as_array().unwrap().iter().find(|seat| seat["seat"] == id).unwrap().clone();
    assert_eq!(seat("A-1"), json!({"seat": "A-1", "area": "parquet", "state": "locked", "price": 5000}));
    assert_eq!(seat("D-2"), json!({"seat": "D-2", "area": "parquet", "state": "available", "price": 5000}));
    assert_eq!(seats["areas"][1], json!({"area": "floor", "labelled": false, "capacity": 22, "available": 22, "price": 3500}));
    let rows = server.get("/v1/shows/demo/seats").header("accept", "application/vnd.lastseat.seat-rows+json").send().await.json();
    assert_eq!(rows["areas"][0]["rows"][3], json!({"row": "D", "seats": "aa"}));
    assert_eq!(rows["areas"][2]["rows"], json!([{"row": "Z", "seats": "a"}]));

    let dearer = server.hold(json!({"seats": ["D-1", "Z-1"]})).await;
    assert_eq!(dearer.json()["amount"]["value"], 10_000);
    assert_eq!(
        server.get(&format!("/v1/bookings/{}", old.text("id"))).admin(&server).send().await.json()["amount"]["value"],
        4500
    );
    assert_eq!(server.hold(json!({"area": "floor", "quantity": 22})).await.json()["amount"]["value"], 77_000);
    server.post("/v1/shows/demo/bookings").json(json!({"area": "floor", "quantity": 1})).send().await.is(410, "sold_out");

    let text = read_until(&mut live, "\"Z-1\"").await;
    let (revised, locked) = (text.find("event: show_revised").expect(&text), text.find("\"D-1\"").expect(&text));
    assert!(revised < locked && text.contains("data: {\"revision\":1,\"position\":"), "{text}");
    // A reader from before the change gets it from the log, too.
    server.stop().await;
    let server = start_for_test(dir.path()).await;
    let (_, mut late) = server.get(&format!("/v1/shows/demo/seats/stream?from={position}")).open().await;
    let again = read_until(&mut late, "\"Z-1\"").await;
    assert_eq!(again.matches("event: show_revised").count(), 2, "{again}");
    let refused = server.post("/v1/shows/demo/bookings").json(json!({"seats": ["Z-1"]})).send().await;
    refused.is(409, "seat_unavailable");
    let mut audit = lastseat_audit::Audit::new();
    for event in server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds(), "{report}");
    server.stop().await;
}

async fn read_until(body: &mut hyper::body::Incoming, awaited: &str) -> String {
    let mut text = String::new();
    while !text.contains(awaited) {
        let frame = tokio::time::timeout(std::time::Duration::from_secs(10), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no {awaited}: {text}")).expect("not the end").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn holds_that_race_a_change_of_prices_have_all_their_prices_from_one_revision() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let price =
        |n: i64| json!({"categories": [{"category": "stalls", "price": 4500 + n}, {"category": "standing", "price": 3000 + n}]});
    let holds = (0..50).map(|n| {
        let row = ["A", "B", "C"][n / 5 % 3];
        let seats = [format!("{row}-{}", 1 + n % 5 * 2), format!("{row}-{}", 2 + n % 5 * 2)];
        server.post("/v1/shows/demo/bookings").json(json!({"seats": seats})).send()
    });
    let changes = async {
        for n in 1..=10 {
            assert_eq!(patch(&server, price(n)).send().await.status, StatusCode::OK);
        }
    };
    let (holds, ()) = tokio::join!(futures::future::join_all(holds), changes);
    let held: Vec<_> = holds.iter().filter(|hold| hold.status == StatusCode::CREATED).map(common::Reply::json).collect();
    assert_eq!(held.len(), 15);
    for booking in &held {
        let prices: Vec<_> = booking["seats"].as_array().unwrap().iter().map(|seat| seat["price"].as_i64().unwrap()).collect();
        assert_eq!((prices[0], booking["amount"]["value"].as_i64()), (prices[1], Some(prices[0] + prices[1])), "{booking}");
    }
    let mut audit = lastseat_audit::Audit::new();
    let mut priced_at = std::collections::BTreeSet::new();
    for event in server.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        if event.event_type == "BookingOpened" {
            let body: Value = serde_json::from_str(event.data.get()).unwrap();
            let revision = body["show_revision"].as_i64().unwrap_or_default();
            assert_eq!(body["seats"][0]["price"], 4500 + revision, "{body}");
            priced_at.insert(revision);
        }
        audit.observe(&event);
    }
    let report = audit.finish();
    assert!(report.holds() && !priced_at.is_empty(), "{report}");
    server.stop().await;
}

#[tokio::test]
async fn a_series_is_made_once_and_a_repeat_completes_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let times = json!({"starts_at": "2030-06-01T19:30:00Z", "doors_at": "2030-06-01T19:00:00Z", "sale_closes_at": "2030-06-01T18:00:00Z", "venue": "Hall"});
    assert_eq!(patch(&server, times).send().await.status, StatusCode::OK);
    let copies = |body: Value| server.post("/v1/shows/demo/copies").admin(&server).json(body);
    let head = server.head().await;
    for (body, code) in [
        (json!({"dates": []}), "invalid_show"),
        (json!({"dates": vec![json!({"starts_at": "2030-06-02T19:30:00Z"}); 101]}), "invalid_show"),
        (json!({"dates": vec![json!({"starts_at": "2030-06-02T19:30:00Z"}); 2]}), "invalid_show"),
        // The second is refused, and so is the first with it.
        (
            json!({"dates": [{"starts_at": "2030-06-02T19:30:00Z"}, {"starts_at": "2030-06-03T19:30:00Z", "doors_at": "2030-06-03T20:00:00Z"}]}),
            "invalid_show",
        ),
        (json!({"dates": [{"starts_at": "2030-06-02T19:30:00Z", "price": 1}]}), "invalid_request"),
        (json!({}), "invalid_request"),
    ] {
        copies(body).send().await.is(422, code);
    }
    copies(json!({"dates": [{"starts_at": "2030-06-02T19:30:00Z", "id": "demo"}]})).send().await.is(409, "show_exists");
    server
        .post("/v1/shows/gala/copies")
        .admin(&server)
        .json(json!({"dates": [{"starts_at": "2030-06-02T19:30:00Z"}]}))
        .send()
        .await
        .is(404, "show_not_found");
    assert_eq!(server.head().await, head, "nothing was put on sale");

    let body = json!({"dates": [
        {"starts_at": "2030-06-02T19:30:00Z"},
        {"starts_at": "2030-06-03T21:00:00+02:00", "doors_at": "2030-06-03T17:00:00Z", "sale_closes_at": "2030-06-03T18:59:00Z"},
        {"starts_at": "2030-06-04T19:30:00Z", "id": "last-night", "sale_opens_at": "2030-01-01T00:00:00Z"},
    ]});
    // One of them was made before a crash.
    let begun = json!({"dates": [body["dates"][0]]});
    assert_eq!(copies(begun).send().await.status, StatusCode::CREATED);
    let made = copies(body.clone()).key("series").send().await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let shows = made.json()["data"].clone();
    let ids: Vec<_> = shows.as_array().unwrap().iter().map(|show| show["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["demo-20300602t1930", "demo-20300603t1900", "last-night"]);
    assert_eq!(
        (&shows[0]["doors_at"], &shows[0]["sale_closes_at"], &shows[1]["doors_at"], &shows[2]["status"]),
        (&json!("2030-06-02T19:00:00Z"), &json!("2030-06-02T18:00:00Z"), &json!("2030-06-03T17:00:00Z"), &json!("not_open"))
    );
    for show in shows.as_array().unwrap() {
        assert_eq!((&show["areas"], &show["venue"], &show["revision"]), (&common::demo()["areas"], &json!("Hall"), &json!(0)));
    }
    let head = server.head().await;
    let again = copies(body.clone()).send().await;
    assert_eq!((again.status, &again.json()["data"]), (StatusCode::OK, &shows));
    // One of them was changed since: the repeat leaves it as it is.
    let change =
        server.call("PATCH", "/v1/shows/demo-20300602t1930").admin(&server).json(json!({"title": "First night"})).send().await;
    assert_eq!(change.status, StatusCode::OK);
    assert_eq!(copies(body).send().await.json()["data"][0]["title"], "First night");
    assert_eq!(server.head().await, head + 1);
    server.post("/v1/shows/last-night/bookings").json(json!({"seats": ["A-1"]})).send().await.is(403, "sale_not_open");
    let held = server.post("/v1/shows/demo-20300602t1930/bookings").json(json!({"seats": ["A-1"]})).send().await;
    assert_eq!(held.status, StatusCode::CREATED);
    server.stop().await;
}
