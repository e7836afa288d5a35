//! The high-water mark: a small file beside the log that says how far it was acknowledged.
//!
//! SQLite drops the end of a damaged write-ahead log without a word, so the file alone can't tell that
//! events are missing. The writer puts position and running hash of the last event here after each commit
//! and before it answers. A plain write is enough against the death of the process; a thread syncs the
//! file every second, off the commits' path, so a power cut leaves a mark that is at most that old.
//!
//! Two slots are written in turn, each with a checksum: a torn write never loses both.

use crate::running_hash::{LogEnd, RunningHash};
use lastseat_domain::ports::event_log::Position;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Slots are a page apart, so that no write touches both.
const SLOT_DISTANCE: usize = 4096;
const SLOTS: usize = 2;
const MAGIC: &[u8; 8] = b"lsmark01";
/// Magic, sequence, position, hash, checksum.
const SLOT_BYTES: usize = 8 + 8 + 8 + 32 + 16;
const CHECKED_BYTES: usize = SLOT_BYTES - 16;
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// A reader may meet a slot that is being written; the next try finds it whole.
const READ_TRIES: usize = 5;

/// The mark's file as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoundMark {
    /// There is no file.
    None,
    /// Neither slot can be read.
    Damaged,
    Mark(LogEnd),
}

/// The mark, and whether there was a newer one that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) mark: FoundMark,
    /// One of the slots was written and can't be read: perhaps the newer one.
    pub(crate) is_half_damaged: bool,
}

impl Found {
    /// What that means, and what to do.
    pub(crate) fn warning(&self) -> Option<String> {
        let FoundMark::Mark(end) = self.mark else { return None };
        self.is_half_damaged.then(|| {
            format!(
                "one of the two entries of the high-water mark (events.mark) is damaged. The other says that events up to \
                 position {} were acknowledged; if the damaged one was newer, events after the log's end may be missing. \
                 Check the disk, copy the directory, and compare with the payment gateway: `lastseat verify` does, if the \
                 sandbox is in this directory",
                end.position.0
            )
        })
    }
}

/// `events.mark` beside `events.db`.
pub(crate) fn path_of(log: &Path) -> PathBuf {
    log.with_extension("mark")
}

/// Reads the mark of a log, also while a server writes it.
pub(crate) fn read(log: &Path) -> io::Result<Found> {
    let mut found = Found { mark: FoundMark::Damaged, is_half_damaged: false };
    for _ in 0..READ_TRIES {
        let file = match File::open(path_of(log)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Found { mark: FoundMark::None, is_half_damaged: false });
            }
            Err(error) => return Err(error),
        };
        let slots = slots(&file)?;
        if let Some((_, end)) = newest(&slots) {
            found = Found { mark: FoundMark::Mark(end), is_half_damaged: has_damage(&slots) };
        }
        if matches!(found, Found { mark: FoundMark::Mark(_), is_half_damaged: false }) {
            break;
        }
    }
    Ok(found)
}

/// What is in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// As the file was made.
    Empty,
    /// Torn, overwritten or cut off.
    Damaged,
    Whole {
        sequence: u64,
        end: LogEnd,
    },
}

fn slots(file: &File) -> io::Result<[Slot; SLOTS]> {
    let mut bytes = Vec::new();
    file.take((SLOTS * SLOT_DISTANCE) as u64).read_to_end(&mut bytes)?;
    let mut slots = bytes.chunks(SLOT_DISTANCE).map(|bytes| match slot(bytes) {
        Some((sequence, end)) => Slot::Whole { sequence, end },
        None if bytes.len() >= SLOT_BYTES && bytes.iter().all(|byte| *byte == 0) => Slot::Empty,
        None => Slot::Damaged,
    });
    Ok(std::array::from_fn(|_| slots.next().unwrap_or(Slot::Damaged)))
}

/// Sequence and content of the newest slot that is whole.
fn newest(slots: &[Slot]) -> Option<(u64, LogEnd)> {
    let whole = slots.iter().filter_map(|slot| match slot {
        Slot::Whole { sequence, end } => Some((*sequence, *end)),
        Slot::Empty | Slot::Damaged => None,
    });
    whole.max_by_key(|(sequence, _)| *sequence)
}

