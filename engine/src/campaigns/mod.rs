//! Campaigns: many vouchers with the same terms.
//!
//! The campaign's first event says what is issued; a stream for each voucher follows, in the order of their numbers and
//! a batch at a time, and an event that says that all are there. Any node completes what is missing, because codes
//! follow from the campaign and the deployment's secret.

mod finish;
mod start;

pub(crate) use finish::finish;
pub(crate) use start::{start, status};
