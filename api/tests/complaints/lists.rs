//! Lists that are broken while the sale runs.

use crate::support::test_server::TestServer;
use crate::support::{eventually, text};
use lastseat::auth::Role;

/// A load balancer asks `/health/ready`. With one node, 503 because a list can't be read stops the sale, which needs no
/// list.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_list_does_not_close_the_shop() {
    let server = TestServer::open(600).await;
    let anna = server.token("anna", Role::Buyer);
    let list = async || server.client.get("/v1/me/bookings").bearer(&anna).send().await;
    let hold = server.client.post("/v1/shows/gala/bookings").bearer(&anna).json(&serde_json::json!({"seats": ["A-1"]}));
    hold.send().await.ok(201);
    eventually("it is listed", async || (!list().await.ok(200)["data"].as_array()?.is_empty()).then_some(())).await;
    let spoil = async || {
        let views = rusqlite::Connection::open(server.data().join("views/views.db")).unwrap();
        views.execute_batch("UPDATE bookings SET view = json_quote(substr(view, 1, 40))").unwrap();
        drop(views);
        list().await.problem(503, "unavailable");
    };
    spoil().await;
    eventually("it is repaired", async || (list().await.status == 200).then_some(())).await;
    // It is repaired once. What is wrong again is left to a person.
    spoil().await;
    let health = async || server.client.get("/health/ready").send().await;
    let is_reported = |body: &serde_json::Value| {
        let checks = body["checks"].as_array().unwrap();
        checks.iter().any(|check| check["name"] == "degraded" && text(check, "detail").contains("not rebuilt once more"))
    };
    let ready = eventually("it is reported", async || Some(health().await).filter(|answer| is_reported(&answer.json()))).await;
    assert_eq!((ready.status, text(&ready.json(), "status")), (200, "ok"));
    let metrics = server.client.get("/metrics").send().await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.contains("lastseat_ready 1") && metrics.contains("lastseat_degraded 1"), "{metrics}");
    let held = server.hold_seat("A-2").await;
    server.pay(&held, "pm_card_visa").await.ok(200);
    assert_eq!(server.state("A-2").await, "booked");
    list().await.problem(503, "unavailable");
    server.close().await;
}
