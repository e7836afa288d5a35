//! What the actors have in common, and the actor of a seat. An actor is started by its first command,
//! restarted from the log after a panic, and stopped when idle.

pub(crate) mod mailbox;
pub(crate) mod registry;
pub(crate) mod seat;
