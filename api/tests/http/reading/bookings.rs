//! The shop's lists of bookings.

use crate::common::{TestServer, start_for_test};
use http::StatusCode;
use lastseat::auth::Role;
use serde_json::{Value, json};
use std::collections::HashSet;

const LIST: &str = "/v1/bookings";
const OF_DEMO: &str = "/v1/shows/demo/bookings";
const BATCH: &str = "/v1/shows/demo/bookings:batch";

/// A list as a role reads it; it has to be there.
async fn read(server: &TestServer, path: &str) -> Value {
    let staff = server.token("stan", Role::Staff);
    let head = server.head().await.to_string();
    let reply = server.get(path).bearer(&staff).header("lastseat-min-position", &head).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {reply:?}");
    reply.json()
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|booking| booking["id"].as_str().unwrap().to_owned()).collect()
}

/// Holds for a buyer. Returns the booking's id.
async fn hold(server: &TestServer, buyer: &str, body: Value) -> String {
    let token = server.token(buyer, Role::Buyer);
    let held = server.post(OF_DEMO).bearer(&token).json(body).send().await;
    assert_eq!(held.status, StatusCode::CREATED, "{held:?}");
    held.text("id")
}

async fn pay(server: &TestServer, buyer: &str, booking: &str) {
    let pay = server.post(&format!("{LIST}/{booking}/payment")).bearer(&server.token(buyer, Role::Buyer));
    let paid = pay.json(json!({"payment_method": "pm_card_visa"})).send().await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
}

#[tokio::test]
async fn lists_are_refused_to_buyers_and_answered_only_if_every_parameter_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"seats": ["A-1"]})).await;
    for path in [LIST, OF_DEMO] {
        server.get(path).send().await.is(401, "authentication_required");
        server.get(path).bearer("nonsense").send().await.is(401, "invalid_token");
        for token in [server.token("anna", Role::Buyer), held.text("token")] {
            let refused = server.get(path).bearer(&token).send().await;
            refused.is(403, "forbidden");
            assert_eq!(refused.json()["needed_roles"], json!(["staff", "manager", "auditor", "admin"]));
        }
        for role in [Role::Staff, Role::Manager, Role::Auditor, Role::Admin] {
            let token = server.token("somebody", role);
            assert_eq!(server.get(path).bearer(&token).send().await.status, StatusCode::OK, "{path} {role:?}");
            for query in ["voucher=x", "state=held", "status=sold", "limit=0", "status=held&status=held", "metadata[=x"] {
                server.get(&format!("{path}?{query}")).bearer(&token).send().await.is(400, "invalid_parameter");
            }
        }
    }
    let staff = server.token("stan", Role::Staff);
    let nobodys = "starting_after=00000000-0000-0000-0000-000000000000";
    for path in [format!("{LIST}?{nobodys}"), format!("{OF_DEMO}?{nobodys}"), format!("{LIST}?format=csv&{nobodys}")] {
        server.get(&path).bearer(&staff).send().await.is(400, "invalid_parameter");
    }
    server.get("/v1/shows/nothing/bookings").bearer(&staff).send().await.is(404, "show_not_found");
    let none = read(&server, &format!("{LIST}?status=refunded")).await;
    assert_eq!(none, json!({"data": [], "has_more": false}));
    server.stop().await;
}

