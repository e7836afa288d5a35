//! Starts a campaign, and says how far it is.

use crate::error::{BusyCause, CommandError, Fault};
use crate::origin::Context;
use crate::requests::{CampaignRequest, CampaignStatus};
use crate::services::Services;
use lastseat_domain::block::Block;
use lastseat_domain::campaign::{Campaign, CampaignCommand};
use lastseat_domain::event::{CampaignStarted, VoucherTerms};
use lastseat_domain::voucher::Voucher;
use lastseat_domain::{CampaignId, Rejection};

/// Vouchers that are created in one append; on a log that appends to one stream at a time, at the same time.
pub(super) const BATCH: u32 = 256;

/// Appends the campaign's first event. There already is a success if it is the same.
pub(crate) async fn start(services: &Services, request: CampaignRequest, context: &Context) -> Result<(), CommandError> {
    let _permit = services.holds.enter(false)?;
    let busy = |retry_after| Fault::Busy { retry_after, cause: BusyCause::NewHold };
    services.ports.log.wait_for_capacity(1).await.map_err(busy)?;
    let id = request.campaign;
    let known = services.journal.load::<Campaign>(&id).await?;
    if known.state.is_none() {
        check_blocks(services, &request.terms).await?;
    }
    let started = CampaignStarted {
        campaign: id,
        terms: request.terms,
        count: request.count,
        first: services.ports.vouchers.of_campaign(id, 1),
        by: request.origin.by,
        request: request.fingerprint,
    };
    let command = CampaignCommand::Start(Box::new(started));
    services.journal.execute::<Campaign>(&id, command, context, &mut Some(known)).await?;
    Ok(())
}

/// What vouchers open has to be there, and to be one of their shows'.
async fn check_blocks(services: &Services, terms: &VoucherTerms) -> Result<(), CommandError> {
    terms.check()?;
    for id in &terms.opens {
        let wrong = |why| Rejection::InvalidVoucher { field: "opens", why };
        let block = services.journal.load::<Block>(id).await?.state.filter(Block::is_open);
        let opened = block.and_then(|block| block.opened);
        let show = opened.ok_or_else(|| wrong(format!("there is no open block `{id}`")))?.show;
        if terms.check_is_for(&show).is_err() {
            return Err(wrong(format!("block `{id}` is of `{show}`, which is not one of `shows`")).into());
        }
    }
    Ok(())
}

/// A campaign as the log has it now.
///
/// # Errors
/// `CampaignNotFound`; `CodesUnavailable` where this node has another secret; faults.
pub(crate) async fn status(services: &Services, id: CampaignId) -> Result<CampaignStatus, CommandError> {
    let campaign = services.journal.load::<Campaign>(&id).await?.state.ok_or(Rejection::CampaignNotFound)?;
    check_secret(services, &campaign)?;
    let issued = if campaign.completed { campaign.started.count } else { issued(services, &campaign).await? };
    Ok(CampaignStatus { campaign, issued })
}

pub(super) fn check_secret(services: &Services, campaign: &Campaign) -> Result<(), Rejection> {
    let first = services.ports.vouchers.of_campaign(campaign.started.campaign, 1);
    if first == campaign.started.first { Ok(()) } else { Err(Rejection::CodesUnavailable) }
}

/// How many vouchers are there for certain. They are created in order, a batch after the other: a batch of which the
/// first is there comes after whole ones.
pub(super) async fn issued(services: &Services, campaign: &Campaign) -> Result<u32, Fault> {
    let (mut low, mut high) = (0, campaign.started.count.div_ceil(BATCH));
    while low < high {
        let middle = low + (high - low) / 2;
        let voucher = services.ports.vouchers.of_campaign(campaign.started.campaign, middle * BATCH + 1);
        if services.journal.load::<Voucher>(&voucher).await?.state.is_some() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low.saturating_sub(1) * BATCH)
}
