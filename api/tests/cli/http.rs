//! One request, by hand: the tests' own eyes on the server.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends JSON and returns status and body.
pub fn post(url: &str, path: &str, token: Option<&str>, body: &serde_json::Value) -> (u16, serde_json::Value) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let (body, token) = (body.to_string(), token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default());
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\n{token}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or_default())
}
