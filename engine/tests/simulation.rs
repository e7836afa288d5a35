//! Random histories: two nodes, a dozen buyers, a manager, random commands, random faults of the log, the
//! gateway and the guard, nodes that die and come back. One thread, virtual time, one random: a seed
//! is a history, and a failure names its seed.
//!
//! `LASTSEAT_SIMULATION_SEEDS=1000` runs so many; `LASTSEAT_SIMULATION_SEED=17` runs that one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;
#[path = "simulation/manager.rs"]
mod manager;

use common::checker::{assert_safe, assert_settled, flagged, log_text};
use common::fault_injection::FaultPlan;
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_audit::Audit;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{AbortReason, Discount, RequestFingerprint, Reward, ShowScheduled, VoucherCause, VoucherTerms};
use lastseat_domain::loyalty::voucher_id;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::{BookingId, BuyerId, CampaignId, Rejection, VoucherHash};
use lastseat_engine::{
    BoxOffice, CampaignRequest, CommandError, Hold, HoldRequest, Paid, PayRequest, SeatSelection, Snapshot, SnapshotDoubt,
};
use lastseat_testkit::{FaultyGuard, GuardFault, PlainCodes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

const NODES: u64 = 2;
const BUYERS: u64 = 12;
const ACTS: u64 = 6;

/// What buyers got as answers.
#[derive(Default)]
struct Answers {
    confirmed: BTreeSet<BookingId>,
    /// Somebody asked for a refund, with whatever answer.
    refunds: BTreeSet<BookingId>,
    answers: BTreeMap<&'static str, u32>,
}

struct World {
    bench: TestBench,
    nodes: Mutex<Vec<Option<BoxOffice>>>,
    /// The last one that a node has taken, whichever.
    snapshot: Mutex<Option<Snapshot>>,
    /// Nodes that have started from one.
    started_from_snapshot: AtomicUsize,
    answers: Mutex<Answers>,
}

impl World {
    fn node(&self, random: &SeededRandom) -> Option<BoxOffice> {
        let nodes = self.nodes.lock().unwrap();
        random.pick(&nodes)
    }

    fn count(&self, answer: &'static str) {
        *self.answers.lock().unwrap().answers.entry(answer).or_default() += 1;
    }
}

const CAMPAIGNS: [(u128, u32, Discount); 3] =
    [(1, 1, Discount::Percent(50)), (2, 3, Discount::Percent(100)), (3, 1, Discount::FreeSeats(1))];

async fn issue_vouchers(office: &BoxOffice) {
    for (campaign, uses, discount) in CAMPAIGNS {
        let terms = VoucherTerms {
            discount,
            uses,
            valid_from: None,
            valid_until: None,
            shows: vec![],
            categories: vec![],
            opens: vec![],
        };
        let campaign = CampaignId(Uuid::from_u128(campaign));
        let request = CampaignRequest { campaign, terms, count: 2, fingerprint: None, origin: "manager".into() };
        office.start_campaign(request).await.unwrap();
    }
}

/// The test show; most bookings of three seats earn a code.
fn generous_show() -> ShowScheduled {
    let mut show = test_show();
    show.rewards.push(Reward { reward: "Half price".to_owned(), weight: 2, discount: Some(Discount::Percent(50)) });
    show
}

fn vouchers() -> Vec<VoucherHash> {
    let of = |campaign: u128| (1..=2).map(move |n| PlainCodes.of_campaign(CampaignId(Uuid::from_u128(campaign)), n));
    CAMPAIGNS.iter().flat_map(|(campaign, ..)| of(*campaign)).collect()
}

/// The rules of the audit, which knows nothing of the engine's.
async fn assert_audited(bench: &TestBench, what: &str) {
    let mut audit = Audit::new();
    for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
        audit.observe(&event);
    }
    let report = audit.finish();
    let stuck = report.pending.iter().filter(|pending| matches!(pending.stream.category(), "voucher" | "campaign")).count();
    assert!(report.holds() && stuck == 0, "{what}: {report}");
}

/// An answer, unless the node dies or takes too long.
async fn patiently<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(40), work).await.ok()
}

struct Buyer {
    world: Arc<World>,
    random: SeededRandom,
    name: String,
    keys: u64,
}

