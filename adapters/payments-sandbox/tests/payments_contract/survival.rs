//! The sandbox outlives the process: restarts, torn lines, `kill -9`.

use super::{booking, clock, eur};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::{OpenError, Status};
use lastseat_testkit::SteppingClock;
use lastseat_testkit::payments::order;
use proptest::prelude::*;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn open(path: &Path) -> SandboxGateway {
    SandboxGateway::open(path, clock()).unwrap()
}

async fn pay(gateway: &SandboxGateway, name: &str) -> Intent {
    let ann = booking(name);
    let intent = gateway.create(&order(ann, eur(100))).await.unwrap();
    gateway.confirm(&intent.id, ann, 1, "pm_card_visa").await.unwrap();
    gateway.capture(&intent.id, ann).await.unwrap()
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/sandbox.ndjson");
    let before = open(&path);
    let paid = pay(&before, "restart").await;
    let lost = before.create(&order(booking("restart, lost"), eur(5))).await.unwrap();
    let confirm_lost = |gateway: Arc<SandboxGateway>| async move {
        gateway.confirm(&lost.id, booking("restart, lost"), 1, "pm_lastseat_answerLost").await
    };
    let before = Arc::new(before);
    assert!(matches!(confirm_lost.clone()(before.clone()).await, Err(GatewayFault::OutcomeUnknown(_))));
    let intents = before.intents();
    drop(before);

    let after = Arc::new(open(&path));
    assert_eq!(after.intents(), intents);
    assert_eq!(after.capture(&paid.id, booking("restart")).await.unwrap(), paid, "the key is known");
    confirm_lost(after.clone()).await.unwrap();
    assert_eq!(after.intents(), intents);
}

#[tokio::test]
async fn a_torn_last_line_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.ndjson");
    let paid = pay(&open(&path), "torn").await;
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let gateway = open(&path);
        // Without its line end the last line is whole all the same.
        let expected = if cut == whole.len() - 1 { Status::Succeeded } else { Status::RequiresCapture };
        assert_eq!(gateway.intents()[0].status, expected, "cut at {cut}");
        // And the next line does not stick to the torn one.
        gateway.capture(&paid.id, booking("torn")).await.unwrap();
        drop(gateway);
        assert_eq!(open(&path).intents()[0].status, Status::Succeeded);
    }
}

#[tokio::test]
async fn a_damaged_line_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.ndjson");
    pay(&open(&path), "damaged").await;
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let damaged = format!("{}\n{}\n{}\n", lines[0], &lines[1][..40], lines[2]);
    fs::write(&path, &damaged).unwrap();
    match SandboxGateway::open(&path, clock()) {
        Err(OpenError::Damaged { line: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "left as it was, for a person to mend");
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.ndjson");
    let first = open(&path);
    assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::InUse(_))));
    drop(first);
    open(&path);
}

#[tokio::test]
async fn opening_writes_only_what_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.ndjson");
    // A compaction that was cut short leaves this file.
    fs::write(directory.path().join("sandbox.ndjson.new"), "{\"at\":").unwrap();
    let time = SteppingClock::default();
    let gateway = SandboxGateway::open(&path, Arc::new(time.clone())).unwrap();
    for n in 0..100 {
        pay(&gateway, &format!("compact {n}")).await;
    }
    time.advance(Duration::from_secs(25 * 3600));
    pay(&gateway, "compact, a day later").await;
    drop(gateway);
    let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
    assert_eq!(lines(&path), 303);
    // 101 intents, and the three keys that still count.
    assert_eq!(open(&path).intents().len(), 101);
    assert_eq!(lines(&path), 104);
}

/// One call of a random run on one of four bookings.
#[derive(Debug, Clone)]
enum Step {
    Create(usize, i64),
    Confirm(usize, u32, usize),
    Authenticate(usize, bool),
    Capture(usize),
    Cancel(usize),
    Refund(usize),
    Wait(u64),
    Reopen,
}

