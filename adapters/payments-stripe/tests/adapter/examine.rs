//! What doctor shows of a key.

use crate::server::{Reply, Request, Server, error};
use crate::support::gateway;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::payments::GatewayFault;
use serde_json::json;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_timestamp(NOW, 0).unwrap()
}

#[tokio::test]
async fn rights_and_clock() {
    let script = |request: &Request| {
        let date = Timestamp::from_timestamp(NOW + 90, 0).unwrap().to_rfc2822().replace("+0000", "GMT");
        let (status, body) = match request.line().as_str() {
            "POST /v1/refunds" | "GET /v1/charges" => (403, json!({ "error": { "message": "rak_… is missing" } })),
            "POST /v1/payment_intents" => (400, json!({ "error": { "code": "parameter_missing" } })),
            _ => (200, json!({ "data": [], "has_more": false })),
        };
        Reply::Json(status, vec![("date", date)], body)
    };
    let server = Server::start(script).await;
    let examined = gateway(&server.url).examine(now()).await.unwrap();
    assert_eq!(examined.missing_rights, ["Refunds: write", "Charges: read"]);
    assert_eq!(examined.clock_ahead.map(|ahead| ahead.num_seconds()), Some(90));
    let changing: Vec<Request> = server.seen().into_iter().filter(|request| request.method == "POST").collect();
    assert!(changing.iter().all(|request| request.body.is_empty()), "a creation without parameters creates nothing");
}

#[tokio::test]
async fn a_key_that_stripe_does_not_know() {
    let server = Server::start(|_| error(401, json!({ "message": "Invalid API Key provided: sk_test_51Never" }))).await;
    match gateway(&server.url).examine(now()).await {
        Err(GatewayFault::Refused { code, message }) => {
            assert_eq!(code, "invalid_api_key");
            assert!(!message.contains("51Never"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stripe_that_does_not_answer() {
    let server = Server::start(|_| Reply::Close).await;
    let answer = gateway(&server.url).examine(now()).await;
    assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
}
