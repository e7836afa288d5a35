//! What the rest of the program needs of an adapter. Chosen here, so that only the wiring names one.

pub use lastseat_event_log_sqlite::{
    AcceptLoss, Anchor, CopyError, Integrity, OpenError, check_integrity, copy_database, file_lock,
};
pub use lastseat_in_process::{SystemClock, random_number};
