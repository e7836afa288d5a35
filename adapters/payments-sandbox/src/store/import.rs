//! Takes over the journal of an earlier version: reads it once into the file, and puts it aside.

use super::payments::Payments;
use super::{file, lists};
use crate::journal;
use crate::open_error::OpenError;
use lastseat_domain::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};

/// The journal that an earlier version has beside this file.
pub(super) fn journal_of(path: &Path) -> PathBuf {
    path.with_extension("ndjson")
}

/// Reads the journal beside the file, if there is one, and renames it. A process that dies in between does it again.
pub(super) fn take_over(path: &Path, payments: &mut Payments) -> Result<(), OpenError> {
    let old = journal_of(path);
    let length = match fs::metadata(&old) {
        Ok(found) => i64::try_from(found.len()).unwrap_or(i64::MAX),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::io(&old, &error)),
    };
    // A server of the earlier version may still have it.
    let _lock = file::lock(&old)?;
    let of = |error| OpenError::of(path, &error);
    let imported: Option<i64> =
        payments.connection().query_row("SELECT imported FROM progress", [], |row| row.get(0)).map_err(of)?;
    if imported != Some(length) {
        if !lists::is_empty(payments.connection()).map_err(of)? {
            return Err(OpenError::TwoStores { file: path.to_owned(), journal: old });
        }
        let changes = import(path, &old, length, payments)?;
        tracing::info!(changes, journal = %old.display(), file = %path.display(), "read the sandbox's journal of an earlier version");
    }
    put_aside(&old)
}

fn import(path: &Path, old: &Path, length: i64, payments: &mut Payments) -> Result<usize, OpenError> {
    let of = |error| OpenError::of(path, &error);
    payments.connection().execute_batch("BEGIN IMMEDIATE").map_err(of)?;
    let changes = read_into(old, payments);
    let finished = changes.and_then(|changes| {
        let sql = "UPDATE progress SET imported = ?1";
        payments.connection().execute(sql, [length]).and_then(|_| payments.connection().execute_batch("COMMIT")).map_err(of)?;
        Ok(changes)
    });
    if finished.is_err() {
        // The connection is dropped after an error, which would do it, too.
        let _rolled_back = payments.connection().execute_batch("ROLLBACK");
    }
    finished
}

/// Stores every change of a journal; how many there are.
pub(super) fn read_into(journal: &Path, payments: &mut Payments) -> Result<usize, OpenError> {
    let changes = journal::read(journal, |change| payments.import(&change).map_err(|error| OpenError::of(journal, &error)))?;
    payments.finish(Timestamp::UNIX_EPOCH).map_err(|error| OpenError::of(journal, &error))?;
    Ok(changes)
}

/// Renames the journal, so that the next start does not look at it. It may be deleted.
fn put_aside(old: &Path) -> Result<(), OpenError> {
    let mut aside = file::beside(old, ".imported");
    let mut number = 1;
    while aside.try_exists().map_err(|error| OpenError::io(old, &error))? {
        number += 1;
        aside = file::beside(old, &format!(".imported.{number}"));
    }
    fs::rename(old, &aside).map_err(|error| OpenError::io(old, &error))?;
    tracing::info!(journal = %aside.display(), "the sandbox's journal of an earlier version was put aside; it may be deleted");
    // Its lock file is of no use any more; an earlier version would make another.
    let _not_needed = fs::remove_file(file::beside(old, ".lock"));
    Ok(())
}
