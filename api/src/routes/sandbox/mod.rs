//! What a buyer's bank would do, where payments are played.

pub mod authenticate;
