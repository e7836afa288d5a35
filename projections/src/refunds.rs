//! The refunds of a part of a booking, as its view has them.

use lastseat_domain::Money;
use lastseat_domain::event::{Event, PricedSeat, ReviewOutcome};
use serde::{Deserialize, Serialize};

/// A refund of a part of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// Its number among the booking's refunds, from 1.
    pub refund: u32,
    /// The seats that were given up for it; none if only an amount is returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<PricedSeat>,
    pub amount: Money,
    pub status: RefundStatus,
}

/// How far the refunds of a show are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShowRefundsView {
    /// Bookings that were paid.
    pub paid: u64,
    /// Of these, refunded.
    pub refunded: u64,
    /// A refund is requested and not made yet.
    pub under_way: u64,
    /// A person has to look at the payment first.
    pub flagged: u64,
    /// Paid in cash or by invoice: staff return the money.
    pub at_the_till: u64,
    /// Nothing of it is requested yet.
    pub waiting: u64,
    /// Payments that are being taken, and will be refunded then.
    pub paying: u64,
    /// Taken.
    pub captured: Money,
    /// Returned of it.
    pub returned: Money,
}

/// How far a refund has got, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Requested, and not made yet.
    Requested,
    /// The gateway has returned the money.
    Made,
    /// A person has said that the buyer has the money back by another way.
    ReturnedElsewhere,
    /// A person has said that it is not made.
    Abandoned,
}

impl RefundStatus {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Made => "made",
            Self::ReturnedElsewhere => "returned_elsewhere",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the buyer has the money back.
    #[must_use]
    pub fn is_returned(self) -> bool {
        matches!(self, Self::Made | Self::ReturnedElsewhere)
    }
}

/// Whether the event says that a refund which was made has failed since, and that the same money went another way.
pub(crate) fn has_failed(refunds: &[RefundView], event: &Event) -> bool {
    let Event::PaymentReturnedElsewhere(e) = event else { return false };
    refunds.iter().any(|refund| Some(refund.refund) == e.refund && refund.status == RefundStatus::Made)
}

/// The refund that an event of its booking has made, if it is a partial one.
pub(crate) fn made_by<'a>(refunds: &'a [RefundView], event: &Event) -> Option<&'a RefundView> {
    let number = match event {
        Event::PaymentPartlyRefunded(e) => e.refund,
        Event::PaymentReturnedElsewhere(e) => e.refund?,
        _ => return None,
    };
    refunds.iter().find(|refund| refund.refund == number)
}

/// Folds what an event says of a booking's partial refunds. `seats`: those that the booking has. The refund that it has
/// ended, if any.
pub(crate) fn apply(refunds: &mut Vec<RefundView>, seats: &mut Vec<PricedSeat>, event: &Event) -> Option<RefundView> {
    let (number, status) = match event {
        Event::PartialRefundRequested(e) => {
            let seats = seats.iter().filter(|priced| e.seats.contains(&priced.seat)).cloned().collect();
            refunds.push(RefundView { refund: e.refund, seats, amount: e.amount, status: RefundStatus::Requested });
            return None;
        }
        Event::PaymentPartlyRefunded(e) => (e.refund, RefundStatus::Made),
        Event::PaymentReturnedElsewhere(e) => (e.refund?, RefundStatus::ReturnedElsewhere),
        Event::PaymentReviewed(e) if e.outcome == ReviewOutcome::Abandoned => (refunds.last()?.refund, RefundStatus::Abandoned),
        _ => return None,
    };
    if has_failed(refunds, event) {
        refunds.iter_mut().filter(|refund| refund.refund == number).for_each(|refund| refund.status = status);
        return None;
    }
    let is_open = |refund: &&mut RefundView| refund.refund == number && refund.status == RefundStatus::Requested;
    let refund = refunds.iter_mut().find(is_open)?;
    refund.status = status;
    if status.is_returned() {
        seats.retain(|kept| !refund.seats.iter().any(|given_up| given_up.seat == kept.seat));
    }
    Some(refund.clone())
}
