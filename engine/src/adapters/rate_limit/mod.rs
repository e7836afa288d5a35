//! Rate limiters: in process here; over Redis in a crate of its own.

mod in_process;

pub use in_process::InProcessLimiter;
