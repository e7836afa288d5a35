//! kill -9 of the real process at random moments under load, repeatedly on one data directory. What was
//! acknowledged stays, nothing is stuck, nobody is charged without seats.
//!
//! `LASTSEAT_KILL_CYCLES` sets how often (50), `LASTSEAT_KILL_SEED` which buyers and moments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "the seed and the counts belong to what the test says")]

mod backup;
mod buyers;
mod check;
mod damage;
mod full_disk;
#[path = "../support/mod.rs"]
mod support;
mod twin;
mod upgrade;

use buyers::{Fact, Ledger, Market, Rng};
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::client::Client;
use support::process::{Server, token, verify};
use support::{PATIENCE, seats_of, text};
use tokio::task::JoinSet;

const BUYERS: u64 = 6;
const HOLD_SECONDS: u32 = 3;
/// Cycles after which the next show goes on sale, so that there is always something to buy.
const CYCLES_A_SHOW: u64 = 15;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// Twenty rows of 50, and a floor of 2,000.
fn big_show(id: &str) -> Value {
    let rows: Vec<_> = (0..20).map(|row| json!({"row": format!("R{row}"), "seats": 50})).collect();
    json!({
        "id": id,
        "title": id,
        "currency": "EUR",
        "hold_seconds": HOLD_SECONDS,
        "categories": [{"category": "stalls", "price": 4500}, {"category": "standing", "price": 3000}],
        "areas": [
            {"area": "hall", "category": "stalls", "rows": rows},
            {"area": "floor", "category": "standing", "capacity": 2000},
        ],
    })
}

async fn put_on_sale(client: &Client, admin: &str, show: &str) {
    // The answer may have been lost in the previous cycle: scheduling the same show again succeeds.
    let answer = client.post("/v1/shows").bearer(admin).json(&big_show(show)).send().await;
    assert!([200, 201].contains(&answer.status), "{answer:?}");
}

fn clean(data: &Path, when: &str) -> Value {
    let (code, report) = verify(data);
    assert_eq!((code, &report["clean"]), (0, &json!(true)), "{when}: {report:#}");
    report
}

/// State that outlives a kill.
struct Run {
    seed: u64,
    ledger: Ledger,
    numbers: u64,
    kills_under_way: u64,
    /// Payments that a kill interrupted: started, or committed and not captured.
    half_paid: u64,
}

impl Run {
    fn market(&mut self, server: &Server, admin: &str, show: &str) -> Arc<Market> {
        Arc::new(Market {
            clients: vec![server.client.clone()],
            outages: false,
            admin: admin.to_owned(),
            show: show.to_owned(),
            ledger: Mutex::new(std::mem::take(&mut self.ledger)),
            stop: AtomicBool::new(false),
            numbers: AtomicU64::new(self.numbers),
            seed: self.seed,
        })
    }

    fn take_back(&mut self, market: Arc<Market>) {
        let market = Arc::into_inner(market).expect("all buyers have stopped");
        self.numbers = market.numbers.into_inner();
        self.ledger = market.ledger.into_inner();
        assert_eq!(self.ledger.unexpected, Vec::<String>::new());
    }

