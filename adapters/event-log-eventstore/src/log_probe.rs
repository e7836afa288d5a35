//! Reads that tell a subscription how far the log is.

use crate::connection::Connection;
use crate::read;
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position, request};
use std::sync::Arc;

pub(crate) struct Probe {
    /// Position of the log's last event.
    pub(crate) head: Position,
    /// Position of the first event after the given position that passes the filter.
    pub(crate) next: Option<Position>,
}

pub(crate) async fn probe(connection: Arc<Connection>, filter: Filter, after: Position) -> Result<Probe, LogFault> {
    // In this order: an event written in between is after the head, or is found.
    let head = read::head(&connection).await?;
    let next =
        if head > after { read::all(&connection, Some(after), Direction::Forwards, 1, &filter).await? } else { Vec::new() };
    Ok(Probe { head, next: next.first().map(|event| event.position) })
}

/// Checks that the log has reached the start of a subscription. Returns the log's head.
pub(crate) async fn check_start(connection: &Connection, from: Position) -> Result<Position, LogFault> {
    let head = read::head(connection).await?;
    if from > head {
        // On a shared server the event at `from` may have been deleted since.
        request::check_start(from, read::end(connection).await?.max(head))?;
    }
    Ok(head)
}
