//! What the rest of the program needs of an adapter. Chosen here, so that only the wiring names one.

pub use lastseat_event_log_sqlite::{AcceptLoss, Anchor, Integrity, OpenError, check_integrity, file_lock};
pub use lastseat_in_process::{SystemClock, random_number};
