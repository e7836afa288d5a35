//! A refund of a part of a booking in an answer.

use super::{Amount, names};
use lastseat_domain::Money;
use lastseat_domain::booking::{Booking, PartialRefund, PartialRefundState, Phase};
use lastseat_domain::event::PricedSeat;
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
    /// What is returned.
    pub amount: Amount,
    /// How far it is.
    #[schema(value_type = names::RefundStatus, example = "made")]
    pub status: &'static str,
}

impl<'a> RefundJson<'a> {
    pub(super) fn all_of(booking: &'a Booking) -> Vec<Self> {
        booking.partial_refunds.iter().map(Self::of).collect()
    }

    /// The seats of a booking, with those that it gave up.
    pub(super) fn with_given_up(booking: &Booking) -> Vec<PricedSeat> {
        let given_up = booking.given_up();
        let opened = booking.opened.iter().flat_map(|opened| &opened.seats);
        booking.seats().iter().chain(opened.filter(|priced| given_up.contains(&priced.seat))).cloned().collect()
    }

    fn of(refund: &'a PartialRefund) -> Self {
        let status = match refund.state {
            PartialRefundState::UnderWay => RefundStatus::Requested,
            PartialRefundState::Made => RefundStatus::Made,
            PartialRefundState::ReturnedElsewhere => RefundStatus::ReturnedElsewhere,
            PartialRefundState::Abandoned => RefundStatus::Abandoned,
        };
        Self {
            refund: refund.requested.refund,
            seats: refund.requested.seats.iter().map(lastseat_domain::SeatId::as_str).collect(),
            amount: refund.requested.amount.into(),
            status: status.as_str(),
        }
    }

    pub(super) fn listed(view: &'a BookingView) -> Vec<Self> {
        let of = |refund: &'a RefundView| Self {
            refund: refund.refund,
            seats: refund.seats.iter().map(|priced| priced.seat.as_str()).collect(),
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