impl Buyer {
    async fn live(mut self) {
        for _ in 0..ACTS {
            tokio::time::sleep(Duration::from_millis(self.random.below(20_000))).await;
            let Some(booking) = self.hold().await else { continue };
            tokio::time::sleep(Duration::from_millis(self.random.below(4_000))).await;
            self.use_voucher(&booking).await;
            match self.random.below(10) {
                0 => drop(self.on(async |office| office.cancel(booking.id, "buyer").await).await),
                1 => {}
                2 => {
                    drop(self.on(async |office| office.extend(booking.id, "buyer").await).await);
                    self.pay(&booking).await;
                }
                // At the very end of the hold.
                3 => {
                    let left = (booking.expires_at.unwrap() - self.world.bench.clock.now()).num_milliseconds();
                    let wait = left - 300 + i64::try_from(self.random.below(400)).unwrap();
                    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
                    self.pay(&booking).await;
                }
                _ => self.pay(&booking).await,
            }
            if self.random.percent(30) {
                self.exchange(&booking).await;
            }
            if self.random.percent(20) {
                self.world.answers.lock().unwrap().refunds.insert(booking.id);
                drop(self.on(async |office| office.refund(booking.id, "admin").await).await);
            }
        }
    }

    /// The code of a booking that was paid, which may be refunded by now; or of one that has earned none.
    fn earned(&self) -> VoucherHash {
        let confirmed: Vec<_> = self.world.answers.lock().unwrap().confirmed.iter().copied().collect();
        let booking = if confirmed.is_empty() { BookingId(Uuid::nil()) } else { self.random.pick(&confirmed) };
        PlainCodes.of_reward(voucher_id(booking, VoucherCause::Booking, 0))
    }

    /// Mostly one that others want, too; some take it off again.
    async fn use_voucher(&self, booking: &Booking) {
        if self.random.percent(50) {
            return;
        }
        let voucher = if self.random.percent(50) { self.earned() } else { self.random.pick(&vouchers()) };
        match self.on(async |office| office.apply_voucher(booking.id, &voucher, "buyer").await).await {
            Some(Ok(_)) => self.world.count("voucher applied"),
            Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                self.world.count(rejection.code())
            }
            Some(Err(CommandError::Failed(_))) => self.world.count("voucher failed"),
            None => self.world.count("voucher: no answer"),
        }
        tokio::time::sleep(Duration::from_millis(self.random.below(2_000))).await;
        if self.random.percent(20) {
            drop(self.on(async |office| office.remove_voucher(booking.id, "buyer").await).await);
        }
    }

    /// To a place that others want, too.
    async fn exchange(&self, booking: &Booking) {
        let (from, to) = (booking.seats()[0].seat.to_string(), format!("A-{}", 1 + self.random.below(6)));
        match self.on(async |office| exchange(&office, booking.id, &[&from], &[&to]).await).await {
            Some(Ok(_)) => self.world.count("exchanged"),
            Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                self.world.count(rejection.code())
            }
            Some(Err(CommandError::Failed(_))) => self.world.count("exchange failed"),
            None => self.world.count("exchange: no answer"),
        }
    }

    /// Asks some node.
    async fn on<T>(&self, ask: impl AsyncFnOnce(BoxOffice) -> T) -> Option<T> {
        let office = self.world.node(&self.random)?;
        patiently(ask(office)).await
    }

    async fn hold(&mut self) -> Option<Booking> {
        let random = &self.random;
        let selection = match random.below(4) {
            0 => floor(1 + u32::try_from(random.below(4)).unwrap()),
            1 => best(1 + u32::try_from(random.below(3)).unwrap()),
            _ => {
                let mut labels: Vec<String> = (0..=random.below(3)).map(|_| format!("A-{}", 1 + random.below(5))).collect();
                labels.sort();
                labels.dedup();
                seats(&labels.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        let buyer = BuyerId::new(&self.name).unwrap();
        // The same request up to three times, on any node, until there is an answer.
        let booking = BookingId::from_key(&self.name, &key);
        let fingerprint = Some(RequestFingerprint { key, body: format!("{selection:?}") });
        let request = HoldRequest { fingerprint, ..HoldRequest::new(booking, show(), SeatSelection::clone(&selection), buyer) };
        for _ in 0..3 {
            match self.on(async |office| self.place(&office, &request).await).await {
                Some(Ok(hold)) => {
                    self.world.count(if hold.replayed { "held (replayed)" } else { "held" });
                    return Some(hold.booking);
                }
                Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                    self.world.count(rejection.code());
                    return None;
                }
                Some(Err(CommandError::Failed(_))) => self.world.count("hold failed"),
                None => self.world.count("hold: no answer"),
            }
            tokio::time::sleep(Duration::from_millis(self.random.below(3_000))).await;
        }
        None
    }

    /// Every third hold comes in a batch, in front of a stranger's for the same seats, who never pays.
    async fn place(&self, office: &BoxOffice, request: &HoldRequest) -> Result<Hold, CommandError> {
        if !self.keys.is_multiple_of(3) {
            return office.hold(request.clone()).await;
        }
        let fingerprint = request.fingerprint.clone().map(|of| RequestFingerprint { key: format!("stranger {}", of.key), ..of });
        let booking = BookingId::from_key("stranger", &format!("{} {}", self.name, self.keys));
        let stranger = HoldRequest { booking, buyer: BuyerId::new("stranger").unwrap(), fingerprint, ..request.clone() };
        let mut answers = office.hold_all(&[request.clone(), stranger], "seller").await;
        assert_eq!(answers.len(), 2);
        answers.swap_remove(0)
    }

    async fn pay(&mut self, booking: &Booking) {
        for _ in 0..1 + self.random.below(3) {
            self.keys += 1;
            let methods = [
                "pm_card_visa",
                "pm_card_visa",
                "pm_card_visa",
                "pm_card_chargeDeclined",
                "pm_card_authenticationRequired",
                "pm_lastseat_slow",
                "pm_lastseat_answerLost",
                "pm_lastseat_answerLostDeclined",
                "pm_lastseat_captureFails",
                "pm_lastseat_captureAnswerLost",
                "pm_lastseat_unavailable",
            ];
            let method = self.random.pick(&methods);
            let request = RequestFingerprint { key: format!("pay-{}", self.keys), body: method.to_owned() };
            let pay = |method: Option<&str>| PayRequest {
                pay_with: method.map(ToOwned::to_owned).into(),
                return_url: None,
                fingerprint: method.map(|_| request.clone()).filter(|_| self.keys.is_multiple_of(2)),
                origin: self.name.as_str().into(),
            };
            let mut paid = self.on(async |office| office.pay(booking.id, pay(Some(method))).await).await;
            if let Some(Ok(Paid::ActionRequired { booking, .. })) = &paid {
                let intent = booking.intent.clone().unwrap();
                tokio::time::sleep(Duration::from_millis(self.random.below(10_000))).await;
                // The booking may be over by now, and the intent cancelled.
                let _maybe_too_late = self.world.bench.sandbox.authenticate(&intent, self.random.percent(70)).await;
                paid = self.on(async |office| office.pay(booking.id, pay(None)).await).await;
            }
            match paid {
                Some(Ok(Paid::Confirmed(_))) => {
                    self.world.count("confirmed");
                    self.world.answers.lock().unwrap().confirmed.insert(booking.id);
                    return;
                }
                Some(Ok(_)) => self.world.count("pending"),
                Some(Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection))) => {
                    let lost = Rejection::BookingOver { reason: AbortReason::SeatLost };
                    assert_ne!(rejection, lost, "{} was answered that it holds its seats", booking.id);
                    self.world.count(rejection.code());
                }
                Some(Err(CommandError::Failed(_))) => self.world.count("payment failed"),
                None => self.world.count("payment: no answer"),
            }
            tokio::time::sleep(Duration::from_millis(self.random.below(5_000))).await;
        }
    }
}

