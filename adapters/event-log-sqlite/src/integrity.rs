//! A full check of the file for damage.

use crate::loss::{FoundLog, Loss, LossKind, judge};
use crate::mark::{self, Found, FoundMark};
use crate::open_error::OpenError;
use crate::paths::resolve;
use crate::running_hash::{self, LogEnd};
use crate::schema::{self, Known};
use crate::{faults, opening, readers};
use rusqlite::Connection;
use std::path::Path;

/// Most findings of one kind.
const MAX_FINDINGS: usize = 20;

/// The result of a full check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// Events in the log; 0 if damage prevents counting them.
    pub events: u64,
    /// Streams in the log, likewise.
    pub streams: u64,
    /// What is wrong, one sentence each; at most 20 of each kind.
    pub findings: Vec<String>,
    /// The comparison with the high-water mark; `NotChecked` if there are findings.
    pub anchor: Anchor,
}

/// The log compared with its high-water mark, which lies outside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// All events up to the mark are as they were acknowledged.
    Holds {
        /// The mark's position.
        position: u64,
    },
    /// The same, but one entry of the mark is damaged, perhaps a newer one.
    HalfDamaged {
        /// The position of the entry that is whole.
        position: u64,
        /// What that means, and what to do.
        warning: String,
    },
    /// Events are missing, or were changed.
    Lost(Loss),
    /// There is no mark beside the log: it is a copy, or of an older version.
    NoMark,
    /// The log is too damaged for it.
    NotChecked,
}

/// Checks the whole log at `path`: SQLite's own structures, positions and revisions without gaps, every
/// event in a stream, every body JSON. Changes nothing, and works while a server has the log open. Blocks
/// for a time in proportion to the size of the file.
///
/// It compares a hash of all columns with the high-water mark beside the log, which lies in a file of its
/// own. Somebody who can write both files can make them agree.
///
/// # Errors
/// [`OpenError`] if the file can't be opened, or is too damaged to be checked; less damage is a finding.
pub fn check_integrity(path: impl AsRef<Path>) -> Result<Integrity, OpenError> {
    let path = resolve(path.as_ref())?;
    // The mark first: a server that writes meanwhile only moves the log further ahead of it.
    let found = mark::read(&path).map_err(|error| OpenError::Io { path: path.clone(), reason: error.to_string() })?;
    if let Err(loss) = opening::judge_absent(&path, found.mark, None) {
        return Err(OpenError::Lost { path, loss, accepted: None });
    }
    let connection = schema::open_inspector(&path)?;
    let known = schema::identify(&path, &connection)?;
    let check = || -> rusqlite::Result<Integrity> {
        // One transaction, so that all queries see one state while a server writes.
        connection.execute_batch("BEGIN")?;
        let mut findings = structure(&connection)?;
        let count = |sql| connection.query_row(sql, [], |row| readers::unsigned(row, 0));
        let (events, streams) = (count("SELECT count(*) FROM events"), count("SELECT count(*) FROM streams"));
        if !findings.is_empty() {
            // Damaged trees make further queries useless, perhaps even these.
            let (events, streams) = (events.unwrap_or(0), streams.unwrap_or(0));
            return Ok(Integrity { events, streams, findings, anchor: Anchor::NotChecked });
        }
        findings.extend(contents(&connection)?);
        let (events, streams) = (events?, streams?);
        let anchor = if findings.is_empty() { compare(&connection, known, found)? } else { Anchor::NotChecked };
        connection.execute_batch("COMMIT")?;
        Ok(Integrity { events, streams, findings, anchor })
    };
    check().map_err(|error| OpenError::of(&path, &error))
}

