//! Refunds of a part of a booking: what each may return, and that it returns it once.

use super::bookings::Step;
use super::code::Code;
use super::facts::{Part, PartState};
use lastseat_domain::Money;
use lastseat_domain::event::{PartialRefundRequested, PaymentPartlyRefunded, PaymentReturnedElsewhere};
use std::collections::HashSet;

impl Step<'_> {
    /// `seats`: those of the event, by the plan's index.
    pub(super) fn request_part(&mut self, e: &PartialRefundRequested, seats: &[Option<u32>]) {
        let book = &*self.book;
        let paid = book.is_charged();
        let in_turn = !book.refund_requested && !book.flagged && book.part_under_way().is_none();
        let next = book.parts.last().map_or(1, |last| last.refund.saturating_add(1));
        let known: Vec<u32> = seats.iter().copied().flatten().collect();
        let has = |seat: &u32| book.opened.as_ref().is_some_and(|o| o.seats.contains(seat)) && book.gave_up_at(*seat).is_none();
        let own =
            known.len() == seats.len() && known.iter().all(has) && known.iter().collect::<HashSet<_>>().len() == known.len();
        let held = book.opened.as_ref().map_or(0, |o| o.count).saturating_sub(book.seats_given_up());
        let some_stay = u32::try_from(seats.len()).unwrap_or(u32::MAX) < held.max(1);
        let (taken, before) = (book.captured, book.returned_in_parts());
        let after = before.saturating_add(e.amount.value);
        let money_stays = taken.is_none_or(|taken| {
            let nothing = taken.value == 0 && after == 0;
            e.amount.currency == taken.currency && e.amount.value >= 0 && (after < taken.value || nothing)
        });
        let moving = book.exchange.is_some();
        self.check(Code::ExchangeUnasked, !moving, || "a refund of a part was requested while it is being moved".to_owned());
        self.check(Code::RefundWithoutCapture, paid, || {
            "a part of it is to be refunded and there is nothing to return".to_owned()
        });
        self.check(Code::RefundOutOfTurn, in_turn && e.refund == next, || {
            format!("its refund {} is requested beside another one, or its number is not {next}", e.refund)
        });
        self.check(Code::RefundOutOfTurn, own && some_stay, || {
            format!("its refund {} is of seats that it does not have, or of all its seats", e.refund)
        });
        self.check(Code::RefundExceeds, money_stays, || {
            format!("its refund {} of {} leaves nothing of what was taken", e.refund, e.amount)
        });
        self.book.refund_refused = false;
        self.book.parts.push(Part {
            refund: e.refund,
            amount: e.amount.value,
            seats: known.into(),
            state: PartState::UnderWay,
            at: self.at,
            uncredited: false,
            elsewhere: false,
        });
    }

    pub(super) fn refund_part(&mut self, e: &PaymentPartlyRefunded) {
        self.end_part(e.refund, e.amount, false);
        self.book.part_doubted = false;
    }

    /// A person says that the buyer has the money of a partial refund back, where that could not be made, or was made and
    /// has failed since. Whether it is the latter.
    pub(super) fn return_part_elsewhere(&mut self, refund: u32, e: &PaymentReturnedElsewhere) -> bool {
        let part = self.book.parts.iter().find(|part| part.refund == refund);
        let made = part.is_some_and(|part| part.state == PartState::Returned && !part.elsewhere);
        let failed_later = made && self.book.part_doubted;
        let refused = if made { failed_later } else { self.book.refund_refused };
        self.check(Code::ReturnedUnasked, refused, || {
            format!("refund {refund} was recorded as returned by another way, and had not been refused")
        });
        self.end_part(refund, e.amount, failed_later);
        if let Some(part) = self.book.parts.iter_mut().find(|part| part.refund == refund) {
            part.elsewhere = true;
        }
        failed_later
    }

    /// `failed_later`: it was made, and has failed since.
    fn end_part(&mut self, refund: u32, amount: Money, failed_later: bool) {
        let part = self.book.parts.iter().find(|part| part.refund == refund);
        let requested = part.is_some_and(|part| part.state != PartState::Abandoned);
        let again = !failed_later && part.is_some_and(|part| part.state == PartState::Returned);
        let right = part.is_none_or(|part| part.amount == amount.value);
        let currency = self.book.captured.is_none_or(|taken| taken.currency == amount.currency);
        let over = self.book.decision.is_over();
        self.check(Code::RefundWithoutRequest, requested, || format!("refund {refund} was made without a request"));
        self.check(Code::RefundedTwice, !again && !over, || format!("the money of refund {refund} is returned again"));
        self.check(Code::RefundedAmount, right && currency, || {
            format!("refund {refund} returned {amount}, not what was requested")
        });
        let at = self.at;
        if let Some(part) = self.book.parts.iter_mut().find(|part| part.refund == refund && part.state == PartState::UnderWay) {
            (part.state, part.at) = (PartState::Returned, at);
        }
        self.book.flagged = false;
        self.book.refund_refused = false;
    }

    /// A person says that the partial refund under way is not made.
    pub(super) fn abandon_part(&mut self) {
        let known = self.book.part_under_way().is_some();
        self.check(Code::ReviewedUnasked, known, || "a partial refund is abandoned and none is under way".to_owned());
        if let Some(part) = self.book.parts.last_mut().filter(|part| part.state == PartState::UnderWay) {
            part.state = PartState::Abandoned;
        }
    }
}
