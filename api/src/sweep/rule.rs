//! Which of the gateway's payments a pass acts on, by what the read model has of their bookings.

use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::payments::{Dispute, IntentStatus, PaymentRecord};
use lastseat_projections::{BookingStatus, BookingView};

/// A younger payment is in progress: the gateway is ahead of the log until the node that works on it has recorded the
/// answer, and of this node's view a little longer. If that node dies, the log follower of any node goes on with it. A
/// check here would only repeat its calls, and in a rush those would be most of what a pass finds.
pub(super) const IN_PROGRESS: TimeDelta = TimeDelta::seconds(30);

/// Whether the gateway has got further than the log. A flagged booking is left to its review and `payments reconcile`.
pub(super) fn is_unreported(record: &PaymentRecord, booking: &BookingView, now: Timestamp) -> bool {
    use BookingStatus as B;
    // A buyer who has to act does so outside, whenever they like: only a webhook or a check reports that.
    let in_progress = booking.status != B::ActionRequired && now - record.created < IN_PROGRESS;
    if booking.flagged || in_progress {
        return false;
    }
    match record.status {
        IntentStatus::RequiresCapture | IntentStatus::Succeeded => {
            matches!(booking.status, B::Held | B::Paying | B::ActionRequired)
                || (booking.status == B::Aborted && record.status == IntentStatus::RequiresCapture)
        }
        IntentStatus::Canceled => matches!(booking.status, B::Paying | B::ActionRequired),
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresAction(_) | IntentStatus::Processing => false,
    }
}

/// Whether a payment may have gone wrong after its booking was done with: a refund failed, money was returned or taken
/// by hand, the buyer disputes the charge. Whether it has, the comparison with the log says.
pub(super) fn is_doubtful(record: &PaymentRecord, booking: &BookingView) -> bool {
    use BookingStatus as B;
    let kept = record.captured.saturating_sub(record.refunded);
    let doubtful = match booking.status {
        B::Held | B::Paying | B::ActionRequired => false,
        B::Confirmed => {
            let expected = booking.amount.value.saturating_sub(booking.parts_at_gateway());
            kept != expected || booking.refund_requested || booking.refund_under_way()
        }
        // Returned by another way: what the gateway has returned, too, is the shop's loss.
        B::Refunded if booking.returned_elsewhere => record.refunded > booking.parts_at_gateway(),
        B::Refunded => kept > booking.parts_elsewhere(),
        B::Aborted => kept > 0 || record.status == IntentStatus::RequiresCapture,
    };
    doubtful || record.dispute != Dispute::None
}
