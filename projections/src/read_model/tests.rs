//! What the read model reports when one of its tasks has ended.

use super::*;
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Delivery, Filter};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::epoch;
use lastseat_testkit::{ForwardLog, ForwardingLog};

/// A log whose subscribers panic, if it is poisoned.
struct Planted {
    log: Arc<ScriptedLog>,
    is_poisoned: bool,
}

impl ForwardLog for Planted {
    fn inner(&self) -> &dyn EventLog {
        &*self.log
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        assert!(!self.is_poisoned, "planted");
        self.log.subscribe(from, filter)
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_by_itself_is_reported_and_a_stopped_one_is_not() {
    for is_poisoned in [false, true] {
        let log = Arc::new(ForwardingLog(Planted { log: ScriptedLog::of(&[]), is_poisoned }));
        let model = ReadModel::open(log, TokioClock::new(epoch()), None).await.unwrap();
        let has_failed = async || tokio::time::timeout(Duration::from_secs(5), model.failed()).await.is_ok();
        assert_eq!(has_failed().await, is_poisoned);
        assert!(model.status().iter().all(|view| view.error.is_some() == is_poisoned));
        model.stop().await;
        assert_eq!(has_failed().await, is_poisoned);
    }
}
