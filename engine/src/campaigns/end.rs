//! Ends a campaign: withdraws each of its vouchers.
//!
//! A voucher that is not there yet is created and withdrawn in one append. A task that still creates vouchers of the campaign,
//! on this node or another, finds it there then, so no voucher is usable once the campaign has ended. A voucher that a
//! booking reserves first is withdrawn after that: the booking keeps it.

use super::finish::{AT_ONCE, Finisher};
use super::start::{BATCH, check_secret};
use crate::error::{CommandError, Fault};
use crate::loaded::Loaded;
use crate::origin::Context;
use crate::services::Services;
use futures::{StreamExt, TryStreamExt, stream};
use lastseat_domain::campaign::{Campaign, CampaignCommand};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::{VoucherCreated, Withdrawal};
use lastseat_domain::ports::event_log::StreamWrite;
use lastseat_domain::voucher::{self, Voucher, VoucherCommand};
use lastseat_domain::{CampaignId, Rejection, codec};

/// Appends that the campaign is to end. Requested before is a success.
///
/// # Errors
/// `CampaignNotFound`; `CodesUnavailable` where this node has another secret; faults.
pub(crate) async fn request_end(
    services: &Services,
    id: CampaignId,
    reason: Option<String>,
    context: &Context,
) -> Result<(), CommandError> {
    let _permit = services.holds.enter(false)?;
    let known = services.journal.load::<Campaign>(&id).await?;
    // With another secret this node would withdraw other vouchers.
    check_secret(services, known.state.as_ref().ok_or(Rejection::CampaignNotFound)?)?;
    let command = CampaignCommand::RequestEnd { by: context.by.clone(), reason };
    services.journal.execute::<Campaign>(&id, command, context, &mut Some(known)).await?;
    Ok(())
}

impl Finisher<'_> {
    /// Withdraws all vouchers of the campaign. After a crash it goes on where it was.
    pub(super) async fn withdraw_all(&self) -> Result<(), CommandError> {
        let (mut from, count) = (self.withdrawn().await?, self.campaign.started.count);
        while from < count {
            let to = count.min(from + BATCH);
            self.withdraw(from + 1, to).await?;
            from = to;
        }
        Ok(())
    }

    /// How many vouchers are there and withdrawn for certain. A batch is begun when all before it are done, so one voucher that was
    /// withdrawn for the end says that of all earlier batches.
    async fn withdrawn(&self) -> Result<u32, Fault> {
        let (mut low, mut high) = (0, self.campaign.started.count.div_ceil(BATCH));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.is_begun(middle).await? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.saturating_sub(1) * BATCH)
    }

    /// Whether a batch has a voucher that was withdrawn for the end. One that staff withdrew before says nothing; if they did that
    /// with a whole batch, the answer is no, and some vouchers are read that need not be.
    async fn is_begun(&self, batch: u32) -> Result<bool, Fault> {
        let last = self.campaign.started.count.min((batch + 1) * BATCH);
        for number in batch * BATCH + 1..=last {
            let id = self.services.ports.vouchers.of_campaign(self.campaign.started.campaign, number);
            match self.services.journal.load::<Voucher>(&id).await?.state {
                Some(voucher) if voucher.withdrawn_at_end => return Ok(true),
                Some(voucher) if voucher.withdrawn => {}
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Withdraws the vouchers with these numbers.
    async fn withdraw(&self, first: u32, last: u32) -> Result<(), CommandError> {
        let write = |number| async move {
            let created = self.voucher(number);
            let known = self.services.journal.load::<Voucher>(&created.voucher).await?;
            Ok::<_, CommandError>(self.write(&created, &known)?.map(|write| (created, write)))
        };
        let writes: Vec<_> = stream::iter((first..=last).map(write)).buffered(AT_ONCE).try_collect().await?;
        let (vouchers, writes): (Vec<_>, Vec<_>) = writes.into_iter().flatten().unzip();
        if writes.is_empty() {
            return Ok(());
        }
        let outcomes = self.services.journal.append(writes).await?;
        // Somebody was faster. On an atomic log none of the others was written then.
        let left = vouchers.into_iter().zip(outcomes).filter(|(_, outcome)| !outcome.is_written());
        let each = stream::iter(left.map(|(created, _)| async move {
            let (id, context) = (created.voucher.clone(), self.context());
            let journal = &self.services.journal;
            journal.execute::<Voucher>(&id, VoucherCommand::Create(created), &context, &mut None).await?;
            journal.execute::<Voucher>(&id, self.withdrawal(), &context, &mut None).await.map(drop)
        }));
        each.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// What creates the voucher, if it is not there, and withdraws it. `None`: it is withdrawn.
    fn write(&self, created: &VoucherCreated, known: &Loaded<Option<Voucher>>) -> Result<Option<StreamWrite>, CommandError> {
        let id = &created.voucher;
        let mut events = voucher::decide(id, known.state.as_ref(), VoucherCommand::Create(created.clone()))?;
        let there = events.iter().fold(known.state.clone(), voucher::evolve);
        events.extend(voucher::decide(id, there.as_ref(), self.withdrawal())?);
        if events.is_empty() {
            return Ok(None);
        }
        let stream = Voucher::stream(id);
        let metadata = known.metadata(&stream, &self.context(), self.services.now());
        Ok(Some(codec::encode(stream, known.expected, &events, &metadata).map_err(Fault::from)?))
    }

    fn withdrawal(&self) -> VoucherCommand {
        VoucherCommand::Withdraw(Withdrawal::CampaignEnd { campaign: self.campaign.started.campaign })
    }
}
