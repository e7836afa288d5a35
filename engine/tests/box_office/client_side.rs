//! Payments that the buyer confirms in the gateway's own form: lastseat asks the gateway how they go, and
//! believes nothing else.

use crate::common;

use async_trait::async_trait;
use common::checker::{assert_safe, flagged};
use common::*;
use lastseat_domain::booking::Booking;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::event_log::{Direction, Filter};
use lastseat_domain::ports::payments::{GatewayFault, IDEMPOTENCY_ERROR, Intent, IntentStatus, PaymentOrder};
use lastseat_domain::{BookingId, IntentId, Secret};
use lastseat_engine::{BoxOffice, BuyerAction, CommandError, Fault, Paid, PayRequest, PayWith};
use lastseat_payments_sandbox::{Command, Status};
use lastseat_testkit::{ForwardGateway, ForwardingGateway};
use std::sync::Arc;
use std::time::Duration;

fn in_virtual_time(test: impl AsyncFn(TestBench)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { test(TestBench::new(atomic)).await });
    }
}

async fn pay_with(office: &BoxOffice, booking: &Booking, pay_with: PayWith) -> Result<Paid, CommandError> {
    office.pay(booking.id, PayRequest { pay_with, return_url: None, fingerprint: None, origin: "buyer".into() }).await
}

/// Starts a payment in the gateway's form. Returns the client secret.
async fn open_form(office: &BoxOffice, booking: &Booking) -> Secret {
    match pay_with(office, booking, PayWith::ClientSide).await {
        Ok(Paid::ActionRequired { action: BuyerAction::ConfirmClientSide { client_secret }, .. }) => client_secret,
        other => panic!("the form was expected, not {other:?}"),
    }
}

/// What the buyer does in the form: the gateway knows, and nobody reports it to lastseat.
async fn confirm_in_form(bench: &TestBench, office: &BoxOffice, booking: &Booking, method: &str) {
    let intent = office.booking(booking.id).await.unwrap().unwrap().intent.unwrap();
    let confirm = Command::Confirm { intent, payment_method: method.to_owned() };
    bench.sandbox.execute(None, confirm).await.unwrap().unwrap();
}

fn status(bench: &TestBench) -> Status {
    bench.sandbox.intents().first().unwrap().status
}

#[test]
fn the_buyer_pays_in_the_form_and_continues() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let secret = open_form(&office, &held).await;
        assert_eq!(open_form(&office, &held).await, secret, "asked again: the same form, no second attempt");
        match pay_with(&office, &held, PayWith::Continue).await {
            Ok(Paid::ActionRequired { action: BuyerAction::ConfirmClientSide { client_secret }, booking }) => {
                assert_eq!((client_secret, booking.status()), (secret.clone(), "action_required"));
            }
            other => panic!("still the form, not {other:?}"),
        }
        confirm_in_form(&bench, &office, &held, "pm_card_visa").await;
        assert!(matches!(pay_with(&office, &held, PayWith::Continue).await, Ok(Paid::Confirmed(_))));
        let story = ["BookingOpened", "PaymentStarted", "PaymentActionRequired", "PaymentAuthorised", "BookingCommitted"];
        assert_eq!(bench.story(held.id).await, [&story[..], &["PaymentCaptured"]].concat());
        assert_eq!(bench.taken(), 5_000);
        for event in bench.log.read_all(None, Direction::Forwards, usize::MAX, &Filter::all()).await.unwrap() {
            assert!(
                !event.data.get().contains(secret.expose()) && !event.metadata.get().contains(secret.expose()),
                "the log has the secret"
            );
        }
    });
}

/// In the form one method may follow another. Nothing has to be begun again.
#[test]
fn a_decline_in_the_form_ends_nothing() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        open_form(&office, &held).await;
        confirm_in_form(&bench, &office, &held, "pm_card_chargeDeclined").await;
        assert!(matches!(pay_with(&office, &held, PayWith::Continue).await, Ok(Paid::ActionRequired { .. })));
        confirm_in_form(&bench, &office, &held, "pm_card_mastercard").await;
        assert!(matches!(pay_with(&office, &held, PayWith::Continue).await, Ok(Paid::Confirmed(_))));
        assert_eq!(bench.story(held.id).await.iter().filter(|name| **name == "PaymentDeclined").count(), 0);
    });
}

/// The buyer has paid and closed the page, and no webhook comes.
#[test]
fn a_payment_that_nobody_reports_is_found_before_the_hold_ends() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        open_form(&office, &held).await;
        confirm_in_form(&bench, &office, &held, "pm_card_visa").await;
        later(599).await;
        assert_eq!(office.booking(held.id).await.unwrap().unwrap().status(), "confirmed");
        assert_eq!(bench.taken(), 5_000);
    });
}

