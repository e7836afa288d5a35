use super::*;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A hundred bookings in four parts.
#[derive(Default)]
struct Sold {
    refunded: BTreeSet<BookingId>,
}

impl Confirmed for Sold {
    fn of_show(&self, _show: &ShowId, part: usize) -> Option<Vec<BookingId>> {
        let first = u128::try_from(part).unwrap() * 25;
        let all = first..first + 25;
        (part < 4).then(|| all.map(booking).filter(|booking| !self.refunded.contains(booking)).collect())
    }

    fn is_refundable(&self, booking: BookingId) -> bool {
        !self.refunded.contains(&booking)
    }
}

fn booking(n: u128) -> BookingId {
    BookingId(Uuid::from_u128(n))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn show() -> ShowId {
    ShowId::new("gala").unwrap()
}

fn requested() -> ShowRefunds {
    let mut refunds = ShowRefunds::default();
    let cause = Cause { event: Uuid::from_u128(1), trace: None };
    refunds.request(&show(), Requested { by: "mary".to_owned(), cause }, at(0));
    refunds
}

/// Tries all that is due; these fail. How often they were tried.
fn try_due(refunds: &mut ShowRefunds, sold: &mut Sold, now: Timestamp, bad: &[u128], others: bool) -> usize {
    let mut failed = 0;
    loop {
        let taken = refunds.take_due(now, 16, sold);
        if taken.is_empty() {
            return failed;
        }
        for (taken, _) in taken {
            if bad.iter().any(|n| booking(*n) == taken) {
                failed += 1;
                refunds.failed(&show(), taken, now, others);
            } else {
                sold.refunded.insert(taken);
                refunds.done(taken);
            }
        }
    }
}

#[test]
fn one_that_can_not_be_read_holds_up_no_other() {
    let (mut refunds, mut sold) = (requested(), Sold::default());
    assert_eq!(try_due(&mut refunds, &mut sold, at(0), &[24, 60], false), 2);
    assert_eq!(sold.refunded.len(), 98, "all others, without a pause");
    assert_eq!(refunds.count_failed(), BTreeMap::from([(show(), 2)]));
    // The pauses grow, also while other passes go through the bookings.
    let mut tries = 0;
    for second in 1..=3_600 {
        if second % 60 == 0 {
            refunds.changed(&show(), at(second));
        }
        tries += try_due(&mut refunds, &mut sold, at(second), &[24, 60], false);
    }
    assert!((20..=28).contains(&tries), "{tries}");
    // One of them is repaired.
    try_due(&mut refunds, &mut sold, at(5_000), &[60], false);
    assert!(sold.refunded.contains(&booking(24)));
    assert_eq!(refunds.count_failed(), BTreeMap::from([(show(), 1)]));
}

#[test]
fn a_log_that_does_not_answer_is_left_alone_and_the_pass_keeps_its_place() {
    let (mut refunds, mut sold) = (requested(), Sold::default());
    let all: Vec<u128> = (0..100).collect();
    assert_eq!(try_due(&mut refunds, &mut sold, at(0), &all, true), 16);
    assert_eq!(refunds.next_due(), Some(at(2)));
    // Those that failed, and the next ones.
    assert_eq!(try_due(&mut refunds, &mut sold, at(2), &[], true), 0);
    assert_eq!(sold.refunded.len(), 100);
    assert_eq!((refunds.next_due(), refunds.count_failed()), (None, BTreeMap::new()));
}

#[test]
fn one_that_failed_and_is_refunded_since_is_forgotten() {
    let (mut refunds, mut sold) = (requested(), Sold::default());
    try_due(&mut refunds, &mut sold, at(0), &[24], false);
    sold.refunded.insert(booking(24));
    assert_eq!(try_due(&mut refunds, &mut sold, at(2), &[24], false), 0);
    assert_eq!((refunds.next_due(), refunds.count_failed()), (None, BTreeMap::new()));
}

/// A show that is sold, of which nothing can be refunded.
struct Paying {
    parts: usize,
}

impl Confirmed for Paying {
    fn of_show(&self, _show: &ShowId, part: usize) -> Option<Vec<BookingId>> {
        (part < self.parts).then(|| (0..1_000).map(booking).collect())
    }

    fn is_refundable(&self, _booking: BookingId) -> bool {
        false
    }
}

#[test]
fn a_long_pass_is_made_in_pieces() {
    let mut refunds = requested();
    let paying = Paying { parts: 25 };
    for _ in 0..2 {
        assert_eq!(refunds.take_due(at(0), 16, &paying), []);
        assert_eq!(refunds.next_due(), Some(at(0)), "it goes on as soon as something else had its turn");
    }
    assert_eq!(refunds.take_due(at(0), 16, &paying), []);
    assert_eq!(refunds.next_due(), None);
}
