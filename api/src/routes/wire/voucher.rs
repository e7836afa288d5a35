//! Vouchers and campaigns in requests and answers.

use super::{Amount, names};
use crate::auth::VoucherKeys;
use lastseat_domain::event::{self, VoucherTerms};
use lastseat_domain::voucher::Voucher;
use lastseat_domain::{BlockId, CampaignId, CategoryId, Currency, Money, ShowId, Timestamp};
use lastseat_engine::CampaignStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of money in a request.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewAmount {
    /// Minor units, such as cents.
    #[schema(example = 500, minimum = 1)]
    value: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: Currency,
}

/// What a voucher is worth: exactly one of these.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewDiscount {
    /// Per cent of what its seats cost, 1 to 100. Less than one minor unit is not discounted.
    #[schema(title = "NewPercentDiscount")]
    Percent(u32),
    /// So much, or what its seats cost if that is less.
    #[schema(title = "NewAmountDiscount")]
    Amount(NewAmount),
    /// So many of its seats free of charge, the dearest first.
    #[schema(title = "NewFreeSeatsDiscount")]
    FreeSeats(u32),
    /// What staff hand over at the counter.
    #[schema(title = "NewGoodsDiscount")]
    Goods(String),
}

impl From<NewDiscount> for event::Discount {
    fn from(json: NewDiscount) -> Self {
        match json {
            NewDiscount::Percent(percent) => Self::Percent(percent),
            NewDiscount::Amount(NewAmount { value, currency }) => Self::Amount(Money { value, currency }),
            NewDiscount::FreeSeats(seats) => Self::FreeSeats(seats),
            NewDiscount::Goods(goods) => Self::Goods(goods),
        }
    }
}

/// What a voucher is worth.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Per cent of what its seats cost.
    #[schema(title = "PercentDiscount")]
    Percent(u32),
    /// So much, or what its seats cost if that is less.
    #[schema(title = "AmountDiscount")]
    Amount(Amount),
    /// So many of its seats free of charge, the dearest first.
    #[schema(title = "FreeSeatsDiscount")]
    FreeSeats(u32),
    /// What staff hand over at the counter.
    #[schema(title = "GoodsDiscount")]
    Goods(String),
}

impl Discount {
    /// `None`: nothing off.
    #[must_use]
    pub fn of(discount: &event::Discount) -> Option<Self> {
        Some(match discount {
            event::Discount::Nothing => return None,
            event::Discount::Percent(percent) => Self::Percent(*percent),
            event::Discount::Amount(amount) => Self::Amount((*amount).into()),
            event::Discount::FreeSeats(seats) => Self::FreeSeats(*seats),
            event::Discount::Goods(goods) => Self::Goods(goods.clone()),
        })
    }
}

/// What a voucher is worth, when, and for which seats.
#[derive(Debug, Serialize, ToSchema)]
pub struct Terms {
    /// Absent if it takes nothing off, and only opens blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub discount: Option<Discount>,
    /// How often each voucher can be used.
    #[schema(example = 1)]
    pub uses: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub valid_until: Option<Timestamp>,
    /// The shows that it is for; absent for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["demo"]))]
    pub shows: Vec<ShowId>,
    /// The price categories that it is for; absent for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["stalls"]))]
    pub categories: Vec<CategoryId>,
    /// The blocks that it opens to a hold; absent for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<uuid::Uuid>, required = false)]
    pub opens: Vec<BlockId>,
}

impl From<&VoucherTerms> for Terms {
    fn from(terms: &VoucherTerms) -> Self {
        Self {
            discount: Discount::of(&terms.discount),
            uses: terms.uses,
            valid_from: terms.valid_from,
            valid_until: terms.valid_until,
            shows: terms.shows.clone(),
            categories: terms.categories.clone(),
            opens: terms.opens.clone(),
        }
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
    /// How often it was used, by bookings that were paid or at the counter. Not in the answer that issues it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0, nullable = false)]
    pub used: Option<u32>,
    /// How many bookings have it that are not paid yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0, nullable = false)]
    pub reserved: Option<u32>,
}

/// Vouchers with the same terms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct CampaignJson {
    #[schema(value_type = String, format = Uuid)]
    pub id: CampaignId,
    /// `issuing` until all vouchers are there, then `issued`.
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
    /// Subject of the token that started it.
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
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
        let started = &campaign.started;
        let numbers = after.saturating_add(1)..=*issued;
        let code = |number| {
            let voucher = keys.code_of_campaign(started.campaign, number);
            CodeOfCampaign { number, voucher, used: None, reserved: None }
        };
        let vouchers: Vec<_> = numbers.take(limit).map(code).collect();
        let has_more = vouchers.last().map_or(after, |last| last.number) < *issued;
        Self {
            id: started.campaign,
            status: if campaign.completed { "issued" } else { "issuing" },
            terms: (&started.terms).into(),
            count: started.count,
            issued: *issued,
            by: started.by.clone(),
            started_at: campaign.started_at,
            vouchers,
            has_more,
        }
    }

    /// With how often the listed vouchers were used. `vouchers`: these, in the same order.
    #[must_use]
    pub fn with_uses(mut self, vouchers: &[Voucher]) -> Self {
        for (listed, voucher) in self.vouchers.iter_mut().zip(vouchers) {
            (listed.used, listed.reserved) = (Some(voucher.used()), Some(voucher.reserved()));
        }
        self
    }
}
