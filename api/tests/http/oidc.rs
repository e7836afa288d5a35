//! Callers who sign in at an OpenID provider: what they may, whose bookings are theirs, and what happens while the provider
//! changes its keys, misbehaves or is down.

use crate::support;

use futures::future::{Either, join_all, select};
use lastseat::auth::Role;
use lastseat::config::Config;
use serde_json::{Value, json};
use support::client::Answer;
use support::issuer::{Fault, Issuer, SigningKey};
use support::test_server::{GALA, TestServer};
use support::{eventually, show, text};

const HOLD: &str = "/v1/shows/gala/bookings";

async fn server(issuer: &Issuer) -> TestServer {
    open(issuer.config()).await
}

async fn open(config: Config) -> TestServer {
    let server = TestServer::open_with(config).await;
    server.put_on_sale(&show(GALA, 600, 20)).await;
    server
}

async fn mine(server: &TestServer, token: &str) -> Answer {
    server.client.get("/v1/me/bookings").bearer(token).send().await
}

async fn hold(server: &TestServer, token: &str) -> Answer {
    server.client.post(HOLD).bearer(token).json(&json!({"area": "floor", "quantity": 1})).send().await
}

/// What the server says of the provider, if anything is wrong with it.
async fn trouble(server: &TestServer) -> Option<String> {
    let health = server.client.get("/health/ready").send().await.ok(200);
    let of_issuer = |check: &Value| text(check, "name") == "degraded" && text(check, "detail").contains("the keys of the issuer");
    health["checks"].as_array().unwrap().iter().find(|check| of_issuer(check)).map(|check| text(check, "detail").to_owned())
}

#[tokio::test]
async fn who_signs_in_elsewhere_buys_here_and_is_nobody_of_ours() {
    let (rsa, ec, ed) = (SigningKey::rsa("r"), SigningKey::ec("e"), SigningKey::ed("d"));
    let issuer = Issuer::start(&[&rsa, &ec, &ed]).await;
    let server = server(&issuer).await;
    let mut booking = Value::Null;
    for key in [&rsa, &ec, &ed] {
        booking = hold(&server, &key.token(&issuer.claims("anna"))).await.ok(201);
    }
    // The same person, whichever key signs; another subject, and this server's own `anna`, are others.
    let (anna, bob) = (ec.token(&issuer.claims("anna")), ec.token(&issuer.claims("bob")));
    assert_eq!(mine(&server, &anna).await.ok(200)["data"].as_array().unwrap().len(), 3);
    let path = format!("/v1/bookings/{}", text(&booking, "id"));
    let read = async |token: &str| server.client.get(&path).bearer(token).send().await;
    read(&anna).await.ok(200);
    for other in [&bob, &server.token("anna", Role::Buyer)] {
        read(other).await.problem(404, "booking_not_found");
        assert_eq!(mine(&server, other).await.ok(200)["data"], json!([]));
    }
    // No token of this server may name that buyer.
    let listed = server.client.get("/v1/bookings").bearer(&server.admin()).send().await.ok(200);
    let buyer = text(&listed["data"][0], "buyer");
    assert!(buyer.starts_with("oidc:") && buyer.len() == 48 && !buyer.contains("anna"), "{buyer}");
    read(&server.token(buyer, Role::Buyer)).await.problem(401, "invalid_token");
    server.close().await;
}

#[tokio::test]
async fn groups_of_the_provider_are_roles_here() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let pause = async |groups: Value| {
        let mut claims = issuer.claims("mary");
        claims["groups"] = groups;
        // A claim that this server's own tokens have means nothing in others'.
        claims["role"] = json!("admin");
        let call = server.client.post("/v1/shows/gala/pause").bearer(&key.token(&claims));
        call.send().await.status
    };
    for nobody in [json!([]), json!(null), json!("admin"), json!(["manager", "Shop-Managers"]), json!({"shop-managers": true})] {
        assert_eq!(pause(nobody.clone()).await, 403, "{nobody}");
    }
    for manager in [json!("shop-managers"), json!(["everybody", "shop-managers"])] {
        assert_eq!(pause(manager.clone()).await, 200, "{manager}");
    }
    server.close().await;
}

