//! Sessions.

use crate::rows::{self, ACCOUNT, ACCOUNT_COLUMNS, SESSION, bytes, micros};
use lastseat_domain::account::{Account, PasswordHash, Session, SessionHash};
use lastseat_domain::{AccountId, Role, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn open(
    connection: &Connection,
    hash: SessionHash,
    session: &Session,
    proven: &PasswordHash,
) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO sessions SELECT ?1, id, ?3, ?4 FROM accounts WHERE id = ?2 AND password = ?5";
    let (opened, seen) = (micros(session.opened_at), micros(session.seen_at));
    let added = connection.execute(sql, params![hash.0, bytes(&session.account), opened, seen, proven.expose()])?;
    if added > 0 {
        let sql = "DELETE FROM sessions WHERE account = ?1 AND token NOT IN
                   (SELECT token FROM sessions WHERE account = ?1 ORDER BY opened_at DESC, token = ?2 DESC LIMIT ?3)";
        connection.execute(sql, params![bytes(&session.account), hash.0, i64::try_from(Session::MOST).unwrap_or(i64::MAX)])?;
    }
    Ok(added > 0)
}

pub(crate) fn find(connection: &Connection, hash: SessionHash) -> rusqlite::Result<Option<(Session, Account)>> {
    let sql = format!("SELECT {ACCOUNT}, {SESSION} FROM sessions s JOIN accounts a ON a.id = s.account WHERE s.token = ?1");
    let both = |row: &rusqlite::Row<'_>| Ok((rows::session(row, ACCOUNT_COLUMNS)?, rows::account(row)?));
    connection.prepare_cached(&sql)?.query_row([hash.0], both).optional()
}

pub(crate) fn of(connection: &Connection, id: AccountId) -> rusqlite::Result<Vec<Session>> {
    let sql = format!("SELECT {SESSION} FROM sessions s WHERE s.account = ?1 ORDER BY s.opened_at DESC, s.token");
    connection.prepare_cached(&sql)?.query_map([bytes(&id)], |row| rows::session(row, 0))?.collect()
}

pub(crate) fn seen(connection: &Connection, hash: SessionHash, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE sessions SET seen_at = max(seen_at, ?2) WHERE token = ?1";
    connection.execute(sql, params![hash.0, micros(at)]).map(drop)
}

pub(crate) fn end(connection: &Connection, hash: SessionHash) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sessions WHERE token = ?1", [hash.0]).map(drop)
}

/// Ends those of an account, all but `keep`.
pub(crate) fn end_of(connection: &Connection, id: AccountId, keep: Option<SessionHash>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM sessions WHERE account = ?1 AND token IS NOT ?2";
    connection.execute(sql, params![bytes(&id), keep.map(|hash| hash.0)]).map(drop)
}

pub(crate) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    for role in Role::ALL {
        let (idle, longest) = Session::limits(role);
        let sql = "DELETE FROM sessions WHERE (seen_at <= ?2 OR opened_at <= ?3)
                   AND account IN (SELECT id FROM accounts WHERE role = ?1)";
        connection.execute(sql, params![role.name(), micros(now - idle), micros(now - longest)])?;
    }
    Ok(())
}
