//! Creates the vouchers of a campaign that are missing: after it was started, or after a crash.

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

/// Who creates them, whichever node it is.
const FINISHER: &str = "campaigns";
/// Vouchers that are looked at one by one, at a time.
const AT_ONCE: usize = 16;

/// Completes a campaign. Completed already is a success.
///
/// # Errors
/// `CampaignNotFound`; `CodesUnavailable` where this node has another secret; faults.
pub(crate) async fn finish(services: &Services, id: CampaignId) -> Result<(), CommandError> {
    let loaded = services.journal.load::<Campaign>(&id).await?;
    let Some(campaign) = loaded.state.as_ref().filter(|campaign| !campaign.completed) else { return Ok(()) };
    check_secret(services, campaign)?;
    let metadata = metadata_after(&loaded, id, services);
    let (mut from, count) = (issued(services, campaign).await?, campaign.started.count);
    while from < count {
        let to = count.min(from + BATCH);
        let vouchers: Vec<_> = (from + 1..=to).map(|number| voucher(services, campaign, number)).collect();
        create(services, vouchers, &metadata).await?;
        from = to;
    }
    services.journal.execute::<Campaign>(&id, CampaignCommand::Complete, &Context::step(FINISHER), &mut None).await?;
    Ok(())
}

fn metadata_after(loaded: &Loaded<Option<Campaign>>, id: CampaignId, services: &Services) -> Metadata {
    let metadata = Metadata::new(FINISHER, services.now());
    Metadata { correlation: Some(id.0), causation: loaded.last, trace: loaded.trace.clone(), ..metadata }
}

fn voucher(services: &Services, campaign: &Campaign, number: u32) -> VoucherCreated {
    let id = campaign.started.campaign;
    VoucherCreated {
        voucher: services.ports.vouchers.of_campaign(id, number),
        terms: campaign.started.terms.clone(),
        source: VoucherSource::Campaign { campaign: id, number },
    }
}

async fn create(services: &Services, vouchers: Vec<VoucherCreated>, metadata: &Metadata) -> Result<(), CommandError> {
    let write = |created: &VoucherCreated| {
        codec::encode(Voucher::stream(&created.voucher), Expected::NoStream, &[Event::from(created.clone())], metadata)
    };
    let writes = vouchers.iter().map(write).collect::<Result<Vec<_>, _>>().map_err(Fault::from)?;
    let outcomes = services.journal.append(writes).await?;
    // Some are there, of an earlier try, and perhaps used already. On an atomic log none of the others was written then.
    let left = vouchers.into_iter().zip(outcomes).filter(|(_, outcome)| !outcome.is_written());
    let (cause, trace) = (metadata.causation.unwrap_or_default(), &metadata.trace);
    let each = stream::iter(left.map(|(created, _)| async move {
        let id = created.voucher.clone();
        let context = Context::following(FINISHER, trace.clone(), cause);
        services.journal.execute::<Voucher>(&id, VoucherCommand::Create(created), &context, &mut None).await.map(drop)
    }));
    each.buffer_unordered(AT_ONCE).try_collect().await
}
