//! The five steps, as attempts that the [`tries`](crate::tries) run.

use super::answers::Failure;
use super::api::Api;
use super::objects::{List, RefundObject};
use super::requests;
use super::tries::{Operation, Seen, StripeStep};
use lastseat_domain::money::Money;
use lastseat_domain::ports::idempotency_keys as keys;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus, PaymentOrder};
use lastseat_domain::{BookingId, IntentId};

/// What Stripe can't charge is refused before it is asked.
fn invalid_amount(message: String) -> Failure {
    Failure::Refused { status: 422, code: "invalid_amount".to_owned(), message, replayed: false }
}

/// Creates the intent.
pub(crate) struct Create<'a> {
    pub(crate) api: &'a Api,
    pub(crate) order: &'a PaymentOrder,
}

impl StripeStep for Create<'_> {
    fn operation(&self) -> Operation {
        Operation::Create
    }

    fn key(&self, try_number: u32) -> String {
        keys::create(self.order.booking, try_number)
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        let request = requests::create(self.order).map_err(invalid_amount)?;
        self.api.intent(&request, Some(key)).await
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        Err(GatewayFault::Unavailable("there is no intent to look at".to_owned()))
    }
}

/// Tries a payment method.
pub(crate) struct Confirm<'a> {
    pub(crate) api: &'a Api,
    pub(crate) intent: &'a IntentId,
    pub(crate) booking: BookingId,
    pub(crate) attempt: u32,
    pub(crate) payment_method: &'a str,
    /// The shop's page; `None` for lastseat's own, which opens the booking that is in its query.
    pub(crate) return_url: Option<&'a str>,
}

impl StripeStep for Confirm<'_> {
    fn operation(&self) -> Operation {
        Operation::Confirm
    }

    fn key(&self, _: u32) -> String {
        keys::confirm(self.intent, self.booking, self.attempt)
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        let own_page = || format!("{}?booking={}", self.api.return_url(), self.booking);
        let return_url = self.return_url.map_or_else(own_page, str::to_owned);
        let request = requests::confirm(self.intent, self.payment_method, &return_url);
        match self.api.intent(&request, Some(key)).await {
            // A decline is an answer. Its reason is the one of this attempt, whatever the intent shows.
            Err(Failure::Declined { reason, intent }) => {
                let intent = intent.view().map_err(|fault| Failure::Unknown(fault.to_string()))?;
                Ok(Intent { last_decline: Some(reason), ..intent })
            }
            answer => answer,
        }
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        let object = self.api.look(self.intent).await?;
        let declined = object.declined(self.payment_method);
        let intent = object.view()?;
        let nothing = intent.status == IntentStatus::RequiresPaymentMethod && !declined;
        Ok((if nothing { Seen::NotDone } else { Seen::Done }, intent))
    }
}

/// Takes the money.
pub(crate) struct Capture<'a> {
    pub(crate) api: &'a Api,
    pub(crate) intent: &'a IntentId,
    pub(crate) booking: BookingId,
}

impl StripeStep for Capture<'_> {
    fn operation(&self) -> Operation {
        Operation::Capture
    }

    fn key(&self, try_number: u32) -> String {
        keys::capture(self.booking, try_number)
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        self.api.intent(&requests::capture(self.intent), Some(key)).await
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        look_for(self.api, self.intent, &IntentStatus::Succeeded).await
    }
}

/// Ends the reservation.
pub(crate) struct Cancel<'a> {
    pub(crate) api: &'a Api,
    pub(crate) intent: &'a IntentId,
}

impl StripeStep for Cancel<'_> {
    fn operation(&self) -> Operation {
        Operation::Cancel
    }

    fn key(&self, try_number: u32) -> String {
        keys::cancel(self.intent, try_number)
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        self.api.intent(&requests::cancel(self.intent), Some(key)).await
    }

    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        look_for(self.api, self.intent, &IntentStatus::Canceled).await
    }
}

async fn look_for(api: &Api, intent: &IntentId, done: &IntentStatus) -> Result<(Seen, Intent), GatewayFault> {
    let intent = api.look(intent).await?.view()?;
    let seen = match &intent.status {
        status if status == done => Seen::Done,
        IntentStatus::Processing => Seen::Pending,
        _ => Seen::NotDone,
    };
    Ok((seen, intent))
}

/// Returns money.
pub(crate) struct Refund<'a> {
    pub(crate) api: &'a Api,
    pub(crate) intent: &'a IntentId,
    pub(crate) booking: BookingId,
    pub(crate) number: u32,
    pub(crate) amount: Money,
}

impl StripeStep for Refund<'_> {
    fn operation(&self) -> Operation {
        Operation::Refund
    }

    fn key(&self, try_number: u32) -> String {
        keys::refund(self.booking, self.number, try_number)
    }

    async fn send(&self, key: &str) -> Result<Intent, Failure> {
        let request = requests::refund(self.intent, self.booking, self.number, self.amount);
        let request = request.map_err(invalid_amount)?;
        let refund: RefundObject = self.api.send(&request, Some(key)).await?;
        if refund.failed() {
            let code = refund.failure_reason.unwrap_or_else(|| "refund_failed".to_owned());
            let message = "the bank did not take the refund".to_owned();
            return Err(Failure::Refused { status: 422, code, message, replayed: false });
        }
        // The refund is made; only its sum is missing. The same call again finds it.
        let seen = self.api.look(self.intent).await.and_then(|object| object.view());
        seen.map_err(|fault| Failure::Unknown(format!("refunded, but then: {fault}")))
    }

    /// The sum that the intent shows may come from refunds made by hand: the refund itself is looked for.
    async fn look(&self) -> Result<(Seen, Intent), GatewayFault> {
        let refunds = self.api.send::<List<RefundObject>>(&requests::refunds(self.intent), None).await;
        let refunds = refunds.map_err(Failure::into_fault_of_look)?;
        let made = refunds.data.iter().any(|refund| refund.is(self.booking, self.number) && !refund.failed());
        if !made && refunds.has_more {
            return Err(GatewayFault::Unavailable("the intent has more than 100 refunds".to_owned()));
        }
        let intent = self.api.look(self.intent).await?.view()?;
        Ok((if made { Seen::Done } else { Seen::NotDone }, intent))
    }
}
