//! Regular work of a node: stops idle actors, and retries releases that the guard did not answer.

use crate::payment::Payments;
use crate::services::Services;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Runs twice in each time after which an actor counts as idle, until `stop`.
pub(crate) async fn run_maintenance(services: Arc<Services>, payments: Payments, stop: CancellationToken) {
    let idle = chrono::TimeDelta::from_std(services.settings.passivate_after).unwrap_or_default();
    loop {
        let next = services.now() + (idle / 2).max(chrono::TimeDelta::milliseconds(100));
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
