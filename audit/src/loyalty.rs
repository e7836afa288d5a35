//! Points and vouchers, as the buyers' streams say.

use super::code::Code;
use super::facts::{Account, Book, Decision, PartState, Voucher, WithdrawnAs, at_the_end};
use super::report::{Findings, Place};
use super::reward_codes;
use super::state::Audit;
use lastseat_domain::event::Reward;
use lastseat_domain::event::{Event, PointsRevoked, VoucherCause, VoucherIssued};
use lastseat_domain::loyalty::{
    Account as NoHistory, BOOKING_VOUCHER_SEATS, LoyaltyCommand, MILESTONE_REWARD, MILESTONE_SEATS, POINTS_PER_SEAT,
    VoucherState, decide, voucher_id,
};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BuyerId, Envelope, ShowId, StreamName, Timestamp, VoucherId};
use std::collections::HashMap;
use uuid::Uuid;

impl Audit {
    pub(super) fn take_loyalty(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let Some(buyer) = envelope.stream.as_loyalty() else {
            self.findings.wrong(Code::WrongStream, &place, || "its name holds no buyer".to_owned());
            return;
        };
        let findings = &mut self.findings;
        let account = self.rewards.accounts.entry(buyer.clone()).or_default();
        account.at = account.at.max(Some(envelope.metadata.at));
        account.position = envelope.position;
        match &envelope.event {
            Event::PointsEarned(e) => {
                let book = self.bookings.get_mut(&e.booking);
                let paid = book.as_ref().is_some_and(|b| b.was_paid());
                findings.check(Code::PointsWithoutPayment, paid, &place, || format!("booking {} is not paid", e.booking));
                let opened = book.as_ref().and_then(|b| b.opened.as_deref());
                let right = e.points == e.seats.saturating_mul(POINTS_PER_SEAT)
                    && opened.is_none_or(|o| o.count == e.seats && o.buyer == buyer && o.show == e.show);
                findings.check(Code::PointsDiffer, right, &place, || {
                    format!("{} points for {} seats are not those of booking {}", e.points, e.seats, e.booking)
                });
                account.seats = account.seats.saturating_add(e.seats);
                if let Some(book) = book {
                    let again = std::mem::replace(&mut book.credited, true);
                    findings.check(Code::PointsTwice, !again, &place, || format!("booking {} was counted before", e.booking));
                }
            }
            Event::PointsRevoked(e) => {
                let book = self.bookings.get_mut(&e.booking);
                if let Some(refund) = e.refund {
                    revoke_part(e, refund, book, account, findings, &place);
                    return;
                }
                let refunded = book.as_ref().is_some_and(|b| b.decision == Decision::Refunded);
                findings.check(Code::RevokedWithoutRefund, refunded, &place, || format!("booking {} is not refunded", e.booking));
                let before = book.as_ref().map_or(0, |b| b.seats_uncredited());
                let right =
                    book.as_ref().and_then(|b| b.opened.as_deref()).is_none_or(|o| o.count == e.seats.saturating_add(before));
                findings.check(Code::PointsDiffer, right, &place, || {
                    format!("booking {} has other than {} seats", e.booking, e.seats)
                });
                account.seats = account.seats.saturating_sub(e.seats);
                if let Some(book) = book {
                    let again = std::mem::replace(&mut book.uncredited, true) || !book.credited;
                    findings.check(Code::PointsTwice, !again, &place, || {
                        format!("the points of booking {} are not there to be taken back", e.booking)
                    });
                }
            }
            Event::VoucherIssued(e) => {
                let facts = self.bookings.get_mut(&e.booking).map(|book| {
                    let rewards =
                        book.opened.as_ref().and_then(|o| self.shows.get(&o.show)).map(|s| s.latest().facts.rewards.as_slice());
                    (book, rewards.unwrap_or_default())
                });
                check_issued(e, &buyer, facts, account, findings, &place);
                reward_codes::issue(e, &mut self.vouchers, findings, &place);
                let voucher = Voucher {
                    booking: e.booking,
                    cause: e.cause,
                    state: VoucherState::Issued,
                    position: envelope.position,
                    buyer: buyer.clone(),
                    code: e.code.as_ref().map(|code| code.hash.clone()),
                };
                let again = self.rewards.vouchers.insert(e.voucher, voucher).is_some();
                findings.check(Code::VoucherTwice, !again, &place, || format!("voucher {} was issued before", e.voucher));
            }
            Event::VoucherRevoked(e) => {
                let refunded =
                    self.bookings.get(&e.booking).is_some_and(|b| b.decision == Decision::Refunded || b.seats_given_up() > 0);
                findings.check(Code::RevokedWithoutRefund, refunded, &place, || format!("booking {} is not refunded", e.booking));
                let code = self.rewards.vouchers.get(&e.voucher).and_then(|voucher| voucher.code.as_ref());
                let withdrawn = code.map(|code| reward_codes::withdrawn(&self.vouchers, code));
                findings.check(
                    Code::RevokedUnwithdrawn,
                    withdrawn.is_none_or(|as_| as_ == Some(WithdrawnAs::Unused)),
                    &place,
                    || format!("the code of voucher {} was not withdrawn, or was used before", e.voucher),
                );
                use_up(&mut self.rewards.vouchers, account, e.voucher, VoucherState::Revoked, &buyer, findings, &place);
            }
            Event::VoucherRedeemed(e) => {
                let has_code = self.rewards.vouchers.get(&e.voucher).is_some_and(|voucher| voucher.code.is_some());
                findings.check(Code::RewardRedeemed, !has_code, &place, || format!("voucher {} has a code", e.voucher));
                use_up(&mut self.rewards.vouchers, account, e.voucher, VoucherState::Redeemed, &buyer, findings, &place);
            }
            _ => {}
        }
    }

