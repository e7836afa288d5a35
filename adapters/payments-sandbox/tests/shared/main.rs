//! One payment sandbox for several nodes: the gateway's contract over a socket, lost connections, and
//! servers that die, hang or are something else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod lost_connections;
mod protocol;
mod proxy;
mod restarts;

use futures::FutureExt;
use futures::future::join_all;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{BookingId, Currency, Money};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{RemoteSandbox, SandboxGateway, router};
use lastseat_testkit::SteppingClock;
use lastseat_testkit::payments::{CASES, GatewayBench, SANDBOX_CASES, order};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine; a call that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn clock() -> Arc<dyn Clock> {
    Arc::new(SteppingClock::default())
}

fn booking(name: &str) -> BookingId {
    BookingId::from_key("shared_sandbox", name)
}

fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

fn at(addr: SocketAddr) -> RemoteSandbox {
    RemoteSandbox::open(&format!("http://{addr}")).unwrap()
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it hangs")
}

/// Serves until `stop` is cancelled, then lets running calls finish.
async fn serve(listener: TcpListener, sandbox: Arc<SandboxGateway>, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(sandbox)).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// A sandbox that is served in this process.
struct Served {
    addr: SocketAddr,
    sandbox: Arc<SandboxGateway>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start(sandbox: SandboxGateway) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(sandbox))
    }

    fn start_on(listener: TcpListener, sandbox: Arc<SandboxGateway>) -> Self {
        let (addr, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(listener, sandbox.clone(), stop.clone()));
        Self { addr, sandbox, stop, serving }
    }

    async fn stop(self) {
        self.stop.cancel();
        in_time(self.serving).await.unwrap().unwrap();
    }
}

async fn keeps_the_contract(sandbox: SandboxGateway) {
    let served = Served::start(sandbox).await;
    let shared = at(served.addr);
    shared.check().await.unwrap();
    let bank = shared.clone();
    let bench = GatewayBench {
        gateway: Arc::new(shared),
        authenticate: Some(Arc::new(move |intent, success| {
            let bank = bank.clone();
            async move { assert!(bank.authenticate(&intent, success).await.is_ok()) }.boxed()
        })),
        prefix: "t".to_owned(),
    };
    let mut failed = Vec::new();
    for (name, case) in CASES.iter().chain(SANDBOX_CASES) {
        if in_time(tokio::spawn(case(bench.clone()))).await.is_err() {
            failed.push(*name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
    served.stop().await;
}

#[tokio::test]
async fn a_shared_sandbox_keeps_the_contract() {
    keeps_the_contract(SandboxGateway::in_memory(clock())).await;
}

#[tokio::test]
async fn a_shared_sandbox_with_a_journal_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    keeps_the_contract(SandboxGateway::open(&directory.path().join("sandbox.ndjson"), clock()).unwrap()).await;
}

/// Refusals, and answers that the sandbox itself loses, are the same as in its own process.
#[tokio::test]
async fn a_remote_sandbox_answers_as_a_local_one() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let (shared, inside) = (at(served.addr), SandboxGateway::in_memory(clock()));
    let methods =
        ["pm_card_visa", "pm_card_chargeDeclined", "pm_lastseat_answerLost", "pm_lastseat_unavailable", "pm_unheard_of", ""];
    for method in methods {
        let mut answers_of_both = Vec::new();
        for gateway in [&shared as &dyn PaymentGateway, &inside] {
            let (ann, mut answers) = (booking(&format!("same with {method}")), Vec::new());
            let intent = gateway.create(&order(ann, eur(700))).await.unwrap();
            answers.push(gateway.confirm(&intent.id, ann, 1, method).await);
            answers.push(gateway.capture(&intent.id, ann).await);
            answers.push(gateway.refund(&intent.id, booking("somebody else's"), 1, eur(700)).await);
            answers.push(gateway.create(&order(ann, eur(-1))).await);
            answers_of_both.push(answers);
        }
        assert_eq!(answers_of_both[0], answers_of_both[1], "{method}");
    }
    served.stop().await;
}

/// One node finishes what another began; the same call from both has one effect.
#[tokio::test]
async fn two_nodes_have_one_gateway() {
    let served = Served::start(SandboxGateway::in_memory(clock())).await;
    let (here, there, ann) = (at(served.addr), at(served.addr), booking("two nodes"));
    let same = order(ann, eur(100));
    let made: Vec<Intent> =
        join_all([&here, &there].map(|node| node.create(&same))).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made[0], made[1]);
    let id = &made[0].id;
    let waiting = here.confirm(id, ann, 1, "pm_card_authenticationRequired").await.unwrap();
    assert!(matches!(waiting.status, IntentStatus::RequiresAction { .. }));
    assert_eq!(there.authenticate(id, true).await.unwrap().booking, ann);
    assert!(there.authenticate(id, true).await.unwrap_err().to_string().contains("payment_intent_unexpected_state"));
    let taken = join_all((0..64).map(|n| if n % 2 == 0 { &here } else { &there }.capture(id, ann))).await;
    assert!(taken.iter().all(|answer| answer.as_ref().unwrap().status == IntentStatus::Succeeded), "{taken:?}");
    assert_eq!(served.sandbox.intents().iter().map(|record| record.captured).collect::<Vec<_>>(), [100]);
    served.stop().await;
}

/// A call that runs when the server stops is answered; the next one finds no server.
#[tokio::test]
async fn a_stop_lets_calls_end() {
    let sandbox = SandboxGateway::in_memory(Arc::new(SystemClock)).with_slow_answers(Duration::from_millis(500));
    let served = Served::start(sandbox).await;
    let (shared, ann) = (at(served.addr), booking("slow"));
    let intent = shared.create(&order(ann, eur(100))).await.unwrap();
    let slow = tokio::spawn({
        let (shared, id) = (shared.clone(), intent.id.clone());
        async move { shared.confirm(&id, ann, 1, "pm_lastseat_slow").await }
    });
    // It is done before it is answered.
    in_time(async {
        while served.sandbox.intent(&intent.id).unwrap().payment_method.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    served.stop().await;
    assert_eq!(in_time(slow).await.unwrap().unwrap().status, IntentStatus::RequiresCapture);
    let nobody = shared.capture(&intent.id, ann).await;
    assert!(matches!(nobody, Err(GatewayFault::Unavailable(_) | GatewayFault::OutcomeUnknown(_))), "{nobody:?}");
}
