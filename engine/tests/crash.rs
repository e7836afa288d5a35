//! Cuts the power at every step of every story: before an append, after it, amid it (where the
//! log has no appends across streams, any part of it may land), long before it lands, and before
//! and after every call of the gateway. A fresh node then has to finish everything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::checker::{assert_safe, assert_settled, flagged};
use common::fault_injection::{AppendFate, CallFate, FaultPlan};
use common::*;
use lastseat_domain::BookingId;
use lastseat_domain::booking::Phase;
use lastseat_domain::event::Tender;
use lastseat_engine::{BoxOffice, Paid, PayRequest};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// What was said to buyers before the cut.
#[derive(Default)]
struct Said {
    held: Mutex<Option<BookingId>>,
    confirmed: Mutex<Option<BookingId>>,
    refunded: Mutex<bool>,
    /// To.
    moved: Mutex<bool>,
}

#[derive(Debug, Clone, Copy)]
enum Story {
    Pay,
    Expire,
    Cancel,
    Authenticate,
    Decline,
    CaptureFails,
    Refund,
    /// A seat is given back, and the booking goes on.
    RefundSeat,
    /// A part of the money, then all that is left.
    RefundTwice,
    Floor,
    /// Paid in cash and refunded.
    Till,
    /// Sold, moved to other seats, and one of them back again.
    Exchange,
}

const STORIES: [Story; 12] = [
    Story::Pay,
    Story::Expire,
    Story::Cancel,
    Story::Authenticate,
    Story::Decline,
    Story::CaptureFails,
    Story::Refund,
    Story::RefundSeat,
    Story::RefundTwice,
    Story::Floor,
    Story::Till,
    Story::Exchange,
];

impl Story {
    async fn run(self, bench: &TestBench, office: &BoxOffice, said: &Said) {
        let selection = if matches!(self, Self::Floor) { floor(2) } else { seats(&["A-1", "A-2"]) };
        let held = hold_as(bench, office, "ann", selection).await.unwrap().booking;
        *said.held.lock().unwrap() = Some(held.id);
        let method = match self {
            Self::Pay | Self::Refund | Self::RefundSeat | Self::RefundTwice | Self::Floor | Self::Exchange => "pm_card_visa",
            Self::Authenticate => "pm_card_authenticationRequired",
            Self::Decline => "pm_card_chargeDeclined",
            Self::CaptureFails => "pm_lastseat_captureFails",
            Self::Till => {
                let paid = pay_at_till(office, held.id, Tender::Cash).await;
                assert!(matches!(paid, Ok(Paid::Confirmed(_))), "{paid:?}");
                *said.confirmed.lock().unwrap() = Some(held.id);
                return self.refund(office, held.id, said).await;
            }
            Self::Expire => return later(620).await,
            Self::Cancel => {
                office.cancel(held.id, "ann").await.unwrap();
                return later(2).await;
            }
        };
        let mut paid = pay(office, &held, method).await;
        if let Ok(Paid::ActionRequired { booking, .. }) = &paid {
            bench.sandbox.authenticate(booking.intent.as_ref().unwrap(), true).await.unwrap();
            paid = office
                .pay(held.id, PayRequest { pay_with: None.into(), return_url: None, fingerprint: None, origin: "ann".into() })
                .await;
        }
        if matches!(self, Self::Decline) {
            assert_eq!(code(paid), "payment_declined");
            paid = pay(office, &held, "pm_card_visa").await;
        }
        match paid {
            Ok(Paid::Confirmed(_)) => *said.confirmed.lock().unwrap() = Some(held.id),
            other => assert!(matches!(self, Self::CaptureFails), "{other:?}"),
        }
        if matches!(self, Self::RefundSeat | Self::RefundTwice) {
            later(1).await;
            let (seats, amount) = if matches!(self, Self::RefundSeat) { (&["A-1"][..], None) } else { (&[][..], Some(700)) };
            refund_part(office, held.id, seats, amount).await.unwrap();
        }
        if matches!(self, Self::Refund | Self::RefundTwice) {
            return self.refund(office, held.id, said).await;
        }
        if matches!(self, Self::Exchange) {
            // The rewards first, so that every run has them in the same place.
            later(1).await;
            exchange(office, held.id, &["A-1", "A-2"], &["A-3", "A-4"]).await.unwrap();
            exchange(office, held.id, &["A-3"], &["A-1"]).await.unwrap();
            *said.moved.lock().unwrap() = true;
        }
        later(2).await;
    }

