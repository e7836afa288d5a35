//! The contract of the event log, kept by the adapter over a socket: in front of the embedded logs
//! behind their door, and of a real server where `LASTSEAT_TEST_EVENTSTORE` names one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use futures::FutureExt;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Expected;
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::{RandomIds, SystemClock};
use lastseat_testkit::MemoryLog;
use lastseat_testkit::event_log::{self as suite, Subject};
use std::sync::Arc;
use support::{PATIENCE, Server, memory, write};

/// A log with a foreign event in it: no rule may count on being alone.
async fn on(log: EventStoreLog, run: &str) -> Subject {
    log.append(vec![write(&format!("foreign-{run}"), Expected::NoStream, "foreign")]).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(log);
    Subject::new(run, move || futures::future::ready(Arc::clone(&log)).boxed())
}

/// Runs one rule over a door to a log.
macro_rules! check {
    ($rule:ident, $log:expr, $options:expr) => {{
        let server = Server::start(Arc::new($log)).await;
        let log = EventStoreLog::open(&server.connection_string(), $options).unwrap();
        tokio::time::timeout(PATIENCE, suite::$rule(&on(log, "test").await)).await.expect("the rule waits for ever")
    }};
}

/// As EventStoreDB is: streams stand alone, positions have gaps.
mod as_a_cluster {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                check!($rule, memory(), Options::default());
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// As a server that has no batch sessions.
mod one_call_an_append {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                check!($rule, memory(), Options { batch: false, ..Options::default() });
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// Everything through one session, so that every conflict disturbs everybody.
mod one_session {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let log = MemoryLog::new(Arc::new(SystemClock), true);
                check!($rule, log, Options { sessions: 1, ..Options::default() });
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

mod in_front_of_sqlite {
    use super::*;
    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let log = SqliteLog::open(folder.path().join("events.db"), Arc::new(SystemClock)).unwrap();
                check!($rule, log, Options::default());
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// One server for all rules at once, each with a client of its own, and twice over: what a real
/// server will be like.
mod shared {
    use super::*;
    use std::sync::OnceLock;

    /// The server lives as long as the tests, on a thread of its own.
    fn address() -> &'static str {
        static ADDRESS: OnceLock<String> = OnceLock::new();
        ADDRESS.get_or_init(|| {
            let (sender, address) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
                runtime.block_on(async {
                    let server = Server::with_memory().await;
                    sender.send(server.connection_string()).unwrap();
                    std::future::pending::<()>().await;
                });
            });
            address.recv().unwrap()
        })
    }

    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test]
            async fn $rule() {
                for run in ["first", "second"] {
                    let run = format!("{run}-{}", stringify!($rule));
                    let log = EventStoreLog::open(address(), Options::default()).unwrap();
                    let rule = async { suite::$rule(&on(log, &run).await).await };
                    tokio::time::timeout(PATIENCE, rule).await.expect("the rule waits for ever");
                }
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// A real server, which others may use at the same time. No package brings one, so none is started
/// here: whoever has one names it.
mod real_server {
    use super::*;
    use lastseat_domain::ports::Ids;
    use std::time::Duration;

    /// It writes to a disk, all rules ask it at once, and some read all it has ever held.
    const PATIENCE: Duration = Duration::from_secs(300);
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A log at the server named in the environment, and a name for this run.
    fn given() -> Option<(EventStoreLog, String)> {
        let Ok(address) = std::env::var("LASTSEAT_TEST_EVENTSTORE") else {
            eprintln!("left out: LASTSEAT_TEST_EVENTSTORE names no server (such as esdb://127.0.0.1:2113?tls=false)");
            return None;
        };
        let options = Options { read_deadline: DEADLINE, append_deadline: DEADLINE, ..Options::default() };
        let log = EventStoreLog::open(&address, options).unwrap();
        Some((log, RandomIds.uuid().simple().to_string()))
    }

    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let Some((log, run)) = given() else { return };
                let rule = async { suite::$rule(&on(log, &run).await).await };
                tokio::time::timeout(PATIENCE, rule).await.expect("the rule waits for ever")
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);

    #[tokio::test]
    async fn is_found_well() {
        let Some((log, _)) = given() else { return };
        let found = log.check().await;
        assert!(found.is_well(), "{found:?}");
    }
}
