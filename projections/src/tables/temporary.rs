//! A folder for a file that nobody keeps. It is removed when the process drops it; what a killed process has left, which
//! names buyers, is removed by the next start.

use std::fs::{self, File, Metadata};
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
        let Some(lock) = lock_of(&folder) else { continue };
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

/// The lock of a folder that is ours. Without one it is being made, or not one of this version's; and anybody may have put
/// anything there: opening a pipe would wait for ever.
fn lock_of(folder: &Path) -> Option<File> {
    let path = folder.join(LOCK);
    let is = |path: &Path, kind: fn(&Metadata) -> bool| fs::symlink_metadata(path).is_ok_and(|it| kind(&it) && is_own(&it));
    if !is(folder, Metadata::is_dir) || !is(&path, Metadata::is_file) {
        return None;
    }
    let mut options = File::options();
    options.write(true);
    // It may have been replaced since.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed(),
    );
    options.open(path).ok()
}

/// Whether it belongs to the user as whom this process makes files.
#[cfg(unix)]
fn is_own(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let made = tempfile::tempfile().and_then(|made| made.metadata());
    made.is_ok_and(|made| made.uid() == file.uid())
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a folder where everybody may write, anybody could keep the server from starting.
    #[test]
    #[cfg(unix)]
    fn what_is_no_lock_of_ours_is_left_alone() {
        use std::os::unix::fs::{chown, symlink};
        let parent = tempfile::tempdir().expect("a folder");
        let folder = |name: &str| {
            let folder = parent.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&folder).expect("writable");
            folder
        };
        let (pipe, link, foreign) = (folder("pipe"), folder("link"), folder("foreign"));
        let made = std::process::Command::new("mkfifo").arg(pipe.join(LOCK)).status().expect("mkfifo");
        assert!(made.success());
        fs::write(parent.path().join("elsewhere"), "").expect("writable");
        symlink(parent.path().join("elsewhere"), link.join(LOCK)).expect("writable");
        fs::write(foreign.join(LOCK), "").expect("writable");
        // Only root can give a file away.
        let is_given = chown(foreign.join(LOCK), Some(65_534), None).is_ok();
        remove_leftovers(parent.path());
        assert!(pipe.exists() && link.exists());
        assert_eq!(foreign.exists(), is_given);
    }

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