    async fn refund(self, office: &BoxOffice, booking: BookingId, said: &Said) {
        // The rewards first, so that every run has them in the same place.
        later(1).await;
        *said.confirmed.lock().unwrap() = None;
        assert_eq!(office.refund(booking, "admin").await.unwrap().status(), "refunded");
        *said.refunded.lock().unwrap() = true;
        later(2).await;
    }
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    Append(u64, AppendFate),
    Call(u64, CallFate),
}

impl Cut {
    fn plan(self, plan: &FaultPlan) {
        match self {
            Self::Append(nth, fate) => plan.append(nth, fate),
            Self::Call(nth, fate) => plan.call(nth, fate),
        }
    }
}

/// Runs a story until the cut, then lets others clean up, the first of whom may be cut, too. Says
/// whether the (last) cut came at all.
fn run(atomic: bool, story: Story, cut: Cut, second: Option<Cut>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let what = format!("{story:?}, atomic: {atomic}, {cut:?}, {second:?}");
        let bench = TestBench::new(atomic);
        bench.open().await.drain(std::time::Duration::from_secs(1)).await;
        let said = Said::default();

        let (plan, end) = FaultPlan::around(&bench);
        let office = end.node().await;
        cut.plan(&plan);
        tokio::select! {
            biased;
            () = plan.power.went_out() => {}
            () = story.run(&bench, &office, &said) => {}
        }
        let mut was_cut = plan.power.is_out();
        drop(office);
        assert_safe(&bench, &what).await;

        if let Some(second) = second.filter(|_| was_cut) {
            let (plan, end) = FaultPlan::around(&bench);
            second.plan(&plan);
            tokio::select! {
                biased;
                () = plan.power.went_out() => {}
                () = async { let _office = end.node().await; later(800).await } => {}
            }
            was_cut = plan.power.is_out();
            assert_safe(&bench, &what).await;
        }

        // Hold, lease, and a while to look at what is overdue.
        let office = bench.node().await;
        later(1500).await;
        assert_settled(&bench, &what).await;
        assert_eq!(flagged(&bench).await, 0, "{what}: nothing here needs a person");
        check_what_was_said(&bench, &office, &said, &what).await;
        assert_eq!(office.status().actors, 0, "{what}");
        was_cut
    })
}

async fn check_what_was_said(bench: &TestBench, office: &BoxOffice, said: &Said, what: &str) {
    let phase = async |booking| office.booking(booking).await.unwrap().map(|b| b.phase);
    let confirmed = *said.confirmed.lock().unwrap();
    if let Some(booking) = confirmed {
        let phase = phase(booking).await;
        assert_eq!(phase, Some(Phase::Confirmed { refund_requested: false }), "{what}: an acknowledged booking is lost");
    }
    let held = *said.held.lock().unwrap();
    if let Some(booking) = held {
        let phase = phase(booking).await;
        assert!(phase.is_some(), "{what}: an acknowledged hold is lost");
        let moved = *said.moved.lock().unwrap();
        if moved {
            let found = office.booking(booking).await.unwrap().unwrap();
            let seats: Vec<_> = found.seats().iter().map(|own| own.seat.to_string()).collect();
            assert_eq!(seats, ["A-1", "A-4"], "{what}: an acknowledged exchange is lost");
        }
        let refunded = *said.refunded.lock().unwrap();
        if refunded {
            assert_eq!(phase, Some(Phase::Refunded), "{what}");
        }
    }
    // Whatever is free can be had, by somebody without an account.
    let mut taken = BTreeSet::new();
    for event in bench.history().await {
        match (event.event.name(), event.stream.as_seat()) {
            ("SeatLocked", Some((_, seat))) => drop(taken.insert(seat)),
            ("SeatReleased", Some((_, seat))) => drop(taken.remove(&seat)),
            _ => {}
        }
    }
    for label in ["A-1", "A-2", "A-3", "A-4"] {
        let again = hold(bench, office, seats(&[label])).await;
        assert_eq!(again.is_err(), taken.iter().any(|s| s.as_str() == label), "{what}: {label} {again:?}");
    }
    let units = 20 - taken.iter().filter(|s| s.as_str().starts_with("floor")).count();
    for quantity in [6, 6, 6, units - 18] {
        let quantity = u32::try_from(quantity).unwrap();
        assert!(quantity == 0 || hold(bench, office, floor(quantity)).await.is_ok(), "{what}: of the floor {units} are free");
    }
    later(700).await;
}