/// Whether a slot was written and can't be read. Only the first mark of a file leaves the other slot empty.
fn has_damage(slots: &[Slot]) -> bool {
    let is_first = newest(slots).is_some_and(|(sequence, _)| sequence == 0);
    slots.iter().any(|slot| *slot == Slot::Damaged || (*slot == Slot::Empty && !is_first))
}

/// Sequence and content of a slot; `None` if it was never written, or is torn or damaged.
fn slot(bytes: &[u8]) -> Option<(u64, LogEnd)> {
    let (content, rest) = bytes.split_at_checked(CHECKED_BYTES)?;
    if rest.get(..16)? != checksum(content) {
        return None;
    }
    let number = |at: usize| content.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    if content.get(..8)? != MAGIC {
        return None;
    }
    let hash = RunningHash(content.get(24..)?.try_into().ok()?);
    Some((number(8)?, LogEnd { position: Position(number(16)?), hash }))
}

fn encoded(sequence: u64, end: LogEnd) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&end.position.0.to_be_bytes());
    bytes.extend_from_slice(&end.hash.0);
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn checksum(content: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(content).into();
    std::array::from_fn(|index| hash.get(index).copied().unwrap_or_default())
}

/// The mark's file, open for writing.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: File,
    sequence: u64,
    /// Written, and not synced yet.
    unsynced: Arc<AtomicBool>,
    /// A failure is logged once until a write succeeds again.
    failing: bool,
    syncing: Option<Syncing>,
}

#[derive(Debug)]
struct Syncing {
    /// Dropped to end the thread.
    running: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl MarkFile {
    /// Moves an intact mark, synced, and keeps it open. Needs no room on the disk: a node can be started
    /// while the disk is full.
    pub(crate) fn reopen(log: &Path, end: LogEnd) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).open(path_of(log))?;
        let Some((sequence, _)) = newest(&slots(&file)?) else { return Self::create(log, end) };
        write_slot(&mut file, sequence + 1, end)?;
        file.sync_data()?;
        Self::with_thread(file, sequence + 1)
    }

    /// Writes a mark that replaces whatever was there, synced, and keeps it open.
    pub(crate) fn create(log: &Path, end: LogEnd) -> io::Result<Self> {
        let (path, fresh) = (path_of(log), log.with_extension("mark.new"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        crate::file_mode::for_owner(&mut options);
        let mut file = options.open(&fresh)?;
        // Both slots exist from the beginning: later writes need no room on the disk.
        file.write_all(&[0; SLOTS * SLOT_DISTANCE])?;
        write_slot(&mut file, 0, end)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        sync_folder(&path);
        Self::with_thread(file, 0)
    }

    fn with_thread(file: File, sequence: u64) -> io::Result<Self> {
        let unsynced = Arc::new(AtomicBool::new(false));
        let (running, ended) = mpsc::channel();
        let (to_sync, dirty) = (file.try_clone()?, Arc::clone(&unsynced));
        let thread = std::thread::Builder::new().name("event-log-mark".to_owned()).spawn(move || {
            while ended.recv_timeout(SYNC_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if dirty.swap(false, Ordering::AcqRel) && to_sync.sync_data().is_err() {
                    // The next second tries again; until then the mark may be older after a power cut.
                    dirty.store(true, Ordering::Release);
                }
            }
        })?;
        Ok(Self { file, sequence, unsynced, failing: false, syncing: Some(Syncing { running, thread }) })
    }

    /// Moves the mark. A failure only means that later damage is noticed less exactly, so it doesn't fail
    /// the commit, which is durable.
    pub(crate) fn advance(&mut self, end: LogEnd) {
        self.sequence += 1;
        match write_slot(&mut self.file, self.sequence, end) {
            Ok(()) => {
                self.failing = false;
                self.unsynced.store(true, Ordering::Release);
            }
            Err(error) => {
                // The same slot again next time: the other one is whole.
                self.sequence -= 1;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "the event log's high-water mark could not be written");
                }
            }
        }
    }

    /// Syncs it and ends the thread.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.end_thread();
        self.file.sync_data()
    }

    fn end_thread(&mut self) {
        if let Some(Syncing { running, thread }) = self.syncing.take() {
            drop(running);
            if thread.join().is_err() {
                tracing::error!("the thread that syncs the high-water mark panicked");
            }
        }
    }
}

