//! Rows and what they are.

use lastseat_domain::account::{Account, PasswordHash, Session};
use lastseat_domain::{AccountId, Timestamp};
use rusqlite::Row;
use rusqlite::types::Type;
use std::error::Error;
use uuid::Uuid;

/// The columns of an account, in the order in which [`account`] reads them.
pub(crate) const ACCOUNT: &str = "a.id, a.email, a.password, a.role, a.created_at, a.verified_at";
/// How many these are.
pub(crate) const ACCOUNT_COLUMNS: usize = 6;
/// Those of a session, after which [`session`] begins to read at the given one.
pub(crate) const SESSION: &str = "s.account, s.opened_at, s.seen_at";

/// The account in the first columns.
pub(crate) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: id(row, 0)?,
        email: parsed(row, 1)?,
        password: PasswordHash::new(&row.get::<_, String>(2)?),
        role: parsed(row, 3)?,
        created_at: time(row, 4)?,
        verified_at: time_if_any(row, 5)?,
    })
}

/// The session in the columns from `first` on.
pub(crate) fn session(row: &Row<'_>, first: usize) -> rusqlite::Result<Session> {
    Ok(Session { account: id(row, first)?, opened_at: time(row, first + 1)?, seen_at: time(row, first + 2)? })
}

/// As it is stored.
pub(crate) fn bytes(id: &AccountId) -> &[u8; 16] {
    id.0.as_bytes()
}

/// As it is stored.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// The time in a column.
pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let micros = row.get(column)?;
    Timestamp::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, micros))
}

fn time_if_any(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|_| time(row, column)).transpose()
}

pub(crate) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<AccountId> {
    Ok(AccountId(Uuid::from_bytes(row.get(column)?)))
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
