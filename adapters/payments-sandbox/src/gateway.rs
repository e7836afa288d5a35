//! The sandbox as a gateway in this process: the state machine, a lock, a journal and a clock.

mod endpoints;

use super::journal::{OpenError, SandboxJournal};
use super::machine::{Answer, Change, Command, Decision, Machine, Reply, Request};
use super::record::{Record, Refusal, Status};
use super::rules;
use async_trait::async_trait;
use chrono::TimeDelta;
use lastseat_domain::ports::idempotency_keys as keys;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, NextAction, PaymentOrder};
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{BookingId, IntentId, Money, SeatId, Secret, Timestamp};
use parking_lot::Mutex;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A gateway without real money. Cheap to ask: tens of thousands of operations a second.
pub struct SandboxGateway {
    clock: Arc<dyn Clock>,
    slow: Duration,
    action_base: String,
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    journal: Option<SandboxJournal>,
    observer: Option<Observer>,
}

impl State {
    /// Writes a change down, reports it, and makes it so.
    fn make(&mut self, change: Change) -> Result<(), Undelivered> {
        if let Some(journal) = &mut self.journal {
            journal.append(&change).map_err(|error| {
                tracing::error!(%error, "the sandbox gateway can't write its journal");
                Undelivered::Unavailable(format!("the sandbox can't write its journal: {error}"))
            })?;
        }
        if let (Some(after), Some(observer)) = (&change.intent, &self.observer) {
            observer(self.machine.intent(&after.id), after, change.at);
        }
        self.machine.evolve(change);
        Ok(())
    }
}

/// Learns of every change of an intent: as it was, as it is, and when.
pub(crate) type Observer = Box<dyn Fn(Option<&Arc<Record>>, &Arc<Record>, Timestamp) + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It was done, and the connection breaks.
    #[error("the connection was closed before the answer")]
    Lost,
    /// Nothing was done.
    #[error("{0}")]
    Unavailable(String),
}

impl SandboxGateway {
    /// A gateway that forgets everything with the process.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::over(Machine::default(), None, clock)
    }

    /// A gateway that keeps its state in a journal file (and a `.lock` file beside it), made if
    /// it is not there. It survives the death of the process, not a power cut.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be used, is in use, or is damaged before its last line.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (journal, machine) = SandboxJournal::open(path)?;
        Ok(Self::over(machine, Some(journal), clock))
    }

    fn over(machine: Machine, journal: Option<SandboxJournal>, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            slow: Duration::from_secs(3),
            action_base: "/sandbox/authenticate/".to_owned(),
            state: Mutex::new(State { machine, journal, observer: None }),
        }
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
        let reply = self.perform(key, command)?;
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
    pub fn authenticate(&self, intent: &IntentId, success: bool) -> Result<Intent, GatewayFault> {
        let reply = self.perform(None, Command::Authenticate { intent: intent.clone(), success })?;
        self.intent_of(delivered(reply)?)
    }

    /// Every intent, oldest first: the money side, to compare with the log.
    #[must_use]
    pub fn intents(&self) -> Vec<Arc<Record>> {
        let mut intents: Vec<_> = self.state.lock().machine.intents().cloned().collect();
        intents.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        intents
    }

    /// One intent.
    #[must_use]
    pub fn intent(&self, id: &IntentId) -> Option<Arc<Record>> {
        self.state.lock().machine.intent(id).cloned()
    }

    /// Carries out a request of a server that speaks a gateway's own protocol.
    ///
    /// # Errors
    /// [`Undelivered`] if nothing was done.
    pub(crate) fn decide(&self, request: &Request) -> Result<Decision, Undelivered> {
        let mut state = self.state.lock();
        let decision = state.machine.decide(request);
        if let Some(change) = decision.change.clone() {
            state.make(change)?;
        }
        Ok(decision)
    }

    /// Calls `observer` with every change of an intent from now on, in order: as it was, as it is, and when. One
    /// observer at a time; it must not call the gateway.
    pub(crate) fn observe(&self, observer: Observer) {
        self.state.lock().observer = Some(observer);
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

    /// Decides, writes down, makes it so: in this order, under one lock.
    fn perform(&self, key: Option<String>, command: Command) -> Result<Reply, Undelivered> {
        Ok(self.decide(&Request::new(key, self.clock.now(), command))?.reply)
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

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.intent_of(self.intent(intent).ok_or_else(|| rules::no_such_intent(intent)))
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
    #[cfg(target_os = "linux")]
    async fn what_cannot_be_written_is_not_done() {
        let booking = BookingId::from_key("gateway", "full disk");
        let amount = Money { value: 100, currency: Currency::new("EUR").unwrap() };
        let gateway = SandboxGateway::in_memory(Arc::new(SystemClock));
        let intent = gateway.create(&lastseat_testkit::payments::order(booking, amount)).await.unwrap();

        gateway.state.lock().journal = Some(SandboxJournal::on_a_full_disk().unwrap());
        for _ in 0..2 {
            let answer = gateway.confirm(&intent.id, booking, 1, "pm_card_visa").await;
            assert!(matches!(answer, Err(GatewayFault::Unavailable(_))), "{answer:?}");
        }
        assert_eq!(gateway.retrieve(&intent.id).await.unwrap(), intent);

        gateway.state.lock().journal = None;
        let confirmed = gateway.confirm(&intent.id, booking, 1, "pm_card_visa").await.unwrap();
        assert_eq!(confirmed.status, IntentStatus::RequiresCapture);
    }
}
