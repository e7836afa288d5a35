//! The file: its tables, how it is recognised, and how it is opened.

use crate::open_error::OpenError;
use crate::{readers, running_hash};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Marks the file as a log of lastseat ("lsea"); `file(1)` and SQLite's tools show it.
const APPLICATION_ID: i32 = 0x6c73_6561;

/// Stored in `PRAGMA user_version`.
const SCHEMA_VERSION: i32 = 2;
/// Had no running hash and no high-water mark.
const VERSION_WITHOUT_HASH: i32 = 1;

/// Wait for another program that writes to the file, such as SQLite's shell.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to this size the whole file, indexes included, is checked at every start: a fraction of a second.
const FULL_CHECK_BYTES: u64 = 16 << 20;
/// Up to this size at least every page is checked.
const QUICK_CHECK_BYTES: u64 = 128 << 20;

/// Page cache of the connection that writes, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// `events` is the log. Streams have numbers because their names in every event and index entry would
/// double the size. The view `event_log` is for people: `SELECT * FROM event_log`.
const SCHEMA: &str = "
CREATE TABLE streams (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE events (
    position    INTEGER PRIMARY KEY, -- from 1, without gaps
    stream      INTEGER NOT NULL,    -- streams.id
    revision    INTEGER NOT NULL,    -- from 0 in each stream, without gaps
    id          BLOB NOT NULL,       -- UUID, 16 bytes
    type        TEXT NOT NULL,
    data        TEXT NOT NULL,       -- JSON
    metadata    TEXT NOT NULL,       -- JSON
    recorded_at INTEGER NOT NULL,    -- microseconds since 1970, UTC
    UNIQUE (stream, revision)
) STRICT;
CREATE VIEW event_log AS
SELECT e.position, s.name AS stream, e.revision,
       lower(substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4) || '-' || substr(hex(e.id), 13, 4) || '-'
          || substr(hex(e.id), 17, 4) || '-' || substr(hex(e.id), 21)) AS id,
       e.type, e.data, e.metadata,
       strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at / 1000000, 'unixepoch')
          || printf('.%06dZ', e.recorded_at % 1000000) AS recorded_at
FROM events e JOIN streams s ON s.id = e.stream;
";

/// Opens the file for writing; creates it if there is none. Until [`keep_changes`], closing the connection
/// leaves the write-ahead log as it is.
pub(super) fn open_writer(path: &Path, max_file_bytes: Option<u64>) -> Result<(Connection, Known), OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    let known = identify(path, &connection)?;
    let setup = || -> rusqlite::Result<()> {
        // A log that is refused must stay as it was found, above all what SQLite has dropped of its end.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // COMMIT syncs the write-ahead log, so a transaction is durable when it returns.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        // The writer checkpoints by itself, after answering.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        if known == Known::Empty {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} {} PRAGMA application_id = {APPLICATION_ID}; \
                 PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;",
                running_hash::SCHEMA
            ))?;
            // Write the identity into the file itself, not only into the write-ahead log.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        if let Some(bytes) = max_file_bytes {
            let page = connection.pragma_query_value(None, "page_size", |row| readers::unsigned(row, 0))?;
            let pages = readers::integer((bytes / page.max(1)).max(1));
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(())
    };
    setup().map_err(|error| OpenError::of(path, &error))?;
    if known != Known::Empty {
        check_for_damage(path, &connection)?;
    }
    Ok((connection, known))
}

/// From now on the last connection to close moves the write-ahead log into the file.
pub(super) fn keep_changes(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
}

/// Gives a log of an older version its running hash, inside a transaction of the caller.
pub(super) fn add_running_hash(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("{} PRAGMA user_version = {SCHEMA_VERSION};", running_hash::SCHEMA))
}

/// Checks for damage before anything is sold, as thoroughly as a start can wait for. A damaged index is
/// the worst: it makes a stream look empty. `lastseat verify` checks everything, however long it takes.
fn check_for_damage(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let check = if bytes <= FULL_CHECK_BYTES {
        "PRAGMA integrity_check(1)"
    } else if bytes <= QUICK_CHECK_BYTES {
        "PRAGMA quick_check(1)"
    } else {
        return Ok(());
    };
    let finding: String = connection.query_row(check, [], |row| row.get(0)).map_err(|error| OpenError::of(path, &error))?;
    if finding == "ok" {
        return Ok(());
    }
    let reason = finding.lines().find(|line| !line.starts_with("***")).unwrap_or("the check found damage").to_owned();
    Err(OpenError::Damaged { path: path.to_owned(), reason })
}

/// Opens a read connection to a file that this process has open for writing.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    plan_once(&connection)?;
    Ok(connection)
}

/// Without this guarantee SQLite would plan a prepared statement again for each value that it is used with.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Opens the file for reading only, while a server has it open, or after one was killed.
pub(super) fn open_inspector(path: &Path) -> Result<Connection, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let first = match inspect(path, path, read_only) {
        Err(error @ OpenError::Io { .. }) => error,
        done => return done,
    };
    // In a read-only folder SQLite can't create the index of the write-ahead log. If that log is empty,
    // the file alone is complete, and nobody is writing.
    if wal_is_empty(path) {
        if let Some(uri) = immutable_uri(path) {
            return inspect(path, Path::new(&uri), read_only | OpenFlags::SQLITE_OPEN_URI);
        }
        return Err(first);
    }
    // A remaining write-ahead log has to be recovered first, which needs write access to the folder. The
    // events stay as they are.
    let recovering = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match inspect(path, path, recovering) {
        Err(OpenError::Io { path, reason }) => Err(OpenError::Io {
            path,
            reason: format!(
                "{reason}; its write-ahead log has to be recovered first: copy the file and its -wal to a writable folder and open them there"
            ),
        }),
        done => done,
    }
}

fn inspect(path: &Path, target: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection = connect(target, flags).map_err(|error| error.at(path))?;
    if identify(path, &connection)? == Known::Empty {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let setup = || -> rusqlite::Result<()> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "query_only", true)
    };
    setup().map_err(|error| OpenError::of(path, &error))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Report damage in a page as an error, not as a missing row.
        connection.pragma_update(None, "cell_size_check", true)?;
        plan_once(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| OpenError::of(path, &error))
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing yet.
    Empty,
    Log,
    /// A log of a version that had no running hash.
    LogWithoutHash,
}

/// Checks that the file is ours before anything in it is changed.
pub(super) fn identify(path: &Path, connection: &Connection) -> Result<Known, OpenError> {
    let read = || -> rusqlite::Result<(i32, i32, i64)> {
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, objects))
    };
    match read().map_err(|error| OpenError::of(path, &error))? {
        (0, 0, 0) => Ok(Known::Empty),
        (APPLICATION_ID, SCHEMA_VERSION, _) => Ok(Known::Log),
        (APPLICATION_ID, VERSION_WITHOUT_HASH, _) => Ok(Known::LogWithoutHash),
        (APPLICATION_ID, found, _) => Err(OpenError::OtherVersion { path: path.to_owned(), found, supported: SCHEMA_VERSION }),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn wal_is_empty(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(true, |wal| wal.len() == 0)
}

/// The path as a URI that promises SQLite no changes and no write-ahead log.
fn immutable_uri(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut uri = "file:".to_owned();
    for byte in path.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    Some(uri)
}
