//! The command line, from outside: the real binary, its output and its exit status.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod binary;
mod config;
mod dead_stderr;
mod doctor;
mod help;
mod http;
mod load;
mod log;
mod serve;
