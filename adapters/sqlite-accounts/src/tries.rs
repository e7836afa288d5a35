//! Passwords that were wrong.

use crate::rows::{micros, time};
use lastseat_domain::Timestamp;
use lastseat_domain::account::{Locked, Tries};
use lastseat_domain::ports::accounts::TryKey;
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn count(connection: &Connection, key: TryKey, now: Timestamp) -> rusqlite::Result<Result<(), Locked>> {
    let before = connection
        .query_row("SELECT count, last_at FROM tries WHERE key = ?1", [key.0], |row| {
            Ok(Tries { count: row.get(0)?, last: time(row, 1)? })
        })
        .optional()?;
    let tries = match Tries::with_another(before, now) {
        Ok(tries) => tries,
        Err(locked) => return Ok(Err(locked)),
    };
    let put = "INSERT INTO tries VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET count = ?2, last_at = ?3";
    connection.execute(put, params![key.0, tries.count, micros(tries.last)])?;
    Ok(Ok(()))
}

pub(crate) fn forget(connection: &Connection, key: TryKey) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM tries WHERE key = ?1", [key.0]).map(drop)
}

pub(crate) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM tries WHERE last_at <= ?1", [micros(Tries::forgotten_until(now))]).map(drop)
}
