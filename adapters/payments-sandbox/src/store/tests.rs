//! Neither memory nor a start depends on the length of the history.

use super::lists::{Cursor, Page, Window, page};
use super::payments::{NEXT_NUMBERS, Payments, REMEMBERED, in_memory};
use super::{forgetting, rows};
use crate::items::ItemKind;
use crate::machine::{Command, Request};
use chrono::TimeDelta;
use lastseat_domain::{BookingId, Currency, IntentId, Money, Timestamp};
use rusqlite::StatementStatus;
use std::collections::BTreeMap;

fn at(seconds: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(seconds).unwrap())
}

/// One payment a second.
fn history(count: usize) -> Payments {
    let mut payments = in_memory().unwrap();
    for n in 0..count {
        let booking = BookingId::from_key("history", &n.to_string());
        let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
        let command = Command::Create { booking, amount, metadata: BTreeMap::new() };
        payments.decide(&Request::new(Some(format!("create {n}")), at(n), command)).unwrap();
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
    let id = IntentId::new(&format!("pi_sandbox_{}", first.0.simple())).unwrap();
    assert_eq!(payments.intent(&id).unwrap().unwrap().booking, first);
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
