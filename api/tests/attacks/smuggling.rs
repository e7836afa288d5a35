//! Request smuggling: requests whose end two servers could see in different places. A proxy that sees one request
//! must never hand lastseat two.

use crate::common::{TestServer, start_for_test};
use crate::raw::statuses;

/// The request that an attacker hides in the body of another: it would hold a seat.
const HIDDEN: &str = "POST /v1/shows/demo/bookings HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"seats\":[\"A-1\"]}";

/// The headers of the outer request, with what is ambiguous in them. Each is sent with `HIDDEN` where a
/// careless parser would see the next request.
fn ambiguous() -> Vec<String> {
    let hidden = HIDDEN.len();
    let mut outer = Vec::new();
    // Both lengths: Transfer-Encoding wins, or the request is refused (RFC 9112 §6.3). Spellings that one
    // parser takes for "chunked" and another does not.
    for encoding in [
        "Transfer-Encoding: chunked",
        "transfer-encoding: CHUNKED",
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked\0",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding\0: chunked",
        "Transfer_Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
    ] {
        // By its length the body ends after the hidden request, by its chunks before it.
        let length = "0\r\n\r\n".len() + hidden;
        outer.push(format!("{encoding}\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n"));
        outer.push(format!("Content-Length: {length}\r\n{encoding}\r\n\r\n0\r\n\r\n"));
    }
    // Lengths that contradict each other, or that are no numbers to one of two parsers.
    for length in [
        format!("Content-Length: 0\r\nContent-Length: {hidden}"),
        format!("Content-Length: {hidden}\r\nContent-Length: 0"),
        format!("Content-Length: 0, {hidden}"),
        format!("Content-Length: {hidden}, 0"),
        format!("Content-Length: +{hidden}"),
        format!("Content-Length: -{hidden}"),
        format!("Content-Length: 0x{hidden:x}"),
        format!("Content-Length: {hidden}.0"),
        format!("Content-Length: {hidden} {hidden}"),
        format!("Content-Length : {hidden}"),
        format!(" Content-Length: {hidden}"),
        format!("Content-Length:\r\n {hidden}"),
        format!("Content-Length: {hidden}\0"),
        format!("Content_Length: 0\r\nContent-Length: {hidden}"),
        format!("Content-Length: 99999999999999999999{hidden}"),
        "Content-Length: 18446744073709551616".to_owned(),
        "Content-Length:".to_owned(),
        "Content-Length: \u{663}".to_owned(),
    ] {
        outer.push(format!("{length}\r\n\r\n"));
    }
    // Chunks whose size two parsers read differently.
    for chunk in [
        "0x0\r\n\r\n",
        "-0\r\n\r\n",
        "+0\r\n\r\n",
        "0;\n\r\n",
        "0\n\n",
        "10000000000000000\r\n\r\n",
        "ffffffffffffffff\r\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "g\r\n\r\n",
        "\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "2\r\na\r\n0\r\n\r\n",
    ] {
        outer.push(format!("Transfer-Encoding: chunked\r\n\r\n{chunk}"));
    }
    outer
}

/// Sends `outer` and then the hidden request. Returns the answers, and whether the seat was held.
async fn attack(server: &TestServer, outer: &str) -> (Vec<u16>, bool) {
    let before = server.head().await;
    let bytes = format!("POST /v1/shows/none/bookings HTTP/1.1\r\nHost: test\r\n{outer}{HIDDEN}");
    let answers = statuses(server.addr, bytes.as_bytes()).await;
    (answers, server.head().await > before)
}

#[tokio::test]
async fn no_hidden_request_is_executed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut executed = Vec::new();
    for outer in ambiguous() {
        let (answers, held) = attack(&server, &outer).await;
        if held || answers.len() > 1 {
            executed.push((outer, answers));
        }
    }
    assert_eq!(executed, []);
    server.stop().await;
}

/// The failing twin: where the outer request plainly ends, the second one is executed, so the test above would
/// see a smuggled one.
#[tokio::test]
async fn an_ordinary_second_request_is_executed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let (answers, held) = attack(&server, "Content-Length: 0\r\n\r\n").await;
    assert_eq!((answers.last(), held), (Some(&201), true));
    server.stop().await;
}
