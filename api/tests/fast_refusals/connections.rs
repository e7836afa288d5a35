//! Many refusals on one connection, and what is between them.

use crate::requests::Sent;
use crate::twins::{Twin, comparable, usual};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HOLD: &str =
    "POST /v1/shows/gala/bookings HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nX-Forwarded-For: 203.0.113.";
const BODY: &str = "\r\ncontent-length: 17\r\n\r\n{\"seats\":[\"A-1\"]}";
const CLOSE: &str = "GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_gets_every_answer_later() {
    let twin = Twin::start(Some(usual)).await;
    // Many addresses, so that none reaches its limit; more answers than the system takes at once.
    let all = late(&twin, (0..6000).map(|n| format!("{HOLD}{}{BODY}", n % 250)).collect::<String>() + CLOSE).await;
    assert_eq!(all.matches("HTTP/1.1 409").count() + all.matches("HTTP/1.1 429").count(), 6000);
    assert!(all.contains("HTTP/1.1 200") && all.rfind("HTTP/1.1 4") < all.rfind("HTTP/1.1 200"));
    assert!(twin.answered_fast().await >= 5900, "{}", twin.answered_fast().await);
    twin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_answer_waits_for_the_one_before() {
    let (fast, plain) = tokio::join!(Twin::start(Some(usual)), Twin::start(None));
    // Large answers, which hyper still has when their bodies have ended.
    let large = "GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let requests = (0..60).map(|n| format!("{HOLD}{n}{BODY}{large}{HOLD}{n}{BODY}")).collect::<String>() + CLOSE;
    let (ours, expected) = tokio::join!(late(&fast, requests.clone()), late(&plain, requests));
    assert!(without_dates(&ours) == without_dates(&expected), "the answers are in another order");
    assert_eq!(fast.answered_fast().await, 120);
    tokio::join!(fast.stop(), plain.stop());
}

/// Sends everything, and reads only when the server has more answers than the system takes.
async fn late(twin: &Twin, requests: String) -> String {
    let (mut read, mut write) = TcpStream::connect(twin.addr).await.unwrap().into_split();
    let writing = tokio::spawn(async move { write.write_all(requests.as_bytes()).await.map(|()| write) });
    let begun = Instant::now();
    while twin.kept_for_clients().await == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the system takes all answers");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut all = String::new();
    read.read_to_string(&mut all).await.unwrap();
    writing.await.unwrap().unwrap();
    all
}

fn without_dates(text: &str) -> String {
    text.lines().filter_map(comparable).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fast_path_is_there_again_after_an_ordinary_request() {
    let twin = Twin::start(Some(usual)).await;
    let before = twin.answered_fast().await;
    let ordinary = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let large = format!("POST /v1/nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 30000\r\n\r\n{}", "x".repeat(30_000));
    let all = format!("{HOLD}1{BODY}{ordinary}{HOLD}1{BODY}{large}{HOLD}1{BODY}{ordinary}{ordinary}{HOLD}1{BODY}{CLOSE}");
    let text = twin.talk(&Sent { pieces: vec![all.clone().into_bytes()] }).await.text;
    let statuses: Vec<_> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["409", "200", "409", "404", "409", "200", "200", "409", "200"]);
    assert_eq!(twin.answered_fast().await - before, 4);
    // Cut in the middle of heads and bodies, after the first.
    let (first, rest) = all.split_at(HOLD.len() + 1 + BODY.len());
    let mut pieces = vec![first.as_bytes().to_vec()];
    pieces.extend(rest.as_bytes().chunks(211).map(<[u8]>::to_vec));
    let text = twin.talk(&Sent { pieces }).await.text;
    assert_eq!(text.match_indices("HTTP/1.1 ").count(), 9);
    twin.stop().await;
}
