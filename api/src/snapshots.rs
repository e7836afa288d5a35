//! Snapshots of the write side in the data directory: the newest two. A start loads the first that the log confirms,
//! and reads only the events after it.
//!
//! A snapshot only saves time. If anything about a file is in doubt (torn, damaged, another form, another log), the
//! next older one is tried, then the whole log is read.

mod format;

pub use format::{Undecodable, decode, encode};

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::{EventLog, LogFault};
use lastseat_engine::{CheckedSnapshot, Snapshot, SnapshotDoubt};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The newest first.
const NAMES: [&str; 2] = ["engine.snapshot", "engine.snapshot.old"];

/// The snapshots of a data directory.
#[derive(Debug, Clone)]
pub struct SnapshotFiles {
    dir: PathBuf,
}

/// A snapshot that can be started from.
pub struct Loaded {
    pub snapshot: CheckedSnapshot,
    pub position: Position,
    pub taken_at: Timestamp,
    pub path: PathBuf,
}

/// What is stored under a name.
pub struct Stored {
    pub path: PathBuf,
    pub bytes: u64,
    /// The error says why it can't be used by this program.
    pub snapshot: Result<Snapshot, String>,
}

impl SnapshotFiles {
    /// Those in this directory, which need not exist.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Stores a snapshot's bytes as the newest. After a crash at any moment there is the one before, or both. Blocks: it
    /// writes and syncs.
    ///
    /// # Errors
    /// What can't be done, with the file's name.
    pub fn store(&self, bytes: &[u8]) -> Result<(), String> {
        let [newest, older] = NAMES.map(|name| self.dir.join(name));
        let temporary = self.dir.join("engine.snapshot.new");
        let store = || {
            create_for_owner(&self.dir)?;
            write_for_owner(&temporary, bytes)?;
            match std::fs::rename(&newest, &older) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::fs::rename(&temporary, &newest)?;
            sync_dir(&self.dir)
        };
        store().map_err(|error| {
            // On a full disk, half of it would be in the way of the log.
            let _if_it_is_there = std::fs::remove_file(&temporary);
            format!("{}: {error}", newest.display())
        })
    }

    /// What is stored, the newest first. Blocks: it reads.
    #[must_use]
    pub fn stored(&self) -> Vec<Stored> {
        NAMES.iter().filter_map(|name| self.read(name)).collect()
    }

    fn read(&self, name: &str) -> Option<Stored> {
        let path = self.dir.join(name);
        let (bytes, snapshot) = match std::fs::read(&path) {
            Ok(bytes) => (bytes.len() as u64, decode(&bytes).map_err(|error| error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => (0, Err(error.to_string())),
        };
        Some(Stored { path, bytes, snapshot })
    }

    /// The newest that the log confirms; `None` if there is none. Warns of each that is not used, and changes nothing: a
    /// server may be using the files.
    ///
    /// # Errors
    /// [`LogFault`] if the log can't be read.
    pub async fn load(&self, log: &dyn EventLog) -> Result<Option<Loaded>, LogFault> {
        self.newest(log, false).await
    }

    /// The same for the server whose files they are. One that the log refuses gets another name, so that no later start reads
    /// it again.
    ///
    /// # Errors
    /// [`LogFault`] if the log can't be read.
    pub async fn load_at_start(&self, log: &dyn EventLog) -> Result<Option<Loaded>, LogFault> {
        self.newest(log, true).await
    }

    async fn newest(&self, log: &dyn EventLog, puts_aside: bool) -> Result<Option<Loaded>, LogFault> {
        for name in NAMES {
            let files = self.clone();
            let read = tokio::task::spawn_blocking(move || files.read(name)).await;
            let Some(Stored { path, snapshot, .. }) = read.ok().flatten() else { continue };
            let doubt = match snapshot {
                Ok(snapshot) => {
                    let (position, taken_at) = (snapshot.position, snapshot.taken_at);
                    match snapshot.check(log).await {
                        Ok(snapshot) => return Ok(Some(Loaded { snapshot, position, taken_at, path })),
                        Err(SnapshotDoubt::Log(fault)) => return Err(fault),
                        Err(SnapshotDoubt::Unusable(doubt)) if puts_aside => {
                            put_aside(&path, &doubt).await;
                            continue;
                        }
                        Err(SnapshotDoubt::Unusable(doubt)) => doubt,
                    }
                }
                Err(doubt) => doubt,
            };
            tracing::warn!(file = %path.display(), "a snapshot is not used, and more of the log is read: {doubt}");
        }
        Ok(None)
    }
}

/// No start looks at it any more. `import` does, if the log was the wrong one.
async fn put_aside(path: &Path, doubt: &str) {
    let mut refused = path.as_os_str().to_owned();
    refused.push(".refused");
    let (from, to) = (path.to_owned(), PathBuf::from(&refused));
    let moved =
        tokio::task::spawn_blocking(move || std::fs::rename(from, to)).await.unwrap_or_else(|end| Err(io::Error::other(end)));
    let refused = PathBuf::from(refused);
    match moved {
        Ok(()) => tracing::warn!(
            file = %path.display(),
            "a snapshot is not used, and more of the log is read: {doubt}; it is moved to {}",
            refused.display()
        ),
        Err(error) => tracing::warn!(
            file = %path.display(),
            %error,
            "a snapshot is not used, and more of the log is read: {doubt}; it can't be moved, so the next start reads it again"
        ),
    }
}

/// Writes a file that only its owner can read, and syncs it. A snapshot names buyers.
///
/// # Errors
/// What the file system says.
pub fn write_for_owner(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new name is not durable before its folder is.
///
/// # Errors
/// What the file system says.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn create_for_owner(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