#[tokio::test]
async fn changed_keys_are_read_once_for_a_token_and_not_often() {
    let (old, new, newest) = (SigningKey::rsa("1"), SigningKey::ec("2"), SigningKey::ed("3"));
    let issuer = Issuer::start(&[&old]).await;
    let server = server(&issuer).await;
    let before = issuer.reads();
    let token = |key: &SigningKey| key.token(&issuer.claims("anna"));
    mine(&server, &token(&old)).await.ok(200);
    assert_eq!(issuer.reads(), before, "a known key is not asked for");

    issuer.publish(&[&new]);
    mine(&server, &token(&new)).await.ok(200);
    assert_eq!(issuer.reads(), before + 1);
    mine(&server, &token(&old)).await.problem(401, "invalid_token");

    // Invented names of keys, many at once: nobody asks the provider again so soon, though it has a new key.
    issuer.publish(&[&new, &newest]);
    let invented: Vec<_> = (0..50).map(|number| token(&SigningKey::ed(&format!("invented-{number}")))).collect();
    for answer in futures::future::join_all(invented.iter().map(|token| mine(&server, token))).await {
        answer.problem(401, "invalid_token");
    }
    mine(&server, &token(&newest)).await.problem(401, "invalid_token");
    assert_eq!(issuer.reads(), before + 1);
    server.close().await;
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_from_starting_and_its_keys_stay_known() {
    let key = SigningKey::ec("e");
    let down = Issuer::start(&[&key]).await;
    let (addr, config, token) = (down.addr, down.config(), key.token(&down.claims("anna")));
    drop(down);
    let server = open(config).await;
    let refused = mine(&server, &token).await;
    refused.problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert!(trouble(&server).await.is_some_and(|why| why.contains("its tokens get 503")));
    hold(&server, &server.token("bob", Role::Buyer)).await.ok(201);
    server.hold_seat("A-1").await;

    let issuer = Issuer::start_at(addr, &[&key]).await;
    eventually("the keys are read", async || (mine(&server, &token).await.status == 200).then_some(())).await;
    assert_eq!(trouble(&server).await, None);

    drop(issuer);
    hold(&server, &token).await.ok(201);
    // It can't be asked for another one.
    mine(&server, &SigningKey::ec("other").sign(&json!({"alg": "ES256", "kid": "other"}), &json!({})))
        .await
        .problem(401, "invalid_token");
    server.close().await;
}

#[tokio::test]
async fn what_a_provider_answers_wrongly_changes_no_key() {
    let (key, new) = (SigningKey::ec("e"), SigningKey::ec("new"));
    for fault in [Fault::Huge, Fault::Many, Fault::NamesAnother, Fault::KeysInTheClear, Fault::Redirects, Fault::Page] {
        let issuer = Issuer::start(&[&key]).await;
        let server = server(&issuer).await;
        issuer.publish(&[&new]);
        issuer.misbehave(fault);
        mine(&server, &new.token(&issuer.claims("anna"))).await.problem(401, "invalid_token");
        mine(&server, &key.token(&issuer.claims("anna"))).await.ok(200);
        let why = trouble(&server).await.unwrap_or_else(|| panic!("{fault:?} is not reported"));
        assert!(why.contains("those that are known stay in use"), "{fault:?}: {why}");
        server.close().await;
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_delays_only_those_whose_key_is_unknown() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let before = issuer.reads();
    issuer.misbehave(Fault::Silent);
    let unknown = SigningKey::ec("unknown").token(&issuer.claims("anna"));
    // Boxed, so that they can end before the server is closed.
    let waiting = Box::pin(join_all((0..20).map(|_| mine(&server, &unknown))));
    let others = Box::pin(async {
        eventually("the provider was asked", async || (issuer.reads() > before).then_some(())).await;
        for _ in 0..20 {
            mine(&server, &key.token(&issuer.claims("anna"))).await.ok(200);
        }
    });
    let Either::Left(((), waiting)) = select(others, waiting).await else {
        panic!("callers whose key is known have waited, too")
    };
    for answer in waiting.await {
        answer.problem(401, "invalid_token");
    }
    assert_eq!(issuer.reads(), before + 1, "they wait for one read");
    server.close().await;
}

#[tokio::test]
async fn without_an_audience_a_server_does_not_start() {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    for (config, why) in [
        (Config { oidc_audience: None, ..issuer.config() }, "oidc_issuer needs oidc_audience"),
        (Config { oidc_issuer: None, ..issuer.config() }, "need oidc_issuer"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data: dir.path().join("data"), listen: "127.0.0.1:0".parse().unwrap(), ..config };
        let error = lastseat::wiring::start(config).await.err().unwrap();
        assert!(error.to_string().contains(why), "{error}");
    }
}
