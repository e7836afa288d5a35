//! Vouchers, as their streams say, and what they take off bookings. What a discount comes to is computed here once
//! more, by the audit's own reading of the terms.

use super::code::Code;
use super::facts::{Applied, Book, Claim, Decision, Opened, ShowFacts, VoucherFact, WithdrawnAs, at_the_end};
use super::report::{Findings, Place};
use super::state::Audit;
use lastseat_domain::event::{Discount, Event, VoucherApplied, VoucherCreated, VoucherSource, VoucherTerms, Withdrawal};
use lastseat_domain::{BookingId, Envelope, ShowId, StreamName, Timestamp, VoucherHash};
use std::collections::HashMap;
use std::sync::Arc;

impl Audit {
    pub(super) fn take_voucher(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let voucher = match &envelope.event {
            Event::VoucherCreated(e) => &e.voucher,
            Event::VoucherReserved(e) => &e.voucher,
            Event::VoucherFreed(e) => &e.voucher,
            Event::VoucherUsed(e) => &e.voucher,
            Event::VoucherWithdrawn(e) => &e.voucher,
            Event::GoodsHandedOver(e) => &e.voucher,
            _ => return,
        };
        let own = envelope.stream.as_voucher().as_ref() == Some(voucher);
        self.findings.check(Code::WrongStream, own, &place, || "it is about another voucher".to_owned());
        if let Event::VoucherCreated(e) = &envelope.event {
            return self.create_voucher(e, envelope, &place);
        }
        let Some(fact) = self.vouchers.get_mut(voucher) else {
            return self.findings.wrong(Code::AfterTheEnd, &place, || "no voucher was created with this code".to_owned());
        };
        let mut step = Step { voucher, fact, findings: &mut self.findings, place, at: envelope.metadata.at };
        match &envelope.event {
            Event::VoucherReserved(e) => step.reserve(e.booking, e.application, envelope),
            Event::VoucherFreed(e) => step.free(e.booking, e.application, self.bookings.get(&e.booking), &self.shows),
            Event::VoucherUsed(e) => step.use_up(e.booking, e.application, self.bookings.get(&e.booking)),
            Event::VoucherWithdrawn(e) => {
                match &e.cause {
                    Withdrawal::Refund { booking } => {
                        let earned = step.fact.reward.as_ref().and_then(|code| self.rewards.vouchers.get(&code.reward));
                        let earned = earned.is_some_and(|voucher| voucher.booking == *booking);
                        step.withdraw_for_refund(*booking, earned, self.bookings.get(booking));
                    }
                    Withdrawal::CampaignEnd { campaign } => {
                        let ending = self.campaigns.get(campaign).is_some_and(|campaign| campaign.ending);
                        let ending = ending && step.fact.campaign == Some(*campaign);
                        step.check(Code::CampaignEndDiffers, ending, || {
                            format!("campaign {campaign} is not ending, or not its own")
                        });
                        step.withdraw_once();
                    }
                    Withdrawal::Staff { .. } => step.withdraw_once(),
                }
                let new = !std::mem::replace(&mut step.fact.withdrawn, true);
                if let Some(campaign) = step.fact.campaign.and_then(|id| self.campaigns.get_mut(&id)) {
                    campaign.withdrawn += u32::from(new);
                }
            }
            Event::GoodsHandedOver(_) => step.hand_over(),
            _ => {}
        }
    }

