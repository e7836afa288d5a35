//! Neither memory nor a start depends on the length of the history.

use super::lists::{Cursor, Page, Window, page};
use super::payments::{NEXT_NUMBERS, Payments, REMEMBERED, in_memory};
use super::worker::{Task, Worker};
use super::{forgetting, rows};
use crate::items::ItemKind;
use crate::machine::{Command, Decision, Request};
use crate::undelivered::Undelivered;
use chrono::TimeDelta;
use lastseat_domain::{BookingId, Currency, IntentId, Money, Timestamp};
use rusqlite::StatementStatus;
use std::collections::BTreeMap;

fn at(seconds: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(seconds).unwrap())
}

/// The request that created payment `n`, or creates it again under another key.
fn create(n: usize, key: &str) -> Request {
    let booking = BookingId::from_key("history", &n.to_string());
    let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
    Request::new(Some(format!("{key} {n}")), at(n), Command::Create { booking, amount, metadata: BTreeMap::new() })
}

fn intent_of(n: usize) -> IntentId {
    let booking = BookingId::from_key("history", &n.to_string());
    IntentId::new(&format!("pi_sandbox_{}", booking.0.simple())).unwrap()
}

/// One payment a second.
fn history(count: usize) -> Payments {
    let mut payments = in_memory().unwrap();
    for n in 0..count {
        payments.decide(&create(n, "create")).unwrap();
        payments.finish(at(n)).unwrap();
    }
    payments
}

/// Steps that SQLite's machine has taken in a statement since the last look.
fn steps(payments: &Payments, sql: &str) -> i32 {
    payments.connection().prepare_cached(sql).unwrap().reset_status(StatementStatus::VmStep)
}

#[test]
fn memory_holds_so_many_payments_and_no_more() {
    let mut payments = history(2 * REMEMBERED + 100);
    assert_eq!(payments.remembered(), REMEMBERED);
    // The others are found all the same.
    let first = BookingId::from_key("history", "0");
    assert_eq!(payments.intent(&intent_of(0)).unwrap().unwrap().booking, first);
    assert_eq!(payments.remembered(), REMEMBERED);
}

#[test]
fn a_start_reads_a_few_rows_however_many_there_are() {
    let started = [10, 3_000].map(|count| {
        let before = history(count);
        let queries = [NEXT_NUMBERS, forgetting::UNTIL, forgetting::NEXT_AT, rows::ENDPOINTS];
        for sql in queries {
            steps(&before, sql);
        }
        let after = Payments::on(before.into_connection()).unwrap();
        assert_eq!(after.endpoints().unwrap().len(), 0);
        queries.map(|sql| steps(&after, sql))
    });
    assert_eq!(started[0], started[1]);
    assert!(started[0].iter().all(|steps| (1..100).contains(steps)), "{started:?}");
}

#[test]
fn a_page_deep_in_a_list_costs_as_much_as_the_first() {
    let payments = history(3_000);
    let read = |cursor| -> Page {
        page(payments.connection(), ItemKind::Intent, &Window { cursor, ..Window::newest(10) }).unwrap().unwrap()
    };
    let cursor = |page: Page| Cursor::After(page.items.last().unwrap().0.id.clone(), 1);
    let first = read(None);
    let sql = super::lists::OLDER;
    let cost = steps(&payments, sql);
    let mut next = cursor(first);
    for _ in 0..250 {
        next = cursor(read(Some(next)));
        let deep = steps(&payments, sql);
        assert!(deep < 2 * cost, "{deep} steps, {cost} for the first page");
    }
}

/// A row that can't be read is one payment's trouble, however many calls share its transaction.
#[test]
fn a_payment_that_can_not_be_read_fails_its_own_caller_alone() {
    let connection = history(3).into_connection();
    let damage = "UPDATE changes SET change = '{' WHERE seq = (SELECT latest FROM payments WHERE id = ?1)";
    assert_eq!(connection.execute(damage, [intent_of(1).as_str()]).unwrap(), 1);
    let (mut worker, _) = Worker::new(Payments::on(connection).unwrap()).unwrap();
    let cancel = |n| Request::new(None, at(10), Command::Cancel { intent: intent_of(n) });
    for round in 0..2 {
        let (tasks, answers): (Vec<_>, Vec<_>) = [cancel(0), cancel(1), create(1, "create"), create(3 + round, "new"), cancel(2)]
            .into_iter()
            .map(|request| {
                let (answer, answered) = tokio::sync::oneshot::channel();
                (Task::Decide(Box::new(request), answer), answered)
            })
            .unzip();
        worker.carry_out(tasks);
        let answers: Vec<_> = answers.into_iter().map(|mut answered| answered.try_recv().unwrap()).collect();
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true, true], "{answers:?}");
        let refused = |answer: &Result<Decision, Undelivered>| matches!(answer, Err(Undelivered::Unavailable(_)));
        assert!(answers[1..3].iter().all(refused), "{answers:?}");
        assert!(worker.payments().intent(&intent_of(3 + round)).unwrap().is_some(), "what was answered is stored");
    }
}
