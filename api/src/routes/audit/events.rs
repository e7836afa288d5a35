//! `GET /v1/audit/events`

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::params::{Params, wrong};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use lastseat_domain::ports::event_log::{Direction, Filter, Position, RecordedEvent, Revision};
use lastseat_domain::ports::{EventLog, LogFault};
use lastseat_domain::{StreamName, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Events fetched at a time; what one reader keeps in memory.
const PAGE: usize = 500;
const DEFAULT_EVENTS: usize = 1_000;
const MOST_EVENTS: usize = 100_000;

/// One line of the answer: an event with everything recorded around it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct Line<'a> {
    /// Place in the whole log.
    #[schema(value_type = u64)]
    position: Position,
    /// Its stream.
    #[schema(value_type = String, example = "seat-demo.A-1")]
    stream: &'a StreamName,
    /// Index in the stream, from 0.
    #[schema(value_type = u64)]
    revision: Revision,
    /// Its id.
    id: Uuid,
    /// Name of the fact.
    #[serde(rename = "type")]
    #[schema(example = "SeatLocked")]
    kind: &'a str,
    /// The fact, exactly as it was stored.
    #[schema(value_type = HashMap<String, serde_json::Value>)]
    data: &'a RawValue,
    /// Who, why and when, exactly as it was stored.
    #[schema(value_type = HashMap<String, serde_json::Value>)]
    metadata: &'a RawValue,
    /// When the log wrote it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
}

/// The event history, oldest first: one JSON object a line (NDJSON).
///
/// To go on, send the last line's position as `from`. An answer that breaks off without an end was
/// cut by a fault of the log.
#[utoipa::path(
    get,
    path = "/v1/audit/events",
    operation_id = "export_events",
    tag = "audit",
    params(
        ("from" = Option<u64>, Query, description = "Only events after this position"),
        ("stream" = Option<String>, Query, min_length = 1, description = "Only this stream, or with a `*` at the end every stream that starts so"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100000, description = "Most events, 1 to 100000; 1000 if absent"),
    ),
    responses((status = 200, description = "One `AuditEvent` a line, as JSON", body = String, content_type = "application/x-ndjson")),
    security(("token" = [])),
)]
pub async fn audit_events(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Problem> {
    caller.needs(Permission::ReadHistory)?;
    let from = params.value("from", "a position, a whole number from 0")?.map_or(Position::START, Position);
    let limit = params.limit_of(DEFAULT_EVENTS, MOST_EVENTS)?;
    let source = Source::parse(params.text("stream"))?;
    let mut reader = Reader { log: Arc::clone(&app.parts().log), source, from, next: Some(0), left: limit };
    // The first page is read before the answer begins, so that a fault still has a status.
    let first = reader.page().await?;
    let body = Body::from_stream(stream::iter([Ok(lines(&first)?)]).chain(reader.pages()));
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Which events to read.
enum Source {
    Stream(StreamName),
    All(Filter),
}

impl Source {
    fn parse(text: Option<&str>) -> Result<Self, Problem> {
        const RULE: &str = "the name of a stream, or the start of one followed by `*`";
        match text {
            None => Ok(Self::All(Filter::all())),
            Some(text) => match text.strip_suffix('*') {
                Some("") => Ok(Self::All(Filter::all())),
                Some(prefix) if !prefix.contains('*') => Ok(Self::All(Filter::streams(&[prefix]))),
                None if !text.is_empty() && !text.contains('*') => Ok(Self::Stream(StreamName::from_log(text))),
                _ => Err(wrong("stream", RULE)),
            },
        }
    }
}

/// Reads page by page.
struct Reader {
    log: Arc<dyn EventLog>,
    source: Source,
    from: Position,
    /// Revision to go on at in a single stream; none when the end was reached.
    next: Option<Revision>,
    left: usize,
}

impl Reader {
    async fn page(&mut self) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let Some(revision) = self.next.filter(|_| self.left > 0) else { return Ok(vec![]) };
        let events = match &self.source {
            Source::All(filter) => {
                let most = self.left.min(PAGE);
                self.log.read_all(Some(self.from), Direction::Forwards, most, filter).await?
            }
            Source::Stream(stream) => self.log.read_stream(stream, Some(revision), Direction::Forwards, PAGE).await?,
        };
        let Some(last) = events.last() else {
            self.next = None;
            return Ok(events);
        };
        self.next = last.revision.checked_add(1);
        let from = self.from;
        self.from = from.max(last.position);
        let page: Vec<_> = events.into_iter().filter(|event| event.position > from).take(self.left).collect();
        self.left -= page.len();
        Ok(page)
    }

    fn pages(self) -> impl Stream<Item = Result<Bytes, LogFault>> + Send + 'static {
        stream::try_unfold(self, async |mut reader| {
            // A page of a single stream may lie before `from` as a whole.
            while reader.next.is_some() && reader.left > 0 {
                let page = reader.page().await?;
                if !page.is_empty() {
                    return Ok(Some((lines(&page)?, reader)));
                }
            }
            Ok(None)
        })
    }
}

fn lines(events: &[Arc<RecordedEvent>]) -> Result<Bytes, LogFault> {
    let mut text = Vec::with_capacity(events.len() * 512);
    for event in events {
        let line = Line {
            position: event.position,
            stream: &event.stream,
            revision: event.revision,
            id: event.id,
            kind: &event.event_type,
            data: &event.data,
            metadata: &event.metadata,
            recorded_at: event.recorded_at,
        };
        serde_json::to_writer(&mut text, &line).map_err(|error| LogFault::Damaged(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests;
