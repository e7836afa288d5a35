//! What caches and conditional requests get: ETags, HEAD, `Cache-Control`.

use crate::common;

use common::{start_for_test, start_with_form};
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::json;

const SEATS: &str = "/v1/shows/demo/seats";

#[tokio::test]
async fn if_none_match_is_compared_weakly_and_as_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for path in [SEATS, "/", "/assets/favicon.svg"] {
        let etag = server.get(path).send().await.header("etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag}");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let reply = server.get(path).header("if-none-match", &known).send().await;
            assert_eq!((reply.status, reply.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}: {known}");
            assert_eq!(reply.header("etag"), etag);
        }
        for other in ["\"other\"", "W/\"other\"", "\"a, b\"", etag.trim_matches('"')] {
            assert_eq!(server.get(path).header("if-none-match", other).send().await.status, StatusCode::OK, "{path}: {other}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn head_has_the_length_of_get_or_none_and_a_304_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    for path in [SEATS, "/", "/v1/shows", "/health/live", "/openapi.json", "/docs", "/v1/shows/nothing"] {
        let get = server.get(path).send().await;
        let head = server.call("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
    }
    for path in [SEATS, "/"] {
        let etag = server.get(path).send().await.header("etag").to_owned();
        for method in ["GET", "HEAD"] {
            let reply = server.call(method, path).header("if-none-match", &etag).send().await;
            assert_eq!(reply.status, StatusCode::NOT_MODIFIED);
            assert_eq!(reply.header("content-length"), "", "{method} {path}");
        }
    }
    server.stop().await;
}

/// Without a key the page is the file; with one it differs, and so does its tag. A changed key changes it again.
#[tokio::test]
async fn a_publishable_key_is_part_of_the_page_and_of_its_tag() {
    let file = include_str!("../../../web/index.html");
    let mut tags = Vec::new();
    for key in [None, Some("pk_test_1"), Some("pk_live_2"), Some("pk_test_\"><script>")] {
        let dir = tempfile::tempdir().unwrap();
        let server = match key {
            None => start_for_test(dir.path()).await,
            Some(key) => start_with_form(dir.path(), key).await,
        };
        let page = server.get("/").send().await;
        let body = str::from_utf8(&page.body).unwrap();
        let lets_stripe_in = page.header("content-security-policy").contains("https://js.stripe.com");
        match key.filter(|key| !key.contains('<')) {
            Some(key) => {
                assert!(lets_stripe_in && body.contains(&format!("<meta name=\"stripe-publishable-key\" content=\"{key}\">")));
                tags.push(page.header("etag").to_owned());
            }
            None => assert!(!lets_stripe_in && body == file, "{key:?}"),
        }
        let tag = page.header("etag");
        let again = server.get("/").header("if-none-match", tag).send().await;
        assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, tag));
        assert_eq!(again.header("content-security-policy"), page.header("content-security-policy"));
        for path in ["/docs", "/assets/index.html", "/assets/payment-form.js"] {
            let policy = server.get(path).send().await.header("content-security-policy").to_owned();
            assert!(!policy.contains("stripe"), "{path}: {policy}");
        }
        server.stop().await;
    }
    assert_eq!(tags.len(), 2);
    assert_ne!(tags[0], tags[1]);
}

