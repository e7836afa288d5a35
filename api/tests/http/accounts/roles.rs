//! Roles of accounts, and who gives them.

use super::{ANN, BOB, Browser, MINE, PASSWORD, Stage};
use lastseat::auth::Role;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn another_role_ends_the_sessions_at_once_and_counts_from_the_next() {
    let stage = Stage::open().await;
    stage.server.accounts.make_admin("root@example.org".parse().unwrap(), PASSWORD).await.unwrap();
    let (root, ann, bob) = (stage.sign_in("root@example.org").await, stage.person(ANN).await, stage.person(BOB).await);
    ann.get("/v1/bookings").await.is(403, "forbidden");

    let listed = root.get("/v1/accounts?email=Ann@example.org").await.json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["email"]), (1, &json!(ANN)));
    let path = format!("/v1/accounts/{}", listed["data"][0]["id"].as_str().unwrap());
    let give = |who: &Browser<'_>, role: &str| who.command("PATCH", &path).json(json!({ "role": role })).send();
    give(&ann, "admin").await.is(403, "forbidden");
    root.bare("PATCH", &path).json(json!({"role": "staff"})).send().await.is(403, "csrf_token_invalid");
    give(&root, "king").await.is(422, "invalid_request");
    // Somebody else may have signed up with her address.
    give(&root, "staff").await.is(409, "address_not_verified");
    for body in [json!({}), json!({"verified": false}), json!({"role": "staff", "verified": false})] {
        root.command("PATCH", &path).json(body).send().await.is(422, "invalid_request");
    }
    assert_eq!(ann.get("/v1/accounts/me").await.json()["verified"], false);
    let known = root.command("PATCH", &path).json(json!({"verified": true})).send().await.json();
    assert_eq!((&known["verified"], &known["role"]), (&json!(true), &json!("buyer")));
    // Somebody else may have made the account, and must not get the role: the address's owner chooses another password.
    assert!(ann.is_over().await && !bob.is_over().await);
    assert_eq!(give(&root, "staff").await.text("role"), "staff");
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    for mail in [ANN, BOB] {
        stage.link(mail, "verify").await;
    }
    assert_eq!(stage.reset(&stage.link(ANN, "reset").await, PASSWORD).await.status, 204);
    let ann = stage.sign_in(ANN).await;
    assert_eq!(ann.get("/v1/bookings").await.status, 200);
    // Once it is known to be hers, it stays so.
    root.command("PATCH", &path).json(json!({"verified": true})).send().await;
    assert!(!ann.is_over().await);
    assert_eq!(give(&root, "staff").await.text("role"), "staff");
    assert!(!ann.is_over().await, "nothing has changed");
    give(&root, "buyer").await;
    assert!(ann.is_over().await);
    stage.sign_in(ANN).await.get("/v1/bookings").await.is(403, "forbidden");
    stage.server.stop().await;
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let stage = Stage::open().await;
    stage.server.accounts.make_admin("root@example.org".parse().unwrap(), PASSWORD).await.unwrap();
    let (root, ann) = (stage.sign_in("root@example.org").await, stage.person(ANN).await);
    let give = |id: &str, role: &str| {
        let patch = root.command("PATCH", &format!("/v1/accounts/{id}"));
        patch.json(json!({"role": role, "verified": true})).send()
    };
    let (own, anns) = (root.id().await, ann.id().await);
    let erase = || root.post("/v1/accounts/me/erase").json(json!({ "password": PASSWORD })).send();
    give(&own, "manager").await.is(409, "last_admin");
    // With a token, too: it is not a person who could sign in.
    let by_token = stage.server.call("PATCH", &format!("/v1/accounts/{own}")).admin(&stage.server);
    by_token.json(json!({"role": "buyer"})).send().await.is(409, "last_admin");
    erase().await.is(409, "last_admin");
    assert!(!root.is_over().await);
    assert_eq!(give(&anns, "admin").await.text("role"), "admin");
    assert_eq!(erase().await.status, 204);
    assert!(root.is_over().await);
    stage.server.stop().await;
}

#[tokio::test]
async fn who_can_harm_others_signs_in_each_day() {
    let stage = Stage::open().await;
    stage.server.accounts.make_admin("root@example.org".parse().unwrap(), PASSWORD).await.unwrap();
    let root = stage.sign_in("root@example.org").await;
    for _ in 0..11 {
        stage.clock.advance(Duration::from_secs(3600));
        assert!(!root.is_over().await);
    }
    stage.clock.advance(Duration::from_secs(3600));
    assert!(root.is_over().await, "twelve hours");
    let root = stage.sign_in("root@example.org").await;
    stage.clock.advance(Duration::from_secs(2 * 3600));
    assert!(root.is_over().await, "two hours unused");
    stage.server.stop().await;
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_for_admins_only() {
    let stage = Stage::open().await;
    for number in 0..3 {
        stage.sign_up(&format!("{number}@example.org")).await;
    }
    let list = |query: &str| stage.server.get(&format!("/v1/accounts{query}")).admin(&stage.server).send();
    let page = list("?limit=2").await.json();
    assert_eq!((&page["data"][0]["email"], &page["has_more"]), (&json!("2@example.org"), &json!(true)));
    let rest = list(&format!("?limit=2&starting_after={}", page["data"][1]["id"].as_str().unwrap())).await.json();
    assert_eq!((&rest["data"][0]["email"], &rest["has_more"]), (&json!("0@example.org"), &json!(false)));
    assert!(!page.to_string().contains("argon2"));
    for bad in ["?email=x", "?limit=0", "?starting_after=x", "?mail=ann@example.org"] {
        list(bad).await.is(400, "invalid_parameter");
    }
    for role in [Role::Buyer, Role::Staff, Role::Manager, Role::Auditor] {
        stage.server.get("/v1/accounts").bearer(&stage.server.token("x", role)).send().await.is(403, "forbidden");
    }
    let unknown = stage.server.call("PATCH", "/v1/accounts/0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55").admin(&stage.server);
    unknown.json(json!({"role": "staff"})).send().await.is(404, "account_not_found");
    stage.server.get(MINE).send().await.is(401, "authentication_required");
    stage.server.stop().await;
}

#[tokio::test]
async fn who_forgot_the_admins_password_makes_another() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    for _ in 0..6 {
        stage.try_sign_in(ANN, "wrong password").await;
    }
    let made = stage.server.accounts.make_admin(ANN.parse().unwrap(), "four other random words").await.unwrap();
    assert_eq!(made.role, Role::Admin);
    assert!(ann.is_over().await);
    let root = Browser::of(&stage.server, &stage.try_sign_in(ANN, "four other random words").await);
    assert_eq!(root.get("/v1/accounts").await.status, 200);
    stage.try_sign_in(ANN, PASSWORD).await.is(401, "wrong_credentials");
    stage.server.stop().await;
}