/// The buyer confirms when the hold is over: cancelled, never captured.
#[test]
fn a_late_authorisation_is_cancelled() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        open_form(&office, &held).await;
        // In the last seconds, after the engine's last look.
        later(597).await;
        confirm_in_form(&bench, &office, &held, "pm_card_visa").await;
        later(10).await;
        assert_eq!(bench.story(held.id).await[3..], ["BookingAborted", "PaymentVoided"]);
        assert_eq!((status(&bench), bench.taken()), (Status::Canceled, 0));
        assert_eq!(code(pay_with(&office, &held, PayWith::Continue).await), "booking_over");
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
        // And nothing can be confirmed afterwards.
        let intent = bench.sandbox.intents().first().unwrap().id.clone();
        let confirm = Command::Confirm { intent, payment_method: "pm_card_visa".to_owned() };
        assert!(bench.sandbox.execute(None, confirm).await.unwrap().is_err());
    });
}

/// A buyer changes their mind: the form is open, and they send a method. One intent, one charge.
#[test]
fn a_method_after_the_form_charges_once() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        for in_the_form_first in [true, false] {
            let before = bench.taken();
            let seat = if in_the_form_first { "A-1" } else { "A-3" };
            let held = hold(&bench, &office, seats(&[seat])).await.unwrap().booking;
            open_form(&office, &held).await;
            if in_the_form_first {
                confirm_in_form(&bench, &office, &held, "pm_card_visa").await;
            }
            let paid = pay(&office, &held, "pm_card_mastercard").await;
            assert!(matches!(paid, Ok(Paid::Confirmed(_))), "{paid:?}");
            assert_eq!(bench.taken() - before, 5_000);
        }
        assert_eq!(bench.sandbox.intents().len(), 2);
        assert_safe(&bench, "a method after the form").await;
    });
}

/// A node dies while the form is open: another node goes on with the same intent.
#[test]
fn another_node_continues_what_the_form_began() {
    in_virtual_time(async |bench| {
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        let secret = open_form(&office, &held).await;
        drop(office);
        let office = bench.node().await;
        assert_eq!(open_form(&office, &held).await, secret);
        confirm_in_form(&bench, &office, &held, "pm_card_visa").await;
        assert!(matches!(pay_with(&office, &held, PayWith::Continue).await, Ok(Paid::Confirmed(_))));
    });
}

/// A gateway with a queue, and one that has captured another amount than was asked for.
struct Odd {
    inner: Arc<dyn PaymentGateway>,
    delay: Duration,
    captures_less: bool,
}

#[async_trait]
impl ForwardGateway for Odd {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.inner
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        let intent = self.inner.capture(intent, booking).await?;
        let captured = if self.captures_less { intent.captured - 1 } else { intent.captured };
        assert_eq!(intent.status, IntentStatus::Succeeded);
        Ok(Intent { captured, ..intent })
    }

    fn queue_delay(&self) -> Duration {
        self.delay
    }
}

fn odd(bench: &TestBench, delay: Duration, captures_less: bool) -> TestBench {
    let odd = Odd { inner: bench.payments.clone(), delay, captures_less };
    TestBench { payments: Arc::new(ForwardingGateway(odd)), ..bench.clone() }
}

#[test]
fn a_payment_whose_turn_comes_too_late_is_refused_at_once() {
    in_virtual_time(async |bench| {
        let bench = odd(&bench, Duration::from_secs(590), false);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        later(20).await;
        let refused = pay(&office, &held, "pm_card_visa").await;
        assert!(matches!(refused, Err(CommandError::Failed(Fault::PaymentQueueFull { .. }))), "{refused:?}");
        assert_eq!(bench.story(held.id).await, ["BookingOpened"], "nothing was done, and the hold goes on");
        // A longer hold is worth waiting for.
        office.extend(held.id, "buyer").await.unwrap();
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))));
    });
}

#[test]
fn a_capture_of_another_amount_is_flagged() {
    in_virtual_time(async |bench| {
        let bench = odd(&bench, Duration::ZERO, true);
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Pending(_))));
        assert_eq!(flagged(&bench).await, 1);
        assert_ne!(office.booking(held.id).await.unwrap().unwrap().status(), "confirmed");
    });
}

/// A gateway that says: this key was used for another request.
struct OtherRequest(Arc<dyn PaymentGateway>);

#[async_trait]
impl ForwardGateway for OtherRequest {
    fn inner(&self) -> &dyn PaymentGateway {
        &*self.0
    }

    async fn create(&self, _order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        Err(GatewayFault::Refused { code: IDEMPOTENCY_ERROR.to_owned(), message: "other parameters".to_owned() })
    }
}

/// There is an intent then, perhaps an authorised one. A decline without an intent would say that there is none.
#[test]
fn a_creation_under_a_used_key_is_no_decline() {
    in_virtual_time(async |bench| {
        let bench = TestBench { payments: Arc::new(ForwardingGateway(OtherRequest(bench.payments.clone()))), ..bench };
        let office = bench.open().await;
        let held = hold(&bench, &office, seats(&["A-1"])).await.unwrap().booking;
        assert!(matches!(pay(&office, &held, "pm_card_visa").await, Ok(Paid::Pending(_))));
        later(620).await;
        assert_eq!(bench.story(held.id).await, ["BookingOpened", "PaymentStarted", "BookingAborted", "PaymentFlagged"]);
        assert!(hold(&bench, &office, seats(&["A-1"])).await.is_ok());
    });
}
