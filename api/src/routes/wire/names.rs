//! The names that a member of an answer can have, for the document: generated clients get an enum for each.
//!
//! None of these types is ever made. Each is named as its schema is.

use super::STATUSES;
use crate::auth::Role;
use crate::names::REASONS;
use lastseat_projections as projections;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A text that is one of these.
pub fn one_of(description: &str, names: &[&str]) -> RefOr<Schema> {
    let description = description.trim();
    let description = (!description.is_empty()).then_some(description);
    ObjectBuilder::new().schema_type(Type::String).description(description).enum_values(Some(names.iter().copied())).into()
}

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident = $names:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of(concat!($($doc),+), &$names)
            }
        }

        impl ToSchema for $name {}
    )*};
}

names! {
    /// How far a booking is.
    BookingStatus = projections::BookingStatus::ALL.map(projections::BookingStatus::as_str);
    /// Why a booking was aborted.
    AbortReason = REASONS;
    /// Whether a show is on sale.
    ShowStatus = STATUSES;
    /// What buyers see of a seat. `unavailable`: not on sale.
    SeatState = ["available", "locked", "in_process", "booked", "unavailable"];
    /// What staff see of a seat.
    SeatStateForStaff = ["available", "locked", "in_process", "booked", "blocked"];
    /// Whether a block keeps its seats.
    BlockStatus = ["open", "lifted"];
    /// `issuing` until all vouchers are there; `ending` until all are withdrawn.
    CampaignStatus = ["issuing", "issued", "ending", "ended"];
    /// How far a refund of a part is.
    RefundStatus = ["requested", "made", "returned_elsewhere", "abandoned"];
    /// How a booking was paid for at the till.
    Tender = ["cash", "invoice", "complimentary"];
    /// How bookings were paid for.
    PaymentWay = ["gateway", "cash", "invoice", "complimentary"];
    /// What is drawn.
    ShapeKind = ["rectangle", "circle", "ellipse", "polygon", "text"];
    /// What a reward was issued for.
    RewardCause = ["booking", "milestone"];
    /// Whether a reward can be used. `redeemed`: it was used.
    RewardState = ["issued", "redeemed", "revoked"];
    /// Whether the server can sell.
    HealthStatus = ["ok", "not_ready"];
    /// The role of an account.
    AccountRole = Role::ALL.map(Role::name);
    /// The role of a token; `booking` is that of a booking's own token.
    RoleName = Role::ALL.map(Role::name).into_iter().chain(["booking"]).collect::<Vec<_>>();
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::event::{Tender as Paid, VoucherCause};
    use lastseat_domain::seat_state;

    fn names_of<T: PartialSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["enum"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn written(values: &[impl serde::Serialize]) -> Vec<String> {
        values.iter().map(|value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_names_are_those_that_answers_have() {
        use seat_state::SeatState as S;
        let states = [S::Available, S::Locked, S::InProcess, S::Booked, S::Unavailable].map(S::name);
        assert_eq!(names_of::<SeatState>(), states);
        assert_eq!(names_of::<Tender>(), written(&[Paid::Cash, Paid::Invoice, Paid::Complimentary]));
        assert_eq!(names_of::<RewardCause>(), written(&[VoucherCause::Booking, VoucherCause::Milestone]));
        use lastseat_domain::loyalty::VoucherState as V;
        assert_eq!(names_of::<RewardState>(), written(&[V::Issued, V::Redeemed, V::Revoked]));
        use projections::RefundStatus as R;
        let refunds = [R::Requested, R::Made, R::ReturnedElsewhere, R::Abandoned].map(R::as_str);
        assert_eq!(names_of::<RefundStatus>(), refunds);
        assert_eq!(names_of::<BookingStatus>().len(), 6);
        assert_eq!(names_of::<RoleName>().last().unwrap(), "booking");
    }
}
