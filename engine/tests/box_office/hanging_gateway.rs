//! A gateway that does not answer keeps nothing from going on that does not need it.

use crate::common;

use async_trait::async_trait;
use common::checker;
use common::*;
use futures::future::join_all;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Money};
use lastseat_engine::{BoxOffice, Hold, Paid};
use lastseat_testkit::{ForwardGateway, ForwardingGateway};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// More than are looked at in parallel.
const MANY: u32 = 400;
const HOLD: u64 = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    AtOnce,
    /// But captures fail at once.
    NoCaptures,
    /// Each call fails after 20 s, as with Stripe's adapter when nobody answers.
    After20Seconds,
    Never,
}

struct Slow {
    inner: Arc<dyn PaymentGateway>,
    answers: Arc<Mutex<Answers>>,
    /// When it was called.
    calls: Arc<Mutex<Vec<Instant>>>,
}

impl Slow {
    async fn arrive(&self) -> Result<(), GatewayFault> {
        self.calls.lock().push(Instant::now());
        let answers = *self.answers.lock();
        match answers {
            Answers::AtOnce | Answers::NoCaptures => Ok(()),
            Answers::After20Seconds => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Err(GatewayFault::OutcomeUnknown("no answer".to_owned()))
            }
            Answers::Never => std::future::pending().await,
        }
    }
}

#[async_trait]
impl ForwardGateway for Slow {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        self.inner.create(order).await
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        self.inner.confirm(intent, booking, attempt, method).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        self.inner.retrieve(intent).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        if *self.answers.lock() == Answers::NoCaptures {
            return Err(GatewayFault::Unavailable("down".to_owned()));
        }
        self.inner.capture(intent, booking).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        self.inner.cancel(intent, booking).await
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        self.arrive().await?;
        self.inner.refund(intent, booking, number, amount).await
    }
}

struct Sale {
    bench: TestBench,
    office: BoxOffice,
    answers: Arc<Mutex<Answers>>,
    calls: Arc<Mutex<Vec<Instant>>>,
}

impl Sale {
    async fn open() -> Self {
        let bench = TestBench::new(true);
        let (answers, calls) = (Arc::new(Mutex::new(Answers::AtOnce)), Arc::default());
        let slow = Slow { inner: bench.payments.clone(), answers: Arc::clone(&answers), calls: Arc::clone(&calls) };
        let bench = TestBench { payments: Arc::new(ForwardingGateway(slow)), ..bench };
        let office = bench.node().await;
        let mut show = test_show();
        show.areas.iter_mut().for_each(|area| area.capacity = area.capacity.map(|_| MANY * 2));
        office.schedule_show(show, "admin").await.unwrap();
        Self { bench, office, answers, calls }
    }

    fn gateway(&self, answers: Answers) {
        *self.answers.lock() = answers;
    }

    async fn hold(&self, seat: &str) -> Hold {
        hold(&self.bench, &self.office, seats(&[seat])).await.unwrap_or_else(|error| panic!("{seat}: {error:?}"))
    }

    /// Bookings that are sold, whose money the gateway has not taken yet.
    async fn sold(&self, count: u32) {
        self.gateway(Answers::NoCaptures);
        let one = async |_| {
            let held = hold(&self.bench, &self.office, floor(1)).await.unwrap().booking;
            pay(&self.office, &held, "pm_card_visa").await.unwrap();
        };
        join_all((0..count).map(one)).await;
    }

    /// Afterwards all bookings are paid or over, and the money is what was sold.
    async fn heals(&self, sold: u32) {
        self.gateway(Answers::AtOnce);
        later(3600).await;
        checker::assert_settled(&self.bench, "healed").await;
        assert_eq!(self.bench.taken(), i64::from(sold) * 2_000);
        assert_eq!(self.office.status().unfinished, 0);
    }
}

fn in_virtual_time(test: impl AsyncFn(Sale)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { test(Sale::open().await).await });
}

#[test]
fn holds_end_in_time_while_the_gateway_hangs_with_more_bookings_than_are_looked_at_at_once() {
    for answers in [Answers::Never, Answers::After20Seconds] {
        in_virtual_time(async |sale| {
            sale.sold(MANY).await;
            sale.gateway(Answers::AtOnce);
            // Its buyer is at their bank.
            let at_bank = sale.hold("B-1").await.booking;
            let paid = pay(&sale.office, &at_bank, "pm_card_authenticationRequired").await.unwrap();
            assert!(matches!(paid, Paid::ActionRequired { .. }), "{paid:?}");
            sale.gateway(answers);
            let never_paid = sale.hold("A-1").await.booking;
            let cancelled = sale.hold("A-2").await.booking;
            sale.office.cancel(cancelled.id, "buyer").await.unwrap();
            sale.hold("A-2").await;
            later(HOLD - 10).await;
            assert_eq!(code(hold(&sale.bench, &sale.office, seats(&["A-1"])).await), "seat_unavailable");
            later(15).await;
            sale.hold("A-1").await;
            assert_eq!(sale.bench.story(never_paid.id).await.last(), Some(&"BookingAborted"));
            // The call that was under way before the hold ended lasts 20 s at Stripe; the seat does not wait for it.
            sale.hold("B-1").await;
            assert_eq!(sale.bench.story(at_bank.id).await.last(), Some(&"BookingAborted"));
            sale.heals(MANY).await;
            assert_eq!(sale.bench.story(at_bank.id).await.last(), Some(&"PaymentVoided"));
        });
    }
}

/// The call that hangs is the booking's own.
#[test]
fn the_hold_of_a_payment_whose_own_call_hangs_ends_in_time() {
    in_virtual_time(async |sale| {
        let booking = sale.hold("A-1").await.booking;
        later(HOLD - 60).await;
        sale.gateway(Answers::Never);
        let paid = pay(&sale.office, &booking, "pm_card_visa").await.unwrap();
        assert!(matches!(paid, Paid::Pending(_)), "{paid:?}");
        later(52).await;
        sale.hold("A-1").await;
        assert_eq!(sale.bench.story(booking.id).await.last(), Some(&"BookingAborted"));
        sale.heals(0).await;
        assert_eq!(sale.bench.story(booking.id).await.last(), Some(&"PaymentVoided"));
    });
}

/// What never ends would keep the booking, and a place, for ever.
#[test]
fn a_call_without_an_end_is_given_up_and_made_again() {
    in_virtual_time(async |sale| {
        sale.sold(1).await;
        sale.gateway(Answers::Never);
        later(60).await;
        sale.calls.lock().clear();
        later(600).await;
        let calls = sale.calls.lock().len();
        assert!((4..=6).contains(&calls), "{calls} calls in ten minutes");
        sale.heals(1).await;
    });
}

/// Four calls of 20 s in a row would keep the booking from everything else for that long.
#[test]
fn a_gateway_that_takes_long_to_fail_is_not_asked_again_at_once() {
    in_virtual_time(async |sale| {
        sale.sold(1).await;
        sale.gateway(Answers::After20Seconds);
        later(60).await;
        sale.calls.lock().clear();
        later(600).await;
        let calls = std::mem::take(&mut *sale.calls.lock());
        let gaps: Vec<u64> = calls.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert!(gaps.len() > 10 && gaps.iter().all(|gap| *gap >= 29), "{gaps:?}");
        sale.heals(1).await;
    });
}
