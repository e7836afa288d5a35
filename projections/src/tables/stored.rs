//! A file of views that no server writes to: looking at it, comparing with it, putting a new one in its place.

use super::doubt::{Doubt, NotOpened};
use super::dump::{self, Digest};
use super::fault::TablesFault;
use super::file;
use super::open_file::OpenFile;
use super::place::{self, FILE};
use super::progress::{Progress, load_skipped};
use super::writer::Writer;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// What earlier versions stored of the views that are in the file now.
const OLD_FILES: [&str; 6] =
    ["bookings.json", "loyalty.json", "sales.json", "bookings.json.new", "loyalty.json.new", "sales.json.new"];

/// A file of views, at one moment.
pub(crate) struct Stored {
    connection: OpenFile,
    progress: Progress,
    /// Why it does not say what the log says, if so.
    pub problem: Option<String>,
}

impl Stored {
    pub const SCHEMA: u32 = file::SCHEMA;

    /// Opens the file in a folder. `None` if there is none. The error says why it can't be read.
    pub fn open(folder: &Path) -> Result<Option<Self>, String> {
        let path = place::file_in(folder);
        let open = || -> Result<Option<Self>, NotOpened> {
            let Some(connection) = file::open_to_look(&path)? else { return Ok(None) };
            // Everything is read as of now, while a server may go on.
            connection.execute_batch("BEGIN").map_err(TablesFault::from)?;
            let progress = Progress::load(&connection)?;
            let skipped = load_skipped(&connection)?;
            let problem =
                skipped.first().map(|first| format!("the event at position {} is skipped: {}", first.position, first.why));
            Ok(Some(Self { connection, progress, problem }))
        };
        open().map_err(|why| match why {
            NotOpened::Doubt(doubt) => doubt.why,
            NotOpened::Fault(fault) => fault.to_string(),
        })
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The canonical forms of the views.
    pub fn digests(&self) -> Result<Vec<Digest>, TablesFault> {
        dump::digests(&self.connection, &self.progress)
    }
}

impl Writer {
    /// The canonical forms of the views, as they are in the file.
    pub fn digests(&self) -> Result<Vec<Digest>, TablesFault> {
        dump::digests(self.connection(), self.progress())
    }
}

/// Puts a closed file in the place of the one in `folder`, which is put aside if it is not ours.
pub(crate) fn install(new: &Path, folder: &Path) -> io::Result<()> {
    let path = place::file_in(folder);
    // Its write-ahead log must not be taken for that of the new file. With a crash in between there is
    // no file, and the log is folded again.
    clear(&path)?;
    fs::rename(new, &path)?;
    File::open(folder)?.sync_all()
}

/// Takes a file away.
fn clear(path: &Path) -> io::Result<()> {
    if !path.try_exists()? {
        return place::remove(path);
    }
    match file::recognise(path) {
        Ok(()) | Err(NotOpened::Doubt(Doubt { is_foreign: false, .. })) => place::remove(path),
        // What can't be read may be something else than views.
        Err(_) => place::put_aside(path),
    }
}

/// Removes the files in which earlier versions stored these views.
pub(crate) fn remove_old_files(folder: &Path) {
    for name in OLD_FILES {
        match fs::remove_file(folder.join(name)) {
            Ok(()) => tracing::info!(name, "removed a file of an earlier version; its view is in {FILE} now"),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(name, %error, "a file of an earlier version, which is not used any more, can't be removed")
            }
        }
    }
}
