//! One actor a seat, one actor a payment. Spawned when first asked, rebuilt from the log after a
//! panic, passivated when idle. They are thin: load, decide, append, reply; the rules are in the
//! domain crate.

pub(crate) mod payment;
pub(crate) mod registry;
pub(crate) mod seat;
