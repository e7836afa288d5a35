//! The write side of lastseat: commands in, events out.

pub mod adapters;
