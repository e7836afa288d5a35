//! A refund of a part of a booking in an answer.

use super::{Amount, names};
use lastseat_domain::booking::{Booking, PartialRefund, PartialRefundState, Phase};
use lastseat_domain::event::PricedSeat;
use lastseat_domain::plan::{Plan, PrintedSeat};
use lastseat_domain::{Money, SeatId};
use lastseat_projections::{BookingView, RefundStatus, RefundView};
use serde::Serialize;
use utoipa::ToSchema;

/// A refund of a part of a booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartialRefund)]
pub struct RefundJson<'a> {
    /// Its number among the booking's refunds, from 1.
    #[schema(example = 1)]
    pub refund: u32,
    /// The seats that are given up for it; empty if only an amount is returned.
    #[schema(example = json!(["A-1"]))]
    pub seats: Vec<&'a str>,
    /// Those of these seats on which a drawn plan prints something; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub places: Vec<RefundedPlace<'a>>,
    /// What is returned.
    pub amount: Amount,
    /// How far it is.
    #[schema(value_type = names::RefundStatus, example = "made")]
    pub status: &'static str,
}

/// A seat that is given up.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundedPlace<'a> {
    #[schema(example = "s17")]
    pub seat: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Stalls", nullable = false)]
    pub section: Option<String>,
    #[schema(example = "3")]
    pub row: String,
    #[schema(example = "12")]
    pub label: String,
}

impl<'a> RefundedPlace<'a> {
    fn all_of(plan: Option<&Plan>, seats: impl Iterator<Item = &'a SeatId>) -> Vec<Self> {
        let place = |seat: &'a SeatId| {
            let PrintedSeat { section, row, label, .. } = plan?.printed(plan?.index_of(seat)?)?;
            let (section, row, label) = (section.map(str::to_owned), row.to_owned(), label.into_owned());
            Some(Self { seat: seat.as_str(), section, row, label })
        };
        seats.filter_map(place).collect()
    }
}

impl<'a> RefundJson<'a> {
    pub(super) fn all_of(plan: Option<&Plan>, booking: &'a Booking) -> Vec<Self> {
        booking.partial_refunds.iter().map(|refund| Self::of(plan, refund)).collect()
    }

    /// The seats of a booking, with those that it gave up.
    pub(super) fn with_given_up(booking: &Booking) -> Vec<PricedSeat> {
        let given_up = booking.given_up();
        let opened = booking.opened.iter().flat_map(|opened| &opened.seats);
        booking.seats().iter().chain(opened.filter(|priced| given_up.contains(&priced.seat))).cloned().collect()
    }

    fn of(plan: Option<&Plan>, refund: &'a PartialRefund) -> Self {
        let status = match refund.state {
            PartialRefundState::UnderWay => RefundStatus::Requested,
            PartialRefundState::Made => RefundStatus::Made,
            PartialRefundState::ReturnedElsewhere => RefundStatus::ReturnedElsewhere,
            PartialRefundState::Abandoned => RefundStatus::Abandoned,
        };
        Self {
            refund: refund.requested.refund,
            seats: refund.requested.seats.iter().map(SeatId::as_str).collect(),
            places: RefundedPlace::all_of(plan, refund.requested.seats.iter()),
            amount: refund.requested.amount.into(),
            status: status.as_str(),
        }
    }

    pub(super) fn listed(plan: Option<&Plan>, view: &'a BookingView) -> Vec<Self> {
        let of = |refund: &'a RefundView| Self {
            refund: refund.refund,
            seats: refund.seats.iter().map(|priced| priced.seat.as_str()).collect(),
            places: RefundedPlace::all_of(plan, refund.seats.iter().map(|priced| &priced.seat)),
            amount: refund.amount.into(),
            status: refund.status.as_str(),
        };
        view.refunds.iter().map(of).collect()
    }
}

/// What refunds have returned of a booking so far; `None` if nothing.
pub(super) fn refunded(booking: &Booking) -> Option<Amount> {
    let charged = booking.amount()?;
    let value = if booking.phase == Phase::Refunded { charged.value } else { booking.partly_refunded() };
    (value > 0).then(|| Money { value, ..charged }.into())
}

/// The same, as the read model has it.
pub(super) fn refunded_of(view: &BookingView) -> Option<Amount> {
    (view.refunded > 0).then(|| Money { value: view.refunded, ..view.amount }.into())
}
