//! Opens the file for the one process that writes it.

use super::payments::Payments;
use super::{file, import};
use crate::open_error::OpenError;
use std::fs::{self, File};
use std::path::Path;

/// A file that is ready to be written.
pub(super) struct Opened {
    pub payments: Payments,
    /// Held as long as the file is open.
    pub lock: File,
}

/// Opens the file, made if it is not there, and takes over the journal of an earlier version.
pub(super) fn open(path: &Path) -> Result<Opened, OpenError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| OpenError::io(path, &error))?;
    }
    let lock = file::lock(path)?;
    let connection = file::open(path)?;
    let mut payments = Payments::on(connection).map_err(|error| OpenError::of(path, &error))?;
    import::take_over(path, &mut payments)?;
    Ok(Opened { payments, lock })
}
