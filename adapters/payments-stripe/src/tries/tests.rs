//! The rules one by one, and what careless rules do to a buyer's money.

use super::*;
use lastseat_domain::ports::payments::IntentStatus;
use lastseat_domain::{BookingId, Currency, IntentId, Money};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};

use FollowUp::{Declined, Look, NextKey, Report, SameKeyLater, Settled, Unclear};

const STEPS: [Operation; 5] = [Operation::Create, Operation::Confirm, Operation::Capture, Operation::Cancel, Operation::Refund];

#[test]
fn what_follows_a_try() {
    //                              Create   Confirm  Capture  Cancel   Refund
    let table = [
        (Outcome::NoAnswer, [Report, Report, Report, Report, Report]),
        (Outcome::FreshError, [Report, Look, Look, Look, Look]),
        (Outcome::StoredError, [NextKey, Look, Look, Look, Look]),
        (Outcome::RepeatedError, [Report, Look, Look, Look, Look]),
        (Outcome::Overloaded, [Report, Look, Look, Look, Look]),
        (Outcome::WrongState, [Report, Report, Look, Look, Look]),
        (Outcome::StoredRefusal, [Report, Report, Look, Look, Look]),
        (Outcome::Refused, [Report, Report, Report, Report, Report]),
    ];
    for (outcome, expected) in table {
        assert_eq!(STEPS.map(|step| after_try(step, outcome)), expected, "{outcome:?}");
    }
}

#[test]
fn what_follows_a_look() {
    //                                               Confirm   Capture  Cancel   Refund
    let table = [
        (Outcome::FreshError, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::FreshError, Seen::NotDone, [Declined, SameKeyLater, SameKeyLater, SameKeyLater]),
        (Outcome::FreshError, Seen::Pending, [Unclear, Unclear, Unclear, Unclear]),
        (Outcome::StoredError, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::StoredError, Seen::NotDone, [Declined, NextKey, NextKey, NextKey]),
        (Outcome::StoredError, Seen::Pending, [Unclear, Unclear, Unclear, Unclear]),
        (Outcome::RepeatedError, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::RepeatedError, Seen::NotDone, [Declined, NextKey, NextKey, NextKey]),
        (Outcome::RepeatedError, Seen::Pending, [Unclear, Unclear, Unclear, Unclear]),
        (Outcome::Overloaded, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::Overloaded, Seen::NotDone, [Report, Report, Report, Report]),
        (Outcome::WrongState, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::WrongState, Seen::NotDone, [Report, Report, Report, Report]),
        (Outcome::WrongState, Seen::Pending, [Unclear, Unclear, Unclear, Unclear]),
        (Outcome::StoredRefusal, Seen::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::StoredRefusal, Seen::NotDone, [Declined, NextKey, NextKey, NextKey]),
        (Outcome::StoredRefusal, Seen::Pending, [Unclear, Unclear, Unclear, Unclear]),
    ];
    for (outcome, seen, expected) in table {
        let steps = [Operation::Confirm, Operation::Capture, Operation::Cancel, Operation::Refund];
        assert_eq!(steps.map(|step| after_look(step, outcome, seen)), expected, "{outcome:?} {seen:?}");
    }
}

const ERRORS: [Outcome; 3] = [Outcome::FreshError, Outcome::StoredError, Outcome::RepeatedError];

/// Only after a look, unless an unconfirmed intent is all that can come of it.
#[test]
fn no_key_follows_without_a_look() {
    let others = [Outcome::NoAnswer, Outcome::Overloaded, Outcome::WrongState, Outcome::StoredRefusal, Outcome::Refused];
    for outcome in others.into_iter().chain(ERRORS) {
        for step in [Operation::Confirm, Operation::Capture, Operation::Cancel, Operation::Refund] {
            assert_ne!(after_try(step, outcome), NextKey, "{step:?} {outcome:?}");
        }
    }
}

/// Returns money, stores its answers under keys, and answers some requests with a 500 although it did them.
#[derive(Default)]
struct Bank {
    stored: Mutex<HashMap<u32, bool>>,
    returned: Mutex<i64>,
    requests: Mutex<u32>,
    looks: Mutex<u32>,
    /// Tries that are answered with a 500: before (`false`) or after (`true`) the refund is made.
    failing: HashMap<u32, bool>,
    /// Until then, every try is answered with a 500 before the refund is made.
    works_from: Option<Instant>,
    /// Whether such answers are stored under their key.
    forgets: bool,
    /// Whether what is answered again is not marked as that.
    hides_replays: bool,
}

