//! The hold: from "I want these seats" to an open booking, or a refusal that costs next to nothing.
//!
//! Seat table, admission, guard, seat actors, log: each keeps losers away from the next. Only the log
//! decides.

mod access;
mod append_group;
mod append_hold;
mod batch;
mod choice;
mod for_exchange;
mod hold_in_progress;
mod lock_seats;
mod open_atomic;
mod open_compensated;
mod open_strategy;
mod place_hold;
mod repair_hold;
mod replay;
mod target;
mod with_voucher;

pub(crate) use batch::{find_all_repeated, hold_all};
pub(crate) use for_exchange::{blocks_of_till, choose_for_exchange};
pub(crate) use place_hold::{find_repeated, hold, refuse_at_once};
pub(crate) use with_voucher::hold_with_voucher;
