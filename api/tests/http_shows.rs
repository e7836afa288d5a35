//! Shows as their organisers see them: what a show tells people, and lists of shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::start_for_test;
use http::StatusCode;
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
    for wrong in [json!({"metadata": {"a": 1}}), json!({"starts_at": "tonight"}), json!({"metadata": null}), json!({"city": "Graz"})] {
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
    for (id, title, venue, day) in [("a", "Aida", "OPER Köln", 1), ("b", "Carmen", "Oper köln", 2), ("c", "Köln lacht", "Halle", 3)] {
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
    for wrong in ["starts_from=tomorrow", "starts_to=2030", "status=open", "text=", "text=%20"] {
        server.get(&format!("/v1/shows?{wrong}")).send().await.is(400, "invalid_parameter");
    }
    server.stop().await;
}
