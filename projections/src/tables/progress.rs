//! How far the file has got, stored in the transaction that got it there.

use super::fault::TablesFault;
use crate::batch::Skipped;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::landmark::Landmark;
use rusqlite::{Connection, params};

/// How far the file has got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Everything up to here is folded.
    pub position: Position,
    /// Events folded since the beginning of the log.
    pub events: u64,
    /// The last of them.
    pub last: Option<Landmark>,
}

impl Progress {
    pub fn load(connection: &Connection) -> Result<Self, TablesFault> {
        let query = "SELECT position, events, last FROM progress";
        let (position, events, last): (i64, i64, String) =
            connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(Self { position: position_of(position), events: events.unsigned_abs(), last: serde_json::from_str(&last)? })
    }

    pub fn store(&self, connection: &Connection) -> Result<(), TablesFault> {
        let last = serde_json::to_string(&self.last)?;
        let mut update = connection.prepare_cached("UPDATE progress SET position = ?1, events = ?2, last = ?3")?;
        update.execute(params![integer(self.position), self.events.cast_signed(), last])?;
        Ok(())
    }
}

/// The events that were skipped, in position order.
pub(super) fn load_skipped(connection: &Connection) -> Result<Vec<Skipped>, TablesFault> {
    let mut query = connection.prepare("SELECT position, why FROM skipped ORDER BY position")?;
    let rows = query.query_map([], |row| Ok(Skipped { position: position_of(row.get(0)?), why: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn store_skipped(connection: &Connection, skipped: &Skipped) -> Result<(), TablesFault> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO skipped VALUES (?1, ?2)")?;
    insert.execute(params![integer(skipped.position), skipped.why])?;
    Ok(())
}

/// SQLite's integers are signed; no log has 2^63 positions.
pub(super) fn integer(position: Position) -> i64 {
    position.0.cast_signed()
}

pub(super) fn position_of(integer: i64) -> Position {
    Position(integer.cast_unsigned())
}
