//! A payment begins with the hold as this node's subscription has it. What another node has done since is never overlooked,
//! however late the subscription is.

use crate::common;

use async_trait::async_trait;
use common::checker::{assert_safe, assert_settled};
use common::*;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::Rejection;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{AbortReason, RequestFingerprint, Tender};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use lastseat_engine::{BoxOffice, CommandError, Paid, PayRequest, PayWith};
use lastseat_testkit::{ForwardGateway, ForwardLog, ForwardingGateway, ForwardingLog};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A log whose subscriptions deliver nothing while `stopped`.
struct LateLog {
    inner: Arc<dyn EventLog>,
    stopped: watch::Receiver<bool>,
}

#[async_trait]
impl ForwardLog for LateLog {
    fn inner(&self) -> &dyn EventLog {
        &*self.inner
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
        let stopped = self.stopped.clone();
        let delivered = self.inner.subscribe(from, filter).then(move |delivery| {
            let mut stopped = stopped.clone();
            async move {
                stopped.wait_for(|stopped| !stopped).await.unwrap();
                delivery
            }
        });
        delivered.boxed()
    }
}

struct Nodes {
    bench: TestBench,
    on_time: BoxOffice,
    late: BoxOffice,
}

/// A gateway at which a payment's turn comes after ten minutes.
struct Queue(Arc<dyn PaymentGateway>);

impl ForwardGateway for Queue {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    fn queue_delay(&self) -> Duration {
        Duration::from_secs(600)
    }
}

/// Two nodes that know of a hold. Of what `meanwhile` does on the one the other knows nothing when `then` asks it.
fn while_late(meanwhile: impl AsyncFn(&Nodes, &Booking) -> Result<(), CommandError>, then: impl AsyncFn(&Nodes, &Booking)) {
    while_late_at(|gateway| gateway, meanwhile, then);
}

fn while_late_at(
    gateway: impl Fn(Arc<dyn PaymentGateway>) -> Arc<dyn PaymentGateway>,
    meanwhile: impl AsyncFn(&Nodes, &Booking) -> Result<(), CommandError>,
    then: impl AsyncFn(&Nodes, &Booking),
) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            let bench = TestBench { payments: gateway(bench.payments.clone()), ..bench };
            let on_time = bench.open().await;
            let (stop, stopped) = watch::channel(false);
            let log = Arc::new(ForwardingLog(LateLog { inner: bench.log.clone(), stopped }));
            let late = TestBench { log, ..bench.clone() }.node().await;
            let nodes = Nodes { bench, on_time, late };
            let held = hold(&nodes.bench, &nodes.on_time, seats(&["A-1"])).await.unwrap().booking;
            later(5).await;
            stop.send(true).unwrap();
            meanwhile(&nodes, &held).await.unwrap();
            then(&nodes, &held).await;
            assert_safe(&nodes.bench, "late").await;
            stop.send(false).unwrap();
            later(2_000).await;
            assert_settled(&nodes.bench, "late").await;
        });
    }
}

async fn pay_with(office: &BoxOffice, held: &Booking, pay_with: PayWith, key: Option<&str>) -> Result<Paid, CommandError> {
    let fingerprint = key.map(|key| RequestFingerprint { key: key.to_owned(), body: "body".to_owned() });
    office.pay(held.id, PayRequest { pay_with, return_url: None, fingerprint, origin: "buyer".into() }).await
}

fn visa() -> PayWith {
    PayWith::Method("pm_card_visa".to_owned())
}

async fn captures(nodes: &Nodes, held: &Booking) -> usize {
    nodes.bench.story(held.id).await.into_iter().filter(|name| *name == "PaymentCaptured").count()
}

#[test]
fn a_hold_that_was_extended_elsewhere_is_paid_after_its_first_deadline() {
    while_late(
        async |nodes, held| nodes.on_time.extend(held.id, "buyer").await.map(drop),
        async |nodes, held| {
            later(597).await;
            let paid = pay(&nodes.late, held, "pm_card_visa").await.unwrap();
            assert!(matches!(paid, Paid::Confirmed(_)), "{paid:?}");
        },
    );
}

#[test]
fn a_hold_that_was_extended_elsewhere_is_not_ended_at_its_first_deadline() {
    while_late(
        async |nodes, held| {
            // Only the late node is left to end it.
            nodes.on_time.extend(held.id, "buyer").await?;
            nodes.on_time.drain(Duration::ZERO).await;
            Ok(())
        },
        async |nodes, held| {
            later(700).await;
            assert_eq!(nodes.bench.story(held.id).await, ["BookingOpened", "HoldExtended"]);
        },
    );
}

