//! Reads, a page at a time: no read is longer than its deadline allows, whatever the limit.

use crate::append::MAX_REVISION;
use crate::filter;
use crate::link::{Held, Link};
pub(crate) use crate::record::Raw;
use crate::record::Unfit;
use crate::trouble::Trouble;
use eventstore::{Position as ServerPosition, ReadAllOptions, ReadStream, ReadStreamOptions, StreamPosition};
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position, RecordedEvent, Revision};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most events asked for at a time.
const PAGE: usize = 2_000;
/// Tries of a read that fails for a reason that may pass.
const TRIES: u32 = 3;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(25);

/// Up to `limit` events of a stream.
pub(crate) async fn stream(
    link: &Link,
    stream: &StreamName,
    mut from: Option<Revision>,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    loop {
        let wanted = limit.saturating_sub(events.len()).min(PAGE);
        let page = page(link, stream, from, direction, wanted, link.options.read_deadline).await?;
        let goes_on = page.goes_on();
        let mut last = 0;
        for raw in page.raws {
            let revision = raw.revision();
            last = revision;
            events.push(Arc::new(raw.record().map_err(|unfit| match unfit {
                Unfit::NoPosition => positions_untold(stream),
                Unfit::NotJson(why) => LogFault::Damaged(format!("{stream} at revision {revision}: {why}")),
                Unfit::System => LogFault::Damaged(format!("{stream} at revision {revision}: an event of the server's own")),
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

/// What one call brought.
#[derive(Default)]
pub(crate) struct Page {
    pub raws: Vec<Raw>,
    /// As many as were wanted came, or there was no time for more.
    cut: bool,
}

impl Page {
    /// Whether there may be more.
    fn goes_on(&self) -> bool {
        self.cut && !self.raws.is_empty()
    }
}

/// One page of a stream as the server has it.
pub(crate) async fn page(
    link: &Link,
    stream: &StreamName,
    from: Option<Revision>,
    direction: Direction,
    count: usize,
    within: Duration,
) -> Result<Page, LogFault> {
    let position = match (direction, from) {
        _ if count == 0 => return Ok(Page::default()),
        (Direction::Forwards, None) => StreamPosition::Start,
        // Servers take no number beyond these.
        (Direction::Forwards, Some(MAX_REVISION..)) => return Ok(Page::default()),
        (Direction::Backwards, None | Some(MAX_REVISION..)) => StreamPosition::End,
        (_, Some(revision)) => StreamPosition::Position(revision),
    };
    let mut options = ReadStreamOptions::default().position(position).max_count(count).requires_leader(true);
    options = if direction == Direction::Forwards { options.forwards() } else { options.backwards() };
    if let Some(credentials) = &link.connection.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = tried(link, within, move |held, until| async move {
        collect(held.client.read_stream(stream.as_str(), options).await?, until, count, |_| true).await
    });
    match read.await {
        Ok(page) => Ok(page),
        Err(Trouble::Missing) => Ok(Page::default()),
        Err(trouble) => Err(trouble.fault(stream.as_str())),
    }
}

/// Up to `limit` events of the whole log that pass the filter. What another program wrote and the
/// port can't express is left out.
pub(crate) async fn all(
    link: &Link,
    mut from: Option<Position>,
    direction: Direction,
    limit: usize,
    filter: &Filter,
) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
    let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
    let mut goes_on = true;
    while goes_on && events.len() < limit {
        let wanted = limit.saturating_sub(events.len()).min(PAGE);
        let page = page_of_all(link, from, direction, wanted, filter).await?;
        goes_on = page.goes_on();
        let before = from;
        for raw in page.raws {
            let Some(position) = raw.position() else { return Err(positions_untold(&"$all")) };
            if !is_beyond(position, from, direction) {
                continue;
            }
            from = Some(position);
            if let Sifted::Wanted(record) = sifted(raw, filter)
                && events.len() < limit
            {
                events.push(Arc::new(record));
            }
        }
        goes_on &= from != before;
    }
    Ok(events)
}

/// Whether a reader who starts behind `from` wants to see what stands at a position.
fn is_beyond(position: Position, from: Option<Position>, direction: Direction) -> bool {
    match direction {
        Direction::Forwards => from.is_none_or(|from| position > from),
        Direction::Backwards => from.is_none_or(|from| position < from),
    }
}

/// What an event of the whole log is to a reader.
pub(crate) enum Sifted {
    /// It passes.
    Wanted(RecordedEvent),
    /// It does not pass.
    Unwanted,
    /// The port can't express it: to every reader, and to the head, it is not there.
    Unseen,
}

/// Sifts one event of the whole log.
pub(crate) fn sifted(raw: Raw, filter: &Filter) -> Sifted {
    let position = raw.position();
    match raw.record() {
        Ok(record) if filter.matches(record.stream.as_str(), &record.event_type) => Sifted::Wanted(record),
        Ok(_) => Sifted::Unwanted,
        Err(Unfit::System | Unfit::NoPosition) => Sifted::Unseen,
        Err(Unfit::NotJson(why)) => {
            tracing::debug!(?position, why, "another program's event is left out");
            Sifted::Unseen
        }
    }
}

/// One page of the whole log: `count` events, with what the server can't filter. The event to start
/// behind may come on top of them.
async fn page_of_all(
    link: &Link,
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
        .filter(filter::at_server(filter))
        .requires_leader(true);
    options = if direction == Direction::Forwards { options.forwards() } else { options.backwards() };
    if let Some(credentials) = &link.connection.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = tried(link, link.options.read_deadline, move |held, until| async move {
        let counts = |raw: &Raw| raw.position().is_none_or(|position| is_beyond(position, from, direction));
        collect(held.client.read_all(options).await?, until, count, counts).await
    });
    match read.await {
        Ok(page) => Ok(page),
        Err(Trouble::Missing) => Ok(Page::default()),
        Err(trouble) => Err(trouble.fault(&format!("reading the whole log at {}", link.connection.shown))),
    }
}

/// The events of a read, until `wanted` of those that count are there. Those that came in time, if
/// they take long.
///
/// Does not wait for the server to end the read: a server with a filter looks for one more event
/// before it does, and where none passes that takes it to the end of the log.
async fn collect(mut read: ReadStream, until: Instant, wanted: usize, counts: impl Fn(&Raw) -> bool) -> Result<Page, Trouble> {
    let (mut raws, mut counted) = (Vec::new(), 0);
    while counted < wanted {
        match tokio::time::timeout_at(until, read.next()).await {
            Ok(Ok(Some(resolved))) => {
                if let Some(raw) = Raw::of(resolved) {
                    counted += usize::from(counts(&raw));
                    raws.push(raw);
                }
            }
            Ok(Ok(None)) => return Ok(Page { raws, cut: false }),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) if raws.is_empty() => return Err(Trouble::Lost("no event in time".to_owned())),
            Err(_) => break,
        }
    }
    Ok(Page { raws, cut: true })
}

/// Calls, and again where the reason of failing may have passed.
async fn tried<T, Fut>(link: &Link, within: Duration, op: impl Fn(Held, Instant) -> Fut) -> Result<T, Trouble>
where
    Fut: Future<Output = Result<T, Trouble>>,
{
    let deadline = Instant::now() + within;
    for n in 1.. {
        // Half of what is left: the other half is for a new connection.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = if n < TRIES { left / 2 } else { left };
        let until = Instant::now() + share * 9 / 10;
        match link.call(share, |held| op(held, until)).await {
            Err(Trouble::Resting(why)) => return Err(Trouble::Resting(why)),
            Err(trouble) if n < TRIES && trouble.may_pass() && share > PAUSE => tokio::time::sleep(PAUSE * n).await,
            outcome => return outcome,
        }
    }
    Err(Trouble::Lost("no answer".to_owned()))
}

pub(crate) fn positions_untold(what: &impl std::fmt::Display) -> LogFault {
    LogFault::Refused(format!(
        "{what}: this server does not tell the positions of events; EventStoreDB 22.10 or newer, or KurrentDB, is needed"
    ))
}

/// Position of the last event that a subscription to everything delivers.
pub(crate) async fn head(link: &Link) -> Result<Position, LogFault> {
    let last = all(link, None, Direction::Backwards, 1, &Filter::all()).await?;
    Ok(last.first().map_or(Position::START, |last| last.position))
}

/// Position of the log's very last event, whosever it is.
pub(crate) async fn end(link: &Link) -> Result<Position, LogFault> {
    let mut options = ReadAllOptions::default().position(StreamPosition::End).max_count(1).requires_leader(true);
    if let Some(credentials) = &link.connection.credentials {
        options = options.authenticated(credentials.clone());
    }
    let options = &options;
    let read = tried(link, link.options.read_deadline, move |held, until| async move {
        collect(held.client.read_all(options).await?, until, 1, |_| true).await
    });
    let page =
        read.await.map_err(|trouble| trouble.fault(&format!("reading the end of the log at {}", link.connection.shown)))?;
    Ok(page.raws.first().and_then(Raw::position).unwrap_or_default())
}