    fn create_voucher(&mut self, e: &VoucherCreated, envelope: &Envelope, place: &Place) {
        let (campaign, number) = match &e.source {
            VoucherSource::Campaign { campaign, number } => (campaign, number),
            VoucherSource::Reward { reward } => return self.create_code_of_reward(e, *reward, envelope, place),
        };
        let new = !self.vouchers.contains_key(&e.voucher);
        self.findings.check(Code::VoucherTwice, new, place, || "a voucher with this code is there already".to_owned());
        let fact = self.campaigns.get_mut(campaign);
        let right = fact.as_ref().is_some_and(|fact| {
            *fact.terms == e.terms && !fact.completed && (1..=fact.count).contains(number) && fact.created < fact.count
        });
        self.findings.check(Code::CampaignDiffers, right, place, || {
            format!("voucher {number} of campaign {campaign} is not one of those that it issues")
        });
        let terms = fact.map(|fact| {
            fact.created += u32::from(new);
            Arc::clone(&fact.terms)
        });
        if new {
            let terms = terms.filter(|terms| **terms == e.terms).unwrap_or_else(|| Arc::new(e.terms.clone()));
            self.vouchers.insert(e.voucher.clone(), VoucherFact::of_campaign(terms, *campaign));
        }
    }

    /// No voucher stays reserved for a booking that is over, or that was paid.
    pub(super) fn finish_vouchers(&mut self) {
        let (findings, activity) = (&mut self.findings, &self.activity);
        for (voucher, fact) in &self.vouchers {
            for claim in fact.claims.iter().filter(|claim| !claim.used) {
                let Some(since) = self.bookings.get(&claim.booking).and_then(|book| done_since(book, voucher, claim)) else {
                    continue;
                };
                let (stream, since) = (StreamName::voucher(voucher), since.max(claim.since));
                let text = format!("it is still reserved for booking {}, which has done with it", claim.booking);
                if activity.is_late(since) {
                    findings.wrong(Code::StuckVoucher, &at_the_end(claim.position, &stream), || text);
                } else {
                    findings.pending(stream, text);
                }
            }
        }
    }
}

/// Since when a booking has done with a voucher; `None` while it has not.
fn done_since(book: &Book, voucher: &VoucherHash, claim: &Claim) -> Option<Timestamp> {
    if book.decision.is_over() {
        return book.over_at;
    }
    let applied = book.has_voucher(voucher, claim.application);
    if applied {
        book.captured.and(book.captured_at)
    } else {
        book.voucher_removed_at.filter(|_| claim.application <= book.applications)
    }
}

/// A check of the voucher that an event is about.
struct Step<'a> {
    voucher: &'a VoucherHash,
    fact: &'a mut VoucherFact,
    findings: &'a mut Findings,
    place: Place,
    at: Timestamp,
}

