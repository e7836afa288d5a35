//! Contract suite of the port of the same name.
//!
//! [`CASES`] use Stripe's own test methods only and hold for Stripe's test mode as well; [`SANDBOX_CASES`] need lastseat's
//! sandbox, in process or over Stripe's API. A case uses bookings of its own, made from the bench's prefix, and panics where
//! the adapter breaks the contract.
#![allow(clippy::panic, clippy::expect_used, reason = "a suite fails by panicking")]

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::ids::{BookingId, IntentId};
use lastseat_domain::money::{Currency, Money};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, NextAction, PaymentOrder};
use lastseat_domain::{SeatId, ShowId};
use std::sync::Arc;

/// Plays the buyer at the bank's page: passes (`true`) or fails.
pub type Authenticate = Arc<dyn Fn(IntentId, bool) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a case needs.
#[derive(Clone)]
pub struct GatewayBench {
    /// The adapter.
    pub gateway: Arc<dyn PaymentGateway>,
    /// The buyer at the bank's page, where a test can play it; the cases stop before it if not.
    pub authenticate: Option<Authenticate>,
    /// Makes the bookings of one run its own.
    pub prefix: String,
}

/// One case of the suite.
pub type GatewayCase = fn(GatewayBench) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($(#[$doc:meta])* $list:ident: $($name:ident),* $(,)?) => {
        $(#[$doc])*
        pub const $list: &[(&str, GatewayCase)] = &[$((stringify!($name), |bench| $name(bench).boxed())),*];
    };
}

cases!(
    /// Every case that holds for Stripe too, with its name.
    CASES:
    a_booking_has_one_intent,
    an_intent_created_by_many_at_once_is_one,
    the_amount_of_a_key_is_frozen,
    an_unknown_intent_is_missing,
    pays,
    a_decline_leaves_the_intent_open,
    declines_say_why,
    an_attempt_repeated_is_one_attempt,
    an_attempt_has_one_method,
    an_unknown_method_is_refused,
    capture_needs_an_authorisation,
    a_refusal_is_repeated_or_no_longer_true,
    captures_once,
    cancels_before_capture,
    does_not_cancel_after_capture,
    nothing_follows_a_cancel,
    refunds_once,
    refund_needs_a_capture,
    authentication_passed,
    authentication_failed,
);

cases!(
    /// Cases of the payment methods that only lastseat's sandbox has.
    SANDBOX_CASES:
    sandbox_answer_lost,
    sandbox_decline_lost,
    sandbox_capture_fails,
    sandbox_capture_answer_lost,
    sandbox_unavailable,
    sandbox_slow,
);

/// Runs every case of [`CASES`].
pub async fn run(bench: GatewayBench) {
    for (_, case) in CASES {
        case(bench.clone()).await;
    }
}

/// Runs every case of [`SANDBOX_CASES`].
pub async fn run_sandbox(bench: GatewayBench) {
    for (_, case) in SANDBOX_CASES {
        case(bench.clone()).await;
    }
}

/// What an intent for that booking and amount is created with, in all tests.
#[must_use]
pub fn order(booking: BookingId, amount: Money) -> PaymentOrder {
    let show = ShowId::new("demo").expect("a show's id");
    let seats = vec![SeatId::new("A-1").expect("a seat's id")];
    PaymentOrder { booking, amount, show, seats }
}

/// One booking at the gateway.
struct Checkout {
    gateway: Arc<dyn PaymentGateway>,
    booking: BookingId,
    amount: Money,
    id: IntentId,
}

fn booking(bench: &GatewayBench, name: &str) -> BookingId {
    BookingId::from_key(&bench.prefix, name)
}

fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").expect("EUR is a currency") }
}

impl Checkout {
    async fn new(bench: &GatewayBench, name: &str) -> Self {
        let (booking, amount) = (booking(bench, name), eur(4_250));
        let intent = done(bench.gateway.create(&order(booking, amount)).await);
        assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
        Self { gateway: Arc::clone(&bench.gateway), booking, amount, id: intent.id }
    }

