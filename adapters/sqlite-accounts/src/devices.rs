//! Browsers that signed in before.

use crate::rows::{bytes, id, micros, time};
use lastseat_domain::account::{Device, DeviceHash};
use lastseat_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn add(
    connection: &Connection,
    hash: DeviceHash,
    device: Device,
    replaces: Option<DeviceHash>,
) -> rusqlite::Result<()> {
    if let Some(before) = replaces {
        connection.execute("DELETE FROM devices WHERE token = ?1", [before.0])?;
    }
    // The account may have been erased meanwhile.
    let sql = "INSERT INTO devices SELECT ?1, id, ?3 FROM accounts WHERE id = ?2";
    connection.execute(sql, params![hash.0, bytes(&device.account), micros(device.seen_at)])?;
    let sql = "DELETE FROM devices WHERE account = ?1 AND token NOT IN
               (SELECT token FROM devices WHERE account = ?1 ORDER BY seen_at DESC, token = ?2 DESC LIMIT ?3)";
    let most = i64::try_from(Device::MOST).unwrap_or(i64::MAX);
    connection.execute(sql, params![bytes(&device.account), hash.0, most]).map(drop)
}

pub(crate) fn find(connection: &Connection, hash: DeviceHash) -> rusqlite::Result<Option<Device>> {
    let sql = "SELECT account, seen_at FROM devices WHERE token = ?1";
    let device = |row: &rusqlite::Row<'_>| Ok(Device { account: id(row, 0)?, seen_at: time(row, 1)? });
    connection.prepare_cached(sql)?.query_row([hash.0], device).optional()
}

pub(crate) fn forget_of(connection: &Connection, account: AccountId) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM devices WHERE account = ?1", [bytes(&account)]).map(drop)
}

pub(crate) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM devices WHERE seen_at <= ?1", [micros(now - Device::lasts())]).map(drop)
}
