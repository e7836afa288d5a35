//! A folder for a file that nobody keeps. It is removed when the process drops it; what a killed process has left, which
//! names buyers, is removed by the next start.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use tempfile::TempDir;

const PREFIX: &str = "lastseat-views-";
/// Locked for as long as the folder is in use.
const LOCK: &str = "in-use";

pub(super) struct Temporary {
    folder: TempDir,
    _lock: File,
}

impl Temporary {
    pub fn within(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let folder = TempDir::with_prefix_in(PREFIX, parent)?;
        let lock = File::create_new(folder.path().join(LOCK))?;
        lock.try_lock()?;
        Ok(Self { folder, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders in `parent` whose process is gone. What can't be removed stays, with a line in the log.
pub(super) fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            continue;
        }
        let folder = entry.path();
        // Without the lock's file it is being made, or not one of this version's.
        let Ok(lock) = File::options().write(true).open(folder.join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(&folder) {
            Ok(()) => tracing::info!(folder = %folder.display(), "removed the temporary views of a process that is gone"),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the temporary views of a process that is gone can't be removed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_removed_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let killed = parent.path().join("lastseat-views-killed");
        fs::create_dir(&killed).expect("writable");
        fs::write(killed.join(LOCK), "").expect("writable");
        fs::write(killed.join("views.db"), "ann").expect("writable");
        let others = ["lastseat-views-unlocked", "holiday-views-1"].map(|name| parent.path().join(name));
        others.iter().for_each(|other| fs::create_dir(other).expect("writable"));
        let used = Temporary::within(parent.path()).expect("writable");
        remove_leftovers(parent.path());
        assert!(!killed.exists() && used.path().exists() && others.iter().all(|other| other.exists()));
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
        remove_leftovers(&parent.path().join("no such folder"));
    }
}
