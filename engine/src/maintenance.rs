//! Regular work of a node: stops idle actors, retries releases that the guard did not answer, and calls out sold
//! bookings that are about to lose their money.

use crate::payment::Payments;
use crate::services::Services;
use crate::uncaptured::Authorisation;
use chrono::TimeDelta;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Time between two log lines about the same booking.
const REPORTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Runs twice in each time after which an actor counts as idle, until `stop`.
pub(crate) async fn run_maintenance(services: Arc<Services>, payments: Payments, stop: CancellationToken) {
    let idle = TimeDelta::from_std(services.settings.passivate_after).unwrap_or_default();
    loop {
        let next = services.now() + (idle / 2).max(TimeDelta::milliseconds(100));
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = services.ports.clock.sleep_until(next) => {}
        }
        services.guard.retry_pending_releases().await;
        services.seats.passivate(services.now() - idle);
        payments.passivate(services.now() - idle);
    }
}

/// Logs the sold bookings that are not paid and whose authorisations end soon, again and again, until `stop`.
pub(crate) async fn report_uncaptured(services: Arc<Services>, stop: CancellationToken) {
    loop {
        for Authorisation { booking, until, assumed, flagged, .. } in services.uncaptured.ending(services.now()) {
            let how = if assumed { " (assumed: the gateway did not say when)" } else { "" };
            tracing::error!(
                %booking, %until, assumed, flagged,
                "a sold booking is not paid, and its authorisation ends, or ended, at the time given{how}: look at the payment at the gateway"
            );
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = services.ports.clock.sleep_until(services.now() + REPORTED_EVERY) => {}
        }
    }
}
