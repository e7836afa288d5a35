//! Guessing passwords, and finding out who has an account.

use super::{ANN, BOB, Browser, PASSWORD, Stage, device_of};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_waits_too() {
    let stage = Stage::open().await;
    let ann = stage.person(ANN).await;
    for number in 0..5 {
        stage.try_sign_in(ANN, &format!("wrong password {number}")).await.is(401, "wrong_credentials");
    }
    for password in [PASSWORD, "wrong password"] {
        let locked = stage.try_sign_in(ANN, password).await;
        locked.is(429, "too_many_tries");
        assert_eq!((locked.header("retry-after"), &locked.json()["retry_after"]), ("30", &json!(30)));
    }
    stage.clock.advance(Duration::from_secs(29));
    stage.try_sign_in(ANN, PASSWORD).await.is(429, "too_many_tries");
    assert!(!ann.is_over().await, "who is signed in is not concerned");
    assert_eq!(stage.person(BOB).await.get("/v1/accounts/me").await.status, 200, "nor is anybody else");
    stage.clock.advance(Duration::from_secs(1));
    Browser::of(&stage.server, &stage.try_sign_in(ANN, PASSWORD).await);
    // All is forgotten.
    stage.try_sign_in(ANN, "wrong password").await.is(401, "wrong_credentials");
    Browser::of(&stage.server, &stage.try_sign_in(ANN, PASSWORD).await);
    stage.server.stop().await;
}

#[tokio::test]
async fn a_stranger_who_guesses_keeps_nobody_out_of_their_own_browser() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    let signed_in = stage.try_sign_in(ANN, PASSWORD).await;
    let (ann, device) = (Browser::of(&stage.server, &signed_in), device_of(&signed_in));
    let mallorys = device_of(&{
        stage.sign_up(BOB).await;
        stage.try_sign_in(BOB, PASSWORD).await
    });
    for number in 0..5 {
        stage.try_sign_in(ANN, &format!("wrong password {number}")).await.is(401, "wrong_credentials");
    }
    stage.try_sign_in(ANN, PASSWORD).await.is(429, "too_many_tries");
    let from = |device: &str, password: &str| stage.signing_in(ANN, password).header("cookie", device).send();
    // A device is known to its own account only.
    for other in [&mallorys, "__Host-lastseat_device=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__Host-lastseat_device=x"] {
        from(other, PASSWORD).await.is(429, "too_many_tries");
    }
    // Who is signed in changes the password meanwhile, and a browser that signed in before signs in again.
    let change = ann.post("/v1/accounts/me/password").header("cookie", &device);
    let changed = change.json(json!({"current_password": PASSWORD, "password": "four other random words"})).send().await;
    assert_eq!(changed.status, 204, "{changed:?}");
    from(&device, "four other random words").await.is(429, "too_many_tries");
    let device = device_of(&changed);
    let again = from(&device, "four other random words").await;
    assert_eq!(again.status, 201, "{again:?}");
    // It may guess as little as anybody, and what it does is nobody else's.
    from(&device, "four other random words").await.is(429, "too_many_tries");
    let device = device_of(&again);
    for number in 0..5 {
        from(&device, &format!("wrong password {number}")).await.is(401, "wrong_credentials");
    }
    from(&device, "four other random words").await.is(429, "too_many_tries");
    stage.clock.advance(Duration::from_secs(30));
    stage.try_sign_in(ANN, "wrong password").await.is(401, "wrong_credentials");
    assert_eq!(from(&device, "four other random words").await.status, 201);
    stage.try_sign_in(ANN, "four other random words").await.is(429, "too_many_tries");
    stage.server.stop().await;
}

#[tokio::test]
async fn each_pause_is_longer_and_many_at_once_are_no_more_than_one_after_the_other() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    let wrong: Vec<String> = (0..20).map(|number| format!("wrong password {number}")).collect();
    let many = futures::future::join_all(wrong.iter().map(|password| stage.try_sign_in(ANN, password))).await;
    let of = |status: u16| many.iter().filter(|reply| reply.status == status).count();
    assert_eq!((of(401), of(429)), (5, 15));
    for pause in [30, 60, 120] {
        stage.clock.advance(Duration::from_secs(pause));
        stage.try_sign_in(ANN, "wrong password").await.is(401, "wrong_credentials");
        let locked = stage.try_sign_in(ANN, PASSWORD).await;
        assert_eq!(locked.header("retry-after"), (2 * pause).to_string(), "{locked:?}");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn nobody_learns_which_addresses_are_known() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    let tries = async |email: &str| -> Vec<Value> {
        let mut answers = Vec::new();
        for _ in 0..6 {
            let reply = stage.try_sign_in(email, "wrong password").await;
            answers.push(json!([reply.status.as_u16(), reply.json(), reply.header("retry-after"), reply.header("set-cookie")]));
        }
        answers
    };
    assert_eq!(tries(ANN).await, tries("nobody@example.org").await);

    let sign_up = async |email: &str, password: &str| {
        let reply = stage.server.post("/v1/accounts").json(json!({"email": email, "password": password})).send().await;
        (reply.status.as_u16(), reply.json()["next"].clone(), reply.header("set-cookie").to_owned())
    };
    assert_eq!(sign_up(ANN, "another long password").await, sign_up(BOB, "another long password").await);
    // The account that was there is as it was.
    stage.clock.advance(Duration::from_secs(30));
    stage.try_sign_in(ANN, "another long password").await.is(401, "wrong_credentials");
    stage.clock.advance(Duration::from_secs(60));
    Browser::of(&stage.server, &stage.try_sign_in(ANN, PASSWORD).await);
    stage.server.stop().await;
}

#[tokio::test]
async fn one_address_can_not_try_one_password_on_everybody() {
    let stage = Stage::open().await;
    stage.sign_up(ANN).await;
    for number in 0..30 {
        stage.try_sign_in(&format!("{number}@example.org"), "Summer holidays").await.is(401, "wrong_credentials");
    }
    let refused = stage.try_sign_in(ANN, PASSWORD).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.json()["policy"], "sign_ins");
    assert!(!refused.header("retry-after").is_empty());
    stage.clock.advance(Duration::from_secs(20));
    // Right passwords cost nothing.
    for _ in 0..3 {
        stage.sign_in(ANN).await;
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn bad_addresses_and_weak_passwords_are_refused() {
    let stage = Stage::open().await;
    let sign_up = |body: Value| stage.server.post("/v1/accounts").json(body).send();
    for email in ["", "ann", "ann@example.org, bob@example.org", "ann@example.org\r\nBcc: bob@example.org"] {
        let refused = sign_up(json!({"email": email, "password": PASSWORD})).await;
        refused.is(422, "invalid_request");
        assert_eq!(refused.json()["field"], "email");
    }
    for password in ["", "too short", "password123", "aaaaaaaaaaaa", "ann@example.org", &"long".repeat(65)] {
        sign_up(json!({"email": ANN, "password": password})).await.is(422, "weak_password");
    }
    for body in [json!({}), json!({"email": ANN}), json!({"email": ANN, "password": PASSWORD, "role": "admin"}), json!([])] {
        sign_up(body).await.is(422, "invalid_request");
    }
    stage.server.stop().await;
}
