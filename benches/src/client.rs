//! A client that costs as little as can be, for it shares the cores with what it measures: requests
//! are made beforehand, of an answer only the status, the length and one member are read.

use crate::outcome::Outcome;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer, as far as it matters.
pub(crate) struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0 })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        let (head, length) = loop {
            self.read_more().await?;
            let seen = self.buffer.get(..self.filled).unwrap_or_default();
            let Some(head) = find(seen, b"\r\n\r\n") else { continue };
            break (head, content_length(seen.get(..head).unwrap_or_default()).ok_or("an answer without a length")?);
        };
        let end = head + 4 + length;
        if end > self.buffer.len() {
            self.buffer.resize(end, 0);
        }
        while self.filled < end {
            self.read_more().await?;
        }
        let seen = self.buffer.get(..end).unwrap_or_default();
        let status =
            seen.get(9..12).and_then(|s| std::str::from_utf8(s).ok()?.parse().ok()).ok_or("an answer without a status")?;
        Ok(Answer { status, body: seen.get(head + 4..).unwrap_or_default() })
    }

    async fn read_more(&mut self) -> Outcome<()> {
        let room = self.buffer.get_mut(self.filled..).filter(|room| !room.is_empty()).ok_or("an answer is too long")?;
        let read = self.stream.read(room).await?;
        if read == 0 {
            return Err("the server hung up".into());
        }
        self.filled += read;
        Ok(())
    }
}

impl Answer<'_> {
    /// Whether the body has this text.
    pub(crate) fn contains(&self, text: &str) -> bool {
        find(self.body, text.as_bytes()).is_some()
    }

    /// A text member of the body.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let at = find(self.body, format!("\"{name}\":\"").as_bytes())? + name.len() + 4;
        let rest = self.body.get(at..)?;
        let end = rest.iter().position(|b| *b == b'"')?;
        String::from_utf8(rest.get(..end)?.to_vec()).ok()
    }
}

/// A POST request with a JSON body.
pub(crate) fn post(path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: lastseat\r\ncontent-type: application/json\r\n{authorization}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A DELETE request.
pub(crate) fn delete(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
    format!("DELETE {path} HTTP/1.1\r\nhost: lastseat\r\n{authorization}\r\n").into_bytes()
}

/// A GET request that accepts this form and, compressed, this coding.
pub(crate) fn get(path: &str, form: &str, coding: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: lastseat\r\naccept: {form}\r\naccept-encoding: {coding}\r\n\r\n").into_bytes()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let at = find(head, NAME)? + NAME.len();
    let digits = head.get(at..)?.iter().take_while(|b| b.is_ascii_digit());
    digits.map(|b| usize::from(b - b'0')).fold(None, |sum: Option<usize>, digit| Some(sum.unwrap_or(0) * 10 + digit))
}
