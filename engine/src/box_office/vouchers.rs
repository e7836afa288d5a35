//! Vouchers: campaigns that issue them, and what is done with one.

use super::BoxOffice;
use crate::campaigns;
use crate::error::CommandError;
use crate::hold;
use crate::origin::{Context, Origin};
use crate::payment::PaymentMessage;
use crate::requests::{CampaignRequest, CampaignStatus, Hold, HoldRequest};
use futures::{StreamExt, TryStreamExt};
use lastseat_domain::block::Access;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::Withdrawal;
use lastseat_domain::voucher::{Voucher, VoucherCommand};
use lastseat_domain::{BookingId, CampaignId, Rejection, VoucherHash};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Vouchers of a page that are read at the same time.
const READ_AT_ONCE: usize = 16;

impl BoxOffice {
    /// Holds seats of the blocks that a voucher opens, and applies it. If another booking is faster, nothing is held.
    pub(super) async fn hold_with_voucher(
        &self,
        request: &HoldRequest,
        access: Access,
        seller: &str,
        voucher: &VoucherHash,
    ) -> Result<Hold, CommandError> {
        let hold = hold::hold_with_voucher(&self.services, request, access, seller, voucher).await?;
        self.with_its_voucher(hold, voucher, seller).await
    }

    /// A hold with the voucher that opened its seats.
    pub(super) async fn with_its_voucher(&self, hold: Hold, voucher: &VoucherHash, seller: &str) -> Result<Hold, CommandError> {
        let context = Context::step(seller, hold.booking.id.0);
        let message = |reply| PaymentMessage::ApplyOrCancel(context.clone(), voucher.clone(), reply);
        let booking = self.payments.command(hold.booking.id, message).await.map_err(CommandError::begun)?;
        Ok(Hold { booking, ..hold })
    }

    /// Lowers what a held booking costs, before the first attempt to pay. Applied already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn apply_voucher(
        &self,
        booking: BookingId,
        voucher: &VoucherHash,
        by: impl Into<Origin>,
    ) -> Result<Booking, CommandError> {
        let context = self.command(by);
        let message = |reply| PaymentMessage::ApplyVoucher(context.clone(), voucher.clone(), reply);
        self.payments.command(booking, message).await
    }

    /// Takes the voucher off a booking that is not paid yet; somebody else can use it then. None there is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn remove_voucher(&self, booking: BookingId, by: impl Into<Origin>) -> Result<Booking, CommandError> {
        let context = self.command(by);
        self.payments.command(booking, |reply| PaymentMessage::RemoveVoucher(context.clone(), reply)).await
    }

    /// Records that staff hand over the goods that a voucher is for.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hand_over_goods(&self, voucher: &VoucherHash, by: impl Into<Origin>) -> Result<Voucher, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let origin = by.into();
        let command = VoucherCommand::HandOver { now: self.services.now(), by: origin.by.clone() };
        let context = self.command(origin);
        let _guard = self.services.vouchers_in_hand.wait(voucher).await;
        self.services.vouchers.execute(voucher, command, &context, None).await?;
        self.voucher(voucher).await
    }

    /// Withdraws a voucher: nobody can use it any more, and bookings that have it keep it. Withdrawn already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn withdraw_voucher(
        &self,
        voucher: &VoucherHash,
        reason: Option<String>,
        by: impl Into<Origin>,
    ) -> Result<Voucher, CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let origin = by.into();
        let command = VoucherCommand::Withdraw(Withdrawal::Staff { by: origin.by.clone(), reason });
        let context = self.command(origin);
        let _guard = self.services.vouchers_in_hand.wait(voucher).await;
        self.services.vouchers.execute(voucher, command, &context, None).await?;
        self.voucher(voucher).await
    }

    /// A voucher as the log has it now.
    ///
    /// # Errors
    /// `UnknownVoucher`; faults.
    pub async fn voucher(&self, voucher: &VoucherHash) -> Result<Voucher, CommandError> {
        let found = self.services.vouchers.load(voucher).await?.state;
        found.ok_or_else(|| Rejection::UnknownVoucher.into())
    }

    /// Issues vouchers with the same terms. The answer comes after `payment_patience` at most, with what is there by
    /// then; the others follow. The same request again issues no others.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn start_campaign(&self, request: CampaignRequest) -> Result<CampaignStatus, CommandError> {
        let id = request.campaign;
        let context = self.command(request.origin.clone()).belonging_to(id.0);
        campaigns::start(&self.services, request, &context).await?;
        self.finish_campaign(id).await
    }

    /// Ends a campaign: withdraws each of its vouchers, whether it is there already or not. Bookings that have one keep it.
    /// The answer comes after `payment_patience` at most; what is left follows. Ended already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn end_campaign(
        &self,
        campaign: CampaignId,
        reason: Option<String>,
        by: impl Into<Origin>,
    ) -> Result<CampaignStatus, CommandError> {
        let context = self.command(by).belonging_to(campaign.0);
        campaigns::request_end(&self.services, campaign, reason, &context).await?;
        self.finish_campaign(campaign).await
    }

    /// Has done what is left to be done for a campaign, and says how far it is after `payment_patience` at most.
    async fn finish_campaign(&self, id: CampaignId) -> Result<CampaignStatus, CommandError> {
        let services = &self.services;
        let patience = chrono::TimeDelta::from_std(services.settings.payment_patience).unwrap_or_default();
        let finishing = Arc::clone(services);
        // A task of its own: it goes on when the caller has its answer, or hangs up.
        let mut task = self.tasks.spawn(async move {
            let _guard = finishing.campaigns_in_hand.wait(&id).await;
            if let Err(error) = campaigns::finish(&finishing, id).await {
                tracing::warn!(campaign = %id, %error, "something is left to be done for a campaign; it follows");
            }
        });
        tokio::select! {
            biased;
            _ = &mut task => {}
            () = services.ports.clock.sleep_until(services.now() + patience) => {}
        }
        campaigns::status(services, id).await.map_err(CommandError::begun)
    }

    /// A campaign, and how many of its vouchers are there.
    ///
    /// # Errors
    /// `CampaignNotFound`, `CodesUnavailable`; faults.
    pub async fn campaign(&self, campaign: CampaignId) -> Result<CampaignStatus, CommandError> {
        campaigns::status(&self.services, campaign).await
    }

    /// Vouchers of a campaign that are issued, by their numbers, as the log has them now.
    ///
    /// # Errors
    /// `UnknownVoucher`; faults.
    pub async fn vouchers_of(&self, campaign: CampaignId, numbers: RangeInclusive<u32>) -> Result<Vec<Voucher>, CommandError> {
        let of = |number| {
            let voucher = self.services.ports.vouchers.of_campaign(campaign, number);
            async move { self.voucher(&voucher).await }
        };
        futures::stream::iter(numbers.map(of)).buffered(READ_AT_ONCE).try_collect().await
    }
}
