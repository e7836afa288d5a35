//! The sandbox as a gateway in this process: the rules, a store and a clock.

mod endpoints;

use super::change::Answer;
use super::items::ItemKind;
use super::machine::{Command, Decision, Reply, Request};
use super::open_error::OpenError;
use super::record::{Record, Refusal, Status};
use super::rules;
use super::store::{Observer, Page, Store, Window};
use super::undelivered::Undelivered;
use async_trait::async_trait;
use chrono::TimeDelta;
use lastseat_domain::ports::idempotency_keys as keys;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, NextAction, PaymentOrder};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{BookingId, IntentId, Money, SeatId, Secret, Timestamp};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A gateway without real money. Cheap to ask: tens of thousands of operations a second.
pub struct SandboxGateway {
    clock: Arc<dyn Clock>,
    slow: Duration,
    action_base: String,
    store: Store,
}

impl SandboxGateway {
    /// A gateway that forgets everything with the process.
    ///
    /// # Panics
    /// Only if there is no memory for an empty database.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        #[expect(clippy::expect_used, reason = "for tests; an empty database in memory fails only without memory")]
        Self::over(Store::in_memory().expect("memory for an empty database"), clock)
    }

    /// A gateway that keeps its state in a SQLite file (and a `.lock` file beside it), made if it is not there. It survives
    /// the death of the process, not a power cut. The journal of an earlier version (`.ndjson`) beside it is taken over.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be used, is in use, or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Ok(Self::over(Store::open(path)?, clock))
    }

    fn over(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { clock, slow: Duration::from_secs(3), action_base: "/sandbox/authenticate/".to_owned(), store }
    }

    /// How long `pm_lastseat_slow` takes to answer; 3 s by default.
    #[must_use]
    pub fn with_slow_answers(mut self, delay: Duration) -> Self {
        self.slow = delay;
        self
    }

    /// Prefix of the address of the bank's page, where a buyer authenticates; the intent's id follows.
    /// `/sandbox/authenticate/` by default.
    #[must_use]
    pub fn with_action_base(mut self, base: &str) -> Self {
        base.clone_into(&mut self.action_base);
        self
    }

    /// Carries out a command, once for each idempotency key. For servers that speak a gateway's own
    /// protocol; in this process, use [`PaymentGateway`].
    ///
    /// # Errors
    /// [`Undelivered`] if the answer is lost, or nothing was done.
    pub async fn execute(&self, key: Option<String>, command: Command) -> Result<Answer, Undelivered> {
        let reply = self.perform(key, command).await?;
        if matches!(reply, Reply::Slow(_)) {
            // Done already: a caller that does not wait changes nothing.
            self.be_slow().await;
        }
        delivered(reply)
    }

    /// What the buyer does at the bank's page: passes, or does not.
    ///
    /// # Errors
    /// [`GatewayFault::Refused`] if the intent does not wait for it.
    pub async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<Intent, GatewayFault> {
        let reply = self.perform(None, Command::Authenticate { intent: intent.clone(), success }).await?;
        self.intent_of(delivered(reply)?)
    }

    /// Completes when it can't be used any more, because the thread that writes its file has ended: nothing in this
    /// process repairs that. In memory, never.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.store.ended()
    }

    /// Lets the thread that writes its file panic: for tests.
    #[doc(hidden)]
    #[expect(clippy::panic, reason = "this is what it is for")]
    pub fn break_thread(&self) {
        let broken = self.store.read_blocking(|_| -> rusqlite::Result<()> { panic!("instructed to panic") });
        debug_assert!(broken.is_err());
    }

    /// Every intent, oldest first: the money side, to compare with the log. Blocks while it reads all of them, and is empty
    /// if the file can't be read: for tests.
    #[must_use]
    pub fn intents(&self) -> Vec<Arc<Record>> {
        self.store.read_blocking(|payments| payments.all()).unwrap_or_default()
    }

    /// One intent. Blocks while it is read: for tests.
    #[must_use]
    pub fn intent(&self, id: &IntentId) -> Option<Arc<Record>> {
        let id = id.clone();
        self.store.read_blocking(move |payments| payments.intent(&id)).ok().flatten()
    }

    /// Up to so many of the newest intents, newest first.
    ///
    /// # Errors
    /// [`Undelivered`] if the file can't be read.
    pub async fn newest(&self, limit: usize) -> Result<Vec<Arc<Record>>, Undelivered> {
        let page = self.page(ItemKind::Intent, Window::newest(limit)).await?;
        Ok(page.map(Page::records).unwrap_or_default())
    }

    /// A page of what intents have; `None` if its cursor is not in the list.
    pub(crate) async fn page(&self, kind: ItemKind, window: Window) -> Result<Option<Page>, Undelivered> {
        self.store.read(move |payments| payments.page(kind, &window)).await
    }

    /// One intent.
    pub(crate) async fn find(&self, id: &IntentId) -> Result<Option<Arc<Record>>, Undelivered> {
        let id = id.clone();
        self.store.read(move |payments| payments.intent(&id)).await
    }

    /// Minor units that are captured and not refunded, by currency.
    pub(crate) async fn balance(&self) -> Result<Vec<(String, i64)>, Undelivered> {
        self.store.read(|payments| payments.balance()).await
    }

    /// Carries out a request of a server that speaks a gateway's own protocol.
    ///
    /// # Errors
    /// [`Undelivered`] if nothing was done.
    pub(crate) async fn decide(&self, request: Request) -> Result<Decision, Undelivered> {
        self.store.decide(request).await
    }

    /// Calls `observer` with every change of an intent from now on, in order: as it was, as it is, and when. One
    /// observer at a time; it must not call the gateway.
    pub(crate) fn observe(&self, observer: Observer) {
        self.store.observe(observer);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits as long as a slow answer takes.
    pub(crate) async fn be_slow(&self) {
        let delay = TimeDelta::from_std(self.slow).unwrap_or(TimeDelta::MAX);
        let now = self.clock.now();
        self.clock.sleep_until(now.checked_add_signed(delay).unwrap_or(now)).await;
    }

    async fn perform(&self, key: Option<String>, command: Command) -> Result<Reply, Undelivered> {
        Ok(self.decide(Request::new(key, self.clock.now(), command)).await?.reply)
    }

    async fn ask(&self, key: String, command: Command) -> Result<Intent, GatewayFault> {
        self.intent_of(self.execute(Some(key), command).await?)
    }

    fn intent_of(&self, answer: Answer) -> Result<Intent, GatewayFault> {
        Ok(self.view(&*answer?))
    }

    fn view(&self, record: &Record) -> Intent {
        Intent {
            id: record.id.clone(),
            booking: Some(record.booking),
            amount: record.amount,
            status: match record.status {
                Status::RequiresPaymentMethod => IntentStatus::RequiresPaymentMethod,
                Status::RequiresAction => {
                    IntentStatus::RequiresAction(NextAction::Redirect { url: format!("{}{}", self.action_base, record.id) })
                }
                Status::RequiresCapture => IntentStatus::RequiresCapture,
                Status::Succeeded => IntentStatus::Succeeded,
                Status::Canceled => IntentStatus::Canceled,
            },
            last_decline: record.last_decline.map(|decline| decline.reason().to_owned()),
            client_secret: Secret::new(record.client_secret()),
            capture_before: record.capture_before(),
            captured: record.captured,
            refunded: record.refunded(),
        }
    }
}

