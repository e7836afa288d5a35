//! What an operator wants to know before money is involved: is the key accepted, what may it do, do the clocks agree?

use super::answers::Failure;
use super::gateway::StripeGateway;
use super::rate::Queue;
use super::requests::probe;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::payments::GatewayFault;
use stripe_client_core::StripeMethod;

/// What a key needs, with names as in Stripe's dashboard. A creation without parameters is refused to everybody with
/// 400, and to a key without the right with 403.
const NEEDED: [(StripeMethod, &str, &str); 6] = [
    (StripeMethod::Get, "/payment_intents", "PaymentIntents: read"),
    (StripeMethod::Post, "/payment_intents", "PaymentIntents: write"),
    (StripeMethod::Get, "/refunds", "Refunds: read"),
    (StripeMethod::Post, "/refunds", "Refunds: write"),
    (StripeMethod::Get, "/charges", "Charges: read"),
    (StripeMethod::Get, "/disputes", "Disputes: read"),
];

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// How far Stripe's clock is ahead of ours; to the second.
    pub clock_ahead: Option<TimeDelta>,
    /// Rights that a restricted key does not have.
    pub missing_rights: Vec<&'static str>,
}

impl StripeGateway {
    /// Tries a little of everything that is needed. Nothing is changed.
    ///
    /// # Errors
    /// Stripe does not answer, or does not know the key.
    pub async fn examine(&self, now: Timestamp) -> Result<Examined, GatewayFault> {
        let mut found = Examined { clock_ahead: None, missing_rights: Vec::new() };
        for (method, path, right) in NEEDED {
            let answer = self.api.answer(&probe(method, path), None, &Queue::FIRST).await.map_err(Failure::into_fault_of_look)?;
            if let Some(date) = answer.date {
                // A date has no fractions.
                found.clock_ahead = Some(TimeDelta::seconds(date.timestamp() - now.timestamp()));
            }
            match answer.status {
                401 => {
                    let message =
                        "Stripe does not know the key. Take it from Stripe's dashboard, Developers, API keys".to_owned();
                    return Err(GatewayFault::Refused { code: "invalid_api_key".to_owned(), message });
                }
                403 => found.missing_rights.push(right),
                // A stand-in for Stripe need not have everything.
                200 | 400 | 404 => {}
                status => return Err(GatewayFault::Unavailable(format!("status {status} for {path}"))),
            }
        }
        Ok(found)
    }
}
