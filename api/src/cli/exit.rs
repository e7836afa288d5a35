//! Exit statuses, the same for every verb.

/// A rule was broken: a seat sold twice, a charge without seats.
pub const VIOLATION: u8 = 1;
/// Wrong use: a flag, a setting, a name that does not exist.
pub const USAGE: u8 = 2;
/// What should be read or reached can't be: the log, the server.
pub const UNREADABLE: u8 = 3;
/// The log can't promise durability any more (`EX_SOFTWARE`): the process ends rather than lie.
pub const FATAL: u8 = 70;

/// The log can't promise durability any more. Going on would mean acknowledging what may be lost;
/// the next start recovers from the file.
pub fn fatal(why: &str) {
    super::terminal::complain(&format!("the event log has stopped: {why}; ending, the next start recovers from the log"));
    std::process::exit(FATAL.into())
}