const AMOUNT: i64 = 4_250;

impl Bank {
    fn failing(tries: &[(u32, bool)]) -> Self {
        Self { failing: tries.iter().copied().collect(), ..Self::default() }
    }

    fn failing_for(time: Duration) -> Self {
        Self { works_from: Some(Instant::now() + time), ..Self::default() }
    }

    fn intent(&self) -> Intent {
        Intent {
            id: IntentId::new("pi_1").unwrap(),
            booking: Some(BookingId::from_key("tries", "bank")),
            amount: Money { value: AMOUNT, currency: Currency::new("EUR").unwrap() },
            status: IntentStatus::Succeeded,
            last_decline: None,
            client_secret: None,
            capture_before: None,
            captured: AMOUNT * 2,
            refunded: *self.returned.lock(),
        }
    }

    fn failed(&self, replayed: bool) -> Failure {
        Failure::ServerError { why: "status 500".to_owned(), replayed: replayed && !self.hides_replays }
    }

    fn keys(&self) -> u32 {
        self.stored.lock().keys().copied().max().unwrap_or(0)
    }
}

impl StripeStep for Bank {
    fn operation(&self) -> Operation {
        Operation::Refund
    }

    fn key(&self, try_number: u32) -> String {
        try_number.to_string()
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        *self.requests.lock() += 1;
        let try_number = key.parse().unwrap();
        if let Some(failed) = self.stored.lock().get(&try_number) {
            return if *failed { Err(self.failed(true)) } else { Ok(self.intent()) };
        }
        let is_out = self.works_from.is_some_and(|time| Instant::now() < time);
        let failing = if is_out { Some(false) } else { self.failing.get(&try_number).copied() };
        if !(is_out && self.forgets) {
            self.stored.lock().insert(try_number, failing.is_some());
        }
        if failing != Some(false) {
            *self.returned.lock() += AMOUNT;
        }
        if failing.is_some() { Err(self.failed(false)) } else { Ok(self.intent()) }
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        *self.looks.lock() += 1;
        let shows = if *self.returned.lock() > 0 { Seen::Done } else { Seen::NotDone };
        Ok((shows, self.intent()))
    }
}

/// A new key for every server error, without that look.
const CARELESS: Rules =
    Rules { after_try: |step, outcome| if ERRORS.contains(&outcome) { NextKey } else { after_try(step, outcome) }, after_look };

