//! Whether the file still holds what was written.

use super::{OpenError, faults, readers, resolve, schema};
use rusqlite::Connection;
use std::path::Path;

/// Most findings of one kind that are listed.
const MAX_FINDINGS: usize = 20;

/// What a look through the whole file has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// Events in the log; 0 where damage does not let them be counted.
    pub events: u64,
    /// Streams in the log, likewise.
    pub streams: u64,
    /// What is wrong, one sentence each, at most a few of each kind; empty if nothing is.
    pub findings: Vec<String>,
}

/// Looks through the whole log at `path`: SQLite's own structures, positions and revisions without
/// gaps, every event in a stream, every body JSON. Changes nothing; works while a server has the
/// log open. Takes time in proportion to the size of the file, and blocks.
///
/// It can't see a changed byte inside a body that is still JSON.
///
/// # Errors
/// [`OpenError`] if the file can't be opened, or is damaged so badly that it can't be looked
/// through; less damage is a finding.
pub fn check_integrity(path: impl AsRef<Path>) -> Result<Integrity, OpenError> {
    let path = resolve(path.as_ref())?;
    let connection = schema::open_inspector(&path)?;
    let look = || -> rusqlite::Result<Integrity> {
        // One transaction: the questions are about one state, whatever a server writes meanwhile.
        connection.execute_batch("BEGIN")?;
        let mut findings = structure(&connection)?;
        let count = |sql| connection.query_row(sql, [], |row| readers::unsigned(row, 0));
        let (events, streams) = (count("SELECT count(*) FROM events"), count("SELECT count(*) FROM streams"));
        if !findings.is_empty() {
            // Broken trees give no answer to the finer questions, and perhaps none to these.
            return Ok(Integrity { events: events.unwrap_or(0), streams: streams.unwrap_or(0), findings });
        }
        findings.extend(contents(&connection)?);
        let (events, streams) = (events?, streams?);
        connection.execute_batch("COMMIT")?;
        Ok(Integrity { events, streams, findings })
    };
    look().map_err(|error| OpenError::of(&path, &error))
}

/// SQLite's own findings.
fn structure(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MAX_FINDINGS})"))?;
    let mut findings = Vec::new();
    for finding in statement.query_map([], |row| row.get::<_, String>(0))? {
        match finding {
            Ok(finding) if finding == "ok" => {}
            // One row may tell of a whole tree, a line for each cell, under a headline.
            Ok(finding) => findings.extend(finding.lines().filter(|line| !line.starts_with("***")).map(str::to_owned)),
            // Some damage ends the look at it.
            Err(error) if faults::is_damage(&error) => findings.push(faults::describe(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

/// Each question selects a sentence for every violation.
const QUESTIONS: [&str; 5] = [
    "SELECT 'the log has ' || count(*) || ' events, but its last position is ' || max(position) \
     FROM events HAVING count(*) > 0 AND (min(position) <> 1 OR max(position) <> count(*))",
    "SELECT 'stream ' || stream || ' has ' || count(*) || ' events, but its last revision is ' || max(revision) \
     FROM events GROUP BY stream HAVING min(revision) <> 0 OR max(revision) <> count(*) - 1",
    "SELECT 'the event at ' || position || ' belongs to no stream' \
     FROM events WHERE stream NOT IN (SELECT id FROM streams)",
    "SELECT 'the event at ' || position || ' is not JSON' \
     FROM events WHERE NOT json_valid(data) OR NOT json_valid(metadata) OR length(id) <> 16",
    "SELECT 'the events at ' || e.position || ' and ' || f.position || ' stand in the wrong order' \
     FROM events e JOIN events f ON f.stream = e.stream AND f.revision = e.revision + 1 AND f.position < e.position",
];

fn contents(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    for question in QUESTIONS {
        let mut statement = connection.prepare(&format!("{question} LIMIT {MAX_FINDINGS}"))?;
        let found = statement.query_map([], |row| row.get::<_, String>(0))?;
        findings.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(findings)
}