impl Drop for MarkFile {
    fn drop(&mut self) {
        self.end_thread();
    }
}

fn write_slot(file: &mut File, sequence: u64, end: LogEnd) -> io::Result<()> {
    file.seek(SeekFrom::Start(sequence % SLOTS as u64 * SLOT_DISTANCE as u64))?;
    file.write_all(&encoded(sequence, end))
}

/// Makes the rename durable. Not every file system can; without it the old name would come back, and with
/// it an older mark or none.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent()
        && let Err(error) = File::open(folder).and_then(|folder| folder.sync_all())
    {
        tracing::debug!(%error, "the log's folder could not be synced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(position: u64) -> LogEnd {
        LogEnd { position: Position(position), hash: RunningHash([u8::try_from(position).unwrap(); 32]) }
    }

    #[test]
    fn the_newest_mark_is_found_and_a_torn_slot_leaves_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("events.db");
        assert_eq!(read(&log).unwrap().mark, FoundMark::None);
        let mut mark = MarkFile::create(&log, LogEnd::default()).unwrap();
        for position in 1..8 {
            assert!(!read(&log).unwrap().is_half_damaged, "an empty slot is no damage before the second mark");
            mark.advance(end(position));
            assert_eq!(read(&log).unwrap().mark, FoundMark::Mark(end(position)));
        }
        mark.close().unwrap();
        MarkFile::reopen(&log, end(8)).unwrap().advance(end(9));
        assert_eq!(read(&log).unwrap().mark, FoundMark::Mark(end(9)));
        let whole = fs::read(path_of(&log)).unwrap();
        // Slot 1 has mark 9, slot 0 mark 8. Any byte of a slot may be torn.
        for (slot, left) in [(1, 8), (0, 9)] {
            for byte in 0..SLOT_BYTES {
                let mut torn = whole.clone();
                torn[slot * SLOT_DISTANCE + byte] ^= 1;
                fs::write(path_of(&log), torn).unwrap();
                let found = Found { mark: FoundMark::Mark(end(left)), is_half_damaged: true };
                assert_eq!(read(&log).unwrap(), found, "slot {slot}, byte {byte}");
            }
        }
        // Zeros where a mark was, and a file that was cut off.
        let (mut zeros, cut) = (whole.clone(), whole[..SLOT_DISTANCE].to_vec());
        zeros[SLOT_DISTANCE..].fill(0);
        for damaged in [zeros, cut] {
            fs::write(path_of(&log), damaged).unwrap();
            assert_eq!(read(&log).unwrap(), Found { mark: FoundMark::Mark(end(8)), is_half_damaged: true });
        }
        // The next start replaces the damaged slot.
        MarkFile::reopen(&log, end(10)).unwrap().close().unwrap();
        assert_eq!(read(&log).unwrap(), Found { mark: FoundMark::Mark(end(10)), is_half_damaged: false });
        fs::write(path_of(&log), vec![0; whole.len()]).unwrap();
        assert_eq!(read(&log).unwrap().mark, FoundMark::Damaged);
        fs::write(path_of(&log), b"").unwrap();
        assert_eq!(read(&log).unwrap().mark, FoundMark::Damaged);
    }

    #[test]
    fn a_write_that_fails_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("events.db");
        let mut mark = MarkFile::create(&log, end(1)).unwrap();
        mark.advance(end(2));
        mark.file = File::open(path_of(&log)).unwrap();
        mark.advance(end(3));
        assert_eq!(read(&log).unwrap().mark, FoundMark::Mark(end(2)));
        mark.file = OpenOptions::new().write(true).open(path_of(&log)).unwrap();
        mark.advance(end(4));
        assert_eq!(read(&log).unwrap().mark, FoundMark::Mark(end(4)));
    }
}
