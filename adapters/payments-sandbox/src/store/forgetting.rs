//! Forgets idempotency keys that are a day old, a few with each transaction: nothing ever looks for them.

use super::rows::nanos;
use crate::change::KEY_LIFETIME;
use lastseat_domain::Timestamp;
use rusqlite::{Connection, OptionalExtension};

/// With each transaction, this many changes more than it has added are looked at. So those of a busy day are forgotten
/// on a quiet one.
const MORE: usize = 16;

pub(super) const UNTIL: &str = "SELECT forgotten FROM progress";
pub(super) const NEXT_AT: &str = "SELECT at FROM changes WHERE seq > ?1 ORDER BY seq LIMIT 1";

/// How far keys are forgotten.
#[derive(Debug)]
pub(super) struct Forgetting {
    /// The keys of changes up to here are not kept any more.
    pub until: i64,
    /// When the next change was made, if there is one.
    next_at: Option<i64>,
}

impl Forgetting {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let until = connection.prepare_cached(UNTIL)?.query_row([], |row| row.get(0))?;
        let next_at = connection.prepare_cached(NEXT_AT)?.query_row([until], |row| row.get(0)).optional()?;
        Ok(Self { until, next_at })
    }

    /// There is another change.
    pub(super) fn added(&mut self, at: i64) {
        self.next_at.get_or_insert(at);
    }

    /// Forgets in the running transaction, which has added `added` changes.
    pub(super) fn forget(&mut self, connection: &Connection, now: Timestamp, added: usize) -> rusqlite::Result<()> {
        let oldest_kept = nanos(now - KEY_LIFETIME).saturating_add(1);
        if self.next_at.is_none_or(|at| at >= oldest_kept) {
            return Ok(());
        }
        let most = i64::try_from(added.saturating_add(MORE)).unwrap_or(i64::MAX);
        let next = "SELECT seq, at FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut next = connection.prepare_cached(next)?;
        let rows = next.query_map((self.until, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>()?;
        self.next_at = None;
        for (seq, at) in rows {
            self.next_at = Some(at);
            if at >= oldest_kept {
                break;
            }
            let unneeded =
                "DELETE FROM changes WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM payments WHERE n = payment AND latest = ?1)";
            if connection.prepare_cached(unneeded)?.execute([seq])? == 0 {
                // It is what a payment is now.
                connection.prepare_cached("UPDATE changes SET key = NULL WHERE seq = ?1")?.execute([seq])?;
            }
            self.until = seq;
        }
        connection.prepare_cached("UPDATE progress SET forgotten = ?1")?.execute([self.until])?;
        Ok(())
    }
}
