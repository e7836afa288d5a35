//! A manager who withdraws vouchers and ends campaigns while buyers use them.

use crate::common::random_faults::SeededRandom;
use crate::world::{CAMPAIGNS, World, patiently, vouchers};
use lastseat_domain::CampaignId;
use lastseat_engine::CommandError;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Now and then one voucher; more rarely a campaign.
pub async fn manage(world: Arc<World>, random: SeededRandom) {
    loop {
        tokio::time::sleep(Duration::from_millis(random.below(60_000))).await;
        let Some(office) = world.node(&random) else { continue };
        let answer = if random.percent(20) {
            let campaign = CampaignId(Uuid::from_u128(random.pick(&CAMPAIGNS.map(|(campaign, ..)| campaign))));
            patiently(office.end_campaign(campaign, None, "manager")).await.map(|ended| ended.map(|_| "campaign ended"))
        } else {
            let voucher = random.pick(&vouchers());
            let withdrawn = patiently(office.withdraw_voucher(&voucher, None, "manager")).await;
            withdrawn.map(|withdrawn| withdrawn.map(|_| "voucher withdrawn"))
        };
        world.count(match answer {
            Some(Ok(done)) => done,
            Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => rejection.code(),
            Some(Err(CommandError::Failed(_))) => "manager: failed",
            None => "manager: no answer",
        });
    }
}
