//! The gateway: each call of the port as one or more requests to Stripe.

use super::answers::{IntentObject, List, RefundObject, Reply, read};
use super::limiter::{Limiter, Purpose};
use super::requests::{self, REFUND_NUMBER};
use super::settings::{Mode, SettingsError, StripeSettings};
use super::transport::{Answer, Call, NoAnswer, Transport};
use super::tries::{Shown, Step, TRIES, after_server_error};
use async_trait::async_trait;
use lastseat_domain::ports::idempotency_keys as keys;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, PaymentOrder, RecordPage};
use lastseat_domain::ports::{PaymentGateway, PaymentRecords};
use lastseat_domain::{BookingId, IntentId, Money};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Pauses after an answer that asks to come again, without a wish of its own.
const BACK_OFF: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// The longest pause that Stripe may ask for; a longer one is the caller's to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One account of Stripe. Cheap to clone.
#[derive(Clone)]
pub struct StripeGateway {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    limiter: Limiter,
    return_url: String,
    mode: Mode,
}

impl StripeGateway {
    /// Opens an account. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn open(settings: &StripeSettings) -> Result<Self, SettingsError> {
        let inner = Inner {
            transport: Transport::open(settings)?,
            limiter: Limiter::new(settings.limits),
            return_url: settings.return_url.clone(),
            mode: settings.mode(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the key moves real money.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// One answer, after waiting for the request's turn.
    pub(crate) async fn send(&self, purpose: Purpose, call: &Call, key: Option<&str>) -> Result<Answer, GatewayFault> {
        self.inner.limiter.turn(purpose).await;
        self.inner.transport.send(call, key).await.map_err(|none| match none {
            NoAnswer::NotSent(why) => GatewayFault::Unavailable(format!("no connection to Stripe: {why}")),
            NoAnswer::Lost(why) => GatewayFault::OutcomeUnknown(format!("no answer from Stripe: {why}")),
        })
    }

    /// The answer to a request, which is sent again under the same key while Stripe asks for that.
    async fn ask<T: DeserializeOwned>(&self, purpose: Purpose, call: &Call, key: Option<&str>) -> Result<Reply<T>, GatewayFault> {
        for pause in BACK_OFF.map(Some).into_iter().chain([None]) {
            let asked_for = match read(&self.send(purpose, call, key).await?) {
                Reply::Busy(asked_for) => asked_for,
                Reply::Denied(message) => {
                    tracing::error!(message, "Stripe does not accept the key for this; check stripe_key and its rights");
                    return Err(GatewayFault::Unavailable(
                        "Stripe does not accept the key; check stripe_key and its rights".to_owned(),
                    ));
                }
                Reply::Unreadable(why) => {
                    return Err(GatewayFault::OutcomeUnknown(format!("an answer of Stripe can't be read: {why}")));
                }
                reply => return Ok(reply),
            };
            match pause.map(|pause| asked_for.unwrap_or(pause)).filter(|pause| *pause <= LONGEST_PAUSE) {
                Some(pause) => tokio::time::sleep(jittered(pause)).await,
                None => break,
            }
        }
        Err(GatewayFault::Unavailable("Stripe is busy".to_owned()))
    }

    /// A step on an intent, with the tries of [`super::tries`].
    async fn step(
        &self,
        step: Step,
        intent: &IntentId,
        call: &Call,
        key: impl Fn(u32) -> String,
    ) -> Result<Intent, GatewayFault> {
        let purpose = match step {
            Step::Confirm => Purpose::Confirm,
            Step::Capture => Purpose::Capture,
            Step::Cancel => Purpose::Cancel,
        };
        for number in 1..=TRIES {
            let failed = match self.ask::<IntentObject>(purpose, call, Some(&key(number))).await? {
                Reply::Done(intent) => return intent.view(),
                Reply::Declined(intent) => return intent.view(),
                Reply::Refused { code, message } => return Err(GatewayFault::Refused { code, message }),
                Reply::ServerError(why) | Reply::Denied(why) | Reply::Unreadable(why) => why,
                Reply::Busy(_) => "busy".to_owned(),
            };
            tracing::warn!(%intent, ?step, failed, "Stripe failed; looking whether the step happened");
            let now = self.look(intent).await.map_err(|fault| GatewayFault::OutcomeUnknown(format!("{failed}; then {fault}")))?;
            match after_server_error(step, &now) {
                Shown::Outcome if step == Step::Cancel && now.status == IntentStatus::Succeeded => return Err(captured(&now)),
                Shown::Outcome => return Ok(now),
                Shown::Unclear => return Err(GatewayFault::OutcomeUnknown(failed)),
                // An attempt has one key: the buyer may try again, and the intent decides if the first still goes through.
                Shown::NotDone if step == Step::Confirm => {
                    return Ok(Intent { last_decline: Some("processing_error".to_owned()), ..now });
                }
                Shown::NotDone => {}
            }
        }
        Err(GatewayFault::Unavailable("Stripe fails again and again, and the step did not happen".to_owned()))
    }

    async fn look(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        match self.ask::<IntentObject>(Purpose::Look, &requests::retrieve(intent), None).await? {
            Reply::Done(intent) => intent.view(),
            Reply::Declined(intent) => intent.view(),
            Reply::Refused { code, message } => Err(GatewayFault::Refused { code, message }),
            // A read: nothing can have been done.
            Reply::ServerError(why) | Reply::Denied(why) | Reply::Unreadable(why) => Err(GatewayFault::Unavailable(why)),
            Reply::Busy(_) => Err(GatewayFault::Unavailable("busy".to_owned())),
        }
    }

    /// Whether the refund of this number is among the intent's.
    async fn is_refunded(&self, intent: &IntentId, number: u32) -> Result<bool, GatewayFault> {
        let number = number.to_string();
        match self.ask::<List<RefundObject>>(Purpose::Look, &requests::refunds(intent), None).await? {
            Reply::Done(list) => Ok(list.data.iter().any(|refund| refund.metadata.get(REFUND_NUMBER) == Some(&number))),
            _ => Err(GatewayFault::OutcomeUnknown("Stripe does not list the refunds".to_owned())),
        }
    }
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    async fn create(&self, order: &PaymentOrder) -> Result<Intent, GatewayFault> {
        let call =
            requests::create(order).map_err(|message| GatewayFault::Refused { code: "invalid_amount".to_owned(), message })?;
        for number in 1..=TRIES {
            match self.ask::<IntentObject>(Purpose::Create, &call, Some(&keys::create(order.booking, number))).await? {
                Reply::Done(intent) => return intent.view(),
                Reply::Declined(intent) => return intent.view(),
                Reply::Refused { code, message } => return Err(GatewayFault::Refused { code, message }),
                // Perhaps there is an intent now that nobody knows. Nobody confirms it, so it charges nothing.
                Reply::ServerError(why) | Reply::Denied(why) | Reply::Unreadable(why) => {
                    tracing::warn!(booking = %order.booking, why, "Stripe failed to create an intent; trying under another key");
                }
                Reply::Busy(_) => {}
            }
        }
        Err(GatewayFault::Unavailable("Stripe fails again and again to create an intent".to_owned()))
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        booking: BookingId,
        attempt: u32,
        payment_method: &str,
    ) -> Result<Intent, GatewayFault> {
        let call = requests::confirm(intent, payment_method, &self.inner.return_url);
        self.step(Step::Confirm, intent, &call, |_| keys::confirm(booking, attempt)).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, GatewayFault> {
        self.look(intent).await
    }

    async fn capture(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        self.step(Step::Capture, intent, &requests::capture(intent), |number| keys::capture(booking, number)).await
    }

    async fn cancel(&self, intent: &IntentId, booking: BookingId) -> Result<Intent, GatewayFault> {
        let answer = self.step(Step::Cancel, intent, &requests::cancel(intent), |number| keys::cancel(booking, number)).await;
        match answer {
            // Stripe refuses to cancel twice; the port wants a cancelled intent.
            Err(GatewayFault::Refused { code, message }) => match self.look(intent).await {
                Ok(now) if now.status == IntentStatus::Canceled => Ok(now),
                _ => Err(GatewayFault::Refused { code, message }),
            },
            answer => answer,
        }
    }

    async fn refund(&self, intent: &IntentId, booking: BookingId, number: u32, amount: Money) -> Result<Intent, GatewayFault> {
        let refused = |code: String, message: String| Err(GatewayFault::Refused { code, message });
        let call = requests::refund(intent, booking, number, amount)
            .map_err(|message| GatewayFault::Refused { code: "invalid_amount".to_owned(), message })?;
        for try_number in 1..=TRIES {
            let key = keys::refund(booking, number, try_number);
            match self.ask::<RefundObject>(Purpose::Refund, &call, Some(&key)).await? {
                Reply::Done(refund) if matches!(refund.status.as_deref(), Some("failed" | "canceled")) => {
                    return refused("refund_failed".to_owned(), "the bank did not take the refund".to_owned());
                }
                // The sum of all refunds is the intent's.
                Reply::Done(_) => {
                    return self.look(intent).await.map_err(|fault| GatewayFault::OutcomeUnknown(fault.to_string()));
                }
                Reply::Refused { code, message } => return refused(code, message),
                Reply::Declined(_) => return refused("card_error".to_owned(), "the bank did not take the refund".to_owned()),
                Reply::ServerError(why) | Reply::Denied(why) | Reply::Unreadable(why) => {
                    tracing::warn!(%intent, why, "Stripe failed to refund; looking whether it happened");
                    if self.is_refunded(intent, number).await? {
                        return self.look(intent).await;
                    }
                }
                Reply::Busy(_) => {}
            }
        }
        Err(GatewayFault::Unavailable("Stripe fails again and again to refund".to_owned()))
    }

    fn queue_delay(&self) -> Duration {
        self.inner.limiter.delay()
    }
}

#[async_trait]
impl PaymentRecords for StripeGateway {
    async fn list(&self, before: Option<&IntentId>) -> Result<RecordPage, GatewayFault> {
        match self.ask::<List<IntentObject>>(Purpose::List, &requests::list(before), None).await? {
            Reply::Done(page) => {
                let records = page.data.iter().map(IntentObject::record).collect::<Result<_, _>>()?;
                Ok(RecordPage { records, more: page.has_more })
            }
            Reply::Refused { code, message } => Err(GatewayFault::Refused { code, message }),
            Reply::ServerError(why) | Reply::Denied(why) | Reply::Unreadable(why) => Err(GatewayFault::Unavailable(why)),
            Reply::Declined(_) | Reply::Busy(_) => Err(GatewayFault::Unavailable("Stripe does not list its intents".to_owned())),
        }
    }
}

fn captured(intent: &Intent) -> GatewayFault {
    GatewayFault::Refused {
        code: "payment_intent_unexpected_state".to_owned(),
        message: format!("the intent {} was captured, so it can only be refunded", intent.id),
    }
}

/// Half to all of a pause, so that nodes which were refused together do not come again together.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

impl fmt::Debug for StripeGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeGateway").field("mode", &self.inner.mode).finish_non_exhaustive()
    }
}
