//! What an operator wants to know before money is involved: is the key accepted, what may it do, do the clocks agree?

use super::gateway::StripeGateway;
use super::limiter::Purpose;
use super::requests::probe;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::payments::GatewayFault;

/// Reads that a key needs, each with the name that Stripe's dashboard has for the right.
const READS: [(&str, &str); 4] =
    [("/payment_intents", "PaymentIntents"), ("/refunds", "Refunds"), ("/charges", "Charges"), ("/disputes", "Disputes")];

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// How far Stripe's clock is ahead of ours; to the second.
    pub clock_ahead: Option<TimeDelta>,
    /// Rights that a restricted key does not have.
    pub missing_rights: Vec<&'static str>,
}

impl StripeGateway {
    /// Reads a little of everything that is needed. Nothing is changed.
    ///
    /// # Errors
    /// Stripe does not answer, or does not know the key.
    pub async fn examine(&self, now: Timestamp) -> Result<Examined, GatewayFault> {
        let mut found = Examined { clock_ahead: None, missing_rights: Vec::new() };
        for (path, right) in READS {
            let answer = self.send(Purpose::List, &probe(path), None).await?;
            if let Some(date) = answer.date {
                // A date has no fractions.
                found.clock_ahead = Some(TimeDelta::seconds(date.timestamp() - now.timestamp()));
            }
            match answer.status {
                200 => {}
                401 => {
                    let message =
                        "Stripe does not know the key. Take it from Stripe's dashboard, Developers, API keys".to_owned();
                    return Err(GatewayFault::Refused { code: "invalid_api_key".to_owned(), message });
                }
                403 => found.missing_rights.push(right),
                status => return Err(GatewayFault::Unavailable(format!("status {status} for {path}"))),
            }
        }
        Ok(found)
    }
}
