//! Pictures of shows over real HTTP: setting, reading and removing them.

use crate::support;

use lastseat::auth::Role;
use lastseat_testkit::pictures::{exif, jpeg, png, png_chunk};
use serde_json::{Value, json};
use support::client::{Answer, Call};
use support::test_server::TestServer;

const PICTURE: &str = "/v1/shows/gala/picture";
const PNG: &str = "image/png";

fn put(server: &TestServer, path: &str, media_type: &str, file: Vec<u8>) -> Call {
    let manager = server.token("mia", Role::Manager);
    server.client.call("PUT", path).bearer(&manager).header("content-type", media_type).bytes(file.into())
}

async fn set(server: &TestServer, file: Vec<u8>) -> Answer {
    put(server, PICTURE, PNG, file).send().await
}

async fn remove(server: &TestServer) -> Answer {
    server.client.delete(PICTURE).bearer(&server.token("mia", Role::Manager)).send().await
}

async fn show(server: &TestServer) -> Answer {
    server.client.get("/v1/shows/gala").send().await
}

fn url(show: &Value) -> &str {
    show["picture"]["url"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_there_for_everybody_as_soon_as_it_is_set() {
    let server = TestServer::open(600).await;
    for (path, code) in [(PICTURE, "picture_not_found"), ("/v1/shows/nothing/picture?v=0123456789abcdef", "show_not_found")] {
        let none = server.client.get(path).send().await;
        // No cache may answer so once there is one.
        assert_eq!(none.header("cache-control"), Some("no-store"), "{path}");
        none.problem(404, code);
    }
    let before = show(&server).await;
    assert_eq!(before.json().get("picture"), None);

    let file = png(40, 30, 1);
    let path = format!("{PICTURE}?alt=A%20mask%20%26%20a%20%E2%80%9Ecrown%E2%80%9C");
    let answer = put(&server, &path, PNG, file.clone()).send().await.ok(201);
    assert_eq!(put(&server, &path, PNG, file.clone()).send().await.ok(200), answer);
    let expected = json!({"url": url(&answer), "media_type": PNG, "width": 40, "height": 30, "alt": "A mask & a „crown“"});
    assert_eq!(answer["picture"], expected);
    let after = show(&server).await;
    assert_eq!(after.ok(200), answer);
    assert_eq!(server.client.get("/v1/shows").send().await.ok(200)["data"][0]["picture"], expected);
    // Who has read the show before reads it again; who revises it is not kept from that.
    let (old, new) = (before.header("etag").unwrap(), after.header("etag").unwrap());
    assert_ne!(old, new);
    assert_eq!(server.client.get("/v1/shows/gala").header("if-none-match", old).send().await.status, 200);
    assert_eq!(server.client.get("/v1/shows/gala").header("if-none-match", new).send().await.status, 304);
    let patch = server.client.call("PATCH", "/v1/shows/gala").bearer(&server.admin()).header("if-match", old);
    assert_eq!(patch.json(&json!({"title": "Gala"})).send().await.ok(200)["picture"], expected);

    let read = server.client.get(url(&answer)).send().await;
    assert_eq!((read.status, read.body.to_vec()), (200, file));
    for (name, value) in [
        ("content-type", PNG),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "inline"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(read.header(name), Some(value), "{name}");
    }
    let etag = read.header("etag").unwrap();
    assert_eq!(etag.len(), 66);
    assert!(url(&answer).ends_with(&format!("?v={}", &etag[1..17])), "{etag}");
    for path in [PICTURE, "/v1/shows/gala/picture?v=0123456789abcdef"] {
        assert_eq!(server.client.get(path).send().await.header("cache-control"), Some("no-cache"), "{path}");
        for method in ["GET", "HEAD"] {
            let known = server.client.call(method, path).header("if-none-match", etag).send().await;
            assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(etag)), "{method} {path}");
        }
    }
    let head = server.client.call("HEAD", PICTURE).send().await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, read.header("content-length")));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_picture_has_another_address_and_none_is_left_after_its_removal() {
    let server = TestServer::open(600).await;
    let first = set(&server, png(4, 3, 1)).await.ok(201);
    let second = set(&server, png(4, 3, 2)).await.ok(201);
    assert_ne!(url(&first), url(&second));
    // A page that was loaded before gets the new one, and does not keep it as the old one.
    let read = server.client.get(url(&first)).send().await;
    assert_eq!((read.body.to_vec(), read.header("cache-control")), (png(4, 3, 2), Some("no-cache")));

    let server = server.restart().await;
    assert_eq!(show(&server).await.ok(200), second);
    assert_eq!(server.client.get(url(&second)).send().await.body.to_vec(), png(4, 3, 2));

    assert_eq!(remove(&server).await.ok(200).get("picture"), None);
    assert_eq!(remove(&server).await.ok(200).get("picture"), None);
    server.client.get(url(&second)).send().await.problem(404, "picture_not_found");
    let server = server.restart().await;
    server.client.get(PICTURE).send().await.problem(404, "picture_not_found");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_or_too_large_is_refused() {
    let server = TestServer::open(600).await;
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#.to_vec();
    let whole = png(4, 3, 1);
    let too_wide = [&whole[..8], &png_chunk(b"IHDR", &[0, 0, 0x10, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]), &whole[33..]].concat();
    for (media_type, file, status, code) in [
        ("image/svg+xml", svg.clone(), 415, "unsupported_picture"),
        (PNG, svg, 415, "unsupported_picture"),
        (PNG, vec![], 415, "unsupported_picture"),
        ("application/octet-stream", whole.clone(), 415, "unsupported_picture"),
        ("image/jpeg", whole.clone(), 422, "picture_type_differs"),
        (PNG, whole[..whole.len() - 1].to_vec(), 422, "invalid_picture"),
        (PNG, too_wide, 422, "invalid_picture"),
        (PNG, png(300, 300, 1), 422, "picture_too_large"),
        (PNG, vec![0; (1 << 20) + 1], 413, "body_too_large"),
    ] {
        put(&server, PICTURE, media_type, file).send().await.problem(status, code);
    }
    let differs = put(&server, PICTURE, "image/jpeg", whole.clone()).send().await.problem(422, "picture_type_differs");
    assert_eq!((&differs["claimed"], &differs["found"]), (&json!("image/jpeg"), &json!(PNG)));
    let large = set(&server, png(300, 300, 1)).await.problem(422, "picture_too_large");
    assert_eq!((&large["bytes"], &large["most"]), (&json!(png(300, 300, 1).len()), &json!(200_000)));
    let long = format!("{PICTURE}?alt={}", "x".repeat(501));
    assert_eq!(put(&server, &long, PNG, whole.clone()).send().await.problem(422, "invalid_picture")["field"], "alt");
    put(&server, "/v1/shows/nothing/picture", PNG, whole.clone()).send().await.problem(404, "show_not_found");
    server.client.get(PICTURE).send().await.problem(404, "picture_not_found");
    // A media type may have parameters.
    put(&server, PICTURE, "Image/PNG; foo=bar", whole).send().await.ok(201);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_revise_shows_is_refused_before_the_file_is_read() {
    let server = TestServer::open(600).await;
    let large = || vec![0; (1 << 20) + 1].into();
    for method in ["PUT", "DELETE"] {
        let call = || server.client.call(method, PICTURE).header("content-type", PNG);
        call().bytes(large()).send().await.problem(401, "authentication_required");
        for role in [Role::Buyer, Role::Staff, Role::Auditor] {
            call().bearer(&server.token("somebody", role)).bytes(large()).send().await.problem(403, "forbidden");
        }
        for role in [Role::Manager, Role::Admin] {
            call().bearer(&server.token("somebody", role)).bytes(large()).send().await.problem(413, "body_too_large");
        }
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_photograph_was_taken_is_not_published() {
    let server = TestServer::open(600).await;
    let place = "48.2082N 16.3738E";
    let file = jpeg(640, 480, &[exif(6, place)]);
    let has_place = |bytes: &[u8]| bytes.windows(place.len()).any(|part| part == place.as_bytes());
    assert!(has_place(&file));
    let shown = put(&server, PICTURE, "image/jpeg", file).send().await.ok(201);
    assert_eq!((&shown["picture"]["width"], &shown["picture"]["height"]), (&json!(480), &json!(640)));
    assert!(!has_place(&server.client.get(PICTURE).send().await.body));
    let auditor = server.token("audrey", Role::Auditor);
    let history = server.client.get("/v1/audit/events?stream=picture-gala").bearer(&auditor).send().await;
    let event: Value = serde_json::from_slice(&history.body).unwrap();
    assert_eq!((&event["type"], &event["data"]["width"]), (&json!("ShowPictured"), &json!(480)));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_key_sets_a_picture_once_also_after_a_restart() {
    let server = TestServer::open(600).await;
    let keyed = async |server: &TestServer, file| put(server, PICTURE, PNG, file).key("one").send().await;
    let first = keyed(&server, png(4, 3, 1)).await.ok(201);
    let again = keyed(&server, png(4, 3, 1)).await;
    assert_eq!((again.ok(201), again.header("idempotent-replayed")), (first, Some("true")));
    keyed(&server, png(4, 3, 2)).await.problem(422, "idempotency_key_reused");
    let described = format!("{PICTURE}?alt=A+stage");
    put(&server, &described, PNG, png(4, 3, 1)).key("one").send().await.problem(422, "idempotency_key_reused");
    let second = set(&server, png(4, 3, 2)).await.ok(201);
    let server = server.restart().await;
    assert_eq!(url(&keyed(&server, png(4, 3, 1)).await.ok(200)), url(&second));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_of_dates_has_the_picture_of_its_first() {
    let server = TestServer::open(600).await;
    set(&server, png(4, 3, 1)).await.ok(201);
    let copy = async || {
        let dates = json!({"dates": [{"starts_at": "2030-06-01T19:30:00Z"}, {"starts_at": "2030-06-02T19:30:00Z"}]});
        server.client.post("/v1/shows/gala/copies").bearer(&server.admin()).key("series").json(&dates).send().await.ok(201)
    };
    let copies = copy().await;
    assert_eq!(copies, copy().await);
    for show in copies["data"].as_array().unwrap() {
        assert!(url(show).starts_with(&format!("/v1/shows/{}/picture?v=", show["id"].as_str().unwrap())), "{show}");
        assert_eq!(server.client.get(url(show)).send().await.body.to_vec(), png(4, 3, 1));
    }
    // From then on each has its own.
    remove(&server).await.ok(200);
    assert_eq!(server.client.get(url(&copies["data"][0])).send().await.status, 200);
    server.close().await;
}
