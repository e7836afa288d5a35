//! Paths of the log's files.

use crate::open_error::OpenError;
use std::path::{Path, PathBuf};

/// The canonical path, so that two paths to one file share one lock.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let io = |reason: String| OpenError::Io { path: path.to_owned(), reason };
    let name = path.file_name().ok_or_else(|| io("it names no file".to_owned()))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(folder.canonicalize().map_err(|error| io(error.to_string()))?.join(name))
}
