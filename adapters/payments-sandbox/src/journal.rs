//! The journal of earlier versions: a file of JSON lines, one a change. It is read once, into the sandbox's file.

use super::change::Change;
use super::open_error::OpenError;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Hands every change to `take`, in order; how many there were. A torn last line was never answered and is left out.
///
/// # Errors
/// [`OpenError`] if the file can't be read, or is damaged before its last line; what `take` says.
pub(super) fn read(path: &Path, mut take: impl FnMut(Change) -> Result<(), OpenError>) -> Result<usize, OpenError> {
    let failed = |error: std::io::Error| OpenError::io(path, &error);
    let mut lines = BufReader::new(File::open(path).map_err(failed)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(failed)? == 0 {
            return Ok(line - 1);
        }
        match serde_json::from_slice::<Change>(&text) {
            Ok(change) => take(change)?,
            // Torn: the process died within the write, before it could answer.
            Err(_) if text.last() != Some(&b'\n') => return Ok(line - 1),
            Err(error) => {
                return Err(OpenError::DamagedJournal { path: path.to_owned(), line, reason: error.to_string() });
            }
        }
    }
    Ok(0)
}
