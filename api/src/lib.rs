//! The front of lastseat: HTTP and command line.

pub mod cli;
pub mod config;
pub mod demo;
pub mod wiring;
