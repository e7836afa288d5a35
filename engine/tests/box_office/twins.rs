//! Twins that must fail: each takes away one thing that the engine rests on, and the checker has to
//! notice. Proves that the checker can fail, and what prevents a double sale.

use crate::common;

use async_trait::async_trait;
use common::checker::{unsafe_now, unsettled};
use common::fault_injection::{AppendFate, FaultPlan};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_domain::event::{AbortReason, Event, SeatReleased};
use lastseat_domain::ports::event_log::{Direction, EventLog, Expected, LogFault, StreamWrite, WriteOutcome};
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, PaymentGateway};
use lastseat_domain::{BookingId, IntentId, Metadata, SeatId, StreamName, codec};
use lastseat_engine::Paid;
use lastseat_testkit::GuardFault;
use lastseat_testkit::{ForwardGateway, ForwardLog, ForwardingGateway, ForwardingLog};
use std::sync::Arc;

/// A log that appends wherever a stream ends, whatever was expected, to streams of one category.
struct BlindLog {
    inner: Arc<dyn EventLog>,
    category: &'static str,
}

#[async_trait]
impl ForwardLog for BlindLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    async fn append(&self, mut writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, LogFault> {
        for write in writes.iter_mut().filter(|w| w.stream.category() == self.category) {
            let last = self.inner.read_stream(&write.stream, None, Direction::Backwards, 1).await?;
            write.expected = last.first().map_or(Expected::NoStream, |e| Expected::Revision(e.revision));
        }
        self.inner.append(writes).await
    }
}

/// A gateway that captures as soon as it authorises.
struct EagerGateway(Arc<dyn PaymentGateway>);

#[async_trait]
impl ForwardGateway for EagerGateway {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    async fn confirm(&self, intent: &IntentId, booking: BookingId, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        let answer = self.0.confirm(intent, booking, attempt, method).await?;
        self.0.capture(intent, booking).await?;
        Ok(answer)
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test)
}

/// The rush that the engine survives with every lie of the guard, on a log that is blind for
/// `category`, or sees.
async fn rush(atomic: bool, category: &'static str) -> (usize, Vec<String>) {
    let bench = TestBench::new(atomic);
    bench.open().await.drain(std::time::Duration::ZERO).await;
    let blind = TestBench { log: Arc::new(ForwardingLog(BlindLog { inner: bench.log.clone(), category })), ..bench.clone() };
    let (outside, guard) = with_random_faults(&blind, &SeededRandom::new(5), &FaultRate::default());
    guard.set(GuardFault::SaysYes);
    let nodes = [outside.node().await, outside.node().await];
    let holds = join_all((0..20).map(|n| hold(&bench, &nodes[n % 2], seats(&["A-1"])))).await;
    let winners = holds.iter().filter(|h| h.is_ok()).count();
    (winners, unsafe_now(&bench).await)
}

#[test]
fn a_blind_append_on_a_seat_sells_it_twice_and_is_noticed() {
    for atomic in [true, false] {
        assert_eq!(run(rush(atomic, "no such category")), (1, vec![]), "with its eyes open, and the same lying guard");
        let (winners, wrong) = run(rush(atomic, "seat"));
        assert!(winners > 1, "atomic: {atomic}: only the log's revision prevents it");
        assert!(wrong.iter().any(|w| w.contains("SeatLocked")), "{wrong:?}");
    }
}

/// Pays just before the end of the hold. The decision to commit is on its way for fifteen seconds, and
/// another node expires the hold meanwhile.
async fn late_payer(atomic: bool, category: &'static str) -> (bool, Vec<String>) {
    let bench = TestBench::new(atomic);
    bench.open().await.drain(std::time::Duration::ZERO).await;
    let blind = TestBench { log: Arc::new(ForwardingLog(BlindLog { inner: bench.log.clone(), category })), ..bench.clone() };
    let (plan, end) = FaultPlan::around(&blind);
    let (office, _other) = (end.node().await, bench.node().await);
    let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
    later(598).await;
    plan.append(1, AppendFate::Slow(15));
    let paid = pay(&office, &held, "pm_card_visa").await;
    later(30).await;
    (matches!(paid, Ok(Paid::Confirmed(_))), unsafe_now(&bench).await)
}

#[test]
fn a_blind_append_on_a_booking_confirms_a_late_payer_and_is_noticed() {
    for atomic in [true, false] {
        assert_eq!(run(late_payer(atomic, "no such category")), (false, vec![]));
    }
    let (_, wrong) = run(late_payer(false, "booking"));
    assert!(wrong.iter().any(|w| w.contains("a late payer was confirmed")), "{wrong:?}");
    // Where the decision and its seats are one append, the seats' revisions refuse it, too.
    assert_eq!(run(late_payer(true, "booking")), (false, vec![]));
}

