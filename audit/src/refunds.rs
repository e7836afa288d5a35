//! Refunds of whole bookings, flags, and what people found out about flagged payments.

use super::bookings::Step;
use super::code::Code;
use super::facts::Decision;
use lastseat_domain::Money;
use lastseat_domain::event::ReviewOutcome;

impl Step<'_> {
    pub(super) fn review(&mut self, outcome: ReviewOutcome) {
        let (flagged, over) = (self.book.flagged, self.book.decision.is_over());
        self.check(Code::ReviewedUnasked, flagged, || "its payment was reviewed and nobody had to look at it".to_owned());
        if outcome == ReviewOutcome::Abandoned {
            self.abandon_part();
        }
        self.check(Code::ReviewedUnasked, over || outcome != ReviewOutcome::Settled, || {
            "its payment was settled by hand and it is not over".to_owned()
        });
        self.book.flagged = false;
        self.book.refund_refused = false;
        self.book.part_doubted = false;
    }

    pub(super) fn flag(&mut self) {
        self.book.flagged = true;
        self.book.refund_refused = self.book.refund_requested || self.book.part_under_way().is_some();
        let goes_on = self.book.is_charged() && !self.book.refund_requested && self.book.part_under_way().is_none();
        let at_gateway = self.book.tender.is_none() && self.book.returned_parts().any(|part| part.amount > 0);
        self.book.part_doubted = goes_on && at_gateway;
    }

    pub(super) fn request_refund(&mut self) {
        self.book.refund_refused = false;
        self.book.part_doubted = false;
        let paid = self.book.is_charged();
        self.check(Code::RefundWithoutCapture, paid, || "a refund was requested and there is nothing to return".to_owned());
        let moving = self.book.exchange.is_some();
        self.check(Code::ExchangeUnasked, !moving, || "a refund was requested while it is being moved".to_owned());
        let alone = self.book.part_under_way().is_none();
        self.check(Code::RefundOutOfTurn, alone, || "its refund is requested while a part of it is being refunded".to_owned());
        self.book.refund_requested = true;
        self.book.refund_at = Some(self.at);
    }

    /// A person says that the buyer has the money back, where the refund could not be made.
    pub(super) fn return_elsewhere(&mut self, amount: Money) {
        let refused = std::mem::take(&mut self.book.refund_refused);
        let over = self.book.decision == Decision::Refunded;
        self.check(Code::ReturnedUnasked, refused || over, || {
            "its money was recorded as returned by another way, and no refund of it had been refused".to_owned()
        });
        self.book.flagged = false;
        let failed_later = refused && over && !self.book.returned_elsewhere;
        self.end_refunded(amount, failed_later);
        self.book.returned_elsewhere = true;
    }

    pub(super) fn refund(&mut self, amount: Money) {
        let requested = self.book.refund_requested;
        self.check(Code::RefundWithoutRequest, requested, || "its money was returned without a request".to_owned());
        self.end_refunded(amount, false);
        self.book.refund_refused = false;
    }

    /// The buyer has the money back. `failed_later`: a refund before has failed, and has returned nothing.
    fn end_refunded(&mut self, amount: Money, failed_later: bool) {
        let captured = self.book.captured;
        let again = self.book.decision == Decision::Refunded;
        self.check(Code::RefundedTwice, !again || failed_later, || "its money is returned again".to_owned());
        self.check(Code::RefundWithoutCapture, captured.is_some(), || "money is returned that was not taken".to_owned());
        let parts = self.book.returned_in_parts();
        let left = captured.map(|taken| Money { value: taken.value.saturating_sub(parts), ..taken });
        self.check(Code::RefundedAmount, left.is_none_or(|left| left == amount), || {
            format!("{amount} is returned, not what was taken and not returned in parts")
        });
        if !again {
            self.book.decision = Decision::Refunded;
            self.book.over_at = Some(self.at);
        }
    }
}
