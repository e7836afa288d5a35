//! The rules one by one, and what careless rules do to a buyer's money.

use super::*;
use lastseat_domain::ports::payments::IntentStatus;
use lastseat_domain::{BookingId, Currency, IntentId, Money};
use parking_lot::Mutex;
use std::collections::HashMap;

use FollowUp::{Declined, Look, NextKey, Report, Settled, Unclear};

const STEPS: [Step; 5] = [Step::Create, Step::Confirm, Step::Capture, Step::Cancel, Step::Refund];

#[test]
fn what_follows_a_try() {
    //                              Create   Confirm  Capture  Cancel   Refund
    let table = [
        (Outcome::NoAnswer, [Report, Report, Report, Report, Report]),
        (Outcome::ServerError, [NextKey, Look, Look, Look, Look]),
        (Outcome::Overloaded, [Report, Look, Look, Look, Look]),
        (Outcome::WrongState, [Report, Report, Look, Look, Look]),
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
        (Outcome::ServerError, Shows::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::ServerError, Shows::NotDone, [Declined, NextKey, NextKey, NextKey]),
        (Outcome::ServerError, Shows::Pending, [Unclear, Unclear, Unclear, Unclear]),
        (Outcome::Overloaded, Shows::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::Overloaded, Shows::NotDone, [Report, Report, Report, Report]),
        (Outcome::WrongState, Shows::Done, [Settled, Settled, Settled, Settled]),
        (Outcome::WrongState, Shows::NotDone, [Report, Report, Report, Report]),
        (Outcome::WrongState, Shows::Pending, [Unclear, Unclear, Unclear, Unclear]),
    ];
    for (outcome, shows, expected) in table {
        let steps = [Step::Confirm, Step::Capture, Step::Cancel, Step::Refund];
        assert_eq!(steps.map(|step| after_look(step, outcome, shows)), expected, "{outcome:?} {shows:?}");
    }
}

/// Only after a look, unless an unconfirmed intent is all that can come of it.
#[test]
fn no_key_follows_without_a_look() {
    for outcome in [Outcome::NoAnswer, Outcome::ServerError, Outcome::Overloaded, Outcome::WrongState, Outcome::Refused] {
        for step in [Step::Confirm, Step::Capture, Step::Cancel, Step::Refund] {
            assert_ne!(after_try(step, outcome), NextKey, "{step:?} {outcome:?}");
        }
    }
}

/// Returns money, stores its answers under keys, and answers some requests with a 500 although it did them.
#[derive(Default)]
struct Bank {
    stored: Mutex<HashMap<u32, bool>>,
    returned: Mutex<i64>,
    looks: Mutex<u32>,
    /// Tries that are answered with a 500: before (`false`) or after (`true`) the refund is made.
    failing: HashMap<u32, bool>,
}

const AMOUNT: i64 = 4_250;

impl Bank {
    fn failing(tries: &[(u32, bool)]) -> Self {
        Self { failing: tries.iter().copied().collect(), ..Self::default() }
    }

    fn intent(&self) -> Intent {
        Intent {
            id: IntentId::new("pi_1").unwrap(),
            booking: BookingId::from_key("tries", "bank"),
            amount: Money { value: AMOUNT, currency: Currency::new("EUR").unwrap() },
            status: IntentStatus::Succeeded,
            last_decline: None,
            client_secret: None,
            capture_before: None,
            captured: AMOUNT * 2,
            refunded: *self.returned.lock(),
        }
    }

    fn failed(replayed: bool) -> Failure {
        Failure::ServerError { why: "status 500".to_owned(), replayed }
    }
}

impl Attempt for Bank {
    fn step(&self) -> Step {
        Step::Refund
    }

    async fn send(&self, try_number: u32) -> Result<Intent, Failure> {
        if let Some(failed) = self.stored.lock().get(&try_number) {
            return if *failed { Err(Self::failed(true)) } else { Ok(self.intent()) };
        }
        let failing = self.failing.get(&try_number).copied();
        self.stored.lock().insert(try_number, failing.is_some());
        if failing != Some(false) {
            *self.returned.lock() += AMOUNT;
        }
        if failing.is_some() { Err(Self::failed(false)) } else { Ok(self.intent()) }
    }

    async fn look(&self) -> Result<(Shows, Intent), GatewayFault> {
        *self.looks.lock() += 1;
        let shows = if *self.returned.lock() > 0 { Shows::Done } else { Shows::NotDone };
        Ok((shows, self.intent()))
    }
}

/// A new key for every server error, without that look.
const CARELESS: Rules = Rules {
    after_try: |step, outcome| if matches!(outcome, Outcome::ServerError) { NextKey } else { after_try(step, outcome) },
    after_look,
};

/// What was returned after the caller has repeated the step until it was answered.
async fn returned(rules: Rules, bank: &Bank) -> i64 {
    for _ in 0..10 {
        if run(rules, bank).await.is_ok() {
            return *bank.returned.lock();
        }
    }
    panic!("never answered");
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

#[tokio::test(start_paused = true)]
async fn twin_a_new_key_without_a_look_returns_money_twice() {
    let mut twice = 0;
    for bank in banks() {
        twice += usize::from(returned(CARELESS, &bank).await > AMOUNT);
    }
    assert_eq!(twice, 3, "each refund that failed after it was made");
}

/// A process that knows nothing of earlier tries gets their stored errors; they don't use up its patience.
#[tokio::test(start_paused = true)]
async fn stored_errors_are_passed_over() {
    let bank = Bank::failing(&[(1, false), (2, false), (3, false), (4, false)]);
    assert!(run(RULES, &bank).await.is_err(), "two keys a call");
    assert!(run(RULES, &bank).await.is_err());
    assert_eq!(run(RULES, &bank).await.unwrap().refunded, AMOUNT);
    assert_eq!(*bank.looks.lock(), 2 + 4 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_never_works_is_given_up() {
    let always: Vec<(u32, bool)> = (1..=100).map(|number| (number, false)).collect();
    let bank = Bank::failing(&always);
    for _ in 0..20 {
        assert!(matches!(run(RULES, &bank).await, Err(GatewayFault::Unavailable(_))));
    }
    assert_eq!(bank.stored.lock().len(), usize::try_from(KEYS).unwrap());
}
