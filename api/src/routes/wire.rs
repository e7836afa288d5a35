//! The JSON that goes in and out. These types belong to the API: the event log's types change for other
//! reasons and are never serialised here.

mod block;
mod booking;
mod campaign;
mod lists;
pub mod names;
mod plan;
mod refund;
mod scan;
mod show;
mod ticket;
mod voucher;

pub use block::{BlockJson, BlockSummary, SeatState};
pub use booking::{BookedSeat, BookingJson, NextAction, Payment};
pub use campaign::{CampaignJson, CampaignSummary, WithdrawnVoucher};
pub use lists::{BlockList, BookingList, CampaignList, PlanList, ShowList};
pub use plan::{NewPlan, PlanJson, PlanOfShow, PlanSummary, hundredths};
pub use scan::ScanConflictJson;
pub use show::{
    Area, Category, Fees, NewCategory, NewReward, PictureFile, PictureJson, PriceType, Reward, Row, STATUSES, ShowJson,
    SingleSeats, sale_status,
};
pub use ticket::{TicketJson, TicketsJson};
pub use voucher::{Discount, NewDiscount};

use lastseat_domain::Money;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

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
#[derive(Debug, Serialize)]
pub struct List<T> {
    pub data: Vec<T>,
    /// Ask again with `starting_after` set to the id of the last one.
    pub has_more: bool,
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some("The items."));
        let more = "Whether there are more: ask again with `starting_after` set to the id of the last one.";
        let has_more = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(more));
        let object = ObjectBuilder::new().description(Some("A page of a list.")).property("data", items);
        object.property("has_more", has_more).required("data").required("has_more").into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}