    /// What refunds were to take back.
    pub(super) fn finish_loyalty(&mut self) {
        let (findings, activity) = (&mut self.findings, &self.activity);
        let mut late = |code: Code, since: Option<Timestamp>, position: Position, stream: StreamName, text: String| {
            if since.is_none_or(|since| activity.is_late(since)) {
                findings.wrong(code, &at_the_end(position, &stream), || text);
            } else {
                findings.pending(stream, text);
            }
        };
        for voucher in self.rewards.vouchers.values() {
            let book = self.bookings.get(&voucher.booking).filter(|b| b.decision == Decision::Refunded || b.has_lost_voucher());
            let withdrawn = voucher.code.as_ref().and_then(|code| reward_codes::withdrawn(&self.vouchers, code));
            let used = withdrawn == Some(WithdrawnAs::Used);
            let own = voucher.cause == VoucherCause::Booking && voucher.state == VoucherState::Issued && !used;
            if let Some(book) = book.filter(|_| own) {
                let text = format!("a voucher of booking {} is still good, the booking was refunded", voucher.booking);
                let since = book.over_at.or_else(|| book.returned_parts().last().map(|part| part.at));
                late(Code::VoucherKept, since, voucher.position, StreamName::loyalty(&voucher.buyer), text);
            }
        }
        for (id, book) in self.bookings.iter().filter(|(_, b)| b.decision == Decision::Refunded && b.credited && !b.uncredited) {
            let stream = book.opened.as_ref().map_or_else(|| StreamName::booking(*id), |o| StreamName::loyalty(&o.buyer));
            late(
                Code::PointsKept,
                book.over_at,
                book.position,
                stream,
                format!("the points of refunded booking {id} are still there"),
            );
        }
        for (id, book) in self.bookings.iter().filter(|(_, b)| b.decision == Decision::Committed && b.credited) {
            let kept = book.returned_parts().filter(|part| !part.uncredited && !part.seats.is_empty());
            let stream = book.opened.as_ref().map_or_else(|| StreamName::booking(*id), |o| StreamName::loyalty(&o.buyer));
            for part in kept {
                let text =
                    format!("the points of the seats that booking {id} gave up for refund {} are still there", part.refund);
                late(Code::PointsKept, Some(part.at), book.position, stream.clone(), text);
            }
        }
        for (buyer, account) in &self.rewards.accounts {
            // A milestone voucher that was used can't be taken back; one that was not is.
            if account.milestones > account.seats / MILESTONE_SEATS && account.unused > 0 {
                let text = format!("{} milestone vouchers for {} seats", account.milestones, account.seats);
                late(Code::VoucherKept, account.at, account.position, StreamName::loyalty(buyer), text);
            }
        }
    }
}

