//! Campaigns: many vouchers with the same terms.
//!
//! The campaign's first event says what is issued; a stream for each voucher follows, in the order of their numbers and
//! a batch at a time, and an event that says that all are there. A campaign ends the same way: an event says that it is to
//! end, the withdrawal of each voucher follows, and an event that says that none can be used. Any node completes what is
//! missing, because codes follow from the campaign and the deployment's secret.

mod end;
mod finish;
mod start;

pub(crate) use end::request_end;
pub(crate) use finish::finish;
pub(crate) use start::{start, status};
