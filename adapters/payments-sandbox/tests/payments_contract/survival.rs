//! The sandbox outlives the process: restarts, an earlier version's journal, `kill -9`.

use super::{booking, clock, eur};
use lastseat_domain::IntentId;
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::{OpenError, Status, StoredPayments};
use lastseat_testkit::SteppingClock;
use lastseat_testkit::payments::order;
use proptest::prelude::*;
use rusqlite::Connection;
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
    let path = directory.path().join("new/sandbox.db");
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
async fn the_end_of_its_thread_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let gateway = open(&path);
    pay(&gateway, "before").await;
    let mut ended = std::pin::pin!(gateway.ended());
    assert!(futures::poll!(ended.as_mut()).is_pending());
    gateway.break_thread();
    ended.await;
    let refused = gateway.create(&order(booking("after"), eur(100))).await;
    assert!(matches!(&refused, Err(GatewayFault::Unavailable(why)) if why.contains("restart the process")), "{refused:?}");
    drop(gateway);
    assert_eq!(open(&path).intents().len(), 1);
}

/// What is in a directory, without the index of a write-ahead log, which SQLite makes again from that.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap());
    let mut files: Vec<_> = entries.map(read).filter(|(name, _)| !name.ends_with("-shm")).collect();
    files.sort();
    files
}

/// After kill -9 they are evidence, and the last reader to close must not move one into the other.
#[tokio::test]
async fn reading_changes_neither_the_file_nor_its_write_ahead_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let gateway = open(&path);
    pay(&gateway, "read").await;
    // As kill -9 leaves them: nobody has them open.
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("sandbox.db");
    for name in ["sandbox.db", "sandbox.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    drop(gateway);
    let closed = files(directory.path());
    assert!(closed.iter().all(|(name, _)| !name.ends_with("-wal")), "a close in order leaves none");
    for (path, before) in [(&copied, files(copy.path())), (&path, closed)] {
        let folder = path.parent().unwrap();
        for permissions in [0o555, 0o755] {
            // Root may write there all the same.
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(permissions)).unwrap();
            match StoredPayments::are_in(path) {
                Ok(there) => assert!(there),
                // A write-ahead log without its index needs a writable folder.
                Err(error) => {
                    assert!(permissions == 0o555 && error.to_string().contains("copy the file"), "{error}")
                }
            }
            if let Ok(stored) = StoredPayments::open(path) {
                assert_eq!(stored.all().unwrap().len(), 1);
            }
            let after = files(folder);
            let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&after), names(&before));
            assert!(after == before, "{} was changed", folder.display());
        }
    }
    assert_eq!(open(&copied).intents().len(), 1, "it is used as before");
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let first = open(&path);
    assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::InUse(_))));
    drop(first);
    open(&path);
}

/// The changes whose key is kept.
const KEPT: &str = "changes WHERE key IS NOT NULL";

/// How many rows a table has.
fn rows(path: &Path, table: &str) -> i64 {
    let file = Connection::open(path).unwrap();
    file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn keys_of_yesterday_are_forgotten_and_payments_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let time = SteppingClock::default();
    let gateway = SandboxGateway::open(&path, Arc::new(time.clone())).unwrap();
    for n in 0..100 {
        pay(&gateway, &format!("yesterday {n}")).await;
    }
    assert_eq!((rows(&path, "changes"), rows(&path, KEPT)), (300, 300));
    time.advance(Duration::from_secs(25 * 3600));
    for n in 0..20 {
        pay(&gateway, &format!("today {n}")).await;
    }
    // One change for each payment of yesterday: what it is now.
    assert_eq!((rows(&path, "changes"), rows(&path, KEPT), rows(&path, "payments")), (160, 60, 120));
    // And one that changes again needs no more than that.
    gateway.refund(&named("yesterday 0"), booking("yesterday 0"), 1, eur(10)).await.unwrap();
    assert_eq!((rows(&path, "changes"), rows(&path, KEPT)), (160, 61));
    assert_eq!(gateway.intents().len(), 120);
    assert_eq!(gateway.intent(&named("yesterday 0")).unwrap().kept(), 90);
    drop(gateway);
    let again = SandboxGateway::open(&path, Arc::new(time)).unwrap();
    assert_eq!(again.intent(&named("yesterday 0")).unwrap().kept(), 90);
}

