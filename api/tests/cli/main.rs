//! The command line, from outside: the real binary, its output and its exit status.

mod binary;
mod config;
mod help;
mod load;
mod log;
mod serve;
