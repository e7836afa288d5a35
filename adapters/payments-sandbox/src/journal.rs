//! The sandbox's memory across restarts: a file of JSON lines, one a change.
//!
//! A line is one `write` at the end of the file and is there before the change is answered. It is
//! not synced: it has to survive the death of the process, even by `kill -9`, not a power cut. What
//! a process managed to write is the kernel's to keep; what it did not finish is a torn last line,
//! and that was never answered.

use super::machine::{Change, Machine};
use super::record::Record;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file can't be read or written.
    #[error("the sandbox's journal {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the sandbox's journal {0} is in use by another process; give each its own data directory")]
    InUse(PathBuf),
    /// A line before the last can't be read. It is not dropped, because it may be a payment.
    #[error(
        "line {line} of the sandbox's journal {path} is damaged ({reason}); repair it, or move the file away to start with an empty journal"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Every intent in the journal at `path`, oldest first; none if there is no journal. Changes nothing, and
/// works while a process has the journal open.
///
/// # Errors
/// [`OpenError`] if the file can't be read, or is damaged before its last line.
pub fn read_journal(path: &Path) -> Result<Vec<Arc<Record>>, OpenError> {
    let (machine, _) = load(path)?;
    let mut intents: Vec<_> = machine.intents().cloned().collect();
    intents.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(intents)
}

/// The open journal, at its end.
#[derive(Debug)]
pub(super) struct SandboxJournal {
    file: File,
    /// Length of what is known to be whole.
    length: u64,
    /// A torn line could not be taken back; nothing may follow it.
    broken: bool,
    /// Holds the lock on the file beside the journal; the journal itself is replaced by compaction.
    _lock: File,
}

impl SandboxJournal {
    /// Reads the journal, rewrites it without outdated lines, and opens it for appending.
    pub(super) fn open(path: &Path) -> Result<(Self, Machine), OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let lock = File::create(beside(path, ".lock")).map_err(failed)?;
        crate::file_lock::take(&lock).map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(path.to_owned()),
            TryLockError::Error(source) => failed(source),
        })?;
        let (machine, whole) = load(path)?;
        let (file, length) = match compact(path, &machine) {
            Ok(compacted) => compacted,
            // No room for a second file: the first stays as it is, without its torn end.
            Err(error) if error.kind() == io::ErrorKind::StorageFull && path.exists() => {
                tracing::warn!(%error, "the sandbox's journal could not be compacted");
                (continue_after(path, whole).map_err(failed)?, whole)
            }
            Err(error) => return Err(failed(error)),
        };
        Ok((Self { file, length, broken: false, _lock: lock }, machine))
    }

    /// A journal that can't be written to.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn on_a_full_disk() -> io::Result<Self> {
        let full = OpenOptions::new().append(true).open("/dev/full")?;
        Ok(Self { file: full.try_clone()?, length: 0, broken: false, _lock: full })
    }

    /// Adds a line. After an error the file is as it was, or takes no more lines.
    pub(super) fn append(&mut self, change: &Change) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write was cut short and could not be taken back"));
        }
        let line = line(change)?;
        match write_once(&mut self.file, &line) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.take_back();
                Err(error)
            }
        }
    }

    /// What was written of a line must not become the beginning of the next.
    fn take_back(&mut self) {
        self.broken = self.file.set_len(self.length).is_err();
    }
}

fn line(change: &Change) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(512);
    serde_json::to_writer(&mut line, change)?;
    line.push(b'\n');
    Ok(line)
}

/// One `write` for the whole line, so that lines can't be interleaved or half there.
fn write_once(file: &mut File, line: &[u8]) -> io::Result<()> {
    loop {
        match file.write(line) {
            Ok(written) if written == line.len() => return Ok(()),
            Ok(written) => {
                let message = format!("only {written} of {} bytes could be written; is the disk full?", line.len());
                return Err(io::Error::new(io::ErrorKind::WriteZero, message));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The state, and the length of what is whole.
fn load(path: &Path) -> Result<(Machine, u64), OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let (mut machine, mut whole) = (Machine::default(), 0);
    let mut lines = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((machine, whole)),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(failed)? == 0 {
            break;
        }
        match serde_json::from_slice::<Change>(&text) {
            Ok(change) => {
                machine.evolve(change);
                whole += text.len() as u64;
            }
            // Torn: the process died within the write, before it could answer.
            Err(_) if text.last() != Some(&b'\n') => break,
            Err(error) => {
                return Err(OpenError::Damaged { path: path.to_owned(), line, reason: error.to_string() });
            }
        }
    }
    Ok((machine, whole))
}

/// Opens a journal at the end of what is whole.
fn continue_after(path: &Path, whole: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.set_len(whole)?;
    let ends_a_line = fs::read(path)?.last().is_none_or(|last| *last == b'\n');
    if !ends_a_line {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Writes the state to a file beside, and puts that in the journal's place.
fn compact(path: &Path, machine: &Machine) -> io::Result<(File, u64)> {
    let fresh = beside(path, ".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    // It names bookings and what was paid for them.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&fresh)?;
    let mut writer = BufWriter::with_capacity(1 << 16, &file);
    let mut length = 0;
    for change in machine.snapshot() {
        let line = line(&change)?;
        writer.write_all(&line)?;
        length += line.len() as u64;
    }
    writer.flush()?;
    drop(writer);
    fs::rename(&fresh, path)?;
    Ok((file, length))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a line, as a full disk leaves it, is taken back and does not spoil the next.
    #[test]
    fn half_a_line_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sandbox.ndjson");
        let change = Change::at(lastseat_domain::Timestamp::UNIX_EPOCH);
        let (mut journal, _) = SandboxJournal::open(&path).unwrap();
        journal.append(&change).unwrap();
        journal.file.write_all(b"{\"at\":\"19").unwrap();
        journal.take_back();
        journal.append(&change).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| serde_json::from_str::<Change>(line).is_ok()), "{text}");
    }
}
