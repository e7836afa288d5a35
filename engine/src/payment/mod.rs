//! Everything that happens to an open booking: the commands on it, and the process that drives it
//! forward until it is confirmed or over.

mod actor;
mod authorise;
mod capture;
mod commands;
mod exchange;
mod exchange_steps;
mod gateway;
mod opening_voucher;
mod payments;
mod process;
mod refund_part;
mod review;
mod session;
mod steps;
mod vouchers;

pub(crate) use actor::PaymentMessage;
pub(crate) use commands::{Leftovers, Settled};
pub(crate) use payments::{Payments, Tried};
pub(crate) use process::{Reach, calls_gateway};
