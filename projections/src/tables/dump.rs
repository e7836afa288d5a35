//! The canonical form of the views: one JSON text each, the same bytes for the same events, however they
//! came into the file. Written row by row, whatever their number.

use super::fault::TablesFault;
use super::file::SCHEMA;
use super::progress::{Progress, position_of};
use super::sales_line_rows;
use super::sales_rows::{show_id, states_of};
use rusqlite::{Connection, Row};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::io::Write;
use uuid::Uuid;

/// Names of the views in the file, in the order of reports.
pub(crate) const VIEWS: [&str; 5] = ["bookings", "loyalty", "campaigns", "sales", "checkins"];

/// A view's canonical form, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    pub view: &'static str,
    pub bytes: u64,
    /// In lower-case hex.
    pub sha256: String,
}

/// The canonical forms of all views, as they are at `progress`.
pub(super) fn digests(connection: &Connection, progress: &Progress) -> Result<Vec<Digest>, TablesFault> {
    let digest = |view| {
        let mut sum = Sum::default();
        dump(connection, view, progress, &mut sum)?;
        let sha256 = sum.sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Digest { view, bytes: sum.bytes, sha256 })
    };
    VIEWS.into_iter().map(digest).collect()
}

#[derive(Default)]
struct Sum {
    sha256: Sha256,
    bytes: u64,
}

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes the canonical form of a view.
pub(super) fn dump(
    connection: &Connection,
    view: &'static str,
    progress: &Progress,
    out: &mut impl Write,
) -> Result<(), TablesFault> {
    let Progress { position, events, last } = progress;
    let last = serde_json::to_string(last)?;
    write!(out, r#"{{"view":"{view}","schema":{SCHEMA},"position":{position},"events":{events},"last":{last},"content":"#)?;
    content(connection, view, out)?;
    writeln!(out, "}}")?;
    Ok(())
}

fn content(connection: &Connection, view: &str, out: &mut impl Write) -> Result<(), TablesFault> {
    match view {
        "bookings" => {
            let query = "SELECT booking, view FROM bookings ORDER BY booking";
            object(connection, query, out, |row, _| Ok((uuid(row)?, row.get(1)?)))
        }
        "loyalty" => {
            let query = "SELECT buyer, seats, points FROM accounts ORDER BY buyer";
            object(connection, query, out, |row, connection| {
                let buyer: String = row.get(0)?;
                let (seats, points): (u32, u32) = (row.get(1)?, row.get(2)?);
                let vouchers = vouchers(connection, &buyer)?;
                Ok((buyer, format!(r#"{{"seats":{seats},"points":{points},"vouchers":[{vouchers}]}}"#)))
            })
        }
        "campaigns" => campaigns(connection, out),
        "checkins" => {
            let query = "SELECT position, view FROM scans ORDER BY show, ticket, at, position";
            object(connection, query, out, |row, _| Ok((position_of(row.get(0)?).to_string(), row.get(1)?)))
        }
        _ => sales(connection, out),
    }
}

fn campaigns(connection: &Connection, out: &mut impl Write) -> Result<(), TablesFault> {
    write!(out, r#"{{"campaigns":"#)?;
    let query = "SELECT campaign, issued, used, reserved, withdrawn, view FROM campaigns ORDER BY campaign";
    object(connection, query, out, |row, _| {
        let (issued, used): (u32, u32) = (row.get(1)?, row.get(2)?);
        let (reserved, withdrawn, view): (u32, u32, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((uuid(row)?, format!(r#"{{"counts":[{issued},{used},{reserved},{withdrawn}],"view":{view}}}"#)))
    })?;
    write!(out, r#","vouchers":"#)?;
    let query = "SELECT campaign, voucher, withdrawn, claims FROM campaign_vouchers ORDER BY voucher";
    object(connection, query, out, |row, _| {
        let (voucher, withdrawn, claims): (String, bool, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((voucher, format!(r#"{{"campaign":"{}","withdrawn":{withdrawn},"claims":{claims}}}"#, uuid(row)?)))
    })?;
    write!(out, "}}")?;
    Ok(())
}

fn sales(connection: &Connection, out: &mut impl Write) -> Result<(), TablesFault> {
    write!(out, r#"{{"states":{{"shows":"#)?;
    let query = "SELECT show, facts, changed_at FROM shows JOIN sales USING (show) ORDER BY show";
    object(connection, query, out, |row, connection| {
        let show = show_id(row.get(0)?)?;
        let (facts, changed_at): (String, i64) = (row.get(1)?, row.get(2)?);
        let (changed_at, states) = (position_of(changed_at), states_of(connection, &show)?);
        Ok((show.to_string(), format!(r#"{{"facts":{facts},"changed_at":{changed_at},"states":"{states}"}}"#)))
    })?;
    write!(out, r#","holds":"#)?;
    object(connection, "SELECT booking, hold FROM holds ORDER BY booking", out, |row, _| Ok((uuid(row)?, row.get(1)?)))?;
    write!(out, r#"}},"shows":"#)?;
    let query = "SELECT show, takings FROM sales WHERE takings IS NOT NULL ORDER BY show";
    object(connection, query, out, |row, _| Ok((row.get(0)?, row.get(1)?)))?;
    write!(out, r#","lines":"#)?;
    let query = "SELECT DISTINCT show FROM sales_lines ORDER BY show";
    object(connection, query, out, |row, connection| {
        let show = show_id(row.get(0)?)?;
        Ok((show.to_string(), sales_line_rows::dump(connection, &show)?))
    })?;
    write!(out, "}}")?;
    Ok(())
}

/// Writes an object with a member, its name and its JSON, for each row.
fn object(
    connection: &Connection,
    query: &str,
    out: &mut impl Write,
    member: impl Fn(&Row<'_>, &Connection) -> Result<(String, String), TablesFault>,
) -> Result<(), TablesFault> {
    let mut query = connection.prepare(query)?;
    let mut rows = query.query([])?;
    let mut separator = "{";
    while let Some(row) = rows.next()? {
        let (name, value) = member(row, connection)?;
        write!(out, "{separator}{}:{value}", json!(name))?;
        separator = ",";
    }
    write!(out, "{}", if separator == "{" { "{}" } else { "}" })?;
    Ok(())
}

/// All vouchers of a buyer, oldest first.
fn vouchers(connection: &Connection, buyer: &str) -> Result<String, TablesFault> {
    let mut query = connection.prepare_cached("SELECT view FROM vouchers WHERE buyer = ?1 ORDER BY issued")?;
    let rows = query.query_map([buyer], |row| row.get::<_, String>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.join(","))
}

fn uuid(row: &Row<'_>) -> Result<String, TablesFault> {
    Ok(Uuid::from_bytes(row.get(0)?).to_string())
}