/// Starts a node: mostly from a snapshot, if there is one.
async fn start(world: &World, end: &TestBench, random: &SeededRandom) -> BoxOffice {
    let snapshot = world.snapshot.lock().unwrap().clone().filter(|_| random.percent(80));
    let Some(snapshot) = snapshot else { return end.node().await };
    match end.node_from(&snapshot).await {
        Ok(office) => {
            world.started_from_snapshot.fetch_add(1, Ordering::Relaxed);
            office
        }
        Err(SnapshotDoubt::Log(_)) => end.node().await,
        Err(SnapshotDoubt::Unusable(doubt)) => panic!("a snapshot of this very log is not used: {doubt}"),
    }
}

/// A node that dies now and then.
async fn node_life(world: Arc<World>, outside: TestBench, index: usize, random: SeededRandom) {
    loop {
        let (plan, end) = FaultPlan::around(&outside);
        let office = start(&world, &end, &random).await;
        world.nodes.lock().unwrap()[index] = Some(office.clone());
        let half_its_life = Duration::from_millis(2_500 + random.below(30_000));
        tokio::time::sleep(half_its_life).await;
        // In the middle of everything. It fails while the log does.
        if let Ok(Some(snapshot)) = office.take_snapshot().await {
            *world.snapshot.lock().unwrap() = Some(snapshot);
        }
        tokio::time::sleep(half_its_life).await;
        if random.percent(20) {
            world.nodes.lock().unwrap()[index] = None;
            office.drain(Duration::from_secs(5)).await;
        } else {
            plan.power.cut();
            world.nodes.lock().unwrap()[index] = None;
        }
        drop(office);
        tokio::time::sleep(Duration::from_millis(random.below(20_000))).await;
    }
}

/// Changes the guard's faults and the rate of all other faults.
async fn change_faults(guard: Arc<FaultyGuard>, fault_rate: FaultRate, random: SeededRandom) {
    loop {
        guard.set(random.pick(&[
            GuardFault::None,
            GuardFault::None,
            GuardFault::Unavailable,
            GuardFault::AnswersLost,
            GuardFault::SaysYes,
        ]));
        fault_rate.set(random.pick(&[0, 0, 2, 10, 40, 70]));
        tokio::time::sleep(Duration::from_millis(random.below(15_000))).await;
    }
}

