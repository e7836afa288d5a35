//! Locks on files: one process for each file.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::Duration;

/// Pauses before a lock is called another's: a second, all together.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Takes the lock of a file, patiently: a server that is just ending may still have it, and so may
/// any process that was being started by its holder, until it has become another program.
///
/// # Errors
/// `WouldBlock` if another has it for a second and more; what the system says otherwise.
pub fn take(file: &File) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            taken => return taken,
        }
    }
    file.try_lock()
}
