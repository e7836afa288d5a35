//! Shows that are not sold to guests, and guests who solve challenges.

use crate::support;

use altcha::{Challenge, Payload, SolveChallengeOptions, solve_challenge};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lastseat::auth::Role;
use lastseat::config::Config;
use lastseat_domain::Quota;
use serde_json::{Value, json};
use support::client::Answer;
use support::test_server::{GALA, TestServer};
use support::{show, text};

const HOLD: &str = "/v1/shows/gala/bookings";

/// A server with the gala, of which `members` say more.
async fn server(config: Config, members: Value) -> TestServer {
    let server = TestServer::open_as_configured(Config { challenge_cost: 1, ..config }).await;
    let mut gala = show(GALA, 600, 1800);
    gala.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    server.put_on_sale(&gala).await;
    server
}

async fn challenge(server: &TestServer) -> Value {
    server.client.post("/v1/challenges").json(&json!({"show": "gala"})).send().await.ok(201)
}

fn solve(challenge: Value) -> String {
    let challenge: Challenge = serde_json::from_value(challenge).unwrap();
    let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    STANDARD.encode(serde_json::to_vec(&Payload { challenge, solution }).unwrap())
}

async fn hold_with(server: &TestServer, solution: &str, seat: &str) -> Answer {
    server.client.post(HOLD).header("challenge-solution", solution).json(&json!({"seats": [seat]})).send().await
}

#[tokio::test]
async fn a_show_that_is_not_sold_to_guests() {
    let server = server(Config::default(), json!({"guests": false, "max_seats_per_buyer": 4})).await;
    let gala = server.client.get("/v1/shows/gala").send().await.ok(200);
    assert_eq!((&gala["guests"], &gala["guest_challenge"]), (&json!(false), &json!(false)));
    let seat = json!({"seats": ["A-1"]});
    let problem = server.try_hold(&seat).await.problem(403, "guests_refused");
    assert_eq!(problem["show"], "gala");
    let anna = server.token("anna", Role::Buyer);
    server.client.post(HOLD).bearer(&anna).json(&seat).send().await.ok(201);
    // At the till staff sell to people without an account.
    let staff = server.token("staff-1", Role::Staff);
    let at_till = json!({"seats": ["A-2"], "channel": "till"});
    server.client.post(HOLD).bearer(&staff).json(&at_till).send().await.ok(201);
    // A hold from before is kept, and its repeat is answered.
    let patch = |guests: bool| {
        server.client.call("PATCH", "/v1/shows/gala").bearer(&server.admin()).json(&json!({"guests": guests})).send()
    };
    patch(true).await.ok(200);
    let keyed = || server.client.post(HOLD).key("first").json(&json!({"seats": ["A-3"]})).send();
    let held = keyed().await.ok(201);
    patch(false).await.ok(200);
    server.client.post(HOLD).key("second").json(&json!({"seats": ["A-4"]})).send().await.problem(403, "guests_refused");
    assert_eq!(text(&keyed().await.ok(201), "id"), text(&held, "id"));
    server.pay(&held, "pm_card_visa").await.ok(200);
    server.close().await;
}

#[tokio::test]
async fn a_show_asks_guests_for_a_solved_challenge() {
    let server = server(Config::default(), json!({"guest_challenge": true})).await;
    let seat = |name: &str| json!({"seats": [name]});
    server.try_hold(&seat("A-1")).await.problem(403, "challenge_required");
    let anna = server.token("anna", Role::Buyer);
    server.client.post(HOLD).bearer(&anna).json(&seat("A-1")).send().await.ok(201);
    // A taken seat is refused before anything has to be solved.
    server.try_hold(&seat("A-1")).await.problem(409, "seat_unavailable");

    let solution = solve(challenge(&server).await);
    // What was refused has not used it.
    hold_with(&server, &solution, "A-1").await.problem(409, "seat_unavailable");
    hold_with(&server, &solution, "Z-99").await.problem(422, "unknown_seat");
    hold_with(&server, &solution, "A-2").await.ok(201);
    let spent = hold_with(&server, &solution, "A-3").await.problem(403, "challenge_failed");
    assert_eq!(spent["reason"], "spent");
    assert_eq!(hold_with(&server, "nonsense", "A-3").await.problem(403, "challenge_failed")["reason"], "unreadable");
    server.client.post("/v1/challenges").json(&json!({"show": "no-such"})).send().await.problem(404, "show_not_found");

    // A repeat needs no second solution, not even after the answer is forgotten.
    let solution = solve(challenge(&server).await);
    let keyed = |key: &'static str, solution: &str| {
        server.client.post(HOLD).key(key).header("challenge-solution", solution).json(&seat("A-5")).send()
    };
    let first = keyed("third", &solution).await.ok(201);
    assert_eq!(text(&keyed("third", &solution).await.ok(201), "id"), text(&first, "id"));
    keyed("fourth", &solution).await.problem(409, "seat_unavailable");
    server.close().await;
}

/// Forty guests with one solution at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn one_solution_opens_one_booking() {
    let server = server(Config::default(), json!({"guest_challenge": true})).await;
    let solution = solve(challenge(&server).await);
    let place = json!({"area": "floor", "quantity": 1});
    let calls = (0..40).map(|_| server.client.post(HOLD).header("challenge-solution", &solution).json(&place).send());
    let answers = futures::future::join_all(calls).await;
    let held = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(held, 1);
    assert!(answers.iter().filter(|a| a.status != 201).all(|a| a.json()["reason"] == "spent"));
    assert_eq!(server.floor().await, 1799);
    server.close().await;
}

#[tokio::test]
async fn guests_beyond_the_free_holds_solve_challenges_in_every_show() {
    let config = Config { challenge_above: Quota::new(2, 600).ok(), ..Config::default() };
    let server = server(config, json!({})).await;
    for seat in ["A-1", "A-2"] {
        server.try_hold(&json!({"seats": [seat]})).await.ok(201);
    }
    server.try_hold(&json!({"seats": ["A-3"]})).await.problem(403, "challenge_required");
    let solution = solve(challenge(&server).await);
    hold_with(&server, &solution, "A-3").await.ok(201);
    server.close().await;
}
