use super::*;
use crate::reconcile::Kind;
use crate::reconcile::samples::{booking, euros, history, intent};
use async_trait::async_trait;
use lastseat_domain::event::{Event, PaymentFlagged, PaymentReturnedElsewhere};
use lastseat_domain::ports::event_log::{Expected, Filter};
use lastseat_domain::ports::payments::{Dispute, PaymentOrder, PaymentRecord, RecordPage, RefundRecord};
use lastseat_domain::{Metadata, Timestamp, codec};
use lastseat_testkit::MemoryLog;
use parking_lot::Mutex;

/// A gateway that keeps the money of one intent, and the refunds that were tried.
#[derive(Default)]
struct Gateway {
    refunds: Mutex<Vec<(IntentId, RefundRecord)>>,
    /// Whether the bank refuses refunds, although they are made.
    refuses: bool,
    /// Whether answers get lost.
    silent: bool,
}

impl Gateway {
    /// Two refunds of the booking failed days after they were made: the engine's, and one made here.
    fn after_failures(refuses: bool, silent: bool) -> Arc<Self> {
        let failed = |number| (intent("pi_1"), RefundRecord { number: Some(number), failed: true });
        Arc::new(Self { refunds: Mutex::new(vec![failed(1), failed(2)]), refuses, silent })
    }

    fn now(&self) -> Intent {
        let refunded = self.refunds.lock().iter().any(|(_, refund)| !refund.failed);
        Intent {
            id: intent("pi_1"),
            booking: Some(booking()),
            amount: euros(100),
            status: IntentStatus::Succeeded,
            last_decline: None,
            client_secret: None,
            capture_before: None,
            captured: 100,
            refunded: if refunded { 100 } else { 0 },
        }
    }
}

#[async_trait]
impl PaymentRecords for Gateway {
    async fn list(&self, _: Option<&IntentId>) -> Result<RecordPage, GatewayFault> {
        unreachable!("it was listed before")
    }

    async fn refunds(&self, of: &IntentId) -> Result<Vec<RefundRecord>, GatewayFault> {
        Ok(self.refunds.lock().iter().filter(|(intent, _)| intent == of).map(|(_, refund)| *refund).collect())
    }

    async fn dispute(&self, _: &IntentId) -> Result<Dispute, GatewayFault> {
        Ok(Dispute::None)
    }
}

#[async_trait]
impl PaymentGateway for Gateway {
    async fn create(&self, _: &PaymentOrder) -> Result<Intent, GatewayFault> {
        unreachable!("nothing is sold here")
    }

    async fn confirm(&self, _: &IntentId, _: BookingId, _: u32, _: &str) -> Result<Intent, GatewayFault> {
        unreachable!("nothing is sold here")
    }

    async fn confirm_returning_to(&self, _: &IntentId, _: BookingId, _: u32, _: &str, _: &str) -> Result<Intent, GatewayFault> {
        unreachable!("nothing is sold here")
    }

    async fn retrieve(&self, _: &IntentId) -> Result<Intent, GatewayFault> {
        Ok(self.now())
    }

    async fn capture(&self, _: &IntentId, _: BookingId) -> Result<Intent, GatewayFault> {
        Ok(self.now())
    }

    async fn cancel(&self, _: &IntentId, _: BookingId) -> Result<Intent, GatewayFault> {
        Ok(self.now())
    }

    /// Under a key that was used, its first answer again: Stripe keeps them for a day.
    async fn refund(&self, of: &IntentId, _: BookingId, number: u32, _: Money) -> Result<Intent, GatewayFault> {
        let mut refunds = self.refunds.lock();
        if !refunds.iter().any(|(_, refund)| refund.number == Some(number)) {
            refunds.push((of.clone(), RefundRecord { number: Some(number), failed: self.refuses }));
        }
        drop(refunds);
        if self.silent { Err(GatewayFault::OutcomeUnknown("no answer".to_owned())) } else { Ok(self.now()) }
    }
}

/// A log in which the booking is refunded, and more.
async fn log_with(more: Vec<Event>) -> Arc<dyn EventLog> {
    let log = MemoryLog::new(Arc::new(SystemClock), true);
    let events = [history(7), more].concat();
    let metadata = Metadata::of_booking(booking(), "test", Timestamp::UNIX_EPOCH);
    let write = codec::encode(StreamName::booking(booking()), Expected::NoStream, &events, &metadata).unwrap();
    log.append(vec![write]).await.unwrap();
    Arc::new(log)
}

/// What was compared while the log had the booking refunded, and nothing more.
async fn compared(intents: &[&str]) -> Reconciliation {
    let record = |name: &&str| PaymentRecord {
        intent: intent(name),
        booking: Some(booking()),
        amount: euros(100),
        status: IntentStatus::Succeeded,
        captured: 100,
        refunded: if *name == "pi_1" { 0 } else { 100 },
        dispute: Dispute::None,
        created: Timestamp::UNIX_EPOCH,
    };
    let mut compared = Reconciliation::of_all(intents.iter().map(record).collect());
    let log = log_with(vec![]).await;
    let events = log.read_all(None, Direction::Forwards, 100, &Filter::streams(&["booking-"])).await.unwrap();
    events.iter().for_each(|event| compared.observe(event));
    compared
}