#[tokio::test]
async fn a_booking_is_found_by_everything_that_the_shop_knows_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let shop = json!({"seats": ["A-1", "A-2"], "reference": "order 4711", "metadata": {"campaign": "spring", "gate": "3"}});
    let found = hold(&server, "anna", shop).await;
    let other =
        hold(&server, "bob", json!({"seats": ["A-3"], "reference": "order 4712", "metadata": {"campaign": "spring"}})).await;
    pay(&server, "anna", &found).await;
    for query in [
        "status=confirmed",
        "buyer=anna",
        "seat=A-2&show=demo",
        "reference=order%204711",
        "metadata[gate]=3",
        "metadata%5Bcampaign%5D=spring&metadata[gate]=3",
        "confirmed_from=2020-01-01T00:00:00Z",
        "show=demo&status=confirmed&buyer=anna&reference=order%204711&opened_to=2999-01-01T00:00:00Z",
    ] {
        let list = read(&server, &format!("{LIST}?{query}")).await;
        assert_eq!(ids(&list), [found.as_str()], "{query}");
        let query = query.replace("&show=demo", "").replace("show=demo&", "");
        assert_eq!(read(&server, &format!("{OF_DEMO}?{query}")).await, list, "{query}");
    }
    for query in ["confirmed_to=2020-01-01T00:00:00Z", "opened_from=2999-01-01T00:00:00Z", "show=none", "metadata[gate]=4"] {
        assert_eq!(ids(&read(&server, &format!("{LIST}?{query}")).await), Vec::<String>::new(), "{query}");
    }
    assert_eq!(ids(&read(&server, &format!("{LIST}?metadata[campaign]=spring")).await), [other.as_str(), found.as_str()]);

    let listed = read(&server, &format!("{LIST}?buyer=anna")).await["data"][0].clone();
    assert_eq!((&listed["buyer"], &listed["channel"]), (&json!("anna"), &Value::Null));
    assert!(listed["confirmed_at"].is_string(), "{listed}");
    let single = server.get(&format!("{LIST}/{found}")).bearer(&server.token("anna", Role::Buyer)).send().await.json();
    for booking in [&listed, &single] {
        assert_eq!((&booking["reference"], &booking["metadata"]["gate"]), (&json!("order 4711"), &json!("3")));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_shops_data_is_part_of_the_request_that_its_key_stands_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let anna = server.token("anna", Role::Buyer);
    let send = async |body: Value| server.post(OF_DEMO).bearer(&anna).key("one").json(body).send().await;
    let body = json!({"seats": ["B-1"], "reference": "7", "metadata": {"a": "b"}});
    let first = send(body.clone()).await;
    assert_eq!((first.status, first.json()["reference"].as_str()), (StatusCode::CREATED, Some("7")));
    assert_eq!(send(body).await.json()["id"], first.json()["id"]);
    for other in [
        json!({"seats": ["B-1"], "reference": "8", "metadata": {"a": "b"}}),
        json!({"seats": ["B-1"], "reference": "7", "metadata": {"a": "c"}}),
        json!({"seats": ["B-1"]}),
    ] {
        send(other).await.is(422, "idempotency_key_reused");
    }
    for bad in [
        json!({"seats": ["B-2"], "reference": ""}),
        json!({"seats": ["B-2"], "reference": "x".repeat(101)}),
        json!({"seats": ["B-2"], "reference": 7}),
        json!({"seats": ["B-2"], "metadata": {"a": 7}}),
        json!({"seats": ["B-2"], "metadata": {"a b": "x"}}),
        json!({"seats": ["B-2"], "metadata": {"a": "x".repeat(1024)}}),
    ] {
        server.post(OF_DEMO).bearer(&anna).json(&bad).send().await.is(422, "invalid_request");
    }
    let holds = json!({"holds": [{"buyer": "bob", "seats": ["B-2"], "reference": "of a batch", "metadata": {"a": "b"}}]});
    let sent = server.post(BATCH).bearer(&server.token("stan", Role::Staff)).json(holds).send().await.json();
    assert_eq!(sent["results"][0]["booking"]["reference"], "of a batch");
    server.stop().await;
}