/// What a run came to: every event of the log, and how often each answer was given.
type History = (Vec<(u64, String, uuid::Uuid)>, BTreeMap<&'static str, u32>);

fn run(seed: u64) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let random = SeededRandom::new(seed);
        let bench = TestBench::new(seed.is_multiple_of(2));
        let office = bench.node().await;
        office.schedule_show(generous_show(), "admin").await.unwrap();
        issue_vouchers(&office).await;
        office.drain(Duration::from_secs(1)).await;
        let fault_rate = FaultRate::default();
        let (outside, guard) = with_random_faults(&bench, &random, &fault_rate);
        let world = Arc::new(World {
            bench: bench.clone(),
            nodes: Mutex::new((0..NODES).map(|_| None).collect()),
            snapshot: Mutex::default(),
            started_from_snapshot: AtomicUsize::new(0),
            answers: Mutex::default(),
        });
        let mut chaos = vec![
            tokio::spawn(change_faults(guard.clone(), fault_rate.clone(), random.clone())),
            tokio::spawn(manager::manage(world.clone(), random.clone())),
        ];
        for index in 0..NODES {
            let index = usize::try_from(index).unwrap();
            chaos.push(tokio::spawn(node_life(world.clone(), outside.clone(), index, random.clone())));
        }
        let buyers = (0..BUYERS).map(|n| {
            let buyer = Buyer { world: world.clone(), random: random.clone(), name: format!("buyer{}", n / 2), keys: n * 1000 };
            tokio::spawn(buyer.live())
        });
        for ended in join_all(buyers).await {
            ended.expect("a buyer's complaint");
        }
        for task in &chaos {
            task.abort();
        }
        world.nodes.lock().unwrap().clear();
        let what = format!("seed {seed}");
        assert_safe(&bench, &what).await;

        // No faults any more, and time.
        let snapshot = world.snapshot.lock().unwrap().clone();
        let office = match &snapshot {
            Some(snapshot) => bench.node_from(snapshot).await.expect("a snapshot of this very log"),
            None => bench.node().await,
        };
        later(3000).await;
        assert_settled(&bench, &what).await;
        assert_audited(&bench, &what).await;
        assert_eq!(flagged(&bench).await, 0, "{what}: nothing here needs a person\n{}", log_text(&bench).await);
        let reported = std::mem::take(&mut *world.answers.lock().unwrap());
        for booking in &reported.confirmed {
            let phase = office.booking(*booking).await.unwrap().unwrap().phase;
            let holds_true =
                matches!(phase, Phase::Confirmed { .. }) || reported.refunds.contains(booking) && phase == Phase::Refunded;
            assert!(holds_true, "{what}: {booking} was acknowledged as confirmed and is {phase:?}");
        }
        let events = bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap();
        let history = events.iter().map(|e| (e.position.0, format!("{} {}", e.stream, e.event_type), e.id)).collect();
        let mut answers = reported.answers;
        answers.insert("starts from a snapshot", u32::try_from(world.started_from_snapshot.load(Ordering::Relaxed)).unwrap());
        (history, answers)
    })
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

#[test]
fn nothing_is_lost_doubled_or_stuck_in_any_history() {
    let seeds = match from_env("LASTSEAT_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_env("LASTSEAT_SIMULATION_SEEDS").unwrap_or(100),
    };
    let many = seeds.end - seeds.start >= 10;
    let mut answers: BTreeMap<&'static str, u32> = BTreeMap::new();
    let (mut events, mut failed) = (0, Vec::new());
    let seeds: Vec<u64> = seeds.collect();
    for (seed, outcome) in on_all_cores(&seeds, |seed| (*seed, std::panic::catch_unwind(|| run(*seed)))) {
        match outcome {
            Ok((history, counts)) => {
                events += history.len();
                for (answer, count) in counts {
                    *answers.entry(answer).or_default() += count;
                }
            }
            Err(_) => failed.push(seed),
        }
    }
    println!("{events} events; {answers:#?}");
    assert!(!many || answers.get("starts from a snapshot").is_some_and(|n| *n > 0), "no node started from one");
    assert!(failed.is_empty(), "failed; each can be run alone with LASTSEAT_SIMULATION_SEED: {failed:?}");
}

#[test]
fn a_seed_is_a_history() {
    for seed in [1, 2, 3, 4] {
        let (first, second) = (run(seed), run(seed));
        let differs = first.0.iter().zip(&second.0).position(|(a, b)| a != b);
        assert_eq!(
            differs,
            None,
            "seed {seed} from there: {:?} {:?}",
            first.0.get(differs.unwrap_or(0)),
            second.0.get(differs.unwrap_or(0))
        );
        assert!(first == second, "seed {seed}: one history goes on");
    }
}
