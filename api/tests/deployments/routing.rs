//! What the proxy sends where.

use crate::deployment::{COMMON, Deployments};
use crate::support::{eventually, show, text};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn shows_are_at_the_common_host_and_everything_else_at_their_deployments() {
    let Some(all) = Deployments::start().await else { return };
    all.put_on_sale(&all.north, &show("gala", 600, 20)).await;
    all.put_on_sale(&all.south, &show("opera", 600, 20)).await;
    let (common, north, south) = (all.client(COMMON), all.client(&all.north.host()), all.client(&all.south.host()));

    // A page leads to the deployment's own host.
    let page = common.get("/?show=opera").send().await;
    assert_eq!((page.status, page.header("location")), (302, Some("http://south.tickets.example/?show=opera")));
    let page = south.get("/?show=opera").send().await;
    assert!(page.status == 200 && page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert_eq!(south.get("/assets/main.js").send().await.status, 200);

    // A booking is at the host of its deployment, and at no other.
    let hold = common.post("/v1/shows/gala/bookings").json(&json!({"seats": ["A-1"]})).send().await;
    let booking = hold.ok(201);
    let path = format!("/v1/bookings/{}", text(&booking, "id"));
    assert_eq!(hold.header("location"), Some(format!("http://north.tickets.example{path}").as_str()));
    let token = text(&booking, "token");
    north.get(&path).bearer(token).send().await.ok(200);
    south.get(&path).bearer(token).send().await.problem(404, "booking_not_found");
    common.get(&path).bearer(token).send().await.problem(404, "not_here");
    for nowhere in ["/", "/?show=nobody", "/v1/shows", "/v1/shows/nobody/seats", "/v1/me/bookings", "/v1/webhooks/stripe"] {
        common.get(nowhere).send().await.problem(404, "not_here");
    }

    // A login is good for both: they have one token key.
    for client in [&north, &south] {
        eventually("the lists are read", async || {
            Some(client.get("/v1/me/bookings").bearer(&all.admin).send().await).filter(|answer| answer.status == 200)
        })
        .await;
        for inside in ["/metrics", "/health/ready", "/health/live"] {
            client.get(inside).send().await.problem(404, "not_here");
        }
    }
    all.client("west.tickets.example").get("/v1/shows").send().await.problem(404, "not_here");
}

/// By mistake, in a second store: its seats are sold in one of them only.
#[tokio::test(flavor = "multi_thread")]
async fn a_show_that_is_scheduled_in_two_stores_is_sold_in_one() {
    let Some(all) = Deployments::start().await else { return };
    all.put_on_sale(&all.north, &show("gala", 600, 20)).await;
    let (common, south) = (all.client(COMMON), all.client(&all.south.host()));
    south.post("/v1/shows").bearer(&all.admin).json(&show("gala", 600, 20)).send().await.ok(201);

    let wanted = json!({"seats": ["A-1"]});
    let batch = json!({"holds": [{"buyer": "ann", "seats": ["A-1"]}]});
    south.post("/v1/shows/gala/bookings").json(&wanted).send().await.problem(404, "not_here");
    south.post("/v1/shows/gala/bookings:batch").bearer(&all.admin).json(&batch).send().await.problem(404, "not_here");
    south.get("/v1/shows/gala").send().await.problem(404, "not_here");
    south.get("/?show=gala").send().await.problem(404, "not_here");
    common.post("/v1/shows/gala/bookings").json(&wanted).send().await.ok(201);
    common.post("/v1/shows/gala/bookings").json(&wanted).send().await.problem(409, "seat_unavailable");
}
