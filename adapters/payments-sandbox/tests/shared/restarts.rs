//! The process that has the sandbox is killed and started again on the same port; the nodes go on.

use super::{Served, at, booking, clock, eur, in_time, serve};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{RemoteSandbox, SandboxGateway, Status};
use lastseat_testkit::payments::order;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const JOURNAL: &str = "LASTSEAT_TEST_JOURNAL";
const LISTEN: &str = "LASTSEAT_TEST_LISTEN";

/// Not a test: the process that the others kill. Ends with the process that started it.
#[tokio::test]
#[ignore = "run by another test, as a process to be killed"]
async fn serves_until_killed() {
    let (Ok(path), Ok(addr)) = (std::env::var(JOURNAL), std::env::var(LISTEN)) else { return };
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let sandbox = SandboxGateway::open(Path::new(&path), Arc::new(SystemClock)).unwrap();
    let listener = bind(addr.parse().unwrap()).await;
    let mut out = std::io::stdout();
    writeln!(out, "\nlistening {}", listener.local_addr().unwrap()).unwrap();
    out.flush().unwrap();
    serve(listener, Arc::new(sandbox), CancellationToken::new()).await.unwrap();
}

/// The port may be taken for a moment by an outgoing connection of another program.
async fn bind(addr: SocketAddr) -> TcpListener {
    in_time(async {
        loop {
            match TcpListener::bind(addr).await {
                Ok(listener) => return listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await
}

/// A process with a sandbox. Killed when dropped.
struct Process {
    child: Child,
    addr: SocketAddr,
}

impl Process {
    fn start(journal: &Path, addr: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "restarts::serves_until_killed", "--nocapture"])
            .env(JOURNAL, journal)
            .env(LISTEN, addr)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let addr = lines.find_map(|line| line.strip_prefix("listening ")?.parse().ok());
        let mut process = Self { child, addr: "0.0.0.0:0".parse().unwrap() };
        process.addr = addr.expect("it did not start");
        process
    }

    /// SIGKILL, and the same again.
    async fn kill_and_restart(self, journal: &Path) -> Self {
        let addr = self.addr.to_string();
        drop(self);
        let journal = journal.to_owned();
        tokio::task::spawn_blocking(move || Self::start(&journal, &addr)).await.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the engine does: the same call again, until there is an answer.
async fn answered<F: Future<Output = Result<Intent, GatewayFault>>>(mut call: impl FnMut() -> F) -> Intent {
    in_time(async {
        loop {
            match call().await {
                Ok(intent) => return intent,
                Err(GatewayFault::Refused { code, message }) => panic!("{message} ({code})"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await
}

async fn pay(shared: &RemoteSandbox, name: &str) -> Intent {
    let ann = booking(name);
    let order = order(ann, eur(100));
    let intent = answered(|| shared.create(&order)).await;
    answered(|| shared.confirm(&intent.id, ann, 1, "pm_card_visa")).await;
    answered(|| shared.capture(&intent.id, ann)).await
}

#[tokio::test]
async fn a_server_killed_between_two_calls_knows_their_keys_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("sandbox.ndjson");
    let process = Process::start(&journal, "127.0.0.1:0");
    let (shared, ann) = (at(process.addr), booking("between"));
    let created = shared.create(&order(ann, eur(100))).await.unwrap();
    let confirmed = shared.confirm(&created.id, ann, 1, "pm_card_visa").await.unwrap();
    let process = process.kill_and_restart(&journal).await;

    let captured = answered(|| shared.capture(&created.id, ann)).await;
    assert_eq!(captured.status, IntentStatus::Succeeded);
    assert_eq!(shared.create(&order(ann, eur(100))).await.unwrap(), created, "the first answer");
    assert_eq!(shared.confirm(&created.id, ann, 1, "pm_card_visa").await.unwrap(), confirmed, "the first answer");
    let process = process.kill_and_restart(&journal).await;
    assert_eq!(answered(|| shared.capture(&created.id, ann)).await, captured);
    drop(process);

    in_time(async { while !matches!(shared.capture(&created.id, ann).await, Err(GatewayFault::Unavailable(_))) {} }).await;
    assert_eq!(SandboxGateway::open(&journal, clock()).unwrap().intents().len(), 1);
}

#[tokio::test]
async fn payments_go_on_while_the_server_is_killed_repeatedly() {
    const NODES: usize = 3;
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("sandbox.ndjson");
    let mut process = Process::start(&journal, "127.0.0.1:0");
    let (paid, enough) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let nodes: Vec<_> = (0..NODES)
        .map(|node| {
            let (shared, paid, enough) = (at(process.addr), paid.clone(), enough.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if enough.is_cancelled() {
                        return n;
                    }
                    let intent = pay(&shared, &format!("node {node}, payment {n}")).await;
                    assert_eq!((intent.status, intent.amount), (IntentStatus::Succeeded, eur(100)));
                    paid.fetch_add(1, Ordering::Relaxed);
                }
                0
            })
        })
        .collect();
    for _ in 0..5 {
        let target = paid.load(Ordering::Relaxed) + 20;
        in_time(async {
            while paid.load(Ordering::Relaxed) < target && !nodes.iter().any(tokio::task::JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        process = process.kill_and_restart(&journal).await;
    }
    enough.cancel();
    let mut payments = 0;
    for node in nodes {
        payments += in_time(node).await.unwrap();
    }
    drop(process);
    assert!(payments >= 100, "{payments}");
    let intents = SandboxGateway::open(&journal, clock()).unwrap().intents();
    assert_eq!(intents.len(), payments);
    assert!(intents.iter().all(|record| record.status == Status::Succeeded && record.kept() == 100), "{intents:?}");
}

/// After an orderly stop and a start, the client notices that its idle connections are closed.
#[tokio::test]
async fn closed_connections_are_not_reused() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let (shared, addr, sandbox) = (at(served.addr), served.addr, served.sandbox.clone());
    futures::future::join_all((0..8).map(|n| pay_for(&shared, n))).await;
    served.stop().await;
    let again = Served::start_on(bind(addr).await, sandbox);
    futures::future::join_all((0..8).map(|n| pay_for(&shared, n))).await;
    assert_eq!(again.sandbox.intents().len(), 8);
    again.stop().await;
}

async fn pay_for(shared: &RemoteSandbox, n: usize) {
    assert_eq!(pay(shared, &format!("kept connection {n}")).await.status, IntentStatus::Succeeded);
}
