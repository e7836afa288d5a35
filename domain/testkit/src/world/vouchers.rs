//! Vouchers of a world.

use super::World;
use crate::PlainCodes;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::event::{
    CampaignCompleted, CampaignEndRequested, CampaignEnded, CampaignStarted, Discount, Reward, VoucherCreated, VoucherSource,
    VoucherTerms, Withdrawal,
};
use lastseat_domain::loyalty;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::voucher::{self, VoucherCommand, VoucherStep, Withdrawn};
use lastseat_domain::{BookingId, CampaignId, StreamName, VoucherHash};
use uuid::Uuid;

/// Once, at any time, for any seat.
#[must_use]
pub fn terms(discount: Discount) -> VoucherTerms {
    VoucherTerms::once(discount)
}

impl World {
    /// Issues vouchers with these terms.
    pub fn campaign(&mut self, terms: &VoucherTerms, count: u32) -> Vec<VoucherHash> {
        let campaign = CampaignId(Uuid::from_u128(((self.campaigns + 1) << 64) | 9));
        self.campaigns += 1;
        let (terms, first, by) = (terms.clone(), PlainCodes.of_campaign(campaign, 1), "manager".to_owned());
        let started = CampaignStarted { campaign, terms: terms.clone(), count, first, by, request: None };
        self.append(StreamName::campaign(campaign), &[started.into()]);
        let create = |number| {
            let voucher = PlainCodes.of_campaign(campaign, number);
            let source = VoucherSource::Campaign { campaign, number };
            let created = VoucherCreated { voucher: voucher.clone(), terms: terms.clone(), source };
            assert!(self.voucher(&voucher, VoucherCommand::Create(created)));
            voucher
        };
        let vouchers = (1..=count).map(create).collect();
        self.append(StreamName::campaign(campaign), &[CampaignCompleted { campaign }.into()]);
        vouchers
    }

    /// Ends the last campaign, which has these vouchers.
    pub fn end_campaign(&mut self, vouchers: &[VoucherHash]) {
        let campaign = CampaignId(Uuid::from_u128((self.campaigns << 64) | 9));
        let requested = CampaignEndRequested { campaign, by: "manager".to_owned(), reason: Some("Leaked".to_owned()) };
        self.append(StreamName::campaign(campaign), &[requested.into()]);
        for voucher in vouchers {
            assert!(self.voucher(voucher, VoucherCommand::Withdraw(Withdrawal::CampaignEnd { campaign })));
        }
        self.append(StreamName::campaign(campaign), &[CampaignEnded { campaign }.into()]);
    }

    /// Creates the voucher of what a booking draws, if that is worth something.
    pub fn create_reward(&mut self, booking: BookingId, draw: Uuid, seats: u32, rewards: &[Reward]) -> Option<VoucherHash> {
        let (reward, line) = loyalty::drawn(booking, draw, seats, rewards)?;
        let (voucher, terms) = (PlainCodes.of_reward(reward), terms(line.discount.clone()?));
        let created = VoucherCreated { voucher: voucher.clone(), terms, source: VoucherSource::Reward { reward } };
        assert!(self.voucher(&voucher, VoucherCommand::Create(created)));
        Some(voucher)
    }

    /// Withdraws what a refund costs the booking's buyer, and says how it was found. `part`: number and seats.
    pub fn withdraw_reward(&mut self, booking: BookingId, part: Option<(u32, u32)>) -> Option<Withdrawn> {
        let buyer = &self.bookings[&booking].opened.as_ref()?.buyer;
        let voucher = self.accounts.get(buyer)?.to_withdraw(booking, part)?.clone();
        assert!(self.voucher(&voucher, VoucherCommand::Withdraw(Withdrawal::Refund { booking })));
        self.vouchers[&voucher].found_at_refund
    }

    /// One command to one voucher. Whether the decider took it.
    pub fn voucher(&mut self, id: &VoucherHash, command: VoucherCommand) -> bool {
        let Ok(events) = voucher::decide(id, self.vouchers.get(id), command) else { return false };
        self.append(StreamName::voucher(id), &events);
        let state = events.iter().fold(self.vouchers.remove(id), voucher::evolve);
        self.vouchers.extend(state.map(|state| (id.clone(), state)));
        true
    }

    /// Reserves a voucher for a booking. The number of the application, if it could be reserved.
    pub fn reserve_voucher(&mut self, booking: BookingId, voucher: &VoucherHash) -> Option<u32> {
        let application = self.bookings[&booking].voucher_applications + 1;
        let reserve = VoucherCommand::Reserve { now: self.now, booking, application };
        self.voucher(voucher, reserve).then_some(application)
    }

    /// What a voucher takes off a booking, if it is for it.
    pub fn discount(&self, booking: &Booking, voucher: &VoucherHash) -> Option<i64> {
        let show = &self.shows[booking.show()?];
        let terms = &self.vouchers.get(voucher)?.created.terms;
        terms.discount_of(booking, |seat| show.category_of(seat).map(|category| category.category.clone())).ok()
    }

    /// Reserves and applies a voucher. Whether the booking has it then.
    pub fn apply_voucher(&mut self, id: BookingId, voucher: &VoucherHash) -> bool {
        let booking = self.bookings[&id].clone();
        let Some(discount) = self.discount(&booking, voucher) else { return false };
        if booking.check_takes_voucher(self.now).is_err() {
            return false;
        }
        let Some(application) = self.reserve_voucher(id, voucher) else { return false };
        let (now, voucher) = (self.now, voucher.clone());
        self.booking(id, BookingCommand::ApplyVoucher { now, voucher, application, discount })
    }

    /// One step of what has to follow for the vouchers that a booking has. Whether there was one.
    pub fn settle_voucher(&mut self, id: BookingId) -> bool {
        let booking = self.bookings[&id].clone();
        let returns = booking.show().is_some_and(|show| self.shows[show].facts.vouchers_return);
        let claims = self.vouchers.iter().filter_map(|(voucher, state)| Some((voucher.clone(), *state.claims.get(&id)?)));
        let claims: Vec<_> = claims.collect();
        claims.into_iter().any(|(voucher, claim)| {
            let application = claim.application;
            match voucher::next_step(&booking, &voucher, application, returns) {
                VoucherStep::Keep => false,
                VoucherStep::UseUp if claim.used => false,
                VoucherStep::UseUp => self.voucher(&voucher, VoucherCommand::Use { booking: id, application }),
                VoucherStep::Free => self.voucher(&voucher, VoucherCommand::Free { booking: id, application }),
                VoucherStep::Fence => self.booking(id, BookingCommand::FenceVoucher { voucher, application }),
            }
        })
    }
}