impl Step<'_> {
    fn check(&mut self, code: Code, holds: bool, text: impl FnOnce() -> String) {
        self.findings.check(code, holds, &self.place, text);
    }

    /// One more use is within the terms, and it was not withdrawn.
    fn check_use(&mut self, goods: bool) {
        self.check(Code::WithdrawnUsed, !self.fact.withdrawn, || "it was withdrawn before".to_owned());
        let (terms, at) = (Arc::clone(&self.fact.terms), self.at);
        let uses = u32::try_from(self.fact.claims.len()).unwrap_or(u32::MAX).saturating_add(self.fact.handed_over);
        self.check(Code::VoucherOverused, uses < terms.uses, || {
            format!("it was used {uses} times, and may be {} times", terms.uses)
        });
        let valid = terms.valid_from.is_none_or(|from| from <= at) && terms.valid_until.is_none_or(|until| at < until);
        self.check(Code::VoucherOverused, valid, || format!("it is used at {at}, when it is not valid"));
        let is_goods = matches!(terms.discount, Discount::Goods(_));
        self.check(Code::VoucherOverused, goods == is_goods, || "it is used for what it is not good for".to_owned());
    }

    fn reserve(&mut self, booking: BookingId, application: u32, envelope: &Envelope) {
        let twice = self.fact.claims.iter().any(|claim| claim.booking == booking);
        self.check(Code::VoucherOverused, !twice, || format!("booking {booking} has it already"));
        self.check_use(false);
        let (since, position) = (self.at, envelope.position);
        self.fact.claims.retain(|claim| claim.booking != booking);
        self.fact.claims.push(Claim { booking, application, used: false, since, position });
    }

    /// The booking's claim, if it has this one.
    fn claim(&mut self, booking: BookingId, application: u32) -> Option<Claim> {
        let claim = self.fact.claims.iter().find(|claim| claim.booking == booking && claim.application == application);
        let claim = claim.copied();
        self.check(Code::VoucherUnowned, claim.is_some(), || format!("booking {booking} does not have it"));
        claim
    }

    fn free(&mut self, booking: BookingId, application: u32, book: Option<&Book>, shows: &HashMap<ShowId, ShowFacts>) {
        let Some(claim) = self.claim(booking, application) else { return };
        let voucher = self.voucher;
        let allowed = book.is_some_and(|book| {
            let applied = book.has_voucher(voucher, application);
            let returns = || {
                let show = book.opened.as_ref().and_then(|opened| shows.get(&opened.show));
                show.is_some_and(|show| show.latest().facts.vouchers_return)
            };
            match book.decision {
                Decision::Aborted => !claim.used,
                Decision::Refunded => !applied || returns(),
                Decision::Open | Decision::Committed => !applied && application <= book.applications,
            }
        });
        self.check(Code::VoucherFreedEarly, allowed, || {
            format!("booking {booking} gives it back, and has neither removed it nor ended")
        });
        self.fact.claims.retain(|claim| claim.booking != booking);
    }

    fn use_up(&mut self, booking: BookingId, application: u32, book: Option<&Book>) {
        let Some(claim) = self.claim(booking, application) else { return };
        let paid = book.is_some_and(|book| book.was_paid() && book.has_voucher(self.voucher, application));
        self.check(Code::VoucherUnpaid, paid, || format!("booking {booking} is not paid with it"));
        self.check(Code::VoucherOverused, !claim.used, || format!("booking {booking} has used it up before"));
        if let Some(claim) = self.fact.claims.iter_mut().find(|claim| claim.booking == booking) {
            claim.used = true;
        }
    }

    fn withdraw_once(&mut self) {
        self.check(Code::AfterTheEnd, !self.fact.withdrawn, || "it was withdrawn before".to_owned());
    }

    /// `earned`: whether it is the code of a reward that this booking has earned. Staff may have withdrawn it before.
    fn withdraw_for_refund(&mut self, booking: BookingId, earned: bool, book: Option<&Book>) {
        let lost = book.is_some_and(|book| book.decision == Decision::Refunded || book.has_lost_voucher());
        self.check(Code::RevokedWithoutRefund, earned && lost, || {
            format!("booking {booking} did not earn it, or is not refunded")
        });
        let used = self.fact.is_used();
        let before = self.fact.reward.as_mut().and_then(|code| {
            let found = if used { WithdrawnAs::Used } else { WithdrawnAs::Unused };
            code.withdrawn.replace(found)
        });
        self.check(Code::AfterTheEnd, before.is_none(), || "it was withdrawn for a refund before".to_owned());
    }

    fn hand_over(&mut self) {
        self.check_use(true);
        self.fact.handed_over = self.fact.handed_over.saturating_add(1);
    }
}