    /// Authorised with a card that works.
    async fn authorised(bench: &GatewayBench, name: &str) -> Self {
        let checkout = Self::new(bench, name).await;
        assert_eq!(done(checkout.confirm(1, "pm_card_visa").await).status, IntentStatus::RequiresCapture);
        checkout
    }

    async fn confirm(&self, attempt: u32, method: &str) -> Result<Intent, GatewayFault> {
        self.seen(self.gateway.confirm(&self.id, self.booking, attempt, method).await)
    }

    async fn capture(&self) -> Result<Intent, GatewayFault> {
        self.seen(self.gateway.capture(&self.id, self.booking).await)
    }

    async fn cancel(&self) -> Result<Intent, GatewayFault> {
        self.seen(self.gateway.cancel(&self.id, self.booking).await)
    }

    async fn refund(&self) -> Result<Intent, GatewayFault> {
        self.seen(self.gateway.refund(&self.id, self.booking, 1, self.amount).await)
    }

    async fn now(&self) -> Intent {
        done(self.seen(self.gateway.retrieve(&self.id).await))
    }

    /// Whatever the gateway says, it is about this booking and its amount.
    fn seen(&self, answer: Result<Intent, GatewayFault>) -> Result<Intent, GatewayFault> {
        if let Ok(intent) = &answer {
            assert_eq!((&intent.id, intent.booking, intent.amount), (&self.id, Some(self.booking), self.amount));
        }
        answer
    }
}

fn done(answer: Result<Intent, GatewayFault>) -> Intent {
    answer.unwrap_or_else(|fault| panic!("the gateway did not do it: {fault}"))
}

fn assert_refused(answer: &Result<Intent, GatewayFault>, expected: &str) {
    match answer {
        Err(GatewayFault::Refused { code, message }) => {
            assert_eq!(code, expected, "{message}");
            assert!(!message.is_empty());
        }
        other => panic!("expected a refusal with {expected}, got {other:?}"),
    }
}

fn assert_declined(intent: &Intent, reason: &str) {
    assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(intent.last_decline.as_deref(), Some(reason));
}

const UNEXPECTED: &str = "payment_intent_unexpected_state";

/// Creating again gives the first intent; another booking's is another.
pub async fn a_booking_has_one_intent(bench: GatewayBench) {
    let first = Checkout::new(&bench, "one-intent").await;
    let again = Checkout::new(&bench, "one-intent").await;
    let other = Checkout::new(&bench, "one-intent, another booking").await;
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, other.id);
    let now = first.now().await;
    assert_eq!((now.last_decline, now.refunded), (None, 0));
}

/// Two nodes that work on one booking make one intent.
pub async fn an_intent_created_by_many_at_once_is_one(bench: GatewayBench) {
    let booking = booking(&bench, "create-race");
    let order = order(booking, eur(999));
    let answers = join_all((0..8).map(|_| bench.gateway.create(&order))).await;
    // Stripe may answer some with "in flight"; those that are answered all have the same one.
    let mut ids: Vec<_> = answers.into_iter().filter_map(Result::ok).map(|intent| intent.id).collect();
    assert!(!ids.is_empty());
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// The same booking with another amount is refused as a mistake.
pub async fn the_amount_of_a_key_is_frozen(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "frozen").await;
    assert_refused(&bench.gateway.create(&order(checkout.booking, eur(4_251))).await, "idempotency_error");
    checkout.now().await;
}

/// A name that was never given out.
pub async fn an_unknown_intent_is_missing(bench: GatewayBench) {
    let id = IntentId::new("pi_never_given_out").expect("an intent id");
    let booking = booking(&bench, "unknown-intent");
    assert_refused(&bench.gateway.retrieve(&id).await, "resource_missing");
    assert_refused(&bench.gateway.capture(&id, booking).await, "resource_missing");
    assert_refused(&bench.gateway.confirm(&id, booking, 1, "pm_card_visa").await, "resource_missing");
}

