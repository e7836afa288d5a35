//! Pages of other sites that use a browser's session, and callers who show more than one proof.

use super::{ANN, BOB, HOLD, MINE, PASSWORD, Stage, one_place};
use lastseat::auth::Role;
use serde_json::json;

#[tokio::test]
async fn a_command_needs_the_token_of_its_own_session() {
    let stage = Stage::open().await;
    let (ann, bob) = (stage.person(ANN).await, stage.person(BOB).await);
    let before = stage.server.head().await;
    let hold = || ann.bare("POST", HOLD).json(one_place());
    hold().send().await.is(403, "csrf_token_invalid");
    let cookie = ann.cookie.split_once('=').unwrap().1;
    for wrong in ["", "x", &bob.csrf, &ann.csrf[1..], cookie, &ann.csrf.to_lowercase()] {
        hold().header("x-csrf-token", wrong).send().await.is(403, "csrf_token_invalid");
    }
    for (method, path) in
        [("DELETE", "/v1/sessions/current"), ("POST", "/v1/accounts/me/password"), ("POST", "/v1/accounts/me/erase")]
    {
        let body = json!({"password": PASSWORD, "current_password": PASSWORD});
        ann.bare(method, path).json(body).send().await.is(403, "csrf_token_invalid");
    }
    assert_eq!(stage.server.head().await, before, "nothing was done");
    assert!(!ann.is_over().await);
    assert_eq!(hold().header("x-csrf-token", &ann.csrf).send().await.status, 201);
    stage.server.stop().await;
}

#[tokio::test]
async fn what_a_browser_sends_for_another_sites_page_is_refused() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let before = stage.server.head().await;
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "https://test.evil.example"),
        ("origin", "null"),
    ] {
        // Even with the right token.
        ann.post(HOLD).header(header, value).json(one_place()).send().await.is(403, "cross_site_request");
        // A form of that page, which can't send JSON, and one that signs the browser in as somebody else.
        let form = ann.bare("POST", HOLD).header(header, value).header("content-type", "text/plain");
        form.bytes(one_place().to_string()).send().await.is(403, "cross_site_request");
        stage.signing_in(ANN, PASSWORD).header(header, value).send().await.is(403, "cross_site_request");
        let sign_up = stage.server.post("/v1/accounts").header(header, value);
        sign_up.json(json!({"email": BOB, "password": PASSWORD})).send().await.is(403, "cross_site_request");
    }
    assert_eq!(stage.server.head().await, before, "nothing was done");
    // Without JavaScript a form has no other types.
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"] {
        let form = stage.server.post("/v1/sessions").header("content-type", kind);
        form.bytes(format!("{{\"email\":\"{ANN}\",\"password\":\"{PASSWORD}\"}}")).send().await.is(415, "unsupported_media_type");
    }
    for (header, value) in [("sec-fetch-site", "same-origin"), ("origin", "http://test"), ("origin", "http://tickets.test")] {
        assert_eq!(ann.post(HOLD).header(header, value).json(one_place()).send().await.status, 201, "{value}");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn a_token_wins_over_a_cookie() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    ann.post(HOLD).json(one_place()).send().await;
    let bearer = stage.server.token("bob", Role::Buyer);
    // The browser adds its cookie to whatever is sent; no other site's page has the token.
    let held = ann.bare("POST", HOLD).bearer(&bearer).header("sec-fetch-site", "cross-site").json(one_place()).send().await;
    assert_eq!(held.status, 201, "{held:?}");
    let mine = ann.bare("GET", MINE).bearer(&bearer).send().await.json();
    assert_eq!((mine["data"].as_array().unwrap().len(), &mine["data"][0]["id"]), (1, &held.json()["id"]));
    let mine = ann.bare("GET", MINE).bearer(&held.text("token")).send().await.json();
    assert_eq!(mine["data"][0]["id"], held.json()["id"]);
    ann.bare("GET", MINE).bearer("x").send().await.is(401, "invalid_token");
    ann.bare("GET", "/v1/accounts/me").bearer(&bearer).send().await.is(403, "session_required");
    stage.server.stop().await;
}

#[tokio::test]
async fn no_token_is_an_accounts() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let buyer = ann.get("/v1/accounts/me").await.text("buyer");
    ann.post(HOLD).json(one_place()).send().await;
    for sub in [buyer.as_str(), "account:", "account:anything"] {
        for role in [Role::Buyer, Role::Admin] {
            let token = stage.server.token(sub, role);
            stage.server.get(MINE).bearer(&token).send().await.is(401, "invalid_token");
            stage.server.post(HOLD).bearer(&token).json(one_place()).send().await.is(401, "invalid_token");
        }
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn the_fast_path_for_refusals_leaves_sessions_to_the_route() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    let seat = json!({"seats": ["A-1"]});
    stage.server.hold(seat.clone()).await;
    ann.bare("POST", HOLD).json(&seat).send().await.is(403, "csrf_token_invalid");
    ann.post(HOLD).json(&seat).send().await.is(409, "seat_unavailable");
    stage.server.get("/v1/shows").send().await;
    assert_eq!(ann.command("DELETE", "/v1/sessions/current").send().await.status, 204);
    ann.post(HOLD).json(&seat).send().await.is(401, "session_ended");
    stage.server.post(HOLD).json(&seat).send().await.is(409, "seat_unavailable");
    stage.server.stop().await;
}
