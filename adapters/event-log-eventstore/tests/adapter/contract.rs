//! The contract suite of the event log, over a socket: against our own server over the embedded logs, and
//! against a real server if `LASTSEAT_TEST_EVENTSTORE` names one.

use crate::support;

use futures::FutureExt;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Expected;
use lastseat_event_log_eventstore::{EventStoreLog, Options};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::{SystemClock, random_number};
use lastseat_testkit::MemoryLog;
use lastseat_testkit::event_log::{self as suite, Subject};
use std::sync::Arc;
use support::{PATIENCE, Server, memory, write};

/// A log that already has a foreign event: no rule may depend on an empty log.
async fn on(log: EventStoreLog, run: &str) -> Subject {
    log.append(vec![write(&format!("foreign-{run}"), Expected::NoStream, "foreign")]).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(log);
    Subject::new(run, move || futures::future::ready(Arc::clone(&log)).boxed())
}

/// Runs one rule against a server over a log.
macro_rules! check {
    ($rule:ident, $log:expr, $options:expr) => {{
        let server = Server::start(Arc::new($log)).await;
        let log = EventStoreLog::open(&server.connection_string(), $options).unwrap();
        tokio::time::timeout(PATIENCE, suite::$rule(&on(log, "test").await)).await.expect("the rule hangs")
    }};
}

/// Like EventStoreDB: appends are not atomic across streams, and positions have gaps.
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

/// As against a server without batch sessions.
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

/// Everything through one session, so that every conflict affects all appends.
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

/// One server for all rules at the same time, each with its own client, and twice: as a real server is
/// used.
mod shared {
    use super::*;
    use std::sync::OnceLock;

    /// The server runs on a thread of its own until the tests end.
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
                    tokio::time::timeout(PATIENCE, rule).await.expect("the rule hangs");
                }
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);
}

/// A real server, which others may use at the same time. No package provides one, so the environment has
/// to name it.
mod real_server {
    use super::*;
    use std::time::Duration;

    /// It writes to a disk, all rules run at once, and some read its whole log.
    const PATIENCE: Duration = Duration::from_secs(300);
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A log at the server named in the environment, and a name for this run.
    fn given() -> Option<(EventStoreLog, String)> {
        let Ok(address) = std::env::var("LASTSEAT_TEST_EVENTSTORE") else {
            eprintln!("skipped: LASTSEAT_TEST_EVENTSTORE names no server (such as esdb://127.0.0.1:2113?tls=false)");
            return None;
        };
        let options = Options { read_deadline: DEADLINE, append_deadline: DEADLINE, ..Options::default() };
        let log = EventStoreLog::open(&address, options).unwrap();
        Some((log, format!("{:016x}", random_number())))
    }

    macro_rules! tests {
        ($($rule:ident)*) => {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let Some((log, run)) = given() else { return };
                let rule = async { suite::$rule(&on(log, &run).await).await };
                tokio::time::timeout(PATIENCE, rule).await.expect("the rule hangs")
            }
        )*};
    }
    lastseat_testkit::for_each_event_log_rule!(tests);

    #[tokio::test]
    async fn passes_the_check() {
        let Some((log, _)) = given() else { return };
        let found = log.check().await;
        assert!(found.is_well(), "{found:?}");
    }
}
