//! The front of lastseat: HTTP and command line.

pub mod config;
