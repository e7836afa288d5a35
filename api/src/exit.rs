//! Exit statuses, the same for every verb.

/// Nothing is wrong.
pub const CLEAN: u8 = 0;
/// A rule was broken: a seat sold twice, a charge without seats.
pub const VIOLATION: u8 = 1;
/// Wrong use: a flag, a setting, a name that does not exist.
pub const USAGE: u8 = 2;
/// The log or the server can't be read or reached.
pub const UNREADABLE: u8 = 3;
/// The log can't promise durability any more (`EX_SOFTWARE`): the process ends instead of
/// acknowledging what may be lost.
pub const FATAL: u8 = 70;
