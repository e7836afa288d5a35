//! The file: its tables, how it is recognised, and how it is opened.

use crate::file_lock;
use crate::open_error::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks it as a payment sandbox of lastseat ("lssb"); `file(1)` and SQLite's tools show it.
const APPLICATION_ID: i32 = 0x6c73_7362;
/// Raised when the tables change. Stored in `PRAGMA user_version`.
const FORMAT: i32 = 1;

const TABLES: &str = "
CREATE TABLE changes (           -- what was answered, in order
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,   -- nanoseconds since 1970, as everywhere here
    key      INTEGER,            -- hash of the idempotency key, as long as that is kept
    payment  INTEGER,            -- whose intent it changes
    change   TEXT NOT NULL       -- JSON
) STRICT;
CREATE INDEX changes_by_key ON changes (key) WHERE key IS NOT NULL;
CREATE TABLE payments (
    n        INTEGER PRIMARY KEY, -- in the order in which they were created
    id       TEXT NOT NULL UNIQUE,
    latest   INTEGER NOT NULL    -- the change that has the intent as it is
) STRICT;
CREATE TABLE items (             -- what lists show, in their order
    kind     INTEGER NOT NULL,   -- 0 intents, 1 charges, 2 refunds, 3 disputes
    at       INTEGER NOT NULL,
    payment  INTEGER NOT NULL,
    number   INTEGER NOT NULL,   -- counts a payment's items of a kind from 1
    PRIMARY KEY (kind, at, payment, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE balance (           -- captured and not refunded
    currency TEXT PRIMARY KEY,
    kept     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE endpoints (         -- webhook endpoints
    id       TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL       -- JSON
) STRICT, WITHOUT ROWID;
CREATE TABLE progress (
    one       INTEGER PRIMARY KEY CHECK (one = 0),
    forgotten INTEGER NOT NULL,  -- the keys of changes up to here are no longer kept
    imported  INTEGER            -- length of the journal of an earlier version that was read into this file
) STRICT;
INSERT INTO progress VALUES (0, 0, NULL);
";

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page caches, in KiB.
const WRITER_CACHE_KIB: i64 = 8 * 1024;
const READER_CACHE_KIB: i64 = 512;
/// Pages of the write-ahead log after which it is moved into the file.
const CHECKPOINT_PAGES: i64 = 8192;
/// The write-ahead log is cut to this size when it has been moved.
const WAL_BYTES: i64 = 32 << 20;
const STATEMENTS: usize = 32;

/// Opens the file to write to it; creates it if there is none. The caller has its lock.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    create_for_owner(path).map_err(|error| OpenError::io(path, &error))?;
    let of = |error| OpenError::of(path, &error);
    let writable = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, writable).map_err(of)?;
    let is_new = identify(path, &connection)?;
    set_up(&connection).map_err(of)?;
    if is_new {
        create_tables(&connection).map_err(of)?;
    }
    Ok(connection)
}

/// Opens the file to read from it while a process may be writing it, or after one was killed. Neither the file nor its
/// write-ahead log is changed. `None` if there is none, or nothing in it yet.
pub(super) fn open_to_read(path: &Path) -> Result<Option<Connection>, OpenError> {
    if !path.try_exists().map_err(|error| OpenError::io(path, &error))? {
        return Ok(None);
    }
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writable = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Else the last connection to close moves what is in the write-ahead log into the file.
    let keeps_log = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    // One that only reads would leave an empty write-ahead log where there was none.
    let first = match read_with(path, path, if keeps_log { read_only } else { writable }, keeps_log) {
        Err(OpenError::Io { path, reason }) => (path, reason),
        done => return done,
    };
    // In a read-only folder SQLite can't create the index of the write-ahead log. If that log is empty, the file alone is
    // complete, and nobody is writing.
    match immutable_uri(path).filter(|_| !keeps_log) {
        Some(uri) => read_with(path, Path::new(&uri), read_only | OpenFlags::SQLITE_OPEN_URI, false),
        None => {
            let (path, reason) = first;
            let advice = "if the folder is read-only, copy the file and its -wal to another one and open them there";
            Err(OpenError::Io { path, reason: format!("{reason}; {advice}") })
        }
    }
}

fn read_with(path: &Path, target: &Path, flags: OpenFlags, keeps_log: bool) -> Result<Option<Connection>, OpenError> {
    let of = |error| OpenError::of(path, &error);
    let connection = connect(target, flags).map_err(of)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps_log).map_err(of)?;
    if identify(path, &connection)? {
        return Ok(None);
    }
    let set_up = || {
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)
    };
    set_up().map_err(of)?;
    Ok(Some(connection))
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

/// A store that ends with the process.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    create_tables(&connection)?;
    Ok(connection)
}

fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; COMMIT;"
    ))
}

/// It names bookings and what was paid for them. SQLite makes the files beside it like this one.
fn create_for_owner(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect(target: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(target, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    prepare(&connection)?;
    // Report damage in a page as an error, not as a missing row.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Statements are compiled once: without the guarantee SQLite would plan each again for the values it is used with.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// What was answered has to survive the death of the process, not a power cut: a commit does not wait for the disk.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(())
}

/// Whether there is nothing in it yet.
fn identify(path: &Path, connection: &Connection) -> Result<bool, OpenError> {
    let read = || -> rusqlite::Result<(i32, i32, i64)> {
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, objects))
    };
    match read().map_err(|error| OpenError::of(path, &error))? {
        (APPLICATION_ID, FORMAT, _) => Ok(false),
        (APPLICATION_ID, found, _) => Err(OpenError::OtherVersion { path: path.to_owned(), found, supported: FORMAT }),
        (0, 0, 0) => Ok(true),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// Keeps other processes away from a file, by another file beside it.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock = File::create(beside(path, ".lock")).map_err(|error| OpenError::io(path, &error))?;
    file_lock::take(&lock).map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse(path.to_owned()),
        TryLockError::Error(error) => OpenError::io(path, &error),
    })?;
    Ok(lock)
}

/// A file beside this one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