/// The points of the seats that a partial refund gave up are taken back once.
fn revoke_part(
    e: &PointsRevoked,
    refund: u32,
    book: Option<&mut Book>,
    account: &mut Account,
    findings: &mut Findings,
    place: &Place,
) {
    account.seats = account.seats.saturating_sub(e.seats);
    let known = book.is_some();
    let gone = book.as_ref().is_some_and(|book| book.uncredited || !book.credited);
    let part =
        book.and_then(|book| book.parts.iter_mut().find(|part| part.refund == refund && part.state == PartState::Returned));
    findings.check(Code::RevokedWithoutRefund, known && part.is_some(), place, || {
        format!("refund {refund} of booking {} was not made", e.booking)
    });
    let Some(part) = part else { return };
    let right = u32::try_from(part.seats.len()) == Ok(e.seats) && e.points == e.seats.saturating_mul(POINTS_PER_SEAT);
    findings.check(Code::PointsDiffer, right, place, || {
        format!("refund {refund} of booking {} gave up other than {} seats", e.booking, e.seats)
    });
    let again = std::mem::replace(&mut part.uncredited, true) || gone;
    findings.check(Code::PointsTwice, !again, place, || {
        format!("the points of refund {refund} of booking {} are not there to be taken back", e.booking)
    });
}

/// A voucher is issued for a paid booking, to its buyer, and is the one it leads to.
fn check_issued(
    e: &VoucherIssued,
    buyer: &BuyerId,
    facts: Option<(&mut Book, &[Reward])>,
    account: &mut Account,
    findings: &mut Findings,
    place: &Place,
) {
    let paid = facts.as_ref().is_some_and(|(book, _)| book.was_paid());
    findings.check(Code::VoucherWithoutPayment, paid, place, || format!("booking {} is not paid", e.booking));
    let mut right = e.buyer == *buyer;
    match e.cause {
        VoucherCause::Booking => {
            if let Some((book, rewards)) = facts {
                if let Some(opened) = &book.opened {
                    right &= opened.count >= BOOKING_VOUCHER_SEATS && opened.buyer == *buyer;
                    right &= book.draw.and_then(|draw| drawn(e, draw, &opened.show, opened.count, rewards)).as_ref() == Some(e);
                }
                let again = std::mem::replace(&mut book.voucher, true);
                findings.check(Code::VoucherTwice, !again, place, || format!("booking {} had its voucher", e.booking));
            }
        }
        VoucherCause::Milestone => {
            account.milestones = account.milestones.saturating_add(1);
            account.unused = account.unused.saturating_add(1);
            let most = account.seats / MILESTONE_SEATS;
            right &= account.milestones <= most && e.reward == MILESTONE_REWARD && e.code.is_none();
            right &= (0..=most).any(|ordinal| voucher_id(e.booking, VoucherCause::Milestone, ordinal) == e.voucher);
        }
    }
    findings.check(Code::VoucherWrongDraw, right, place, || {
        format!("`{}` for booking {} is not what it leads to", e.reward, e.booking)
    });
}

/// The voucher that a booking's own seats lead to, whatever happened on the account before.
fn drawn(issued: &VoucherIssued, draw: Uuid, show: &ShowId, seats: u32, rewards: &[Reward]) -> Option<VoucherIssued> {
    let (buyer, booking, code) = (issued.buyer.clone(), issued.booking, issued.code.as_ref().map(|code| code.hash.clone()));
    let credit = LoyaltyCommand::Credit { buyer, booking, draw, show: show.clone(), seats, rewards: rewards.to_vec(), code };
    decide(&NoHistory::default(), credit).ok()?.into_iter().find_map(|event| match event {
        Event::VoucherIssued(issued) if issued.cause == VoucherCause::Booking => Some(issued),
        _ => None,
    })
}

/// A voucher is used or taken back, which it can be once.
fn use_up(
    vouchers: &mut HashMap<VoucherId, Voucher>,
    account: &mut Account,
    id: VoucherId,
    to: VoucherState,
    buyer: &BuyerId,
    findings: &mut Findings,
    place: &Place,
) {
    let voucher = vouchers.get_mut(&id).filter(|v| v.buyer == *buyer);
    let good = voucher.as_ref().is_some_and(|v| v.state == VoucherState::Issued);
    findings.check(Code::RedeemedTwice, good, place, || format!("voucher {id} is not there to be used or taken back"));
    let Some(voucher) = voucher.filter(|_| good) else { return };
    voucher.state = to;
    if voucher.cause == VoucherCause::Milestone {
        account.unused = account.unused.saturating_sub(1);
        if to == VoucherState::Revoked {
            account.milestones = account.milestones.saturating_sub(1);
        }
    }
}
