//! What follows from a notification.

use super::notification::Payments;
use crate::metrics::Metrics;
use lastseat_domain::BookingId;
use lastseat_domain::ports::payments::{GatewayFault, Notification};

pub(super) async fn follow(payments: &dyn Payments, metrics: &Metrics, notification: Notification) {
    let booking = match booking_of(payments, &notification).await {
        Ok(booking) => booking,
        // Of another program that shares the account.
        Err(Some(fault @ GatewayFault::Refused { .. })) => {
            let Notification { id, kind, .. } = notification;
            return tracing::debug!(webhook = id, kind, %fault, "a notification is not about a booking");
        }
        Err(fault) => {
            // The sweep may take a day to find it.
            if notification.refund_failed {
                report_failed_refund(metrics, &notification, None);
            }
            let Notification { id, kind, .. } = notification;
            // The sweep checks it later.
            return tracing::debug!(webhook = id, kind, ?fault, "a notification leads to no booking");
        }
    };
    if notification.refund_failed {
        report_failed_refund(metrics, &notification, Some(booking));
    }
    let Notification { id, kind, .. } = notification;
    match kind.as_str() {
        "charge.dispute.created" => {
            tracing::warn!(webhook = id, kind, %booking, "a buyer disputes a charge; answer it at the gateway")
        }
        "charge.dispute.closed" => {
            tracing::warn!(webhook = id, kind, %booking, "the dispute of a charge is decided; look at the gateway")
        }
        _ => {}
    }
    payments.look_at(booking).await;
}

/// The booking that a notification is about; asked for if it names only the intent.
async fn booking_of(payments: &dyn Payments, notification: &Notification) -> Result<BookingId, Option<GatewayFault>> {
    match (&notification.intent, notification.booking) {
        (Some(intent), named) => payments.booking_of(intent, named).await.map_err(Some),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(None),
    }
}

/// The log says that the money is returned, and it is not. No rule knows whether to send it again: banks refuse
/// refunds of closed accounts for good.
fn report_failed_refund(metrics: &Metrics, notification: &Notification, booking: Option<BookingId>) {
    metrics.refund_failed();
    let Notification { id, kind, intent, .. } = notification;
    let (booking, intent) = (booking.map(tracing::field::display), intent.as_ref().map(tracing::field::display));
    tracing::error!(
        webhook = id,
        kind,
        booking,
        intent,
        "a refund has failed, so its buyer has no money back; `lastseat payments reconcile` says what is left to do"
    );
}
