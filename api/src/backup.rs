//! A copy of a data directory: made while its server runs, complete or not there, and checked before it is used.
//!
//! A backup is a directory with the same names as a data directory, and a list of its files with their hashes. It gets its
//! name when everything in it is on disk: what a killed process leaves is called otherwise, and is no backup.

use crate::data_dir::DataDir;
use crate::snapshots::{sync_dir, write_for_owner};
use crate::wiring::chosen::{CopyError, copy_database};
use data_encoding::HEXLOWER;
use lastseat_domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The list of a backup's files.
const LIST: &str = "backup.json";

/// What a backup has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Contents {
    /// When it was begun.
    pub at: Timestamp,
    /// Version of the program that made it.
    pub version: String,
    /// Its files.
    pub files: Vec<Copied>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its name in the data directory.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// A backup could not be made or used. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something has that name already.
    #[error("{} is there already; name a directory that is not", .0.display())]
    Exists(PathBuf),
    /// A database.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Another file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no backup.
    #[error("{} is no whole backup: {why}; use another one", path.display())]
    NotWhole {
        /// Where.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |source| BackupError::File { path: path.to_owned(), source }
}

/// Copies what a data directory has and a restart needs: the log first, so that the gateway's copy knows each payment that
/// the log's copy announces. Views and snapshots are left out, because a start makes them from the log, and the high-water
/// mark, because it is that of the original. Blocks.
///
/// # Errors
/// [`BackupError`]; then nothing has the backup's name.
pub fn make(data: &DataDir, to: &Path, now: Timestamp) -> Result<Contents, BackupError> {
    let place = Place::begin(to)?;
    for file in [data.events(), data.sandbox(), data.accounts()] {
        if file.exists() {
            copy_database(&file, &place.unfinished.join(name(&file)))?;
        }
    }
    for file in [data.token_key(), data.ticket_key()] {
        if file.exists() {
            let secret = std::fs::read(&file).map_err(at(&file))?;
            let copy = place.unfinished.join(name(&file));
            write_for_owner(&copy, &secret).map_err(at(&copy))?;
        }
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&place.unfinished).map_err(at(&place.unfinished))? {
        files.push(hash(&entry.map_err(at(&place.unfinished))?.path())?);
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let contents = Contents { at: now, version: env!("CARGO_PKG_VERSION").to_owned(), files };
    let list = place.unfinished.join(LIST);
    let text = serde_json::to_vec_pretty(&contents).map_err(|error| at(&list)(error.into()))?;
    write_for_owner(&list, &text).map_err(at(&list))?;
    place.finish()?;
    Ok(contents)
}

/// Reads a backup's list and checks each of its files. Blocks.
///
/// # Errors
/// [`BackupError`].
pub fn check(backup: &Path) -> Result<Contents, BackupError> {
    let not_whole = |why: String| BackupError::NotWhole { path: backup.to_owned(), why };
    let list = backup.join(LIST);
    let text = std::fs::read(&list).map_err(|error| not_whole(format!("{LIST} can't be read: {error}")))?;
    let contents: Contents = serde_json::from_slice(&text).map_err(|error| not_whole(format!("{LIST}: {error}")))?;
    for file in &contents.files {
        // A list that was tampered with must not lead elsewhere.
        if Path::new(&file.name).components().count() != 1 || file.name == ".." {
            return Err(not_whole(format!("{LIST} names {}", file.name)));
        }
        if hash(&backup.join(&file.name)).map_err(|error| not_whole(error.to_string()))? != *file {
            return Err(not_whole(format!("{} is not as it was copied", file.name)));
        }
    }
    Ok(contents)
}

/// Makes a data directory from a backup that is whole. Blocks.
///
/// # Errors
/// [`BackupError`]; then nothing has the directory's name.
pub fn restore(backup: &Path, to: &Path) -> Result<Contents, BackupError> {
    let contents = check(backup)?;
    let place = Place::begin(to)?;
    for file in &contents.files {
        let (from, copy) = (backup.join(&file.name), place.unfinished.join(&file.name));
        std::fs::copy(&from, &copy).map_err(at(&copy))?;
        File::open(&copy).and_then(|copy| copy.sync_all()).map_err(at(&copy))?;
        if hash(&copy)? != *file {
            return Err(BackupError::NotWhole { path: backup.to_owned(), why: format!("{} has changed meanwhile", file.name) });
        }
    }
    place.finish()?;
    Ok(contents)
}

/// A directory that gets its name when it is complete.
struct Place {
    unfinished: PathBuf,
    finished: PathBuf,
}

impl Place {
    /// What an earlier try has left is removed.
    fn begin(finished: &Path) -> Result<Self, BackupError> {
        if finished.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(finished.to_owned()));
        }
        let mut called = finished.file_name().unwrap_or_default().to_owned();
        called.push(".unfinished");
        let unfinished = finished.with_file_name(called);
        match std::fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&unfinished)(error)),
            _ => {}
        }
        crate::data_dir::create_for_owner(&unfinished).map_err(at(&unfinished))?;
        Ok(Self { unfinished, finished: finished.to_owned() })
    }

    fn finish(self) -> Result<(), BackupError> {
        sync_dir(&self.unfinished).map_err(at(&self.unfinished))?;
        std::fs::rename(&self.unfinished, &self.finished).map_err(at(&self.finished))?;
        let parent = self.finished.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_dir(parent).map_err(at(parent))
    }
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn hash(path: &Path) -> Result<Copied, BackupError> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(at(path))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        size += read as u64;
    }
    Ok(Copied { name: name(path).to_owned(), size, sha256: HEXLOWER.encode(&hash.finalize()) })
}