fn delivered(reply: Reply) -> Result<Answer, Undelivered> {
    match reply {
        Reply::Answer(answer) | Reply::Slow(answer) => Ok(answer),
        Reply::Lost => Err(Undelivered::Lost),
        Reply::Unavailable => Err(Undelivered::Unavailable("the payment method says so".to_owned())),
    }
}

impl fmt::Debug for SandboxGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxGateway").field("slow", &self.slow).finish_non_exhaustive()
    }
}

impl From<Refusal> for GatewayFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code.as_str().to_owned(), message: refusal.message }
    }
}

impl From<Undelivered> for GatewayFault {
    fn from(undelivered: Undelivered) -> Self {
        match undelivered {
            Undelivered::Lost => Self::OutcomeUnknown(undelivered.to_string()),
            Undelivered::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

#[async_trait]
impl PaymentGateway for SandboxGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        let seats: Vec<&str> = order.seats.iter().map(SeatId::as_str).collect();
        let metadata = [("lastseat_show", order.show.as_str().to_owned()), ("lastseat_seats", seats.join(","))];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value)).into();
        let command = Command::Create { booking: order.booking, amount: order.amount, metadata };
        self.ask(keys::create(order.booking, 1), command).await
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        let command = Command::Confirm { intent: intent.clone(), payment_method: payment_method.to_owned() };
        self.ask(keys::confirm(intent, booking, attempt), command).await
    }

    /// The bank's page gets the address from the answer to its decision.
    async fn confirm_returning_to(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
        _: &str,
    ) -> Result<Intent, GatewayFault> {
        self.confirm(intent, booking, attempt, payment_method).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.intent_of(self.find(intent).await?.ok_or_else(|| rules::no_such_intent(intent)))
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.ask(keys::capture(booking, 1), Command::Capture { intent: intent.clone(), amount: None }).await
    }

    async fn cancel(&self, intent: &IntentId, _booking: BookingId) -> Result<Intent, GatewayFault> {
        match self.ask(keys::cancel(intent, 1), Command::Cancel { intent: intent.clone() }).await {
            // Stripe refuses to cancel twice; the port wants a cancelled intent.
            Err(GatewayFault::Refused { code, message }) => match self.retrieve(intent).await {
                Ok(intent) if intent.status == IntentStatus::Canceled => Ok(intent),
                _ => Err(GatewayFault::Refused { code, message }),
            },
            answer => answer,
        }
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        let command = Command::Refund { intent: intent.clone(), amount: Some(amount.value) };
        self.ask(keys::refund(booking, number, 1), command).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::Currency;
    use lastseat_in_process::SystemClock;

    /// A full disk: nothing is written, so nothing may have happened.
    #[tokio::test]
    async fn what_cannot_be_written_is_not_done() {
        let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
        let gateway = SandboxGateway::in_memory(Arc::new(SystemClock));
        let order = |n: usize| lastseat_testkit::payments::order(BookingId::from_key("gateway", &n.to_string()), amount);
        gateway.create(&order(0)).await.unwrap();

        let pages = |most| gateway.store.with_payments(|payments| payments.limit_pages(most)).unwrap();
        pages(1);
        // What is free in the pages that are there is used up first.
        let mut made = 1;
        while gateway.create(&order(made)).await.is_ok() {
            made += 1;
        }
        for _ in 0..2 {
            let answer = gateway.create(&order(made)).await;
            assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
        }
        let intents = gateway.intents();
        assert_eq!(intents.len(), made);
        // Memory has not kept it either.
        let not_made = IntentId::new(&format!("pi_sandbox_{}", order(made).booking.0.simple())).unwrap();
        assert!(matches!(gateway.retrieve(&not_made).await, Err(GatewayFault::Refused { .. })));

        pages(1 << 20);
        let created = gateway.create(&order(made)).await.unwrap();
        assert_eq!((created.status, gateway.intents().len()), (IntentStatus::RequiresPaymentMethod, made + 1));
        assert_eq!(gateway.intents()[..made], intents);
    }
}
