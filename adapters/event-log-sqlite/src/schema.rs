//! The file: its tables, its identity, and how it is opened.

use super::{OpenError, faults, readers};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Marks the file as a log of lastseat ("lsea"); `file(1)` and SQLite's tools show it.
const APPLICATION_ID: i32 = 0x6c73_6561;

/// Version of the tables, in `PRAGMA user_version`.
const SCHEMA_VERSION: i32 = 1;

/// How long to wait for another program that writes to the file, such as a shell of SQLite's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to this size a file is looked over from end to end at every start, indexes included: a
/// fraction of a second.
const WHOLLY_CHECKED: u64 = 16 << 20;
/// Up to this size at least every page is.
const QUICKLY_CHECKED: u64 = 512 << 20;

/// Page cache of the connection that writes, in KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// `events` is the log. Streams have numbers of their own because a name in every event and every
/// index entry would double the size. `event_log` is for people: `SELECT * FROM event_log`.
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

/// Opens the file for writing; creates it if there is none.
pub(super) fn open_writer(path: &Path, max_file_bytes: Option<u64>) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    let known = identify(path, &connection)?;
    let setup = || -> rusqlite::Result<()> {
        // A transaction is durable when its COMMIT returns: the write-ahead log is synced each time.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        // The writer moves the write-ahead log into the file itself, after answering.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        if known == Known::Empty {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; \
                 PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?;
            // From its first moment the file itself says what it is, not only the log beside it.
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
    if known == Known::Log {
        look_it_over(path, &connection)?;
    }
    Ok(connection)
}

/// Looks for damage before anything is sold, as thoroughly as a start can wait for. A damaged index
/// is the worst: it makes a stream look as if it had no events. `lastseat verify` looks at all of it,
/// however long that takes.
fn look_it_over(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let question = if bytes <= WHOLLY_CHECKED {
        "PRAGMA integrity_check(1)"
    } else if bytes <= QUICKLY_CHECKED {
        "PRAGMA quick_check(1)"
    } else {
        return Ok(());
    };
    let finding: String = connection.query_row(question, [], |row| row.get(0)).map_err(|error| OpenError::of(path, &error))?;
    if finding == "ok" {
        return Ok(());
    }
    let reason = finding.lines().find(|line| !line.starts_with("***")).unwrap_or("it is not sound").to_owned();
    Err(OpenError::Damaged { path: path.to_owned(), reason })
}

/// Opens another connection to a file that is open for writing in this process.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Opens the file for reading only, whether or not a server has it open, also after it was killed.
pub(super) fn open_inspector(path: &Path) -> Result<Connection, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let first = match inspect(path, path, read_only) {
        Err(error @ OpenError::Io { .. }) => error,
        done => return done,
    };
    // In a folder that can't be written SQLite can't make the index of the write-ahead log. If
    // there is no such log to index, the file by itself is everything, and nobody is writing.
    if wal_is_empty(path) {
        if let Some(uri) = immutable_uri(path) {
            return inspect(path, Path::new(&uri), read_only | OpenFlags::SQLITE_OPEN_URI);
        }
        return Err(first);
    }
    // A write-ahead log that was left behind has to be recovered first, which needs the right to
    // write beside it; the log itself stays as it is.
    let recovering = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match inspect(path, path, recovering) {
        Err(OpenError::Io { path, reason }) => Err(OpenError::Io {
            path,
            reason: format!(
                "{reason}; the write-ahead log beside it has to be recovered, so copy the file and its -wal to a folder that can be written and look there"
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
    let setup = connection.pragma_update(None, "query_only", true);
    setup.map_err(|error| OpenError::of(path, &error))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Damage in a page is an error when the page is read, not a row that is missing.
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(connection)
    };
    open().map_err(|error| OpenError::of(path, &error))
}

#[derive(PartialEq, Eq)]
enum Known {
    Empty,
    Log,
}

/// Looks whose file it is before anything in it is changed.
fn identify(path: &Path, connection: &Connection) -> Result<Known, OpenError> {
    let read = || -> rusqlite::Result<(i32, i32, i64)> {
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, objects))
    };
    match read().map_err(|error| OpenError::of(path, &error))? {
        (0, 0, 0) => Ok(Known::Empty),
        (APPLICATION_ID, SCHEMA_VERSION, _) => Ok(Known::Log),
        (APPLICATION_ID, found, _) => Err(OpenError::OtherVersion { path: path.to_owned(), found, supported: SCHEMA_VERSION }),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn wal_is_empty(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(true, |wal| wal.len() == 0)
}

/// The path as a URI that tells SQLite to expect no change and no write-ahead log.
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

impl OpenError {
    /// The meaning of SQLite's error on the way into a file.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), faults::describe(error));
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            Self::Foreign { path }
        } else if faults::is_damage(error) {
            Self::Damaged { path, reason }
        } else {
            Self::Io { path, reason }
        }
    }

    fn at(mut self, new: &Path) -> Self {
        match &mut self {
            Self::InUse { path, .. }
            | Self::Missing { path }
            | Self::Foreign { path }
            | Self::OtherVersion { path, .. }
            | Self::Damaged { path, .. }
            | Self::Io { path, .. } => *path = new.to_owned(),
        }
        self
    }
}
