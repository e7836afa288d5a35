//! Rewards that are worth something: their codes, whose own streams say what has become of them, and the accounts that say
//! that they were issued and taken back.

use super::code::Code;
use super::facts::{CodeOfReward, VoucherFact, WithdrawnAs, at_the_end};
use super::report::{Findings, Place};
use super::state::Audit;
use lastseat_domain::event::{VoucherCreated, VoucherIssued, VoucherTerms};
use lastseat_domain::{Envelope, StreamName, VoucherHash, VoucherId};
use std::collections::HashMap;
use std::sync::Arc;

impl Audit {
    pub(super) fn create_code_of_reward(&mut self, e: &VoucherCreated, reward: VoucherId, envelope: &Envelope, place: &Place) {
        let new = !self.vouchers.contains_key(&e.voucher);
        self.findings.check(Code::VoucherTwice, new, place, || "a voucher with this code is there already".to_owned());
        let VoucherTerms { discount: _, uses, valid_from, valid_until, shows, categories, opens } = &e.terms;
        let any_seat = shows.is_empty() && categories.is_empty() && opens.is_empty();
        let plain = *uses == 1 && valid_from.is_none() && valid_until.is_none() && any_seat;
        self.findings.check(Code::RewardDiffers, plain, place, || format!("the code of reward {reward} has terms of its own"));
        if new {
            let (since, position) = (envelope.metadata.at, envelope.position);
            let code = CodeOfReward { reward, issued: false, since, position, withdrawn: None };
            let terms = Arc::new(e.terms.clone());
            self.vouchers.insert(e.voucher.clone(), VoucherFact::of_reward(terms, code));
        }
    }

    /// No code is good of which no account says that it was issued.
    pub(super) fn finish_codes_of_rewards(&mut self) {
        let (findings, activity) = (&mut self.findings, &self.activity);
        for (voucher, fact) in &self.vouchers {
            let Some(code) = fact.reward.as_ref().filter(|code| !code.issued) else { continue };
            let (stream, text) = (StreamName::voucher(voucher), format!("reward {} was not issued", code.reward));
            if activity.is_late(code.since) {
                findings.wrong(Code::RewardDiffers, &at_the_end(code.position, &stream), || text);
            } else {
                findings.pending(stream, text);
            }
        }
    }
}

/// A reward is issued with the code that was created for it, and with what that is worth.
pub(super) fn issue(e: &VoucherIssued, vouchers: &mut HashMap<VoucherHash, VoucherFact>, findings: &mut Findings, place: &Place) {
    let Some(issued) = &e.code else { return };
    let fact = vouchers.get_mut(&issued.hash);
    let right = fact.is_some_and(|fact| {
        let worth = fact.terms.discount == issued.discount;
        let code = fact.reward.as_mut().filter(|code| code.reward == e.voucher);
        worth && code.is_some_and(|code| !std::mem::replace(&mut code.issued, true))
    });
    findings.check(Code::RewardDiffers, right, place, || {
        format!("no code was created for reward {} that is worth this, or it was issued before", e.voucher)
    });
}

/// How the code of a reward was when it was withdrawn for a refund; `None` if it was not.
pub(super) fn withdrawn(vouchers: &HashMap<VoucherHash, VoucherFact>, code: &VoucherHash) -> Option<WithdrawnAs> {
    vouchers.get(code)?.reward.as_ref()?.withdrawn
}
