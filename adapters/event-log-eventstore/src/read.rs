//! Reads, page by page: each page has a deadline of its own, so no limit is too large.

use crate::call_error::CallError;
use crate::connection::{Connection, NumberedClient};
use crate::filter;
use crate::options::Options;
pub(crate) use crate::record::RawEvent;
use crate::record::Unfit;
use eventstore::{Position as ServerPosition, ReadAllOptions, ReadStream, ReadStreamOptions, StreamPosition};
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position, RecordedEvent, Revision};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The greatest revision that servers accept.
pub(crate) const MAX_REVISION: Revision = i64::MAX as Revision;

/// Most events of one call.
const PAGE: usize = 2_000;
/// Attempts of a read that fails temporarily.
const TRIES: u32 = 3;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(25);

/// Up to `limit` events of a stream.
pub(crate) async fn stream(
    connection: &Connection,
    stream: &StreamName,
    mut from: Option<Revision>,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    loop {
        let count = limit.saturating_sub(events.len()).min(PAGE);
        let page = page(connection, stream, from, direction, count, connection.options.read_deadline).await?;
        let goes_on = page.goes_on();
        let mut last = 0;
        for raw in page.events {
            let revision = raw.revision();
            last = revision;
            events.push(Arc::new(raw.record_in_stream().map_err(|unfit| match unfit {
                Unfit::NoPosition => no_positions(stream),
                unfit => LogFault::Damaged(format!("{stream} at revision {revision}: {unfit:?}")),
            })?));
        }
        from = match direction {
            _ if !goes_on || events.len() >= limit => return Ok(events),
            Direction::Forwards => Some(last + 1),
            Direction::Backwards if last == 0 => return Ok(events),
            Direction::Backwards => Some(last - 1),
        };
    }
}

/// The result of one call.
#[derive(Default)]
pub(crate) struct Page {
    pub events: Vec<RawEvent>,
    /// The limit was reached, or there was no time for more.
    cut: bool,
}

impl Page {
    /// Whether there may be more.
    fn goes_on(&self) -> bool {
        self.cut && !self.events.is_empty()
    }
}

/// One page of a stream, unconverted.
pub(crate) async fn page(
    connection: &Connection,
    stream: &StreamName,
    from: Option<Revision>,
    direction: Direction,
    count: usize,
    within: Duration,
) -> Result<Page, LogFault> {
    let position = match (direction, from) {
        _ if count == 0 => return Ok(Page::default()),
        (Direction::Forwards, None) => StreamPosition::Start,
        // Servers reject greater numbers.
        (Direction::Forwards, Some(MAX_REVISION..)) => return Ok(Page::default()),
        (Direction::Backwards, None | Some(MAX_REVISION..)) => StreamPosition::End,
        (_, Some(revision)) => StreamPosition::Position(revision),
    };
    let mut options = ReadStreamOptions::default().position(position).max_count(count).requires_leader(true);
    options = if direction == Direction::Forwards { options.forwards() } else { options.backwards() };
    if let Some(credentials) = &connection.target.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = with_retries(connection, within, move |numbered, until| async move {
        collect(numbered.client.read_stream(stream.as_str(), options).await?, until, count, |_| true).await
    });
    match read.await {
        Ok(page) => Ok(page),
        Err(CallError::Missing) => Ok(Page::default()),
        Err(error) => Err(error.fault(stream.as_str())),
    }
}

/// Up to `limit` events of the whole log that pass the filter. Other programs' events that the port
/// can't represent are left out.
pub(crate) async fn all(
    connection: &Connection,
    mut from: Option<Position>,
    direction: Direction,
    limit: usize,
    filter: &Filter,
) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    let mut goes_on = true;
    while goes_on && events.len() < limit {
        let count = limit.saturating_sub(events.len()).min(PAGE);
        let page = page_of_all(connection, from, direction, count, filter).await?;
        goes_on = page.goes_on();
        let before = from;
        for raw in page.events {
            let Some(position) = raw.position() else { return Err(no_positions(&"$all")) };
            if !is_beyond(position, from, direction) {
                continue;
            }
            from = Some(position);
            if let Filtered::Passes(record) = apply_filter(raw, filter)
                && events.len() < limit
            {
                events.push(Arc::new(record));
            }
        }
        goes_on &= from != before;
    }
    Ok(events)
}

/// Whether a position comes after `from` in reading order.
fn is_beyond(position: Position, from: Option<Position>, direction: Direction) -> bool {
    match direction {
        Direction::Forwards => from.is_none_or(|from| position > from),
        Direction::Backwards => from.is_none_or(|from| position < from),
    }
}

pub(crate) enum Filtered {
    Passes(RecordedEvent),
    Rejected,
    /// The port can't represent it, so readers and the head don't see it.
    Hidden,
}