/// A hundred and fifty bookings in pages of 20, while others come in, and one that was listed changes.
#[tokio::test]
async fn pages_have_no_gap_and_no_repeat_while_bookings_come_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut plan = crate::common::demo();
    (plan["id"], plan["areas"][1]["capacity"]) = (json!("hall"), json!(400));
    assert!(server.post("/v1/shows").admin(&server).json(plan).send().await.status.is_success());
    let holds: Vec<_> = (0..150).map(|n| json!({"buyer": format!("b{n}"), "area": "floor", "quantity": 1})).collect();
    let sent = server.post("/v1/shows/hall/bookings:batch").admin(&server).json(json!({"holds": holds})).send().await.json();
    let before: HashSet<String> =
        sent["results"].as_array().unwrap().iter().map(|result| result["booking"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(before.len(), 150, "{sent}");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = read(&server, &format!("/v1/shows/hall/bookings?status=held{cursor}")).await;
        let page = ids(&list);
        assert!(page.len() <= 20);
        let last = page.last().unwrap().clone();
        seen.extend(page);
        let hold = server.post("/v1/shows/hall/bookings").bearer(&server.token("late", Role::Buyer));
        let late = hold.json(json!({"area": "floor", "quantity": 1})).send().await;
        assert_eq!(late.status, StatusCode::CREATED, "{late:?}");
        // The booking that the next page goes on after is no longer held.
        let cancelled = server.call("DELETE", &format!("{LIST}/{last}")).admin(&server).send().await;
        assert_eq!(cancelled.status, StatusCode::OK, "{cancelled:?}");
        cursor = format!("&starting_after={last}");
        if list["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 150);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), before);
    server.stop().await;
}

#[tokio::test]
async fn a_list_as_csv_is_whole_and_has_no_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let staff = server.token("stan", Role::Staff);
    let csv = async |path: &str, accept: &str| {
        let head = server.head().await.to_string();
        let reply = server.get(path).bearer(&staff).header("accept", accept).header("lastseat-min-position", &head).send().await;
        assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "no-store"), "{reply:?}");
        assert!(reply.header("content-type").starts_with("text/csv"), "{reply:?}");
        String::from_utf8(reply.body.to_vec()).unwrap()
    };
    let header = "id,show,status,reason,buyer,channel,reference,seats,quantity,amount,currency,opened_at,expires_at,confirmed_at,\
                  attempts,under_review,refund_requested,metadata,tender,refunded,discount,voucher\r\n";
    assert_eq!(csv(LIST, "text/csv").await, header, "no bookings, no lines");

    let evil = json!({"seats": ["A-1", "A-2"], "reference": "=HYPERLINK(\"http://evil\",\"x\")", "metadata": {"note": "a,b"}});
    let id = hold(&server, "@SUM(A1)", evil).await;
    let text = csv(&format!("{OF_DEMO}?format=csv"), "*/*").await;
    let line = text.strip_prefix(header).unwrap();
    let start = format!("{id},demo,held,,'@SUM(A1),web,\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\",A-1 A-2,2,9000,EUR,");
    assert!(line.starts_with(&start), "{line}\n{start}");
    assert!(line.ends_with(",0,false,false,\"{\"\"note\"\":\"\"a,b\"\"}\",,0,0,\r\n"), "{line}");

    let mut plan = crate::common::demo();
    (plan["id"], plan["areas"][1]["capacity"]) = (json!("hall"), json!(1300));
    assert!(server.post("/v1/shows").admin(&server).json(plan).send().await.status.is_success());
    for _ in 0..2 {
        let holds: Vec<_> = (0..600).map(|n| json!({"buyer": format!("b{n}"), "area": "floor", "quantity": 1})).collect();
        let sent = server.post("/v1/shows/hall/bookings:batch").admin(&server).json(json!({"holds": holds})).send().await;
        assert_eq!(sent.status, StatusCode::OK);
    }
    let text = csv("/v1/shows/hall/bookings?status=held", "text/csv").await;
    let first: HashSet<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!((text.lines().count(), first.len()), (1201, 1200), "more than one page, each booking once");
    assert_eq!(csv("/v1/shows/hall/bookings?limit=1001", "text/csv").await.lines().count(), 1002);
    server.stop().await;
}
