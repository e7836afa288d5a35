//! What a record of the gateway gives reason to do, beside what the read model says of its booking.

use lastseat_domain::ports::payments::{Dispute, IntentStatus, PaymentRecord};
use lastseat_projections::{BookingStatus, BookingView};

/// Whether the gateway has got further than the log. What a person looks at already is for `payments reconcile`.
pub(super) fn is_unreported(record: &PaymentRecord, booking: &BookingView) -> bool {
    use BookingStatus as B;
    if booking.flagged {
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
        B::Confirmed => kept != booking.amount.value || booking.refund_requested,
        B::Refunded => kept > 0,
        B::Aborted => kept > 0 || record.status == IntentStatus::RequiresCapture,
    };
    doubtful || record.dispute != Dispute::None
}
