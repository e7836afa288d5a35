//! The file's tables in the words of the rules.

use crate::change::Change;
use crate::endpoint::WebhookEndpoint;
use crate::items::{Item, ItemKind};
use crate::record::Record;
use lastseat_domain::{IntentId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use std::sync::Arc;
use uuid::Uuid;

/// A payment as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    /// `payments.n`
    pub number: i64,
    /// The change that has it.
    pub latest: i64,
    pub record: Arc<Record>,
}

pub(super) const ENDPOINTS: &str = "SELECT endpoint FROM endpoints";

/// What a time is stored as.
pub(super) fn nanos(at: Timestamp) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(if at.timestamp() < 0 { i64::MIN } else { i64::MAX })
}

/// What is stored of an idempotency key. The key itself is in the change.
pub(super) fn key_hash(key: &str) -> i64 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).as_u64_pair().0.cast_signed()
}

/// The change in a column.
pub(super) fn change(row: &Row<'_>, column: usize) -> rusqlite::Result<Change> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

/// The intent in a column.
pub(super) fn record(row: &Row<'_>, column: usize) -> rusqlite::Result<Arc<Record>> {
    change(row, column)?.intent.ok_or_else(|| unreadable(column, std::io::Error::other("a payment's change has no intent")))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// The payment of this name.
pub(super) fn payment(connection: &Connection, id: &IntentId) -> rusqlite::Result<Option<Payment>> {
    const SQL: &str = "SELECT p.n, p.latest, c.change FROM payments p CROSS JOIN changes c ON c.seq = p.latest WHERE p.id = ?1";
    let payment = |row: &Row<'_>| Ok(Payment { number: row.get(0)?, latest: row.get(1)?, record: record(row, 2)? });
    connection.prepare_cached(SQL)?.query_row([id.as_str()], payment).optional()
}

/// The changes that answered keys of this hash, the latest first.
pub(super) fn answered(connection: &Connection, hash: i64) -> rusqlite::Result<Vec<Change>> {
    const SQL: &str = "SELECT change FROM changes WHERE key = ?1 ORDER BY seq DESC";
    connection.prepare_cached(SQL)?.query_map([hash], |row| change(row, 0))?.collect()
}

pub(super) fn insert_item(connection: &Connection, payment: i64, item: &Item) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO items VALUES (?1, ?2, ?3, ?4)")?.execute(item_key(payment, item))?;
    Ok(())
}

pub(super) fn delete_item(connection: &Connection, payment: i64, item: &Item) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM items WHERE kind = ?1 AND at = ?2 AND payment = ?3 AND number = ?4";
    connection.prepare_cached(SQL)?.execute(item_key(payment, item))?;
    Ok(())
}

fn item_key(payment: i64, item: &Item) -> (i64, i64, i64, i64) {
    (kind_number(item.kind), nanos(item.at), payment, i64::try_from(item.number).unwrap_or(i64::MAX))
}

pub(super) fn kind_number(kind: ItemKind) -> i64 {
    kind as i64
}

pub(super) fn insert_change(
    connection: &Connection,
    seq: i64,
    key: Option<i64>,
    payment: Option<i64>,
    change: &Change,
) -> rusqlite::Result<()> {
    let json = serde_json::to_string(change).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut insert = connection.prepare_cached("INSERT INTO changes VALUES (?1, ?2, ?3, ?4, ?5)")?;
    insert.execute((seq, nanos(change.at), key, payment, json))?;
    Ok(())
}

pub(super) fn delete_change(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM changes WHERE seq = ?1")?.execute([seq])?;
    Ok(())
}

pub(super) fn insert_payment(connection: &Connection, number: i64, id: &IntentId, latest: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO payments VALUES (?1, ?2, ?3)")?.execute((number, id.as_str(), latest))?;
    Ok(())
}

pub(super) fn update_payment(connection: &Connection, number: i64, latest: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE payments SET latest = ?2 WHERE n = ?1")?.execute((number, latest))?;
    Ok(())
}

pub(super) fn endpoints(connection: &Connection) -> rusqlite::Result<Vec<WebhookEndpoint>> {
    let mut statement = connection.prepare_cached(ENDPOINTS)?;
    let endpoint = |row: &Row<'_>| {
        let text = row.get_ref(0)?.as_str()?;
        serde_json::from_str(text).map_err(|error| unreadable(0, error))
    };
    statement.query_map([], endpoint)?.collect()
}

pub(super) fn store_endpoint(connection: &Connection, endpoint: &WebhookEndpoint) -> rusqlite::Result<()> {
    if endpoint.deleted {
        connection.execute("DELETE FROM endpoints WHERE id = ?1", [&endpoint.id])?;
        return Ok(());
    }
    let json = serde_json::to_string(endpoint).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection.execute("INSERT OR REPLACE INTO endpoints VALUES (?1, ?2)", (&endpoint.id, json))?;
    Ok(())
}
