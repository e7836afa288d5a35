//! What vouchers are worth, in requests and answers.

use super::Amount;
use lastseat_domain::event::{self, VoucherTerms};
use lastseat_domain::{BlockId, CategoryId, Currency, Money, ShowId, Timestamp};
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