/// Every path whose answers are for one caller only, with answers of all kinds.
#[tokio::test]
async fn private_answers_are_not_stored_by_any_cache_errors_included() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let (anna, ada) = (server.token("anna", Role::Buyer), server.token("ada", Role::Auditor));
    let hold = server.post("/v1/shows/demo/bookings").json(json!({"seats": ["A-1"]})).bearer(&anna).send().await;
    assert_eq!((hold.status, hold.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let booking = format!("/v1/bookings/{}", hold.text("id"));
    let pay = server.post(&format!("{booking}/payment")).json(json!({"payment_method": "pm_card_visa"}));
    for (call, status) in [
        (server.get(&booking).bearer(&anna), 200),
        (server.call("HEAD", &booking).bearer(&anna), 200),
        (server.get(&booking), 401),
        (server.get(&booking).bearer("nonsense"), 401),
        (server.get(&booking).bearer(&ada), 200),
        (server.get(&booking).bearer(&server.token("bob", Role::Buyer)), 404),
        (server.get("/v1/bookings/nonsense").bearer(&anna), 404),
        (server.call("PUT", &booking), 405),
        (server.get("/v1/bookings"), 401),
        (server.get("/v1/bookings").bearer(&ada), 200),
        (server.get("/v1/shows/demo/bookings?format=csv").bearer(&ada), 200),
        (server.get("/v1/bookings?voucher=x").bearer(&ada), 400),
        (server.get("/v1/bookings/a/b/c"), 404),
        (server.post(&format!("{booking}/extend")).bearer(&anna), 200),
        (server.post(&format!("{booking}/extend")).bearer(&anna), 409),
        (pay.bearer(&anna), 200),
        (server.call("DELETE", &booking).bearer(&anna), 409),
        (server.post(&format!("{booking}/refund")).bearer(&anna), 403),
        (server.post(&format!("{booking}/refund")).admin(&server), 200),
        (server.get("/v1/me/bookings").bearer(&anna), 200),
        (server.get("/v1/me/bookings"), 401),
        (server.get("/v1/me/bookings?limit=0").bearer(&anna), 400),
        (server.get("/v1/me/rewards").bearer(&anna), 200),
        (server.post("/v1/me/rewards/x/redeem").bearer(&anna), 404),
        (server.get("/v1/me/nothing"), 404),
        (server.get("/v1/audit/events").bearer(&ada), 200),
        (server.get("/v1/audit/events").bearer(&anna), 403),
        (server.get("/v1/audit/events?limit=0").bearer(&ada), 400),
        (server.post("/v1/audit/events"), 405),
    ] {
        let what = format!("{call:?}");
        let reply = call.send().await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (status, "no-store"), "{what}");
    }
    assert_eq!(server.get("/v1/shows").send().await.header("cache-control"), "");
    server.stop().await;
}

/// With and without a content coding: the same text, another tag, and `Vary` for caches.
#[tokio::test]
async fn pages_and_seat_maps_are_compressed_for_clients_that_take_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let rows = "application/vnd.lastseat.seat-rows+json";
    for (path, accept) in [
        (SEATS, "*/*"),
        (SEATS, rows),
        ("/", "*/*"),
        ("/docs", "*/*"),
        ("/assets/main.js", "*/*"),
        ("/assets/favicon.svg", "*/*"),
    ] {
        let get = || server.get(path).header("accept", accept);
        let plain = get().send().await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        assert!(plain.header("vary").contains("accept-encoding"), "{path}");
        for (accepted, coding) in [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, *;q=0.5", "gzip")] {
            let reply = get().header("accept-encoding", accepted).send().await;
            assert_eq!((reply.status, reply.header("content-encoding")), (StatusCode::OK, coding), "{path}");
            assert_eq!(reply.header("content-length"), reply.body.len().to_string());
            let mut text = Vec::new();
            match coding {
                "br" => std::io::copy(&mut brotli::Decompressor::new(&*reply.body, 4096), &mut text).unwrap(),
                _ => std::io::copy(&mut flate2::read::GzDecoder::new(&*reply.body), &mut text).unwrap(),
            };
            assert_eq!(text, plain.body, "{path}");
            assert!(reply.body.len() < plain.body.len(), "{path}");
            assert_eq!(reply.header("content-type"), plain.header("content-type"));
            assert_eq!(reply.header("vary"), plain.header("vary"));
            let tag = reply.header("etag");
            assert_ne!(tag, plain.header("etag"), "{path}");
            let again = get().header("accept-encoding", accepted).header("if-none-match", tag).send().await;
            assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, tag), "{path}");
            let other = get().header("if-none-match", tag).send().await;
            assert_eq!(other.status, StatusCode::OK, "{path}: the tag of another coding");
        }
        assert_eq!(get().header("accept-encoding", "identity").send().await.header("content-encoding"), "");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_seat_map_in_rows_says_what_the_seats_say() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    server.post("/v1/shows/demo/bookings").json(json!({"seats": ["B-2"]})).bearer(&anna).send().await;
    let seats = server.get(SEATS).send().await.json();
    let reply = server.get(SEATS).header("accept", "application/vnd.lastseat.seat-rows+json").send().await;
    assert_eq!(reply.header("content-type"), "application/vnd.lastseat.seat-rows+json");
    let rows = reply.json();
    assert_eq!(rows["position"], seats["position"]);
    let letters: String = rows["areas"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|area| area["rows"].as_array())
        .flatten()
        .map(|row| row["seats"].as_str().unwrap())
        .collect();
    let states: String = seats["seats"].as_array().unwrap().iter().map(|seat| &seat["state"].as_str().unwrap()[..1]).collect();
    assert_eq!(letters, states);
    let row =
        rows["areas"].as_array().unwrap().iter().flat_map(|area| area["rows"].as_array()).flatten().find(|row| row["row"] == "B");
    assert!(row.unwrap()["seats"].as_str().unwrap().starts_with("ala"));
    server.stop().await;
}