/// The pace of a caller that repeats the step: four calls at once, every ten seconds. Returns how long it took.
async fn insist(rules: Rules, memory: &Memory, bank: &Bank, patience: Duration) -> Option<Duration> {
    let started = Instant::now();
    while started.elapsed() < patience {
        for _ in 0..4 {
            if run(rules, memory, bank).await.is_ok() {
                return Some(started.elapsed());
            }
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    None
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What was returned after the caller has repeated the step until it was answered.
async fn returned(rules: Rules, bank: &Bank) -> i64 {
    insist(rules, &Memory::new(), bank, 24 * HOUR).await.unwrap();
    *bank.returned.lock()
}

fn banks() -> [Bank; 5] {
    [
        Bank::failing(&[]),
        Bank::failing(&[(1, false)]),
        Bank::failing(&[(1, true)]),
        Bank::failing(&[(1, false), (2, false), (3, false), (4, false), (5, true)]),
        Bank::failing(&[(1, false), (2, true)]),
    ]
}

#[tokio::test(start_paused = true)]
async fn money_is_returned_once_whatever_is_answered() {
    for bank in banks() {
        assert_eq!(returned(RULES, &bank).await, AMOUNT, "{:?}", bank.failing);
    }
}

/// With a memory or without one, at every call or between rounds.
#[tokio::test(start_paused = true)]
async fn money_is_returned_once_by_processes_that_forget() {
    for bank in banks() {
        for _ in 0..20 {
            let _failed = run(RULES, &Memory::new(), &bank).await;
        }
        assert_eq!(*bank.returned.lock(), AMOUNT, "{:?}", bank.failing);
    }
}

#[tokio::test(start_paused = true)]
async fn twin_a_new_key_without_a_look_returns_money_twice() {
    let mut twice = 0;
    for bank in banks() {
        twice += usize::from(returned(CARELESS, &bank).await > AMOUNT);
    }
    assert_eq!(twice, 3, "each refund that failed after it was made");
}

/// One round uses one new key, and the calls that come before its pause has ended send nothing.
#[tokio::test(start_paused = true)]
async fn a_call_uses_one_new_key_and_then_pauses() {
    let (bank, memory) = (Bank::failing_for(HOUR), Memory::new());
    for _ in 0..50 {
        let failed = run(RULES, &memory, &bank).await;
        assert!(matches!(failed, Err(GatewayFault::Unavailable(_) | GatewayFault::Paused { .. })), "{failed:?}");
    }
    assert_eq!((bank.keys(), *bank.requests.lock(), *bank.looks.lock()), (1, 1, 1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(run(RULES, &memory, &bank).await.is_err());
    assert_eq!((bank.keys(), *bank.requests.lock(), *bank.looks.lock()), (2, 3, 3), "the first one is replayed");
}

/// A process that knows nothing of earlier tries gets their stored errors, all in its first round.
#[tokio::test(start_paused = true)]
async fn stored_errors_are_passed_over() {
    let bank = Bank::failing(&[(1, false), (2, false), (3, false), (4, false)]);
    for keys in 1..=4 {
        assert!(run(RULES, &Memory::new(), &bank).await.is_err());
        assert_eq!(bank.keys(), keys);
    }
    assert_eq!(run(RULES, &Memory::new(), &bank).await.unwrap().refunded, AMOUNT);
}

/// 20 hours of stored errors: at most 100 rounds (9 of growing pauses, then one each quarter of an hour at the most),
/// each with one new key, one replayed one, and a look after both.
#[tokio::test(start_paused = true)]
async fn a_long_outage_leaves_keys_and_sends_few_requests() {
    let bank = Bank::failing_for(20 * HOUR);
    let took = insist(RULES, &Memory::new(), &bank, 24 * HOUR).await.expect("done as soon as Stripe works again");
    assert!(took < 20 * HOUR + HOUR / 2 + Duration::from_secs(10), "within the longest pause: {took:?}");
    let (keys, requests, looks) = (bank.keys(), *bank.requests.lock(), *bank.looks.lock());
    assert!(keys > 20 && keys <= 100, "{keys}");
    assert!(requests <= 2 * 100 && looks <= 2 * 100, "{requests} requests, {looks} looks");
    assert_eq!(*bank.returned.lock(), AMOUNT);
}

/// What a day of the fastest rounds uses up fits several times.
#[tokio::test(start_paused = true)]
async fn restarts_and_other_nodes_find_keys_as_well() {
    let bank = Bank::failing_for(20 * HOUR);
    for _ in 0..3 {
        assert_eq!(insist(RULES, &Memory::new(), &bank, 20 * HOUR / 3).await, None);
    }
    let nodes: Vec<Memory> = (0..3).map(|_| Memory::new()).collect();
    let pace = nodes.iter().map(|memory| insist(RULES, memory, &bank, 24 * HOUR));
    assert!(futures::future::join_all(pace).await.iter().all(Option::is_some));
    assert!(bank.keys() < KEYS / 2, "{}", bank.keys());
    assert_eq!(*bank.returned.lock(), AMOUNT);
}

/// An error that Stripe did not store leaves its key usable.
#[tokio::test(start_paused = true)]
async fn a_key_whose_error_was_not_stored_is_used_again() {
    let bank = Bank { forgets: true, ..Bank::failing_for(Duration::from_secs(12)) };
    insist(RULES, &Memory::new(), &bank, HOUR).await.unwrap();
    assert_eq!((bank.keys(), *bank.returned.lock()), (1, AMOUNT));
}

/// Something on the way removes the mark of a replayed answer: after three errors, and a look, the next key.
#[tokio::test(start_paused = true)]
async fn a_key_that_fails_three_times_is_used_up() {
    let bank = Bank { hides_replays: true, ..Bank::failing(&[(1, false), (2, false)]) };
    insist(RULES, &Memory::new(), &bank, HOUR).await.unwrap();
    assert_eq!((bank.keys(), *bank.returned.lock()), (3, AMOUNT));
    assert_eq!(*bank.requests.lock(), 3 + 3 + 1);
}

/// Creates intents under keys. The first requests fail, and their errors are stored or not.
struct Till {
    made: Mutex<HashMap<u32, String>>,
    failures: Mutex<u32>,
    stores: bool,
}

impl StripeStep for Till {
    fn operation(&self) -> Operation {
        Operation::Create
    }

    fn key(&self, try_number: u32) -> String {
        try_number.to_string()
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        let try_number = key.parse().unwrap();
        let failed = |replayed| Failure::ServerError { why: "status 500".to_owned(), replayed };
        let mut made = self.made.lock();
        if let Some(answer) = made.get(&try_number) {
            let id = IntentId::new(answer).map_err(|_| failed(true))?;
            return Ok(Intent { id, ..Bank::default().intent() });
        }
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            if self.stores {
                made.insert(try_number, String::new());
            }
            return Err(failed(false));
        }
        let id = format!("pi_{try_number}");
        made.insert(try_number, id.clone());
        Ok(Intent { id: IntentId::new(&id).unwrap(), ..Bank::default().intent() })
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        panic!("there is nothing to look at")
    }
}

/// The process that made it may have died before it wrote the intent down; another one comes to the same one.
#[tokio::test(start_paused = true)]
async fn a_booking_has_one_intent_whatever_fails_at_its_creation() {
    for stores in [true, false] {
        for failing in [0, 1, 4] {
            let till = Till { made: Mutex::default(), failures: Mutex::new(failing), stores };
            let memory = Memory::new();
            let mut first = run(RULES, &memory, &till).await;
            while first.is_err() {
                tokio::time::sleep(Duration::from_secs(60)).await;
                first = run(RULES, &memory, &till).await;
            }
            let again = run(RULES, &Memory::new(), &till).await.unwrap();
            assert_eq!(first.unwrap().id, again.id, "{failing} errors, stored: {stores}");
            assert_eq!(till.made.lock().values().filter(|id| !id.is_empty()).count(), 1);
        }
    }
}

/// Refuses a refund while a dispute is open, and stores what it answers.
struct Court {
    decided: Instant,
    refused: Mutex<HashSet<String>>,
    returned: Mutex<i64>,
    requests: Mutex<u32>,
    bank: Bank,
}

impl Court {
    fn deciding_in(time: Duration) -> Self {
        let (refused, returned, requests) = Default::default();
        Self { decided: Instant::now() + time, refused, returned, requests, bank: Bank::default() }
    }
}

impl StripeStep for Court {
    fn operation(&self) -> Operation {
        Operation::Refund
    }

    fn key(&self, try_number: u32) -> String {
        try_number.to_string()
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        *self.requests.lock() += 1;
        let replayed = self.refused.lock().contains(key);
        if !replayed && Instant::now() >= self.decided {
            *self.returned.lock() += AMOUNT;
            return Ok(self.bank.intent());
        }
        self.refused.lock().insert(key.to_owned());
        Err(Failure::Refused { status: 400, code: "charge_disputed".to_owned(), message: "disputed".to_owned(), replayed })
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        let seen = if *self.returned.lock() > 0 { Seen::Done } else { Seen::NotDone };
        Ok((seen, self.bank.intent()))
    }
}

/// A person has seen to it, and asks for the refund again.
async fn asked_again(rules: Rules) -> Result<Intent, GatewayFault> {
    let (court, memory) = (Court::deciding_in(HOUR), Memory::new());
    let refused = run(rules, &memory, &court).await;
    assert!(matches!(&refused, Err(GatewayFault::Refused { code, .. }) if code == "charge_disputed"), "{refused:?}");
    tokio::time::sleep(HOUR).await;
    run(rules, &memory, &court).await
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_true_any_more_is_not_believed() {
    assert!(asked_again(RULES).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn twin_a_stored_refusal_is_repeated_for_a_day() {
    let believing = |operation, outcome, seen| match (outcome, seen) {
        (Outcome::StoredRefusal, Seen::NotDone) => Report,
        _ => after_look(operation, outcome, seen),
    };
    assert!(asked_again(Rules { after_try, after_look: believing }).await.is_err());
}

/// However often the step is repeated meanwhile, there are keys left, and few requests.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_lasts_leaves_keys_and_sends_few_requests() {
    let (court, memory) = (Court::deciding_in(20 * HOUR), Memory::new());
    let started = Instant::now();
    while run(RULES, &memory, &court).await.is_err() {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert!(started.elapsed() < 21 * HOUR);
    assert!(court.refused.lock().len() < 100 && *court.requests.lock() < 200, "{} requests", court.requests.lock());
    assert_eq!(*court.returned.lock(), AMOUNT);
}