/// The straight way. Confirming reserves the money and does not take it.
pub async fn pays(bench: GatewayBench) {
    for method in ["pm_card_visa", "pm_card_mastercard", "pm_card_amex"] {
        let checkout = Checkout::new(&bench, &format!("pays with {method}")).await;
        assert_eq!(done(checkout.confirm(1, method).await).status, IntentStatus::RequiresCapture);
        assert_eq!(checkout.now().await.status, IntentStatus::RequiresCapture, "taken before it was asked for");
        assert_eq!(done(checkout.capture().await).status, IntentStatus::Succeeded);
        let now = checkout.now().await;
        assert_eq!((now.status, now.refunded), (IntentStatus::Succeeded, 0));
    }
}

/// A decline is an answer; another method may follow, and then the decline is history.
pub async fn a_decline_leaves_the_intent_open(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "declined").await;
    assert_declined(&done(checkout.confirm(1, "pm_card_chargeDeclined").await), "card_declined");
    assert_declined(&checkout.now().await, "card_declined");
    let second = done(checkout.confirm(2, "pm_card_visa").await);
    assert_eq!((second.status, second.last_decline), (IntentStatus::RequiresCapture, None));
}

/// The bank's own reason where there is one.
pub async fn declines_say_why(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "reasons").await;
    let reasons = [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ];
    for (attempt, (method, reason)) in (1..).zip(reasons) {
        assert_declined(&done(checkout.confirm(attempt, method).await), reason);
    }
}

/// Under its key an attempt has its first answer again, whatever has happened since, and no effect.
pub async fn an_attempt_repeated_is_one_attempt(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "attempt-repeated").await;
    let declined = done(checkout.confirm(1, "pm_card_chargeDeclined").await);
    let authorised = done(checkout.confirm(2, "pm_card_visa").await);
    assert_eq!(done(checkout.confirm(1, "pm_card_chargeDeclined").await), declined);
    assert_eq!(done(checkout.confirm(2, "pm_card_visa").await), authorised);
    assert_eq!(checkout.now().await.status, IntentStatus::RequiresCapture);
}

/// An attempt with another method is another request under the same key.
pub async fn an_attempt_has_one_method(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "attempt-changed").await;
    assert_declined(&done(checkout.confirm(1, "pm_card_chargeDeclined").await), "card_declined");
    assert_refused(&checkout.confirm(1, "pm_card_visa").await, "idempotency_error");
    assert_declined(&checkout.now().await, "card_declined");
}

/// And the intent is open as before.
pub async fn an_unknown_method_is_refused(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "unknown-method").await;
    assert_refused(&checkout.confirm(1, "pm_never_heard_of").await, "resource_missing");
    assert_eq!(done(checkout.confirm(2, "pm_card_visa").await).status, IntentStatus::RequiresCapture);
}

/// Nothing is taken that was not reserved.
pub async fn capture_needs_an_authorisation(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "capture-early").await;
    assert_refused(&checkout.capture().await, UNEXPECTED);
    assert_eq!(checkout.now().await.status, IntentStatus::RequiresPaymentMethod);

    let declined = Checkout::new(&bench, "capture-declined").await;
    done(declined.confirm(1, "pm_card_chargeDeclined").await);
    assert_refused(&declined.capture().await, UNEXPECTED);
    assert_declined(&declined.now().await, "card_declined");
}

/// A request that is sent too early uses up its key. So the same call again is refused again, or it is done under
/// another key.
pub async fn a_refusal_is_repeated_or_no_longer_true(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "refusal-repeated").await;
    let refusal = checkout.capture().await;
    assert_refused(&refusal, UNEXPECTED);
    done(checkout.confirm(1, "pm_card_visa").await);
    let again = checkout.capture().await;
    let status = if again == refusal { IntentStatus::RequiresCapture } else { done(again).status };
    assert_eq!(checkout.now().await.status, status);
}