/// Cuts a story at 0, 1, 2, … until it runs through uncut.
fn at_every_step(atomic: bool, story: Story, make: impl Fn(u64) -> Cut) {
    let is_uncut = |n: &u64| {
        assert!(*n < 100, "{story:?} never ends");
        !run(atomic, story, make(*n), None)
    };
    let cuts = (0..).find(is_uncut).unwrap();
    assert!(cuts > 0 || matches!(make(0), Cut::Call(..)), "{story:?} was never cut");
    println!("{story:?}, atomic {atomic}, {:?}: {cuts} cuts", make(0));
}

/// Every story with each of these.
fn in_every_story<T: Copy>(with: impl IntoIterator<Item = T>) -> Vec<(Story, T)> {
    with.into_iter().flat_map(|with| STORIES.map(|story| (story, with))).collect()
}

fn cut_appends(fates: &[AppendFate]) {
    let with = fates.iter().flat_map(|fate| [(true, *fate), (false, *fate)]);
    on_all_cores(&in_every_story(with), |(story, (atomic, fate))| at_every_step(*atomic, *story, |n| Cut::Append(n, *fate)));
}

#[test]
fn before_every_append() {
    cut_appends(&[AppendFate::CutBefore]);
}

#[test]
fn behind_every_append() {
    cut_appends(&[AppendFate::CutAfter]);
}

/// Every part of an append of up to three streams: the seats without the booking, too.
#[test]
fn amid_every_append() {
    on_all_cores(&in_every_story(1..7), |(story, mask)| {
        at_every_step(false, *story, |n| Cut::Append(n, AppendFate::CutSome(*mask)));
    });
}

/// The append was on its way when its node died, and lands while others clean up, or long after.
#[test]
fn every_append_lands_late() {
    cut_appends(&[AppendFate::CutLate(1), AppendFate::CutLate(15), AppendFate::CutLate(605), AppendFate::CutLate(900)]);
}

#[test]
fn before_and_behind_every_call_of_the_gateway() {
    let with = [CallFate::CutBefore, CallFate::CutAfter].into_iter().flat_map(|fate| [(true, fate), (false, fate)]);
    on_all_cores(&in_every_story(with), |(story, (atomic, fate))| at_every_step(*atomic, *story, |n| Cut::Call(n, *fate)));
}

/// Cuts a story at its `n`th append or call, and then the node that cleans up. Says how often there was a second cut.
fn cut_twice(atomic: bool, story: Story, n: u64) -> u32 {
    let mut twice = 0;
    for first in
        [Cut::Append(n, AppendFate::CutAfter), Cut::Append(n, AppendFate::CutSome(0b101)), Cut::Call(n, CallFate::CutAfter)]
    {
        // A sample: every second cut has its own second one.
        for m in (n % 2..3).step_by(2) {
            for second in
                [Cut::Append(m, AppendFate::CutBefore), Cut::Append(m, AppendFate::CutAfter), Cut::Call(m, CallFate::CutAfter)]
            {
                twice += u32::from(run(atomic, story, first, Some(second)));
            }
        }
    }
    twice
}

/// The first who cleans up is cut, too.
#[test]
fn again_during_recovery() {
    let with = (0..8).flat_map(|n| [(true, n), (false, n)]);
    let twice: u32 = on_all_cores(&in_every_story(with), |(story, (atomic, n))| cut_twice(*atomic, *story, *n)).iter().sum();
    println!("cut twice: {twice}");
    assert!(twice > 100, "{twice}");
}
