//! A reader of server-sent events, as a browser reads them.

use super::client::Client;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `seat_locked` and so on.
    pub name: String,
    pub data: Value,
}

/// An open stream. It remembers the last id, for the next one.
pub struct Stream {
    body: Incoming,
    text: String,
    ready: VecDeque<(Change, Option<String>)>,
    /// What a browser sends as `Last-Event-ID` when it comes back.
    pub last_id: Option<String>,
    _connection: Box<dyn Send>,
}

impl Stream {
    /// Opens the stream of a show; `from` is a seats answer's position, `last_id` an earlier
    /// stream's.
    pub async fn open(client: &Client, show: &str, from: Option<u64>, last_id: Option<&str>) -> Self {
        let from = from.map(|position| format!("?from={position}")).unwrap_or_default();
        let mut call = client.get(&format!("/v1/shows/{show}/seats/stream{from}"));
        if let Some(id) = last_id {
            call = call.header("last-event-id", id);
        }
        let (parts, body, connection) = call.open().await;
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-type"], "text/event-stream");
        // A proxy that collects answers before it passes them on must not do so with this one.
        assert_eq!(
            (&parts.headers["x-accel-buffering"], &parts.headers["cache-control"]),
            (&"no".parse().unwrap(), &"no-cache".parse().unwrap())
        );
        let last_id = last_id.map(str::to_owned);
        Self { body, text: String::new(), ready: VecDeque::new(), last_id, _connection: Box::new(connection) }
    }

    /// The next event; `None` if there is none within `patience`, or the connection is cut.
    pub async fn next(&mut self, patience: Duration) -> Option<Change> {
        loop {
            if let Some((change, id)) = self.ready.pop_front() {
                self.last_id = id.or(self.last_id.take());
                return Some(change);
            }
            let frame = tokio::time::timeout(patience, self.body.frame()).await.ok()??.ok()?;
            let Ok(data) = frame.into_data() else { continue };
            self.text.push_str(std::str::from_utf8(&data).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (mut name, mut data, mut id) = (String::new(), String::new(), None);
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", value)) => name = value.to_owned(),
                        Some(("data", value)) => data = value.to_owned(),
                        Some(("id", value)) => id = Some(value.to_owned()),
                        _ => {}
                    }
                }
                if !name.is_empty() {
                    self.ready.push_back((Change { name, data: serde_json::from_str(&data).unwrap() }, id));
                }
                self.text = rest.to_owned();
            }
        }
    }

    /// The next change of a labelled seat. Events of areas are skipped: they are repeated on reconnect
    /// and carry a state, not a change.
    pub async fn next_seat(&mut self, patience: Duration) -> Option<Change> {
        loop {
            let change = self.next(patience).await?;
            if change.name != "area_availability" {
                return Some(change);
            }
        }
    }
}
