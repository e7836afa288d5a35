//! Campaigns and their vouchers in answers.

use super::names;
use super::voucher::Terms;
use crate::auth::VoucherKeys;
use lastseat_domain::campaign::Campaign;
use lastseat_domain::event::VoucherSource;
use lastseat_domain::voucher::Voucher;
use lastseat_domain::{CampaignId, Timestamp, VoucherId};
use lastseat_engine::CampaignStatus;
use lastseat_projections::{CampaignCounts, CampaignView};
use serde::Serialize;
use utoipa::ToSchema;

/// The end of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignEnd {
    /// Subject of the token that ended it.
    #[schema(example = "maria")]
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// Why, if somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Leaked", nullable = false)]
    pub reason: Option<String>,
}

/// Vouchers with the same terms, without their codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignSummary {
    #[schema(value_type = String, format = Uuid)]
    pub id: CampaignId,
    /// `issuing` until all vouchers are there, then `issued`. `ending` from when its end is requested until all are
    /// withdrawn, then `ended`.
    #[schema(value_type = names::CampaignStatus, example = "issued")]
    pub status: &'static str,
    #[serde(flatten)]
    pub terms: Terms,
    /// How many vouchers there are to be.
    #[schema(example = 500)]
    pub count: u32,
    /// How many of them are there for certain.
    #[schema(example = 500)]
    pub issued: u32,
    /// How often they were used, by bookings that were paid or at the counter. This and the next two count what the views
    /// have, and are not in answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 12, nullable = false)]
    pub used: Option<u32>,
    /// How many bookings have one of them and are not paid yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, nullable = false)]
    pub reserved: Option<u32>,
    /// How many of them are withdrawn: nobody else can use them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0, nullable = false)]
    pub withdrawn: Option<u32>,
    /// Subject of the token that started it.
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Its end, if somebody has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end: Option<CampaignEnd>,
}

impl CampaignSummary {
    /// As the log has it.
    #[must_use]
    pub fn of(CampaignStatus { campaign, issued }: &CampaignStatus) -> Self {
        let Campaign { started, started_at, completed, end } = campaign;
        Self {
            id: started.campaign,
            status: status(*completed, end.as_ref().map(|end| end.reached)),
            terms: (&started.terms).into(),
            count: started.count,
            issued: *issued,
            used: None,
            reserved: None,
            withdrawn: None,
            by: started.by.clone(),
            started_at: *started_at,
            end: end.as_ref().map(|end| CampaignEnd {
                by: end.requested.by.clone(),
                requested_at: end.requested_at,
                reason: end.requested.reason.clone(),
            }),
        }
    }

    /// As the views have it.
    #[must_use]
    pub fn listed(view: &CampaignView) -> Self {
        let CampaignView { started, started_at, completed, end, counts } = view;
        let summary = Self {
            id: started.campaign,
            status: status(*completed, end.as_ref().map(|end| end.reached)),
            terms: (&started.terms).into(),
            count: started.count,
            issued: counts.issued,
            used: None,
            reserved: None,
            withdrawn: None,
            by: started.by.clone(),
            started_at: *started_at,
            end: end.as_ref().map(|end| CampaignEnd {
                by: end.by.clone(),
                requested_at: end.requested_at,
                reason: end.reason.clone(),
            }),
        };
        summary.with_counts(*counts)
    }

    /// With what has become of its vouchers.
    #[must_use]
    pub fn with_counts(self, counts: CampaignCounts) -> Self {
        let CampaignCounts { issued: _, used, reserved, withdrawn } = counts;
        Self { used: Some(used), reserved: Some(reserved), withdrawn: Some(withdrawn), ..self }
    }
}

/// `end`: whether it is reached, if it was requested.
fn status(completed: bool, end: Option<bool>) -> &'static str {
    match (completed, end) {
        (_, Some(true)) => "ended",
        (_, Some(false)) => "ending",
        (true, None) => "issued",
        (false, None) => "issuing",
    }
}

/// A voucher of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeOfCampaign {
    /// Which of the campaign's, from 1.
    #[schema(example = 1)]
    pub number: u32,
    /// Its code.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E")]
    pub voucher: String,
    /// How often it was used, by bookings that were paid or at the counter. Not in the answer that issues it, as the next
    /// two.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0, nullable = false)]
    pub used: Option<u32>,
    /// How many bookings have it that are not paid yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0, nullable = false)]
    pub reserved: Option<u32>,
    /// Whether it is withdrawn: nobody else can use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = false, nullable = false)]
    pub withdrawn: Option<bool>,
}

/// Vouchers with the same terms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct CampaignJson {
    #[serde(flatten)]
    pub summary: CampaignSummary,
    /// Its vouchers, by number.
    pub vouchers: Vec<CodeOfCampaign>,
    /// Whether there are more: ask again with `starting_after` set to the number of the last one.
    pub has_more: bool,
}

impl CampaignJson {
    /// With the issued vouchers after number `after`, at most `limit`.
    #[must_use]
    pub fn of(keys: &VoucherKeys, status: &CampaignStatus, after: u32, limit: usize) -> Self {
        let CampaignStatus { campaign, issued } = status;
        let numbers = after.saturating_add(1)..=*issued;
        let code = |number| {
            let voucher = keys.code_of_campaign(campaign.started.campaign, number);
            CodeOfCampaign { number, voucher, used: None, reserved: None, withdrawn: None }
        };
        let vouchers: Vec<_> = numbers.take(limit).map(code).collect();
        let has_more = vouchers.last().map_or(after, |last| last.number) < *issued;
        Self { summary: CampaignSummary::of(status), vouchers, has_more }
    }

    /// With what has become of the listed vouchers. `vouchers`: these, in the same order. `counts`: of all of them, if the
    /// views can be read.
    #[must_use]
    pub fn with_uses(mut self, vouchers: &[Voucher], counts: Option<CampaignCounts>) -> Self {
        for (listed, voucher) in self.vouchers.iter_mut().zip(vouchers) {
            (listed.used, listed.reserved) = (Some(voucher.used()), Some(voucher.reserved()));
            listed.withdrawn = Some(voucher.withdrawn);
        }
        match counts {
            Some(counts) => Self { summary: self.summary.with_counts(counts), ..self },
            None => self,
        }
    }
}

/// A voucher that is withdrawn.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawnVoucher {
    /// The campaign that it is of. Absent for a reward's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Uuid, nullable = false)]
    pub campaign: Option<CampaignId>,
    /// Which of the campaign's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 7, nullable = false)]
    pub number: Option<u32>,
    /// The reward that it is the code of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Uuid, nullable = false)]
    pub reward: Option<VoucherId>,
    /// How often it was used before.
    #[schema(example = 0)]
    pub used: u32,
    /// How many bookings have it that are not paid yet. They keep it, and may be paid with it.
    #[schema(example = 1)]
    pub reserved: u32,
}

impl WithdrawnVoucher {
    #[must_use]
    pub fn of(voucher: &Voucher) -> Self {
        let (campaign, number, reward) = match &voucher.created.source {
            VoucherSource::Campaign { campaign, number } => (Some(*campaign), Some(*number), None),
            VoucherSource::Reward { reward } => (None, None, Some(*reward)),
        };
        Self { campaign, number, reward, used: voucher.used(), reserved: voucher.reserved() }
    }
}