pub(crate) fn apply_filter(raw: RawEvent, filter: &Filter) -> Filtered {
    let position = raw.position();
    match raw.record() {
        Ok(record) if filter.matches(record.stream.as_str(), &record.event_type) => Filtered::Passes(record),
        Ok(_) => Filtered::Rejected,
        Err(Unfit::System | Unfit::Link | Unfit::NoPosition) => Filtered::Hidden,
        Err(Unfit::NotJson(why)) => {
            tracing::debug!(?position, why, "another program's event can't be represented and is left out");
            Filtered::Hidden
        }
    }
}

/// One page of the whole log: `count` events, some of which may not pass the filter. The event at the start
/// may come in addition.
async fn page_of_all(
    connection: &Connection,
    from: Option<Position>,
    direction: Direction,
    count: usize,
    filter: &Filter,
) -> Result<Page, LogFault> {
    let position = match (direction, from) {
        (Direction::Forwards, None | Some(Position::START)) => StreamPosition::Start,
        (Direction::Forwards, Some(Position(MAX_REVISION..))) | (Direction::Backwards, Some(Position::START)) => {
            return Ok(Page::default());
        }
        (Direction::Backwards, None | Some(Position(MAX_REVISION..))) => StreamPosition::End,
        (_, Some(Position(at))) => StreamPosition::Position(ServerPosition { commit: at, prepare: at }),
    };
    let mut options = ReadAllOptions::default()
        .position(position)
        .max_count(count.saturating_add(1))
        .filter(filter::server_filter(filter))
        .requires_leader(true);
    options = if direction == Direction::Forwards { options.forwards() } else { options.backwards() };
    if let Some(credentials) = &connection.target.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = with_retries(connection, connection.options.read_deadline, move |numbered, until| async move {
        let counts = |raw: &RawEvent| raw.position().is_none_or(|position| is_beyond(position, from, direction));
        collect(numbered.client.read_all(options).await?, until, count, counts).await
    });
    match read.await {
        Ok(page) => Ok(page),
        Err(CallError::Missing) => Ok(Page::default()),
        Err(error) => Err(error.fault(&format!("reading the whole log at {}", connection.target.shown))),
    }
}

/// Collects events until `wanted` of those that count have arrived, or the time is up.
///
/// Doesn't wait for the server to end the read: with a filter, the server first searches for one more
/// event, perhaps to the end of the log.
async fn collect(
    mut read: ReadStream,
    until: Instant,
    wanted: usize,
    counts: impl Fn(&RawEvent) -> bool,
) -> Result<Page, CallError> {
    let (mut events, mut counted) = (Vec::new(), 0);
    while counted < wanted {
        match tokio::time::timeout_at(until, read.next()).await {
            Ok(Ok(Some(resolved))) => {
                if let Some(raw) = RawEvent::of(resolved) {
                    counted += usize::from(counts(&raw));
                    events.push(raw);
                }
            }
            Ok(Ok(None)) => return Ok(Page { events, cut: false }),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) if events.is_empty() => return Err(CallError::Lost("no event in time".to_owned())),
            Err(_) => break,
        }
    }
    Ok(Page { events, cut: true })
}

/// Retries a call that fails temporarily.
async fn with_retries<T, Fut>(
    connection: &Connection,
    within: Duration,
    op: impl Fn(NumberedClient, Instant) -> Fut,
) -> Result<T, CallError>
where
    Fut: Future<Output = Result<T, CallError>>,
{
    let deadline = Instant::now() + within;
    for n in 1.. {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = if n < TRIES { left.min(Options::one_try(within)) } else { left };
        let until = Instant::now() + share * 9 / 10;
        match connection.call(share, |numbered| op(numbered, until)).await {
            Err(CallError::Suspended(why)) => return Err(CallError::Suspended(why)),
            Err(error) if n < TRIES && error.is_temporary() && share > PAUSE => tokio::time::sleep(PAUSE * n).await,
            outcome => return outcome,
        }
    }
    Err(CallError::Lost("no answer".to_owned()))
}

pub(crate) fn no_positions(what: &impl std::fmt::Display) -> LogFault {
    LogFault::Refused(format!(
        "{what}: this server doesn't send the positions of events; use EventStoreDB 22.10 or newer, or KurrentDB"
    ))
}

/// Position of the last event that a subscription to everything delivers.
pub(crate) async fn head(connection: &Connection) -> Result<Position, LogFault> {
    let last = all(connection, None, Direction::Backwards, 1, &Filter::all()).await?;
    Ok(last.first().map_or(Position::START, |last| last.position))
}

/// Position of the last event of all, system events included.
pub(crate) async fn end(connection: &Connection) -> Result<Position, LogFault> {
    let mut options = ReadAllOptions::default().position(StreamPosition::End).max_count(1).requires_leader(true);
    if let Some(credentials) = &connection.target.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = with_retries(connection, connection.options.read_deadline, move |numbered, until| async move {
        collect(numbered.client.read_all(options).await?, until, 1, |_| true).await
    });
    let page = read.await.map_err(|error| error.fault(&format!("reading the end of the log at {}", connection.target.shown)))?;
    Ok(page.events.first().and_then(RawEvent::position).unwrap_or_default())
}