async fn run(gateway: &Arc<Gateway>, remedy: Remedy, intents: &[&str]) -> Outcome {
    run_with(gateway, remedy, intents, log_with(vec![]).await).await
}

async fn run_with(gateway: &Arc<Gateway>, remedy: Remedy, intents: &[&str], log: Arc<dyn EventLog>) -> Outcome {
    let engine = Engine::Nobody("not needed".to_owned());
    let (records, at) = (Arc::clone(gateway) as _, Some(Arc::clone(gateway) as _));
    let mut apply = Apply { records, gateway: at, log, engine, unknown_bookings: false };
    let (kind, text) = (Kind::RefundedCharged, "");
    let difference =
        Difference { kind, booking: Some(booking()), intent: intent("pi_1"), text, wrong: true, since: None, remedy };
    apply.run(&difference, &compared(intents).await).await
}

/// The number of the first refund that the engine does not make.
const OTHER: u32 = 1 << 20;

/// Minutes pass between the comparison and its refund.
#[tokio::test]
async fn money_that_went_another_way_meanwhile_is_not_returned_again() {
    let (booking, amount) = (booking(), euros(100));
    let gateway = Gateway::after_failures(false, false);
    let reviewed = vec![
        PaymentFlagged { booking, reason: "the gateway still has it".into() }.into(),
        PaymentReturnedElsewhere { booking, amount, refund: None, reason: "transferred".into(), by: "root".into() }.into(),
    ];
    let log = log_with(reviewed).await;
    let outcome = run_with(&gateway, Remedy::Refund { number: OTHER, amount }, &["pi_1"], log).await;
    assert!(matches!(&outcome, Outcome::NotDone(why) if why.contains("has changed meanwhile")), "{outcome:?}");
    assert_eq!(gateway.refunds.lock().len(), 2, "the two that had failed");
}

/// The key of refund 2 would replay its first answer, and the money would stay.
#[tokio::test]
async fn a_refund_that_failed_is_made_again_under_a_new_key() {
    let gateway = Gateway::after_failures(false, false);
    let done = run(&gateway, Remedy::Refund { number: OTHER, amount: euros(100) }, &["pi_1"]).await;
    assert_eq!(done, Outcome::Done("returned 1.00 EUR at the gateway".to_owned()));
    assert_eq!(gateway.refunds.lock().last().unwrap().1, RefundRecord { number: Some(OTHER), failed: false });
}

/// Keys are the booking's, whichever of its intents they were used for.
#[tokio::test]
async fn the_refunds_of_all_intents_of_a_booking_count() {
    let gateway = Gateway::after_failures(false, false);
    gateway.refunds.lock().push((intent("pi_2"), RefundRecord { number: Some(OTHER + 7), failed: true }));
    run(&gateway, Remedy::Refund { number: OTHER, amount: euros(100) }, &["pi_1", "pi_2"]).await;
    assert_eq!(gateway.refunds.lock().last().unwrap().1.number, Some(OTHER + 8));
    // Those made by hand have no number.
    gateway.refunds.lock().extend((0..9).map(|_| (intent("pi_2"), RefundRecord { number: None, failed: true })));
    run(&gateway, Remedy::Refund { number: OTHER, amount: euros(100) }, &["pi_1", "pi_2"]).await;
    assert_eq!(gateway.refunds.lock().last().unwrap().1.number, Some(OTHER + 9));
}

#[tokio::test(start_paused = true)]
async fn what_is_reported_is_what_the_gateway_has_afterwards() {
    let refund = Remedy::Refund { number: OTHER, amount: euros(100) };
    let refused = run(&Gateway::after_failures(true, false), refund, &["pi_1"]).await;
    assert!(matches!(&refused, Outcome::NotDone(why) if why.contains("still has 1.00 EUR")), "{refused:?}");
    let lost = run(&Gateway::after_failures(false, true), refund, &["pi_1"]).await;
    assert!(matches!(lost, Outcome::Done(_)), "{lost:?}");
    let both = run(&Gateway::after_failures(true, true), refund, &["pi_1"]).await;
    assert!(matches!(&both, Outcome::NotDone(why) if why.contains("no answer")), "{both:?}");
    let cancelled = run(&Gateway::after_failures(false, false), Remedy::Cancel, &["pi_1"]).await;
    assert!(matches!(&cancelled, Outcome::NotDone(why) if why.contains("did not cancel")), "{cancelled:?}");
    let captured = run(&Gateway::after_failures(false, false), Remedy::Capture, &["pi_1"]).await;
    assert!(matches!(captured, Outcome::Done(_)), "{captured:?}");
}