/// Capturing again has the answer of the first time.
pub async fn captures_once(bench: GatewayBench) {
    let checkout = Checkout::authorised(&bench, "capture-twice").await;
    let first = done(checkout.capture().await);
    assert_eq!(first.status, IntentStatus::Succeeded);
    assert_eq!(done(checkout.capture().await), first);
    assert_eq!(checkout.now().await, first);
}

/// From every state in which nothing is taken; and again.
pub async fn cancels_before_capture(bench: GatewayBench) {
    let fresh = Checkout::new(&bench, "cancel-fresh").await;
    let authorised = Checkout::authorised(&bench, "cancel-authorised").await;
    let waiting = Checkout::new(&bench, "cancel-waiting").await;
    done(waiting.confirm(1, "pm_card_authenticationRequired").await);
    for checkout in [fresh, authorised, waiting] {
        assert_eq!(done(checkout.cancel().await).status, IntentStatus::Canceled);
        assert_eq!(done(checkout.cancel().await).status, IntentStatus::Canceled);
        assert_eq!(checkout.now().await.status, IntentStatus::Canceled);
    }
}

/// What was taken is refunded, not cancelled.
pub async fn does_not_cancel_after_capture(bench: GatewayBench) {
    let checkout = Checkout::authorised(&bench, "cancel-late").await;
    done(checkout.capture().await);
    assert_refused(&checkout.cancel().await, UNEXPECTED);
    assert_eq!(checkout.now().await.status, IntentStatus::Succeeded);
}

/// A cancelled intent can't be confirmed, captured or refunded.
pub async fn nothing_follows_a_cancel(bench: GatewayBench) {
    let checkout = Checkout::authorised(&bench, "canceled").await;
    done(checkout.cancel().await);
    assert_refused(&checkout.capture().await, UNEXPECTED);
    assert_refused(&checkout.confirm(2, "pm_card_visa").await, UNEXPECTED);
    assert!(matches!(checkout.refund().await, Err(GatewayFault::Refused { .. })));
    assert_eq!(checkout.now().await.status, IntentStatus::Canceled);
}

/// All of it, and no more than that when asked again.
pub async fn refunds_once(bench: GatewayBench) {
    let checkout = Checkout::authorised(&bench, "refund").await;
    done(checkout.capture().await);
    for _ in 0..2 {
        let intent = done(checkout.refund().await);
        assert_eq!((intent.status, intent.refunded), (IntentStatus::Succeeded, checkout.amount.value));
    }
    assert_eq!(checkout.now().await.refunded, checkout.amount.value);
}

/// Nothing is returned that was not taken.
pub async fn refund_needs_a_capture(bench: GatewayBench) {
    let checkout = Checkout::authorised(&bench, "refund-early").await;
    assert!(matches!(checkout.refund().await, Err(GatewayFault::Refused { .. })));
    let now = checkout.now().await;
    assert_eq!((now.status, now.refunded), (IntentStatus::RequiresCapture, 0));
}

async fn to_the_bank(bench: &GatewayBench, name: &str, method: &str) -> Checkout {
    let checkout = Checkout::new(bench, name).await;
    match done(checkout.confirm(1, method).await).status {
        IntentStatus::RequiresAction(NextAction::Redirect { url }) => assert!(!url.is_empty()),
        other => panic!("expected to be sent to the bank, got {other:?}"),
    }
    assert!(matches!(checkout.now().await.status, IntentStatus::RequiresAction(_)));
    checkout
}

/// The buyer passes: authorised, and to be captured like any other.
pub async fn authentication_passed(bench: GatewayBench) {
    let checkout = to_the_bank(&bench, "3ds-passed", "pm_card_authenticationRequired").await;
    let Some(authenticate) = &bench.authenticate else { return };
    authenticate(checkout.id.clone(), true).await;
    assert_eq!(checkout.now().await.status, IntentStatus::RequiresCapture);
    assert_eq!(done(checkout.capture().await).status, IntentStatus::Succeeded);
}

