//! What the shows have sold, line by line, as rows. Only what a transaction adds is in memory.

use super::fault::TablesFault;
use crate::sales::StatusChange;
use crate::sales_lines::{LineKey, SalesBreakdown, SalesLine};
use crate::show_seats::ShowSeats;
use lastseat_domain::ShowId;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct SalesLineRows {
    added: BTreeMap<(ShowId, LineKey), SalesLine>,
}

impl SalesLineRows {
    /// Counts a change of a booking, whose show has these seats.
    pub fn count(&mut self, change: &StatusChange, show_seats: Option<&ShowSeats>) {
        let Some(sold) = change.sold.as_ref().filter(|_| change.is_counted()) else { return };
        for (key, line) in sold.lines(show_seats) {
            self.added.entry((change.show.clone(), key)).or_default().add(&line);
        }
    }

    /// Writes what was added.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), TablesFault> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO sales_lines VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (show, kind, name) DO UPDATE \
             SET bookings = bookings + ?4, seats = seats + ?5, captured = captured + ?6, \
             refunded_bookings = refunded_bookings + ?7, refunded_seats = refunded_seats + ?8, refunded = refunded + ?9",
        )?;
        for ((show, key), line) in std::mem::take(&mut self.added) {
            upsert.execute(params![
                show.as_str(),
                key.kind,
                key.name,
                line.bookings.cast_signed(),
                line.seats.cast_signed(),
                line.captured,
                line.refunded_bookings.cast_signed(),
                line.refunded_seats.cast_signed(),
                line.refunded,
            ])?;
        }
        Ok(())
    }
}

/// The lines of a show.
pub(super) fn of(connection: &Connection, show: &ShowId) -> Result<SalesBreakdown, TablesFault> {
    let mut breakdown = SalesBreakdown::default();
    each(connection, show, |kind, name, line| {
        let unknown = || TablesFault::Damaged(format!("a line of sales has the kind {kind} and the name {name}"));
        breakdown.add(kind, name, line).ok_or_else(unknown)
    })?;
    Ok(breakdown)
}

/// The lines of a show by kind and name, as JSON.
pub(super) fn dump(connection: &Connection, show: &ShowId) -> Result<String, TablesFault> {
    let mut lines = Vec::new();
    each(connection, show, |kind, name, line| {
        lines.push(serde_json::to_string(&(kind, name, line))?);
        Ok(())
    })?;
    Ok(format!("[{}]", lines.join(",")))
}

fn each(
    connection: &Connection,
    show: &ShowId,
    mut use_line: impl FnMut(&str, &str, SalesLine) -> Result<(), TablesFault>,
) -> Result<(), TablesFault> {
    let mut query = connection.prepare_cached(
        "SELECT kind, name, bookings, seats, captured, refunded_bookings, refunded_seats, refunded FROM sales_lines \
         WHERE show = ?1 ORDER BY kind, name",
    )?;
    let mut rows = query.query([show.as_str()])?;
    while let Some(row) = rows.next()? {
        let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
        let line = SalesLine {
            bookings: number(2)?,
            seats: number(3)?,
            captured: row.get(4)?,
            refunded_bookings: number(5)?,
            refunded_seats: number(6)?,
            refunded: row.get(7)?,
        };
        use_line(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?, line)?;
    }
    Ok(())
}