/// Compares the log's end with its high-water mark, as a start does: without reading the whole log.
/// `evidence` is as in [`SqliteOptions`](crate::SqliteOptions).
///
/// # Errors
/// [`OpenError`], as a start would fail with.
pub fn check_end(path: impl AsRef<Path>, evidence: Option<&str>) -> Result<(), OpenError> {
    let path = resolve(path.as_ref())?;
    let found = mark::read(&path).map_err(|error| OpenError::Io { path: path.clone(), reason: error.to_string() })?;
    let mark = found.mark;
    let lost = |loss| OpenError::Lost { path: path.clone(), loss, accepted: None };
    opening::judge_absent(&path, mark, evidence).map_err(lost)?;
    let connection = schema::open_inspector(&path)?;
    let known = schema::identify(&path, &connection)?;
    // One state of the log, while a server writes.
    let examined = connection.execute_batch("BEGIN").and_then(|()| opening::examine(&connection, known, mark));
    let (log, _) = examined.map_err(|error| OpenError::of(&path, &error))?;
    judge(&log, mark, evidence).map_err(lost)
}

/// Computes the running hash over all events and compares it with the mark's, and with the log's own.
fn compare(connection: &Connection, known: Known, found: Found) -> rusqlite::Result<Anchor> {
    let mark = found.mark;
    let mut matches_mark = true;
    let end = running_hash::computed(connection, LogEnd::default(), |end| {
        matches_mark &= !matches!(mark, FoundMark::Mark(mark) if mark.position == end.position && mark != end);
    })?;
    let older_version = known == Known::LogWithoutHash;
    let own = if older_version { None } else { running_hash::stored(connection)? };
    let changed = Loss { expected: own.map(|own| own.position.0), found: end.position.0, kind: LossKind::Changed };
    let log = FoundLog { last: end.position, matches_mark, older_version };
    Ok(match (judge(&log, mark, None), mark) {
        (Err(Loss { kind: LossKind::NoMark, .. }) | Ok(()), FoundMark::None) if own.unwrap_or(end) == end => Anchor::NoMark,
        (Ok(()), FoundMark::Mark(mark)) if own.unwrap_or(end) == end => {
            let position = mark.position.0;
            found.warning().map_or(Anchor::Holds { position }, |warning| Anchor::HalfDamaged { position, warning })
        }
        (Err(loss), FoundMark::Mark(_) | FoundMark::Damaged) => Anchor::Lost(loss),
        _ => Anchor::Lost(changed),
    })
}

/// SQLite's own findings.
fn structure(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MAX_FINDINGS})"))?;
    let mut findings = Vec::new();
    for finding in statement.query_map([], |row| row.get::<_, String>(0))? {
        match finding {
            Ok(finding) if finding == "ok" => {}
            // One row may describe a whole tree, one line for each cell below a headline.
            Ok(finding) => findings.extend(finding.lines().filter(|line| !line.starts_with("***")).map(str::to_owned)),
            // Some damage ends the check itself.
            Err(error) if faults::is_damage(&error) => findings.push(faults::describe(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

/// Each query selects a sentence for every violation.
const CHECKS: [&str; 5] = [
    "SELECT 'the log has ' || count(*) || ' events, but its last position is ' || max(position) \
     FROM events HAVING count(*) > 0 AND (min(position) <> 1 OR max(position) <> count(*))",
    "SELECT 'stream ' || stream || ' has ' || count(*) || ' events, but its last revision is ' || max(revision) \
     FROM events GROUP BY stream HAVING min(revision) <> 0 OR max(revision) <> count(*) - 1",
    "SELECT 'the event at ' || position || ' belongs to no stream' \
     FROM events WHERE stream NOT IN (SELECT id FROM streams)",
    "SELECT 'the event at ' || position || ' is not JSON' \
     FROM events WHERE NOT json_valid(data) OR NOT json_valid(metadata) OR length(id) <> 16",
    "SELECT 'the events at ' || e.position || ' and ' || f.position || ' are in the wrong order' \
     FROM events e JOIN events f ON f.stream = e.stream AND f.revision = e.revision + 1 AND f.position < e.position",
];

fn contents(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    for check in CHECKS {
        let mut statement = connection.prepare(&format!("{check} LIMIT {MAX_FINDINGS}"))?;
        let found = statement.query_map([], |row| row.get::<_, String>(0))?;
        findings.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(findings)
}
