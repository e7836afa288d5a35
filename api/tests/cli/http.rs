//! One request, by hand: the tests' own eyes on the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A server that answers later than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends JSON and returns status and body.
pub fn post(url: &str, path: &str, token: Option<&str>, body: &serde_json::Value) -> (u16, serde_json::Value) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = connect(host);
    let (body, token) = (body.to_string(), token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default());
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\n{token}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let (status, body) = read_answer(stream);
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// Gets a path and returns status and body; status 0 if the server does not answer.
pub fn get(url: &str, path: &str) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = connect(host);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    read_answer(stream)
}

/// Sends what is no HTTP and returns the status of the answer.
pub fn say_nonsense(url: &str) -> u16 {
    let mut stream = connect(url.strip_prefix("http://").unwrap());
    stream.write_all(b"nonsense\r\n\r\n").unwrap();
    read_answer(stream).0
}

fn connect(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn read_answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    if let Err(error) = stream.read_to_string(&mut answer) {
        return (0, error.to_string());
    }
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}
