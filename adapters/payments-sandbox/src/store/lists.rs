//! Lists of payments and of what they have, by time. They come from an index: a page costs the same in a long history.

use super::rows::{self, kind_number, nanos};
use crate::items::{Item, ItemKind};
use crate::record::Record;
use lastseat_domain::IntentId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// One end of a page, by the name of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// Older than this one.
    After(IntentId, usize),
    /// Newer than this one.
    Before(IntentId, usize),
}

/// What part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub limit: usize,
    /// Nanoseconds since 1970 within which the items were created.
    pub created: RangeInclusive<i64>,
    /// The newest, without one.
    pub cursor: Option<Cursor>,
}

impl Window {
    /// The newest.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self { limit, created: i64::MIN..=i64::MAX, cursor: None }
    }
}

/// A part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Intents, and the number of each one's item.
    pub items: Vec<(Arc<Record>, usize)>,
    /// There are more in the direction that was asked for.
    pub has_more: bool,
}

/// Time, payment and number: what a list is ordered by.
type Place = (i64, i64, i64);

const NEWER: &str = "SELECT c.change, i.number FROM items i CROSS JOIN payments p ON p.n = i.payment CROSS JOIN changes c ON c.seq = p.latest \
         WHERE i.kind = ?1 AND i.at BETWEEN ?2 AND ?3 AND (i.at > ?4 OR i.payment > ?5 OR (i.payment = ?5 AND i.number > ?6)) \
         ORDER BY i.at, i.payment, i.number LIMIT ?7";
pub(super) const OLDER: &str = "SELECT c.change, i.number FROM items i CROSS JOIN payments p ON p.n = i.payment CROSS JOIN changes c ON c.seq = p.latest \
         WHERE i.kind = ?1 AND i.at BETWEEN ?2 AND ?3 AND (i.at < ?4 OR i.payment < ?5 OR (i.payment = ?5 AND i.number < ?6)) \
         ORDER BY i.at DESC, i.payment DESC, i.number DESC LIMIT ?7";

/// A page of the items of a kind. `None` if the cursor is not in the list.
pub(super) fn page(connection: &Connection, kind: ItemKind, window: &Window) -> rusqlite::Result<Option<Page>> {
    let (place, is_backwards) = match &window.cursor {
        None => (Some((i64::MAX, i64::MAX, i64::MAX)), false),
        Some(Cursor::After(intent, number)) => (place(connection, kind, window, intent, *number)?, false),
        Some(Cursor::Before(intent, number)) => (place(connection, kind, window, intent, *number)?, true),
    };
    let Some(place) = place else { return Ok(None) };
    // The bounds of time are for the index, so that a page deep in the list costs no more than the first.
    let sql = if is_backwards { NEWER } else { OLDER };
    let (mut from, mut until) = (*window.created.start(), *window.created.end());
    if is_backwards {
        from = from.max(place.0);
    } else {
        until = until.min(place.0);
    }
    let one_more = i64::try_from(window.limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![kind_number(kind), from, until, place.0, place.1, place.2, one_more];
    let mut items: Vec<_> = statement.query_map(values, item)?.collect::<rusqlite::Result<_>>()?;
    let has_more = items.len() > window.limit;
    items.truncate(window.limit);
    if is_backwards {
        items.reverse();
    }
    Ok(Some(Page { items, has_more }))
}

fn item(row: &Row<'_>) -> rusqlite::Result<(Arc<Record>, usize)> {
    let number: i64 = row.get(1)?;
    Ok((rows::record(row, 0)?, usize::try_from(number).unwrap_or(usize::MAX)))
}

/// Where an item is in the list, if it is.
fn place(
    connection: &Connection,
    kind: ItemKind,
    window: &Window,
    intent: &IntentId,
    number: usize,
) -> rusqlite::Result<Option<Place>> {
    let Some(payment) = rows::payment(connection, intent)? else { return Ok(None) };
    let is_it = |item: &&Item| item.kind == kind && item.number == number;
    let Some(at) = payment.record.items().iter().find(is_it).map(|item| nanos(item.at)) else { return Ok(None) };
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Ok(window.created.contains(&at).then_some((at, payment.number, number)))
}

/// Every intent, oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Arc<Record>>> {
    const SQL: &str = "SELECT c.change FROM items i CROSS JOIN payments p ON p.n = i.payment CROSS JOIN changes c ON c.seq = p.latest \
                       WHERE i.kind = 0 ORDER BY i.at, i.payment";
    connection.prepare(SQL)?.query_map([], |row| rows::record(row, 0))?.collect()
}

/// Minor units that are captured and not refunded, by currency.
pub(super) fn balance(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut statement = connection.prepare_cached("SELECT currency, kept FROM balance")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Whether there is any payment.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let first: Option<i64> = connection.query_row("SELECT n FROM payments LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(first.is_none())
}

impl Page {
    /// Only the intents.
    #[must_use]
    pub fn records(self) -> Vec<Arc<Record>> {
        self.items.into_iter().map(|(record, _)| record).collect()
    }
}