/// The buyer fails: a decline like any other.
pub async fn authentication_failed(bench: GatewayBench) {
    let checkout = to_the_bank(&bench, "3ds-failed", "pm_card_threeDSecure2Required").await;
    let Some(authenticate) = &bench.authenticate else { return };
    authenticate(checkout.id.clone(), false).await;
    assert_declined(&checkout.now().await, "payment_intent_authentication_failure");
    assert_eq!(done(checkout.confirm(2, "pm_card_visa").await).status, IntentStatus::RequiresCapture);
}

fn assert_lost(answer: &Result<Intent, GatewayFault>) {
    assert!(matches!(answer, Err(GatewayFault::OutcomeUnknown(_))), "expected no answer, got {answer:?}");
}

/// Authorised, but nobody hears of it: the key and a look both tell.
pub async fn sandbox_answer_lost(bench: GatewayBench) {
    let retried = Checkout::new(&bench, "lost, retried").await;
    assert_lost(&retried.confirm(1, "pm_lastseat_answerLost").await);
    assert_eq!(done(retried.confirm(1, "pm_lastseat_answerLost").await).status, IntentStatus::RequiresCapture);

    let looked = Checkout::new(&bench, "lost, looked up").await;
    assert_lost(&looked.confirm(1, "pm_lastseat_answerLost").await);
    assert_eq!(looked.now().await.status, IntentStatus::RequiresCapture);
    assert_eq!(done(looked.capture().await).status, IntentStatus::Succeeded);
}

/// Declined, but nobody hears of it.
pub async fn sandbox_decline_lost(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "decline lost").await;
    assert_lost(&checkout.confirm(1, "pm_lastseat_answerLostDeclined").await);
    assert_declined(&checkout.now().await, "card_declined");
    assert_declined(&done(checkout.confirm(1, "pm_lastseat_answerLostDeclined").await), "card_declined");
}

/// Authorised, and gone when it is to be captured.
pub async fn sandbox_capture_fails(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "capture fails").await;
    assert_eq!(done(checkout.confirm(1, "pm_lastseat_captureFails").await).status, IntentStatus::RequiresCapture);
    assert_refused(&checkout.capture().await, UNEXPECTED);
    assert_eq!(checkout.now().await.status, IntentStatus::Canceled);
    assert_refused(&checkout.capture().await, UNEXPECTED);
    assert_eq!(done(checkout.cancel().await).status, IntentStatus::Canceled, "already cancelled is a success");
}

/// Captured, but nobody hears of it.
pub async fn sandbox_capture_answer_lost(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "capture lost").await;
    done(checkout.confirm(1, "pm_lastseat_captureAnswerLost").await);
    assert_lost(&checkout.capture().await);
    assert_eq!(checkout.now().await.status, IntentStatus::Succeeded);
    assert_eq!(done(checkout.capture().await).status, IntentStatus::Succeeded);
}

/// Down, and nothing done: the intent is as it was.
pub async fn sandbox_unavailable(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "down").await;
    for _ in 0..2 {
        let answer = checkout.confirm(1, "pm_lastseat_unavailable").await;
        assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
    }
    let now = checkout.now().await;
    assert_eq!((now.status, now.last_decline), (IntentStatus::RequiresPaymentMethod, None));
    assert_eq!(done(checkout.confirm(1, "pm_card_visa").await).status, IntentStatus::RequiresCapture);
}

/// Late, but in the end.
pub async fn sandbox_slow(bench: GatewayBench) {
    let checkout = Checkout::new(&bench, "slow").await;
    assert_eq!(done(checkout.confirm(1, "pm_lastseat_slow").await).status, IntentStatus::RequiresCapture);
}
