//! The file: its tables, how it is recognised, and how it is opened.

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks it as accounts of lastseat ("lsac"); `file(1)` and SQLite's tools show it.
const APPLICATION_ID: i32 = 0x6c73_6163;

/// What makes the file, step by step. Its version, `PRAGMA user_version`, is the number of steps that were taken. A step is
/// never changed; a new one is added.
const STEPS: [&str; 3] = [
    "
CREATE TABLE accounts (
    id         BLOB PRIMARY KEY,         -- the UUID
    email      TEXT NOT NULL UNIQUE,     -- in lower case
    password   TEXT NOT NULL,            -- hash, salt and cost in the PHC string format
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL          -- microseconds since 1970, as everywhere here
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    token      BLOB PRIMARY KEY,         -- SHA-256 of what the cookie has
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    opened_at  INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account);
CREATE TABLE tries (                     -- passwords that were wrong
    key        BLOB PRIMARY KEY,         -- hash of whose
    count      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tries_by_time ON tries (last_at);
",
    "
-- Since when the address is known to be the owner's. Until now admins gave roles to people whom they knew.
ALTER TABLE accounts ADD COLUMN verified_at INTEGER;
UPDATE accounts SET verified_at = created_at WHERE role <> 'buyer';
CREATE TABLE devices (                   -- browsers that signed in before
    token      BLOB PRIMARY KEY,         -- SHA-256 of what the cookie has
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_account ON devices (account, seen_at);
",
    "
CREATE TABLE links (                     -- in mails, not used yet
    token      BLOB PRIMARY KEY,         -- SHA-256 of what the mail has
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_account ON links (account, purpose, expires_at);
",
];

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The write-ahead log is cut to this size when it has been moved into the file.
const WAL_BYTES: i64 = 4 << 20;

/// The file can't be used. `Display` says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The file system or SQLite says no.
    #[error("the accounts in {} can't be opened: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A later version of the program has changed it.
    #[error(
        "the accounts in {} are of version {found}, and this program knows up to {supported}; use the program that wrote them or a \
         later one",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The latest that is known here.
        supported: i32,
    },
    /// It is something else.
    #[error("{} is not a file of accounts; move it away", .0.display())]
    Foreign(PathBuf),
}

impl OpenError {
    fn io(path: &Path, reason: &impl ToString) -> Self {
        Self::Io { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Opens the file to write to it, made if it is not there, and brings it to the newest version.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let of = |error: rusqlite::Error| OpenError::io(path, &error);
    create_for_owner(path).map_err(|error| OpenError::io(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags).map_err(of)?;
    // Before anything in it is changed: it may be somebody else's.
    check(path, &connection)?;
    set_up(&connection).map_err(of)?;
    upgrade(path, &mut connection)?;
    Ok(connection)
}

/// Another connection to a file that is open, for reads.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags).map_err(|error| OpenError::io(path, &error))?;
    connection.pragma_update(None, "query_only", true).map_err(|error| OpenError::io(path, &error))?;
    Ok(connection)
}

/// What a file has, for those who look after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many accounts.
    pub accounts: u64,
    /// Those of admins.
    pub admins: u64,
}

/// Looks at a file without changing it.
///
/// # Errors
/// [`OpenError`].
pub fn inspect(path: &Path) -> Result<Summary, OpenError> {
    let of = |error: rusqlite::Error| OpenError::io(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags).map_err(of)?;
    check(path, &connection)?;
    let damage: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(of)?;
    if damage != "ok" {
        return Err(OpenError::io(path, &format!("it is damaged ({damage}); restore it from a backup")));
    }
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(of);
    let accounts = count("SELECT count(*) FROM accounts")?;
    Ok(Summary { accounts, admins: count("SELECT count(*) FROM accounts WHERE role = 'admin'")? })
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Report damage in a page as an error, not as a missing row.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is erased is overwritten.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))
}

