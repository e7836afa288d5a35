//! Who may send a batch is checked before its body is read.

use super::BATCH;
use crate::common::start_for_test;
use lastseat::auth::Role;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends the head of a request with a huge body, and nothing of the body. What is answered was decided without it.
async fn answer_to_a_head(addr: SocketAddr, authorization: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST {BATCH} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n{authorization}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    while !String::from_utf8_lossy(&received).contains("\"detail\":") {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read(&mut buffer)).await;
        match read.expect("an answer without the body").unwrap() {
            0 => break,
            read => received.extend_from_slice(&buffer[..read]),
        }
    }
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn others_than_staff_are_refused_without_their_body() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let held = server.hold(json!({"seats": ["C-1"]})).await;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    for (authorization, status, code) in [
        (String::new(), 401, "authentication_required"),
        (bearer("nonsense"), 401, "invalid_token"),
        (bearer(&server.token("bob", Role::Buyer)), 403, "forbidden"),
        (bearer(&server.token("eve", Role::Auditor)), 403, "forbidden"),
        (bearer(&held.text("token")), 403, "forbidden"),
    ] {
        for length in [1 << 20, 30 << 20] {
            let answer = answer_to_a_head(server.addr, &authorization, length).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
        }
    }
    for role in [Role::Staff, Role::Manager, Role::Admin] {
        let hold = json!({"holds": [{"buyer": "bob", "area": "floor", "quantity": 1}]});
        let held = server.post(BATCH).bearer(&server.token("sally", role)).json(hold).send().await;
        assert_eq!(held.json()["results"][0]["status"], 201, "{role:?}: {held:?}");
    }
    server.stop().await;
}
