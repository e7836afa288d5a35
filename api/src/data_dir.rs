//! The directory in which everything lies that outlives the process.

use crate::wiring::chosen::file_lock;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Where things lie.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

/// The directory can't be used. `Display` says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the data directory {} can't be used: {why}; choose another with --data", root.display())]
pub struct Unusable {
    root: PathBuf,
    why: String,
}

/// There is no log to read.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "there is no {} {}; name the data directory of a server with --data",
    if *dir { "event log (events.db) in" } else { "directory" },
    root.display()
)]
pub struct NoLog {
    root: PathBuf,
    dir: bool,
}

impl DataDir {
    /// The directory at a path, which need not exist.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes the directory if it is not there, and checks that it can be written to.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn prepare(root: &Path) -> Result<Self, Unusable> {
        let dir = Self::at(root);
        let unusable = |error: io::Error| Unusable { root: root.to_owned(), why: error.to_string() };
        create_for_owner(root).map_err(unusable)?;
        create_for_owner(&dir.views()).map_err(unusable)?;
        // Checked here for a clear message; SQLite's would be about the file.
        let probe = root.join(format!(".probe-{}", std::process::id()));
        std::fs::write(&probe, b"").map_err(unusable)?;
        std::fs::remove_file(&probe).map_err(unusable)?;
        Ok(dir)
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The event log: a SQLite file.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.root.join("events.db")
    }

    /// The event log of a directory that has one: reading must not make one.
    ///
    /// # Errors
    /// [`NoLog`].
    pub fn existing_events(&self) -> Result<PathBuf, NoLog> {
        let events = self.events();
        // A mark without a log is a log that was lost; opening it says so.
        if events.exists() || events.with_extension("mark").exists() {
            Ok(events)
        } else {
            Err(NoLog { root: self.root.clone(), dir: self.root.is_dir() })
        }
    }

    /// Checkpoints of the read side. May be deleted: they are rebuilt from the log.
    #[must_use]
    pub fn views(&self) -> PathBuf {
        self.root.join("views")
    }

    /// Snapshots of the write side. May be deleted: the next start reads the whole log.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// What the sandbox gateway remembers: a SQLite file.
    #[must_use]
    pub fn sandbox(&self) -> PathBuf {
        self.root.join("sandbox.db")
    }

    /// Those who sign in here: a SQLite file.
    #[must_use]
    pub fn accounts(&self) -> PathBuf {
        self.root.join("accounts.db")
    }

    /// Mails that no server sends.
    #[must_use]
    pub fn mail(&self) -> PathBuf {
        self.root.join("mail")
    }

    /// The secret that tokens are signed with, unless another file is named.
    #[must_use]
    pub fn token_key(&self) -> PathBuf {
        self.root.join("token.key")
    }

    /// The secret that tickets are signed with, likewise.
    #[must_use]
    pub fn ticket_key(&self) -> PathBuf {
        self.root.join("ticket.key")
    }

    /// Held by the node that writes here while the event log is elsewhere.
    fn lock_file(&self) -> PathBuf {
        self.root.join("node.lock")
    }

    /// Keeps other nodes out of the directory. The lock ends with the file, or the process.
    ///
    /// # Errors
    /// [`Unusable`] if another node has it, or the file can't be made.
    pub fn lock(&self) -> Result<File, Unusable> {
        let unusable = |why: String| Unusable { root: self.root.clone(), why };
        let file = File::create(self.lock_file()).map_err(|error| unusable(error.to_string()))?;
        file_lock::take(&file).map_err(|error| match error {
            TryLockError::WouldBlock => unusable("another node has it".to_owned()),
            TryLockError::Error(error) => unusable(error.to_string()),
        })?;
        Ok(file)
    }
}

/// Makes a directory, with its parents, that only its owner can look into. One that exists stays as it is.
pub(crate) fn create_for_owner(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_with_its_parents() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(&dir.path().join("a/b")).unwrap();
        assert!(data.views().is_dir());
        DataDir::prepare(data.root()).unwrap();
    }

    #[test]
    fn a_log_that_is_not_there_is_missed_but_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let line = DataDir::at(dir.path()).existing_events().unwrap_err().to_string();
        assert!(line.starts_with("there is no event log (events.db) in "), "{line}");
        let line = DataDir::at(&dir.path().join("x")).existing_events().unwrap_err().to_string();
        assert!(line.starts_with("there is no directory ") && line.ends_with("with --data"), "{line}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_node_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(dir.path()).unwrap();
        let held = data.lock().unwrap();
        let line = data.lock().unwrap_err().to_string();
        assert!(line.ends_with("another node has it; choose another with --data"), "{line}");
        drop(held);
        data.lock().unwrap();
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = DataDir::prepare(file.path()).unwrap_err().to_string();
        assert!(line.contains(&file.path().display().to_string()) && line.ends_with("choose another with --data"), "{line}");
    }
}