/// Checks that it is a file of accounts, or an empty one, of a version that is known.
fn check(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let read = || -> rusqlite::Result<(i32, i32, i64)> {
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, objects))
    };
    let supported = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    match read() {
        Ok((0, 0, 0)) => Ok(()),
        Ok((APPLICATION_ID, version, _)) if version <= supported => Ok(()),
        Ok((APPLICATION_ID, found, _)) => Err(OpenError::TooNew { path: path.to_owned(), found, supported }),
        Ok(_) => Err(OpenError::Foreign(path.to_owned())),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(OpenError::Foreign(path.to_owned()))
        }
        Err(error) => Err(OpenError::io(path, &error)),
    }
}

/// Takes the steps that are missing. Two processes that open a new file at once take them one after the other.
fn upgrade(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let mut take = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let taken: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for (version, step) in (1..).zip(STEPS).filter(|(version, _)| *version > taken) {
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", version)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()
    };
    take().map_err(|error| OpenError::io(path, &error))
}

/// SQLite makes the files beside it like this one.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("accounts.db")
    }

    #[test]
    fn it_is_for_its_owner_and_opens_again() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(&at(&dir)).unwrap());
        let connection = open(&at(&dir)).unwrap();
        assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0)), Ok(3));
        assert_eq!(connection.pragma_query_value(None, "secure_delete", |row| row.get::<_, i32>(0)), Ok(1));
        #[cfg(unix)]
        for suffix in ["", "-wal"] {
            use std::os::unix::fs::PermissionsExt;
            connection.execute("DELETE FROM tries", []).unwrap();
            let file = dir.path().join(format!("accounts.db{suffix}"));
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{suffix}");
        }
    }

    #[test]
    fn a_file_of_the_first_version_becomes_one_of_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let first = Connection::open(at(&dir)).unwrap();
        first.execute_batch(STEPS[0]).unwrap();
        first.pragma_update(None, "user_version", 1).unwrap();
        first.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        first
            .execute_batch("INSERT INTO accounts VALUES (x'01', 'ann@example.org', 'p', 'buyer', 7), (x'02', 'root@example.org', 'p', 'admin', 8)")
            .unwrap();
        drop(first);
        let newest = open(&at(&dir)).unwrap();
        let verified = |id: u8| {
            newest.query_row("SELECT verified_at FROM accounts WHERE id = ?1", [[id]], |row| row.get::<_, Option<i64>>(0))
        };
        assert_eq!((verified(1), verified(2)), (Ok(None), Ok(Some(8))));
    }

    #[test]
    fn it_is_inspected_without_a_change() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(inspect(&at(&dir)), Err(OpenError::Io { .. })) && !at(&dir).exists());
        let connection = open(&at(&dir)).unwrap();
        assert_eq!(inspect(&at(&dir)), Ok(Summary { accounts: 0, admins: 0 }));
        let rows = "INSERT INTO accounts VALUES (x'01', 'a@example.org', 'p', 'buyer', 7, NULL), (x'02', 'r@example.org', 'p', 'admin', 8, 8)";
        connection.execute_batch(rows).unwrap();
        assert_eq!(inspect(&at(&dir)), Ok(Summary { accounts: 2, admins: 1 }));
        drop(connection);
        let before = std::fs::read(at(&dir)).unwrap();
        assert_eq!(inspect(&at(&dir)), Ok(Summary { accounts: 2, admins: 1 }));
        assert_eq!(std::fs::read(at(&dir)).unwrap(), before);
        std::fs::write(
            at(&dir),
            "something else that is as long as the first page of a file of SQLite, which has one hundred bytes",
        )
        .unwrap();
        assert_eq!(inspect(&at(&dir)), Err(OpenError::Foreign(at(&dir))));
    }

    #[test]
    fn a_later_version_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        open(&at(&dir)).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let refused = open(&at(&dir)).unwrap_err();
        assert!(matches!(refused, OpenError::TooNew { found: 99, .. }), "{refused}");
        let version = Connection::open(at(&dir)).unwrap().pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
        assert_eq!(version, Ok(99));
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(at(&dir), "not a database, but a text that is long enough to be looked at by SQLite as if it were one")
            .unwrap();
        let before = std::fs::read(at(&dir)).unwrap();
        assert_eq!(open(&at(&dir)).unwrap_err(), OpenError::Foreign(at(&dir)));
        assert_eq!(std::fs::read(at(&dir)).unwrap(), before);
        let other = dir.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        assert_eq!(open(&other).unwrap_err(), OpenError::Foreign(other));
    }
}
