//! The log that is served, with what every call on it needs.

use crate::disturbances::FaultInjector;
use crate::leadership::Leadership;
use crate::settings::ServerSettings;
use crate::slow_log::SlowLog;
use lastseat_domain::ports::{Clock, EventLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Shared by all calls on all connections.
pub(crate) struct ServedLog {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) append_deadline: Duration,
    pub(crate) shutdown: CancellationToken,
    pub(crate) leadership: Arc<Leadership>,
    /// Disturbs clients; for tests.
    pub(crate) injector: Option<Arc<FaultInjector>>,
    subscriptions: AtomicU64,
}

impl ServedLog {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        settings: &ServerSettings,
        injector: Option<&Arc<FaultInjector>>,
        leadership: Arc<Leadership>,
        shutdown: CancellationToken,
    ) -> Self {
        let (clock, append_deadline) = (Arc::clone(&settings.clock), settings.append_deadline);
        let log = match injector {
            Some(injector) if injector.may_be_slow() => Arc::new(SlowLog::new(log, Arc::clone(injector))),
            _ => log,
        };
        let injector = injector.cloned();
        Self { log, clock, append_deadline, shutdown, leadership, injector, subscriptions: AtomicU64::new(1) }
    }

    /// Only for people who compare the logs of client and server.
    pub(crate) fn subscription_id(&self) -> String {
        let count = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u64_pair(self.clock.now().timestamp_millis().cast_unsigned(), count).to_string()
    }
}
