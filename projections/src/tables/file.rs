//! The file: its tables, how it is recognised, and when it is not used.

use super::doubt::{Doubt, NotOpened};
use super::fault::TablesFault;
use super::open_file::OpenFile;
use super::place;
use crate::view::OTHER_EVENTS;
use lastseat_domain::codec;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Marks it as views of lastseat ("lsvw"); `file(1)` and SQLite's tools show it.
const APPLICATION_ID: i32 = 0x6c73_7677;

/// Raised whenever the tables, or what the fold makes of an event, change. What an older or a newer
/// version of the program stored is then rebuilt. Stored in `PRAGMA user_version`.
pub(crate) const SCHEMA: u32 = 12;

const TABLES: &str = "
CREATE TABLE progress (
    one      INTEGER PRIMARY KEY CHECK (one = 0),
    position INTEGER NOT NULL, -- everything up to here is folded
    events   INTEGER NOT NULL, -- since the beginning of the log
    last     TEXT NOT NULL,    -- JSON; the last of them: a log without it is another log
    in_use   TEXT NOT NULL,    -- which file it is, while it is written; a copy is another file
    codec    INTEGER NOT NULL  -- fingerprint of the events that the program knew; it folded past others
) STRICT;
CREATE TABLE skipped (         -- events that could not be read
    position INTEGER PRIMARY KEY,
    why      TEXT NOT NULL
) STRICT;
CREATE TABLE bookings (
    opened   INTEGER PRIMARY KEY,  -- position of the event that opened it: lists are in this order
    booking  BLOB NOT NULL UNIQUE, -- UUID, 16 bytes
    buyer    TEXT NOT NULL,
    show     TEXT NOT NULL,
    status   TEXT NOT NULL,
    opened_at    INTEGER NOT NULL, -- milliseconds since 1970, as the next
    confirmed_at INTEGER,
    reference    TEXT,             -- the shop's
    view     TEXT NOT NULL         -- JSON
) STRICT;
CREATE INDEX bookings_of_buyer ON bookings (buyer); -- and opened, as every index has the key
CREATE INDEX bookings_of_show ON bookings (show);
CREATE INDEX bookings_by_status ON bookings (status);
CREATE INDEX bookings_by_opened_at ON bookings (opened_at);
CREATE INDEX bookings_by_confirmed_at ON bookings (confirmed_at) WHERE confirmed_at IS NOT NULL;
CREATE INDEX bookings_by_reference ON bookings (reference) WHERE reference IS NOT NULL;
CREATE INDEX bookings_by_intent ON bookings (view ->> '$.intent') WHERE view ->> '$.intent' IS NOT NULL;
CREATE INDEX bookings_by_voucher ON bookings (view ->> '$.voucher') WHERE view ->> '$.voucher' IS NOT NULL;
CREATE INDEX bookings_under_review ON bookings (opened) WHERE view ->> '$.flagged';
CREATE TABLE booking_seats (
    show     TEXT NOT NULL,
    seat     TEXT NOT NULL,
    opened   INTEGER NOT NULL,     -- of its booking
    PRIMARY KEY (show, seat, opened)
) STRICT, WITHOUT ROWID;
CREATE TABLE booking_metadata (    -- the shop's
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    opened   INTEGER NOT NULL,     -- of its booking
    PRIMARY KEY (name, value, opened)
) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
    buyer    TEXT PRIMARY KEY,
    seats    INTEGER NOT NULL,
    points   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE vouchers (
    buyer    TEXT NOT NULL,
    issued   INTEGER NOT NULL,     -- position of the event that issued it
    voucher  BLOB NOT NULL,        -- UUID, 16 bytes
    view     TEXT NOT NULL,        -- JSON
    PRIMARY KEY (buyer, issued)
) STRICT, WITHOUT ROWID;
CREATE INDEX vouchers_by_id ON vouchers (voucher);
CREATE INDEX vouchers_by_code ON vouchers (view ->> '$.code.hash') WHERE view ->> '$.code.hash' IS NOT NULL;
CREATE TABLE campaigns (
    started  INTEGER PRIMARY KEY,  -- position of the event that started it: the list is in this order
    campaign BLOB NOT NULL UNIQUE, -- UUID, 16 bytes
    issued   INTEGER NOT NULL,     -- vouchers
    used     INTEGER NOT NULL,     -- uses of them
    reserved INTEGER NOT NULL,     -- bookings that have one and are not paid
    withdrawn INTEGER NOT NULL,    -- vouchers
    view     TEXT NOT NULL         -- JSON
) STRICT;
CREATE TABLE campaign_vouchers (
    voucher  TEXT PRIMARY KEY,     -- its hash
    campaign BLOB NOT NULL,
    withdrawn INTEGER NOT NULL,
    claims   TEXT NOT NULL         -- JSON; the bookings that have it, and whether they have paid
) STRICT, WITHOUT ROWID;
CREATE TABLE plans (               -- what is drawn of them
    plan     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    event    TEXT NOT NULL,        -- JSON
    PRIMARY KEY (plan, revision, part)
) STRICT;
CREATE TABLE shows (
    show     TEXT PRIMARY KEY,
    facts    TEXT NOT NULL         -- JSON
) STRICT;
CREATE TABLE sales (
    show     TEXT PRIMARY KEY,
    changed_at INTEGER NOT NULL,   -- position of the last event that touched a seat
    takings  TEXT,                 -- JSON; none while it has no bookings
    view     TEXT                  -- JSON; none if the show was never scheduled
) STRICT, WITHOUT ROWID;
CREATE TABLE sales_lines (         -- what was paid, by hour, category, price type, channel and payment
    show     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    bookings INTEGER NOT NULL,
    seats    INTEGER NOT NULL,
    captured INTEGER NOT NULL,     -- minor units
    refunded_bookings INTEGER NOT NULL,
    refunded_seats    INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    PRIMARY KEY (show, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE seat_states (         -- a letter a seat, in plan order
    show     TEXT NOT NULL,
    chunk    INTEGER NOT NULL,
    states   TEXT NOT NULL,
    PRIMARY KEY (show, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE scans (               -- of tickets, in the order in which they are judged
    show     TEXT NOT NULL,
    ticket   BLOB NOT NULL,        -- UUID, 16 bytes
    at       INTEGER NOT NULL,     -- when it counts as made: milliseconds since 1970
    position INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    gate     TEXT NOT NULL,
    is_offline INTEGER NOT NULL,
    is_noted INTEGER NOT NULL,     -- whether something does not fit that no other scan explains
    view     TEXT NOT NULL,        -- JSON
    PRIMARY KEY (show, ticket, at, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE holds (               -- of bookings that are not decided yet
    booking  BLOB PRIMARY KEY,
    hold     TEXT NOT NULL         -- JSON
) STRICT, WITHOUT ROWID;
";

/// Up to this size the whole file is checked when it is opened; of a larger one, whether it is complete.
/// What is damaged nevertheless is noticed when it is read.
const FULL_CHECK_BYTES: u64 = 16 << 20;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page caches, in KiB.
const WRITER_CACHE_KIB: i64 = 8 * 1024;
const READER_CACHE_KIB: i64 = 512;
/// Pages of the write-ahead log after which it is moved into the file.
const CHECKPOINT_PAGES: i64 = 4096;
/// The write-ahead log is cut to this size when it has been moved.
const WAL_BYTES: i64 = 16 << 20;
const STATEMENTS: usize = 48;

/// Opens the file to write to it. `None` if there is none.
pub(super) fn open(path: &Path) -> Result<Option<OpenFile>, NotOpened> {
    let Some(connection) = open_to_look(path)? else { return Ok(None) };
    set_up(&connection)?;
    Ok(Some(connection))
}

/// Creates the file, which must not exist.
pub(super) fn create(path: &Path) -> Result<OpenFile, TablesFault> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    create_for_owner(path)?;
    // Of a file that is gone.
    place::remove_beside(path)?;
    let connection = connect(path)?;
    set_up(&connection)?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} INSERT INTO progress VALUES (0, 0, 0, 'null', '', {codec});
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; COMMIT;",
        codec = codec::fingerprint(),
    ))?;
    Ok(connection)
}

/// The file contains buyers' names, so only its owner can read it. SQLite makes the files beside it like this one.
fn create_for_owner(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Opens the file to read from it while somebody else may write. `None` if there is none.
pub(super) fn open_to_look(path: &Path) -> Result<Option<OpenFile>, NotOpened> {
    if !path.try_exists().map_err(TablesFault::from)? {
        return Ok(None);
    }
    let connection = connect(path)?;
    identify(&connection)?;
    check(path, &connection)?;
    let marks = connection.query_row("SELECT in_use, codec FROM progress", [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (in_use, codec): (String, u32) = marks.map_err(TablesFault::from)?;
    if codec != codec::fingerprint() {
        return Err(Doubt::of_ours(OTHER_EVENTS).into());
    }
    if !in_use.is_empty() && in_use != identity(path)? {
        return Err(Doubt::of_ours("it is a copy that was made while a server wrote to it").into());
    }
    Ok(Some(connection))
}

/// Another connection to a file that is open already.
pub(super) fn open_reader(path: &Path) -> Result<OpenFile, TablesFault> {
    let connection = connect(path)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<OpenFile, TablesFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Statements are planned once: without the guarantee SQLite would plan each again for the values it is used with.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Report damage in a page as an error, not as a missing row.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(OpenFile::new(connection, path))
}

/// The file is a cache: a commit does not wait for the disk, and after a power cut it is an older one.
fn set_up(connection: &Connection) -> Result<(), TablesFault> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(())
}

fn identify(connection: &Connection) -> Result<(), NotOpened> {
    let read = || -> rusqlite::Result<(i32, u32, i64)> {
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, objects))
    };
    match read().map_err(TablesFault::from) {
        Ok((APPLICATION_ID, SCHEMA, _)) => Ok(()),
        Ok((APPLICATION_ID, version, _)) => {
            Err(Doubt::of_ours(format!("its form is version {version}, this program's is {SCHEMA}")).into())
        }
        Ok((0, 0, 0)) => Err(Doubt::of_ours("it is empty").into()),
        Ok(_) => Err(Doubt { why: "it is not a file of views".into(), is_foreign: true }.into()),
        Err(TablesFault::Damaged(why) | TablesFault::Unexpected(why) | TablesFault::ReadOnly(why)) => {
            Err(Doubt { why, is_foreign: true }.into())
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Whether the file is one of views, in whatever state.
pub(super) fn recognise(path: &Path) -> Result<(), NotOpened> {
    identify(&*connect(path)?)
}

fn check(path: &Path, connection: &Connection) -> Result<(), TablesFault> {
    if fs::metadata(path)?.len() > FULL_CHECK_BYTES {
        return Ok(());
    }
    let finding: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if finding == "ok" { Ok(()) } else { Err(TablesFault::Damaged(finding)) }
}

/// Says which file is being written; nothing, if it is complete. The mark goes into the file itself, as a
/// copy may lack the write-ahead log.
pub(super) fn mark(connection: &Connection, in_use: &str) -> Result<(), TablesFault> {
    connection.execute("UPDATE progress SET in_use = ?1", [in_use])?;
    complete(connection)
}

/// Moves the write-ahead log into the file.
pub(super) fn complete(connection: &Connection) -> Result<(), TablesFault> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Which file this is: a copy of it, and what a backup brings back, is another.
pub(super) fn identity(path: &Path) -> Result<String, TablesFault> {
    let file = fs::metadata(path)?;
    let created = file.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&file);
    #[cfg(not(unix))]
    let number = 0;
    Ok(format!("file {number} of {}", created.as_nanos()))
}
