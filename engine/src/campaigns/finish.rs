//! Does what is left to be done for a campaign, after it was started or is to end, or after a crash: creates the vouchers
//! that are missing, or withdraws those that can be used.

use super::start::{BATCH, check_secret, issued};
use crate::error::{CommandError, Fault};
use crate::loaded::Loaded;
use crate::origin::Context;
use crate::services::Services;
use futures::{StreamExt, TryStreamExt, stream};
use lastseat_domain::campaign::{Campaign, CampaignCommand};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::{Event, VoucherCreated, VoucherSource};
use lastseat_domain::ports::event_log::Expected;
use lastseat_domain::voucher::{Voucher, VoucherCommand};
use lastseat_domain::{CampaignId, Metadata, codec};

/// Who does it, whichever node it is.
const FINISHER: &str = "campaigns";
/// Vouchers that are looked at one by one, at a time.
pub(super) const AT_ONCE: usize = 16;

/// Completes a campaign, and ends it if that was requested. Nothing left to be done is a success.
///
/// # Errors
/// `CodesUnavailable` where this node has another secret; faults.
pub(crate) async fn finish(services: &Services, id: CampaignId) -> Result<(), CommandError> {
    loop {
        let loaded = services.journal.load::<Campaign>(&id).await?;
        let Some(campaign) = loaded.state.as_ref().filter(|campaign| !campaign.is_settled()) else { return Ok(()) };
        check_secret(services, campaign)?;
        let finisher = Finisher { services, campaign, loaded: &loaded };
        if campaign.end.is_some() {
            finisher.withdraw_all().await?;
            finisher.execute(CampaignCommand::Complete).await?;
            finisher.execute(CampaignCommand::End).await?;
        } else if finisher.issue().await? {
            finisher.execute(CampaignCommand::Complete).await?;
        }
    }
}

/// A campaign with something left to be done.
pub(super) struct Finisher<'a> {
    pub services: &'a Services,
    pub campaign: &'a Campaign,
    /// The same as it was read.
    pub loaded: &'a Loaded<Option<Campaign>>,
}

impl Finisher<'_> {
    /// Creates the vouchers that are missing. Whether all are there: if not, the campaign is to end.
    async fn issue(&self) -> Result<bool, CommandError> {
        let id = self.campaign.started.campaign;
        let metadata = Metadata {
            correlation: Some(id.0),
            causation: self.loaded.last,
            trace: self.loaded.trace.clone(),
            ..Metadata::new(FINISHER, self.services.now())
        };
        let (mut from, count) = (issued(self.services, self.campaign).await?, self.campaign.started.count);
        while from < count {
            let now = self.services.journal.load::<Campaign>(&id).await?.state;
            if now.is_some_and(|campaign| campaign.end.is_some()) {
                return Ok(false);
            }
            let to = count.min(from + BATCH);
            self.create((from + 1..=to).map(|number| self.voucher(number)).collect(), &metadata).await?;
            from = to;
        }
        Ok(true)
    }

    async fn create(&self, vouchers: Vec<VoucherCreated>, metadata: &Metadata) -> Result<(), CommandError> {
        let write = |created: &VoucherCreated| {
            codec::encode(Voucher::stream(&created.voucher), Expected::NoStream, &[Event::from(created.clone())], metadata)
        };
        let writes = vouchers.iter().map(write).collect::<Result<Vec<_>, _>>().map_err(Fault::from)?;
        let journal = &self.services.journal;
        let outcomes = journal.append(writes).await?;
        // Some are there, of an earlier try, and perhaps used already. On an atomic log none of the others was written then.
        let left = vouchers.into_iter().zip(outcomes).filter(|(_, outcome)| !outcome.is_written());
        let each = stream::iter(left.map(|(created, _)| async move {
            let (id, context) = (created.voucher.clone(), self.context());
            journal.execute::<Voucher>(&id, VoucherCommand::Create(created), &context, &mut None).await.map(drop)
        }));
        each.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// The creation of the voucher with this number.
    pub(super) fn voucher(&self, number: u32) -> VoucherCreated {
        let campaign = self.campaign.started.campaign;
        VoucherCreated {
            voucher: self.services.ports.vouchers.of_campaign(campaign, number),
            terms: self.campaign.started.terms.clone(),
            source: VoucherSource::Campaign { campaign, number },
        }
    }

    /// Of what follows for a voucher from the campaign's last event.
    pub(super) fn context(&self) -> Context {
        let campaign = self.campaign.started.campaign.0;
        Context::following(FINISHER, self.loaded.trace.clone(), self.loaded.last.unwrap_or(campaign), campaign)
    }

    /// A step of the campaign itself.
    async fn execute(&self, command: CampaignCommand) -> Result<(), CommandError> {
        let id = self.campaign.started.campaign;
        let context = Context::step(FINISHER, id.0);
        self.services.journal.execute::<Campaign>(&id, command, &context, &mut None).await?;
        Ok(())
    }
}
