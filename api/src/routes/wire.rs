//! The JSON that goes in and out. These types belong to the API: the event log's types change for other
//! reasons and are never serialised here.

mod block;
mod booking;
mod plan;
mod refund;
mod show;
mod ticket;
mod voucher;

pub use block::{BlockJson, BlockSummary, SeatState};
pub use booking::{BookedSeat, BookingJson, NextAction, Payment};
pub use plan::{NewPlan, PlanJson, PlanOfShow, PlanSummary, hundredths};
pub use show::{
    Area, Category, Fees, NewCategory, NewReward, PriceType, Reward, Row, STATUSES, ShowJson, SingleSeats, sale_status,
};
pub use ticket::{TicketJson, TicketsJson};
pub use voucher::{CampaignJson, Discount, NewDiscount};

use lastseat_domain::Money;
use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub struct Amount {
    /// Minor units, such as cents.
    #[schema(example = 4500)]
    pub value: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    pub currency: lastseat_domain::Currency,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { value: money.value, currency: money.currency }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub data: Vec<T>,
    /// Whether there are more: ask again with `starting_after` set to the id of the last one.
    pub has_more: bool,
}