#[test]
fn a_hold_that_was_cancelled_elsewhere_is_not_paid() {
    while_late(
        async |nodes, held| nodes.on_time.cancel(held.id, "buyer").await.map(drop),
        async |nodes, held| {
            let refused = pay(&nodes.late, held, "pm_card_visa").await;
            let is_cancelled =
                matches!(refused, Err(CommandError::Rejected(Rejection::BookingOver { reason: AbortReason::Cancelled })));
            assert!(is_cancelled, "{refused:?}");
            assert_eq!(captures(nodes, held).await, 0);
        },
    );
}

#[test]
fn the_same_payment_at_two_nodes_is_one_charge_and_one_answer() {
    while_late(
        async |nodes, held| pay_with(&nodes.on_time, held, visa(), Some("key")).await.map(drop),
        async |nodes, held| {
            let again = pay_with(&nodes.late, held, visa(), Some("key")).await.unwrap();
            assert!(matches!(again, Paid::Confirmed(_)), "{again:?}");
            assert_eq!(captures(nodes, held).await, 1);
        },
    );
}

#[test]
fn another_payment_of_a_booking_that_was_paid_elsewhere_charges_nothing() {
    while_late(
        async |nodes, held| pay_with(&nodes.on_time, held, visa(), Some("key")).await.map(drop),
        async |nodes, held| {
            let paid = pay_with(&nodes.late, held, visa(), Some("another")).await.unwrap();
            assert!(matches!(paid, Paid::Confirmed(_)), "{paid:?}");
            assert_eq!(captures(nodes, held).await, 1);
        },
    );
}

#[test]
fn a_buyer_who_comes_back_from_their_bank_to_a_late_node_is_answered_from_the_log() {
    while_late(
        async |nodes, held| {
            let method = PayWith::Method("pm_card_authenticationRequired".to_owned());
            let asked = pay_with(&nodes.on_time, held, method, None).await?;
            assert!(matches!(asked, Paid::ActionRequired { .. }), "{asked:?}");
            Ok(())
        },
        async |nodes, held| {
            let back = pay_with(&nodes.late, held, PayWith::Continue, None).await.unwrap();
            assert!(matches!(back, Paid::ActionRequired { .. }), "{back:?}");
        },
    );
}

/// At the till as online: who took the cash has to be answered that the booking is theirs.
#[test]
fn a_repeat_to_a_node_that_only_knows_that_the_show_was_cancelled_gets_its_first_answer() {
    for how in [visa(), PayWith::AtTill(Tender::Cash)] {
        while_late(
            async |nodes, held| {
                pay_with(&nodes.on_time, held, how.clone(), Some("key")).await?;
                nodes.late.cancel_show(&show(), "admin").await.map(drop)
            },
            async |nodes, held| {
                let again = pay_with(&nodes.late, held, how.clone(), Some("key")).await.unwrap();
                assert!(matches!(again, Paid::Confirmed(_)), "{again:?}");
            },
        );
    }
}

#[test]
fn a_queue_is_compared_with_the_deadline_that_another_node_has_set() {
    let queue = |gateway| Arc::new(ForwardingGateway(Queue(gateway))) as Arc<dyn PaymentGateway>;
    while_late_at(
        queue,
        async |nodes, held| nodes.on_time.extend(held.id, "buyer").await.map(drop),
        async |nodes, held| {
            let paid = pay(&nodes.late, held, "pm_card_visa").await.unwrap();
            assert!(matches!(paid, Paid::Confirmed(_)), "{paid:?}");
        },
    );
}

#[test]
fn a_key_that_was_used_elsewhere_is_not_used_for_another_request() {
    while_late(
        async |nodes, held| {
            nodes.on_time.extend(held.id, "buyer").await?;
            let declined = PayWith::Method("pm_card_chargeDeclined".to_owned());
            assert_eq!(code(pay_with(&nodes.on_time, held, declined, Some("key")).await), "payment_declined");
            Ok(())
        },
        async |nodes, held| {
            later(597).await;
            let fingerprint = Some(RequestFingerprint { key: "key".to_owned(), body: "another".to_owned() });
            let request = PayRequest { pay_with: visa(), return_url: None, fingerprint, origin: "buyer".into() };
            assert_eq!(code(nodes.late.pay(held.id, request).await), "idempotency_key_reused");
            assert_eq!(captures(nodes, held).await, 0);
        },
    );
}

#[test]
fn a_buyer_who_still_has_to_act_gets_the_same_page_again() {
    let method = || PayWith::Method("pm_card_authenticationRequired".to_owned());
    while_late(
        async |nodes, held| pay_with(&nodes.on_time, held, method(), None).await.map(drop),
        async |nodes, held| {
            let again = pay_with(&nodes.late, held, method(), None).await.unwrap();
            assert!(matches!(again, Paid::ActionRequired { .. }), "{again:?}");
            let story = nodes.bench.story(held.id).await;
            assert_eq!(story.iter().filter(|name| **name == "PaymentStarted").count(), 1, "{story:?}");
        },
    );
}
