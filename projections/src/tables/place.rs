//! Where the file is, and what SQLite keeps beside it.
//!
//! Another program may still have a file open that was replaced. When its connection closes, SQLite does not remove the
//! write-ahead log that has the name now: it checks first whether its file has moved.

use super::doubt::Doubt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Its name in the folder of views.
pub(crate) const FILE: &str = "views.db";
/// The name of one that is being made to replace it.
pub(crate) const NEW_FILE: &str = "views.db.new";
/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The file of a folder.
pub(crate) fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Takes the file away, with what SQLite keeps beside it: removes our own, moves any other to a free name.
pub(super) fn discard(path: &Path, doubt: &Doubt) -> io::Result<()> {
    if doubt.is_foreign { put_aside(path) } else { remove(path) }
}

/// Moves the file to a name that is free, with what SQLite keeps beside it: a write-ahead log has data, too.
pub(super) fn put_aside(path: &Path) -> io::Result<()> {
    let mut aside = beside(path, ".unused");
    let mut number = 1;
    while is_taken(&aside)? {
        number += 1;
        aside = beside(path, &format!(".unused.{number}"));
    }
    tracing::warn!(file = %path.display(), "it is not a file of views, and is moved to {}", aside.display());
    // The file comes last: until then it is still found, and the rest is moved at the next start.
    for suffix in BESIDE.into_iter().chain([""]) {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_taken(path: &Path) -> io::Result<bool> {
    for suffix in BESIDE.into_iter().chain([""]) {
        if beside(path, suffix).try_exists()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the file, if it is there, with what SQLite keeps beside it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    // SQLite ignores a write-ahead log whose file is gone. The other way round it would use the file without it.
    remove_one(path)?;
    remove_beside(path)
}

/// Removes what SQLite has kept beside a file that is gone.
pub(super) fn remove_beside(path: &Path) -> io::Result<()> {
    BESIDE.into_iter().try_for_each(|suffix| remove_one(&beside(path, suffix)))
}

fn remove_one(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
