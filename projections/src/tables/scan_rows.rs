//! The scans of all tickets, as rows in the order in which they are judged: by ticket, then by the time of the scan.

use super::fault::TablesFault;
use super::progress::{integer, position_of};
use crate::checkins::{CheckinsFold, CheckinsView, ScanRow, ScanView, Unfolded};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Envelope, ScanKind, ShowId};
use rusqlite::{Connection, params};

/// The scans of a show, in the order of the table's key.
pub(super) const OF_SHOW: &str = "SELECT ticket, kind, gate, is_offline, is_noted, position, view FROM scans WHERE show = ?1 \
                                  ORDER BY ticket, at, position";

/// Folds one event.
pub(super) fn apply(connection: &Connection, envelope: &Envelope) -> Result<(), TablesFault> {
    let Some(view) = ScanView::of(envelope) else { return Ok(()) };
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO scans VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    insert.execute(params![
        view.show.as_str(),
        view.ticket.0.as_bytes(),
        view.at.timestamp_millis(),
        integer(view.position),
        view.kind.name(),
        view.gate.as_str(),
        view.recorded_at.is_some(),
        !view.noted.is_empty(),
        serde_json::to_string(&view)?,
    ])?;
    Ok(())
}

/// The entrance of a show, with up to `limit` scans that don't fit, after the one at a position. `None` if there is none there.
pub(super) fn of_show(
    connection: &Connection,
    show: &ShowId,
    after: Option<Position>,
    limit: usize,
) -> Result<Option<CheckinsView>, TablesFault> {
    let mut query = connection.prepare_cached(OF_SHOW)?;
    let mut rows = query.query([show.as_str()])?;
    let mut fold = CheckinsFold::new(after, limit);
    while let Some(row) = rows.next()? {
        let kind = match row.get::<_, String>(1)?.as_str() {
            "entry" => ScanKind::Entry,
            "exit" => ScanKind::Exit,
            other => return Err(TablesFault::Damaged(format!("a scan is of the kind {other}"))),
        };
        let scan = ScanRow {
            ticket: row.get(0)?,
            kind,
            gate: row.get(2)?,
            is_offline: row.get(3)?,
            is_noted: row.get(4)?,
            position: position_of(row.get(5)?),
            view: row.get(6)?,
        };
        match fold.push(scan) {
            Ok(()) => {}
            Err(unfolded) => return not_there(unfolded),
        }
    }
    match fold.finish() {
        Ok(view) => Ok(Some(view)),
        Err(unfolded) => not_there(unfolded),
    }
}

fn not_there(why: Unfolded) -> Result<Option<CheckinsView>, TablesFault> {
    match why {
        Unfolded::UnknownCursor => Ok(None),
        Unfolded::Damaged(why) => Err(TablesFault::Damaged(why)),
    }
}