/// Judges what an event of a booking says of its voucher.
pub(super) fn judge_booking(
    book: &mut Book,
    envelope: &Envelope,
    vouchers: &HashMap<VoucherHash, VoucherFact>,
    shows: &HashMap<ShowId, ShowFacts>,
    findings: &mut Findings,
    place: &Place,
) {
    match &envelope.event {
        Event::VoucherApplied(e) => {
            let in_time = book.deadline.is_some_and(|deadline| envelope.metadata.at < deadline);
            let free = book.decision == Decision::Open && book.attempt == 0 && in_time && book.applied.is_none();
            findings.check(Code::DiscountLate, free, place, || {
                "a voucher is applied, and it has one, or is over, or its payment was begun".to_owned()
            });
            let fact = vouchers.get(&e.voucher);
            let reserved = fact.is_some_and(|fact| {
                fact.claims.iter().any(|claim| claim.booking == e.booking && claim.application == e.application && !claim.used)
            });
            findings.check(Code::DiscountWithoutVoucher, reserved && e.application > book.applications, place, || {
                format!("voucher {} is not reserved for application {}", e.voucher, e.application)
            });
            let own = book.opened.as_ref().and_then(|opened| opened.voucher.as_ref());
            findings.check(Code::DiscountWithoutVoucher, own.is_none_or(|own| *own == e.voucher), place, || {
                "another voucher is applied than the one that it was opened with".to_owned()
            });
            // What opens its seats may take nothing off.
            let least = i64::from(own.is_none());
            let due = fact.zip(book.opened.as_deref()).and_then(|(fact, opened)| due(&fact.terms, opened, shows));
            let due = due.filter(|due| *due >= least);
            findings.check(Code::DiscountDiffers, fact.is_none() || due == Some(e.discount), place, || {
                let due = due.map_or_else(|| "nothing".to_owned(), |due| due.to_string());
                format!("{} is taken off, by the voucher's terms {due}", e.discount)
            });
            let VoucherApplied { voucher, application, discount, .. } = e.clone();
            book.applications = book.applications.max(application);
            book.applied = Some(Applied { voucher, application, discount });
        }
        Event::VoucherRemoved(e) => {
            let applied = book.has_voucher(&e.voucher, e.application);
            let in_time = book.attempt == 0 && book.decision == Decision::Open;
            findings.check(Code::DiscountLate, in_time || !applied, place, || {
                "its voucher is removed, and it is over, or its payment was begun".to_owned()
            });
            let known = applied || e.application > book.applications;
            findings.check(Code::AfterTheEnd, known, place, || "a voucher is removed that it does not have".to_owned());
            book.applications = book.applications.max(e.application);
            book.voucher_removed_at = Some(envelope.metadata.at);
            if applied {
                book.applied = None;
            }
        }
        Event::PaymentStarted(_) | Event::BookingCommitted(_) => {
            let own = book.opened.as_ref().and_then(|opened| opened.voucher.as_ref());
            let applied = book.applied.as_ref().map(|applied| &applied.voucher);
            findings.check(Code::PaidWithoutVoucher, own.is_none() || own == applied, place, || {
                "it has not the voucher that it was opened with".to_owned()
            });
        }
        _ => {}
    }
}

/// What a voucher takes off a booking; `None` if it is not for it.
fn due(terms: &VoucherTerms, opened: &Opened, shows: &HashMap<ShowId, ShowFacts>) -> Option<i64> {
    let edition = shows.get(&opened.show)?.at(opened.revision)?;
    let is_for = |seat: &u32| {
        terms.categories.is_empty() || edition.category_of(*seat).is_some_and(|category| terms.categories.contains(category))
    };
    if !terms.shows.is_empty() && !terms.shows.contains(&opened.show) {
        return None;
    }
    let fees = edition.facts.fees;
    let of_seats = opened.seats.iter().zip(&opened.prices).filter(|(seat, _)| is_for(seat));
    let mut costs: Vec<i64> = of_seats.map(|(_, price)| price.saturating_add(fees.per_seat)).collect();
    costs.sort_unstable();
    let booking_fee = |seats: usize| if u32::try_from(seats) == Ok(opened.count) { fees.per_booking } else { 0 };
    let sum = |costs: &[i64]| costs.iter().fold(booking_fee(costs.len()), |sum, cost| sum.saturating_add(*cost));
    let all = sum(&costs);
    Some(match &terms.discount {
        Discount::Nothing => 0,
        Discount::Percent(percent) => i64::try_from(i128::from(all) * i128::from(*percent) / 100).ok()?,
        Discount::Amount(amount) if amount.currency == opened.amount.currency => all.min(amount.value),
        Discount::FreeSeats(free) => {
            let dearest: Vec<i64> = costs.iter().rev().take(usize::try_from(*free).ok()?).copied().collect();
            sum(&dearest)
        }
        Discount::Amount(_) | Discount::Goods(_) => return None,
    })
}
