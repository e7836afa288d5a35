//! The vouchers of rewards that are worth something: created before the account says that they were issued, and withdrawn
//! before it says that they were revoked. Until then the account lacks the booking or its refund, so whatever a node
//! leaves half done is done again, by itself or by another, and is the same.

use super::super::cause::Cause;
use super::super::pending_bookings::Part;
use super::{Accounts, context};
use crate::error::{CommandError, Fault};
use lastseat_domain::event::{BookingOpened, Discount, VoucherCreated, VoucherSource, VoucherTerms, Withdrawal};
use lastseat_domain::loyalty::Account;
use lastseat_domain::voucher::{Voucher, VoucherCommand, Withdrawn};
use lastseat_domain::{BuyerId, VoucherHash, VoucherId};

impl Accounts {
    /// Creates the voucher of a reward. `None` if the booking was counted before: its reward was issued, perhaps by a node
    /// with another secret, under which it has another code.
    pub(super) async fn create(
        &self,
        opened: &BookingOpened,
        reward: VoucherId,
        discount: &Discount,
        cause: &Cause,
    ) -> Result<Option<VoucherHash>, CommandError> {
        if self.look_at(&opened.buyer, |account| account.counted.contains_key(&opened.booking)).await? {
            return Ok(None);
        }
        let voucher = self.services.ports.vouchers.of_reward(reward);
        let terms = VoucherTerms::once(discount.clone());
        let created = VoucherCreated { voucher: voucher.clone(), terms, source: VoucherSource::Reward { reward } };
        let context = context(opened.booking, cause);
        self.services.journal.execute::<Voucher>(&voucher, VoucherCommand::Create(created), &context, &mut None).await?;
        Ok(Some(voucher))
    }

    /// Withdraws what a refund costs the account, and says how it was found.
    pub(super) async fn withdraw(
        &self,
        opened: &BookingOpened,
        part: Option<Part>,
        cause: &Cause,
    ) -> Result<Option<Withdrawn>, CommandError> {
        let booking = opened.booking;
        let part = part.map(|part| (part.refund, part.seats));
        let voucher = self.look_at(&opened.buyer, |account| account.to_withdraw(booking, part).cloned()).await?;
        let Some(voucher) = voucher else { return Ok(None) };
        let (command, mut known) = (VoucherCommand::Withdraw(Withdrawal::Refund { booking }), None);
        self.services.journal.execute::<Voucher>(&voucher, command, &context(booking, cause), &mut known).await?;
        Ok(known.and_then(|known| known.state).and_then(|voucher| voucher.found_at_refund))
    }

    /// Looks at an account as the log has it now. Of one that was used a moment ago only what is new is read.
    async fn look_at<T>(&self, buyer: &BuyerId, look: impl FnOnce(&Account) -> T) -> Result<T, Fault> {
        let recent = self.recent.lock().take(buyer);
        let known = match recent {
            Some(known) => self.services.journal.catch_up::<Account>(buyer, known).await?,
            None => self.services.journal.load::<Account>(buyer).await?,
        };
        let seen = look(&known.state);
        self.recent.lock().put(buyer.clone(), known);
        Ok(seen)
    }
}