const METHODS: [&str; 8] = [
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_lastseat_answerLost",
    "pm_lastseat_captureFails",
    "pm_lastseat_captureAnswerLost",
    "pm_lastseat_unavailable",
    "pm_never_heard_of",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_usize, 99..101_i64).prop_map(|(b, value)| Step::Create(b, value)),
        4 => (0..4_usize, 1..4_u32, 0..METHODS.len()).prop_map(|(b, attempt, method)| Step::Confirm(b, attempt, method)),
        1 => (0..4_usize, any::<bool>()).prop_map(|(b, success)| Step::Authenticate(b, success)),
        3 => (0..4_usize).prop_map(Step::Capture),
        1 => (0..4_usize).prop_map(Step::Cancel),
        2 => (0..4_usize).prop_map(Step::Refund),
        1 => (1..30_u64).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

async fn call(gateway: &SandboxGateway, step: &Step) -> Option<Result<Intent, GatewayFault>> {
    let named = |n: usize| {
        let ann = booking(&format!("random {n}"));
        (ann, format!("pi_sandbox_{}", ann.0.simple()).parse().unwrap())
    };
    Some(match step {
        Step::Create(n, value) => gateway.create(&order(named(*n).0, eur(*value))).await,
        Step::Confirm(n, attempt, method) => {
            let (ann, id) = named(*n);
            gateway.confirm(&id, ann, *attempt, METHODS[*method]).await
        }
        Step::Authenticate(n, success) => gateway.authenticate(&named(*n).1, *success),
        Step::Capture(n) => gateway.capture(&named(*n).1, named(*n).0).await,
        Step::Cancel(n) => gateway.cancel(&named(*n).1, named(*n).0).await,
        Step::Refund(n) => gateway.refund(&named(*n).1, named(*n).0, 1, eur(5)).await,
        Step::Wait(_) | Step::Reopen => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A gateway that is restarted over and over answers as one that never is; and whatever is
    /// asked, no more is taken than was to be, and no more returned than was taken.
    #[test]
    fn restarts_are_not_noticed(steps in prop::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sandbox.ndjson");
        let time = SteppingClock::default();
        let reopen = || SandboxGateway::open(&path, Arc::new(time.clone())).unwrap();
        let steady = SandboxGateway::in_memory(Arc::new(time.clone()));
        let mut restarted = Some(reopen());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for step in &steps {
            match step {
                Step::Wait(hours) => time.advance(Duration::from_secs(hours * 3600)),
                Step::Reopen => {
                    drop(restarted.take());
                    restarted = Some(reopen());
                }
                _ => {}
            }
            let gateway = restarted.as_ref().unwrap();
            let (got, expected) = runtime.block_on(async { (call(gateway, step).await, call(&steady, step).await) });
            prop_assert_eq!(got, expected, "at {:?}", step);
            prop_assert_eq!(gateway.intents(), steady.intents());
        }
        for record in steady.intents() {
            prop_assert!(record.captured == 0 || (record.captured == record.amount.value && record.status == Status::Succeeded));
            prop_assert!((0..=record.captured).contains(&record.refunded()));
        }
    }
}

const JOURNAL: &str = "LASTSEAT_TEST_JOURNAL";

/// Not a test: what `what_was_answered_survives_kill_9` runs in a process of its own.
#[tokio::test]
#[ignore = "run by another test, as a process to be killed"]
async fn pays_until_killed() {
    let Some(path) = std::env::var_os(JOURNAL) else { return };
    let gateway = SandboxGateway::open(Path::new(&path), Arc::new(SystemClock)).unwrap();
    for n in 0.. {
        pay(&gateway, &format!("kill {n}")).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "paid {n}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.ndjson");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "survival::pays_until_killed", "--nocapture"])
        .env(JOURNAL, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if line.unwrap().starts_with("paid ") {
            answered += 1;
        }
        if answered == 300 {
            // SIGKILL; what it wrote before that is still in the pipe and is read on.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= 300);
    let gateway = open(&path);
    let taken = gateway.intents().iter().filter(|record| record.status == Status::Succeeded).count();
    assert!(taken == answered || taken == answered + 1, "{answered} answered, {taken} taken");
    for n in 0..answered {
        let id = format!("pi_sandbox_{}", booking(&format!("kill {n}")).0.simple()).parse().unwrap();
        assert_eq!(gateway.intent(&id).unwrap().kept(), 100);
    }
}