/// Declined by the seat's rule inside; from outside it can only be written past the engine.
#[test]
fn a_release_of_anothers_seat_is_noticed() {
    run(async {
        let bench = TestBench::new(true);
        let office = bench.open().await;
        hold(&bench, &office, seats(&["A-1"])).await.unwrap();
        assert_eq!(unsafe_now(&bench).await, Vec::<String>::new());
        let other = bench.new_booking();
        let release = [Event::from(SeatReleased { booking: other, reason: AbortReason::Expired, block: None })];
        let metadata = Metadata::of_booking(other, "test", bench.clock.now());
        let stream = StreamName::seat(&show(), &SeatId::new("A-1").unwrap());
        let write = codec::encode(stream, Expected::Revision(0), &release, &metadata).unwrap();
        bench.log.append(vec![write]).await.unwrap();
        let wrong = unsafe_now(&bench).await;
        assert!(wrong.len() == 1 && wrong[0].contains("SeatReleased"), "{wrong:?}");
    });
}

#[test]
fn money_taken_before_the_decision_is_noticed() {
    run(async {
        let bench = TestBench::new(true);
        let bench = TestBench { payments: Arc::new(ForwardingGateway(EagerGateway(bench.payments.clone()))), ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        later(598).await;
        // The gateway answers after the deadline: the booking is over, and the money was taken.
        assert_eq!(code(pay(&office, &held, "pm_lastseat_slow").await), "booking_over");
        let wrong = unsafe_now(&bench).await;
        assert!(wrong.iter().any(|w| w.contains("was captured, and its booking was never committed")), "{wrong:?}");
        // The engine did not look away either.
        assert_eq!(common::checker::flagged(&bench).await, 1);
    });
}

/// A gateway that takes a lost answer to a capture for a failure, and gives the payment up.
struct VoidsOnTimeout(Arc<dyn PaymentGateway>);

#[async_trait]
impl ForwardGateway for VoidsOnTimeout {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        match self.0.capture(intent, booking).await {
            Err(GatewayFault::OutcomeUnknown(_)) => {
                Ok(Intent { status: IntentStatus::Canceled, ..self.0.retrieve(intent).await? })
            }
            answer => answer,
        }
    }
}

#[test]
fn a_payment_given_up_after_a_lost_answer_is_noticed() {
    run(async {
        for twin in [false, true] {
            let bench = TestBench::new(true);
            let bench = match twin {
                true => TestBench { payments: Arc::new(ForwardingGateway(VoidsOnTimeout(bench.payments.clone()))), ..bench },
                false => bench,
            };
            let office = bench.open().await;
            let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
            let _answer = pay(&office, &held, "pm_lastseat_captureAnswerLost").await;
            later(700).await;
            let wrong = unsettled(&bench).await;
            if twin {
                assert!(wrong.iter().any(|w| w.contains("5000 were kept instead of 0")), "{wrong:?}");
            } else {
                assert_eq!(wrong, Vec::<String>::new());
            }
        }
    });
}

/// A gateway adapter that believes a webhook's body: whatever the gateway says, this intent is authorised, and
/// then captured.
struct BelievesWebhooks(Arc<dyn PaymentGateway>);

#[async_trait]
impl ForwardGateway for BelievesWebhooks {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        Ok(Intent { status: IntentStatus::RequiresCapture, ..self.0.retrieve(intent).await? })
    }

    async fn capture(&self, intent: &IntentId, _booking: BookingId) -> Result<Intent, GatewayFault> {
        let intent = self.0.retrieve(intent).await?;
        Ok(Intent { status: IntentStatus::Succeeded, captured: intent.amount.value, ..intent })
    }
}

#[test]
fn a_sale_that_a_webhook_made_is_noticed() {
    run(async {
        for twin in [false, true] {
            let bench = TestBench::new(true);
            let bench = match twin {
                true => TestBench { payments: Arc::new(ForwardingGateway(BelievesWebhooks(bench.payments.clone()))), ..bench },
                false => bench,
            };
            let office = bench.open().await;
            let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
            pay(&office, &held, "pm_card_authenticationRequired").await.unwrap();
            // A forged delivery says that the buyer has passed. It names the booking, and nothing more is taken from it.
            office.settle(held.id);
            later(700).await;
            let wrong = unsettled(&bench).await;
            if twin {
                assert!(wrong.iter().any(|w| w.contains("0 were kept instead of 5000")), "{wrong:?}");
            } else {
                assert_eq!(wrong, Vec::<String>::new());
            }
        }
    });
}