fn named(name: &str) -> IntentId {
    format!("pi_sandbox_{}", booking(name).0.simple()).parse().unwrap()
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    fs::write(&path, "this is a note of somebody, and no database at all").unwrap();
    assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap(), b"this is a note of somebody, and no database at all");

    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(other);
    assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::Foreign(_))));

    fs::remove_file(&path).unwrap();
    pay(&open(&path), "damaged").await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    match SandboxGateway::open(&path, clock()) {
        Err(error @ OpenError::OtherVersion { found: 99, .. }) => {
            assert!(error.to_string().ends_with("use the version that wrote it, or a newer one"));
        }
        other => panic!("{other:?}"),
    }
    // The tables' own pages: the list of tables can't be read.
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[100..4096].fill(0xa5);
    fs::write(&path, &damaged).unwrap();
    match SandboxGateway::open(&path, clock()) {
        Err(error @ OpenError::Damaged { .. }) => assert!(error.to_string().contains("restore it from a copy"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

/// Written by the version before: a sale, a decline and a restart, then a webhook endpoint, a payment of a till, and a
/// refund in part, which is the last line.
const JOURNAL: &str = include_str!("journal.ndjson");

#[tokio::test]
async fn the_journal_of_an_earlier_version_is_taken_over_once() {
    let directory = tempfile::tempdir().unwrap();
    let (path, journal) = (directory.path().join("sandbox.db"), directory.path().join("sandbox.ndjson"));
    fs::write(&journal, JOURNAL).unwrap();
    // Also without a start: what `verify` reads.
    let read: Vec<_> = StoredPayments::open(&path).unwrap().all().unwrap();
    assert!(!path.exists(), "reading makes no file");
    // When the keys were a few minutes old.
    let time: Arc<dyn Clock> = Arc::new(SteppingClock::at("2026-11-27T17:00:00Z".parse().unwrap()));
    let gateway = SandboxGateway::open(&path, time).unwrap();
    assert_eq!(gateway.intents(), read);
    let states: Vec<_> = read.iter().map(|record| (record.status, record.kept())).collect();
    assert_eq!(states, [(Status::Succeeded, 7_000), (Status::RequiresPaymentMethod, 0), (Status::RequiresCapture, 0)]);
    assert!(!journal.exists());
    assert_eq!(fs::read_to_string(directory.path().join("sandbox.ndjson.imported")).unwrap(), JOURNAL);
    assert_eq!(rows(&path, "endpoints"), 1);
    let payment = gateway.capture(&read[0].id, read[0].booking).await.unwrap();
    assert_eq!((payment.captured, payment.refunded), (8_500, 0), "the answer that its key had");
    drop(gateway);
    assert_eq!(open(&path).intents(), read, "and not a second time");

    // Killed after it was read and before it was put aside.
    fs::rename(directory.path().join("sandbox.ndjson.imported"), &journal).unwrap();
    assert_eq!(open(&path).intents(), read);
    assert!(!journal.exists());

    // Another one, of an older program that was started again meanwhile.
    fs::write(&journal, JOURNAL.lines().next().unwrap()).unwrap();
    match SandboxGateway::open(&path, clock()) {
        Err(error @ OpenError::TwoStores { .. }) => assert!(error.to_string().contains("move one of them away"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(journal.exists());
}

#[tokio::test]
async fn a_torn_last_line_of_a_journal_is_left_out() {
    let (whole, last) = JOURNAL.trim_end().rsplit_once('\n').unwrap();
    for cut in 0..=last.len() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sandbox.db");
        fs::write(path.with_extension("ndjson"), format!("{whole}\n{}", &last[..cut])).unwrap();
        // Without its line end the last line is whole all the same.
        let expected = if cut == last.len() { 7_000 } else { 8_500 };
        assert_eq!(open(&path).intents()[0].kept(), expected, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_damaged_line_of_a_journal_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let journal = path.with_extension("ndjson");
    let lines: Vec<&str> = JOURNAL.lines().collect();
    let damaged = format!("{}\n{}\n{}\n", lines[0], &lines[1][..40], lines[2]);
    fs::write(&journal, &damaged).unwrap();
    for _ in 0..2 {
        assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::DamagedJournal { line: 2, .. })));
        assert!(matches!(StoredPayments::open(&path).map(drop), Err(OpenError::DamagedJournal { line: 2, .. })));
    }
    assert_eq!(fs::read_to_string(&journal).unwrap(), damaged, "left as it was, for a person to repair");
    assert_eq!(rows(&path, "changes"), 0);
    // A server of the earlier version still has it.
    fs::write(&journal, JOURNAL).unwrap();
    let lock = fs::File::create(directory.path().join("sandbox.ndjson.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(SandboxGateway::open(&path, clock()), Err(OpenError::InUse(_))));
    drop(lock);
    assert_eq!(open(&path).intents().len(), 3);
}

#[tokio::test]
async fn calls_at_the_same_time_are_answered_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sandbox.db");
    let gateway = Arc::new(open(&path));
    let pay = |n: usize| {
        let gateway = Arc::clone(&gateway);
        // Each twice: the same key gets the same answer.
        async move { pay(&gateway, &format!("crowd {}", n / 2)).await }
    };
    let paid = futures::future::join_all((0..400).map(|n| tokio::spawn(pay(n)))).await;
    for (first, second) in paid.chunks(2).map(|pair| (pair[0].as_ref().unwrap(), pair[1].as_ref().unwrap())) {
        assert_eq!((first, first.captured), (second, 100));
    }
    assert_eq!(gateway.intents().len(), 200);
    assert_eq!(rows(&path, KEPT), 600);
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
        Step::Authenticate(n, success) => gateway.authenticate(&named(*n).1, *success).await,
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
        let path = directory.path().join("sandbox.db");
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

const FILE: &str = "LASTSEAT_TEST_SANDBOX";

/// Not a test: what `what_was_answered_survives_kill_9` runs in a process of its own.
#[tokio::test]
#[ignore = "run by another test, as a process to be killed"]
async fn pays_until_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
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
    let path = directory.path().join("sandbox.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "survival::pays_until_killed", "--nocapture"])
        .env(FILE, &path)
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
        assert_eq!(gateway.intent(&named(&format!("kill {n}"))).unwrap().kept(), 100);
    }
}
