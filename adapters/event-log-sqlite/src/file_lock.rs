//! An exclusive lock on a file.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::Duration;

/// A lock is waited for this many times this long: one second.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Locks a file exclusively, waiting up to a second: a server that is shutting down may still hold the
/// lock, and so may a child process of its holder until its `exec`.
///
/// # Errors
/// `WouldBlock` if the lock is still held after a second; otherwise the system's error.
pub fn take(file: &File) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            taken => return taken,
        }
    }
    file.try_lock()
}