    /// One cycle: start, check the earlier answers, buy, kill, verify.
    async fn cycle(&mut self, data: &Path, admin: &str, cycle: u64, rng: &mut Rng) {
        let show = format!("show-{}", cycle / CYCLES_A_SHOW);
        // As often as it can, so that kills hit snapshots, too.
        let server = Server::start_with(data, &["--snapshot-events", "1"]).await;
        put_on_sale(&server.client, admin, &show).await;
        // Only bookings that the kill may have hit; the others are checked at the end.
        let recent = SystemClock.now() - chrono::TimeDelta::seconds(2 * i64::from(HOLD_SECONDS));
        let facts: Vec<(String, Fact)> = self
            .ledger
            .facts
            .iter()
            .filter(|(_, fact)| fact.deadline > recent)
            .map(|(id, fact)| (id.clone(), fact.clone()))
            .collect();
        let wrong = check::false_answers(&server.client, facts).await;
        assert!(wrong.is_empty(), "cycle {cycle}, seed {}: {wrong:#?}", self.seed);

        let market = self.market(&server, admin, &show);
        let cut_off_before = market.ledger.lock().cut_off;
        let mut buyers = JoinSet::new();
        let again = market.clone();
        buyers.spawn(async move { again.repeat().await });
        for _ in 0..BUYERS {
            let (market, rng) = (market.clone(), Rng(rng.next()));
            buyers.spawn(async move { market.buy(rng).await });
        }
        tokio::time::sleep(Duration::from_millis(20 + rng.below(381))).await;
        server.kill();
        market.stop.store(true, Ordering::Relaxed);
        buyers.join_all().await;
        let hit = market.ledger.lock().cut_off > cut_off_before;
        self.kills_under_way += u64::from(hit);
        self.take_back(market);
        let report = clean(data, &format!("after kill {cycle}, seed {}", self.seed));
        self.half_paid += report["report"]["bookings"]["paying"].as_u64().unwrap_or_default();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let cycles = number("LASTSEAT_KILL_CYCLES").unwrap_or(50);
    let seed = number("LASTSEAT_KILL_SEED").unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    eprintln!("{cycles} cycles, LASTSEAT_KILL_SEED={seed}");
    let started = Instant::now();
    // On a disk, also where the place for temporary files is in memory: there no kill finds a commit half written.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = dir.path().join("data");
    let admin = token(&data, "root", "admin");
    let mut rng = Rng(seed);
    let mut run = Run { seed, ledger: Ledger::default(), numbers: 0, kills_under_way: 0, half_paid: 0 };
    for cycle in 0..cycles {
        run.cycle(&data, &admin, cycle, &mut rng).await;
    }
    eprintln!("{:?} for the kills", started.elapsed());
    assert!(data.join("snapshots/engine.snapshot.old").exists(), "the kills left no snapshots");
    let said = std::fs::read_to_string(data.with_extension("stderr")).unwrap();
    assert!(!said.contains("snapshot"), "a kill leaves the one before: {said}");

    // The last start completes everything that is pending.
    let server = Server::start(&data).await;
    let market = run.market(&server, &admin, "show-0");
    market.repeat().await;
    run.take_back(market);
    let last_deadline = run.ledger.facts.values().map(|fact| fact.deadline).max().unwrap();
    let given_up = Instant::now() + PATIENCE;
    let (books, shows) = loop {
        let mut open = Vec::new();
        if SystemClock.now() <= last_deadline {
            open.push("the last hold is not over".to_owned());
        }
        let (books, wrong) = check::books_against_gateway(&data).await;
        open.extend(wrong);
        let mut shows = Vec::new();
        for number in 0..=(cycles - 1) / CYCLES_A_SHOW {
            let map = server.client.get(&format!("/v1/shows/show-{number}/seats")).send().await.ok(200);
            let stuck = |seat: &&Value| ["locked", "in_process"].contains(&text(seat, "state"));
            open.extend(map["seats"].as_array().unwrap().iter().filter(stuck).map(|seat| format!("{seat} is stuck")));
            open.extend(books.compare_with_seat_map(&map));
            shows.push(map);
        }
        if open.is_empty() {
            break (books, shows);
        }
        assert!(Instant::now() < given_up, "something stays pending, seed {seed}: {open:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let wrong = check::false_answers(&server.client, run.ledger.facts.clone()).await;
    assert!(wrong.is_empty(), "at the end, seed {seed}: {wrong:#?}");
    let sold: usize =
        books.bookings.values().filter(|book| book.end == support::books::End::Confirmed).map(|book| book.seats.len()).sum();
    assert_eq!(books.seats.len(), sold, "seats that are taken, and seats of confirmed bookings");

    sell_again(&server, &run.ledger, &shows).await;
    server.stop();
    let report = clean(&data, "at the end");
    let (books, wrong) = check::books_against_gateway(&data).await;
    assert!(wrong.is_empty(), "after the end, seed {seed}: {wrong:#?}");
    let money = &report["report"]["money"]["EUR"];
    assert_eq!(money["captured"].as_i64().unwrap() - money["refunded"].as_i64().unwrap(), books.revenue());

    // The load did something.
    let ledger = &run.ledger;
    let confirmed = ledger.count(|fact| fact.confirmed);
    eprintln!(
        "{:?}: {} holds acknowledged, {confirmed} confirmations, {} refunds, {} cancellations; {} requests cut off by {} of {cycles} kills, {} repeated; {} payments left half done; {} events",
        started.elapsed(),
        ledger.facts.len(),
        ledger.count(|fact| fact.refunded),
        ledger.count(|fact| fact.cancelled),
        ledger.cut_off,
        run.kills_under_way,
        ledger.repeated,
        run.half_paid,
        report["events"],
    );
    assert!(run.kills_under_way * 10 >= cycles * 9, "only {} kills hit something under way", run.kills_under_way);
    assert!(run.half_paid * 4 >= cycles, "the kills left only {} payments half done", run.half_paid);
    assert!(confirmed as u64 >= 2 * cycles, "only {confirmed} confirmations");
    assert!(ledger.facts.len() as u64 >= 4 * cycles, "only {} holds", ledger.facts.len());
}

/// Seats that were held and lost can be bought.
async fn sell_again(server: &Server, ledger: &Ledger, maps: &[Value]) {
    let mut sold = 0;
    for map in maps {
        let show = text(map, "show");
        let held: BTreeSet<&String> =
            ledger.facts.values().filter(|fact| fact.show == show).flat_map(|fact| &fact.seats).collect();
        let free =
            map["seats"].as_array().unwrap().iter().filter(|seat| seat["state"] == "available").map(|seat| text(seat, "seat"));
        for seat in free.filter(|seat| held.contains(&(*seat).to_owned())).take(10) {
            let path = format!("/v1/shows/{show}/bookings");
            let booking = server.client.post(&path).json(&json!({"seats": [seat]})).send().await.ok(201);
            assert_eq!(seats_of(&booking), [seat]);
            let pay =
                server.client.post(&format!("/v1/bookings/{}/payment", text(&booking, "id"))).bearer(text(&booking, "token"));
            pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
            sold += 1;
        }
    }
    assert!(sold > 0, "no seat was held and came free again");
}
