//! The command line, from outside: the real binary, its output and its exit status.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod admin;
mod backup;
mod binary;
mod config;
#[cfg(target_os = "linux")]
mod dead_stderr;
mod doctor;
#[cfg(target_os = "linux")]
mod few_files;
mod help;
mod http;
mod load;
mod log;
mod mail;
mod plan;
mod serve;
mod snapshot;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod top;
