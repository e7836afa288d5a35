//! Several nodes as processes on one event log server, with and without Redis: a rush, a sale down to the
//! last ticket, kill -9 of nodes and of the log, and a log whose server disturbs its clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the seed and the counts belong to what the test says")]

#[allow(dead_code, reason = "the other kill test uses all of it")]
#[path = "../kill_9/buyers.rs"]
mod buyers;
mod calm;
#[path = "../kill_9/check.rs"]
mod check;
mod deliveries;
mod disturbed;
mod kills;
mod lag;
mod nodes;
mod offline;
mod operators;
mod outage;
mod rush;
mod sale;
#[path = "../support/mod.rs"]
mod support;
mod verbs;
