//! What the box office reports when one of its own parts has ended.

use super::*;
use async_trait::async_trait;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter, LogFault, RecordedEvent, Revision};
use lastseat_in_process::{InProcessGuard, TimeOrderedIds};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_testkit::scripted_log::TokioClock;
use lastseat_testkit::world::{epoch, plan, seat_id, show_id};
use lastseat_testkit::{ForwardLog, ForwardingLog, MemoryLog};
use tokio::sync::watch;

const SOON: Duration = Duration::from_secs(5);

fn in_virtual_time(test: impl AsyncFn()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test());
}

async fn open(log: impl FnOnce(MemoryLog) -> Arc<dyn EventLog>) -> BoxOffice {
    let clock = TokioClock::new(epoch());
    let ports = Ports {
        log: log(MemoryLog::new(clock.clone(), true)),
        guard: Arc::new(InProcessGuard::new(clock.clone())),
        payments: Arc::new(SandboxGateway::in_memory(clock.clone())),
        ids: Arc::new(TimeOrderedIds::new(clock.clone())),
        vouchers: Arc::new(lastseat_testkit::PlainCodes),
        clock,
    };
    BoxOffice::open(ports, Settings::default()).await.unwrap()
}

async fn has_failed(office: &BoxOffice) -> bool {
    tokio::time::timeout(SOON, office.failed()).await.is_ok()
}

fn a_hold() -> HoldRequest {
    let selection = SeatSelection::Seats(vec![seat_id("A-1")]);
    let booking = BookingId(uuid::Uuid::from_u128(7));
    HoldRequest::new(booking, show_id("test"), selection, BuyerId::new("ann").unwrap())
}

#[test]
fn the_actors_supervisor_ends_only_with_the_box_office() {
    in_virtual_time(async || {
        let office = open(|log| Arc::new(log)).await;
        office.schedule_show(plan("test", 1, 3, 0), "admin").await.unwrap();
        assert!(office.status().ready && !has_failed(&office).await);
        office.tasks.supervisor.kill();
        assert!(has_failed(&office).await);
        let status = office.status();
        assert!(!status.ready && status.degraded.iter().any(|why| why.contains("has ended")), "{status:?}");
        assert!(office.hold(a_hold()).await.is_err(), "its actors have ended with it");
    });
}

/// A log whose subscribers panic.
struct Poisoned(MemoryLog);

impl ForwardLog for Poisoned {
    fn inner(&self) -> &dyn EventLog {
        &self.0
    }

    fn subscribe(&self, _: Position, _: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        panic!("planted");
    }
}

#[test]
fn a_log_follower_that_has_panicked_makes_the_engine_not_ready() {
    in_virtual_time(async || {
        let office = open(|log| Arc::new(ForwardingLog(Poisoned(log)))).await;
        assert!(has_failed(&office).await);
        assert!(!office.status().ready);
    });
}

#[test]
fn what_ends_because_the_box_office_is_drained_has_not_failed() {
    in_virtual_time(async || {
        let office = open(|log| Arc::new(log)).await;
        let before = office.services.now();
        office.drain(SOON).await;
        assert!(office.services.now() < before + SOON, "nothing is waited for");
        assert!(!has_failed(&office).await);
    });
}

/// A log that answers no read of a stream while it is stuck.
struct Stuck(MemoryLog, watch::Receiver<bool>);

#[async_trait]
impl ForwardLog for Stuck {
    fn inner(&self) -> &dyn EventLog {
        &self.0
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Revision>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        self.1.clone().wait_for(|is_stuck| !is_stuck).await.unwrap();
        self.0.read_stream(stream, from, direction, limit).await
    }
}

#[test]
fn the_status_counts_what_waits_for_a_stuck_payment() {
    in_virtual_time(async || {
        let (stuck, is_stuck) = watch::channel(false);
        let office = open(|log| Arc::new(ForwardingLog(Stuck(log, is_stuck)))).await;
        office.schedule_show(plan("test", 1, 3, 0), "admin").await.unwrap();
        let hold = office.hold(a_hold()).await.unwrap();
        let messages = async || {
            tokio::time::sleep(Duration::from_millis(1)).await;
            office.status().messages
        };
        assert_eq!(messages().await, Messages::default());
        stuck.send(true).unwrap();
        let cancel = async || office.cancel(hold.booking.id, "ann").await;
        let cancels = futures::future::join3(cancel(), cancel(), cancel());
        let watcher = async {
            let waiting = messages().await;
            stuck.send(false).unwrap();
            waiting
        };
        let (_, waiting) = tokio::join!(cancels, watcher);
        assert_eq!(waiting, Messages { payments: 3, ..Messages::default() });
        assert_eq!(messages().await, Messages::default());
    });
}
