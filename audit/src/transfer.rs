//! Transfers: only what is sold, and stays so, can be another buyer's.

use super::bookings::Step;
use super::code::Code;

impl Step<'_> {
    pub(super) fn transfer(&mut self) {
        let sold = self.book.is_charged() && !self.book.refund_requested;
        self.check(Code::TransferredUnsold, sold, || "it is given to another buyer and is not sold".to_owned());
        self.book.transfers.push(self.at);
    }
}
