//! Does what helps against a difference: at the gateway, under the idempotency keys of the booking; in the log only
//! through the engine, of a running server or of this process.

use super::read::patiently;
use crate::auth::{Auth, Role};
use crate::cli::load::client::{Connection, Target};
use crate::config::Config;
use crate::reconcile::{Difference, Reconciliation, Remedy};
use crate::wiring::chosen::SystemClock;
use crate::wiring::key_file::{self, Key};
use crate::wiring::payment_records::Recorded;
use crate::wiring::reading::Readable;
use crate::wiring::repair::Repair;
use bytes::Bytes;
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::ports::payments::{GatewayFault, Intent, IntentStatus};
use lastseat_domain::ports::{Clock, EventLog, PaymentGateway, PaymentRecords};
use lastseat_domain::{BookingId, BuyerId, IntentId, Money, StreamName};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Who does it, for the event history.
const ACTOR: &str = "payments-reconcile";

/// What became of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "snake_case")]
pub enum Outcome {
    /// Nobody asked for it.
    NotAsked,
    Done(String),
    NotDone(String),
}

/// Who records what the engine has to.
enum Engine {
    /// A running server, as an admin.
    Server { connection: Box<Connection>, token: String },
    /// This process, alone with the log.
    Here(Box<Repair>),
    /// Nobody, and why.
    Nobody(String),
}

/// Carries out remedies.
pub struct Apply {
    records: Arc<dyn PaymentRecords>,
    gateway: Option<Arc<dyn PaymentGateway>>,
    /// As it is now, to look at a booking again.
    log: Arc<dyn EventLog>,
    engine: Engine,
    unknown_bookings: bool,
}

impl Apply {
    /// `url`: the server that records what the engine has to; without one, this process does if no server has the
    /// log.
    ///
    /// # Errors
    /// Why the server or the log can't be used.
    pub async fn open(config: &Config, recorded: &Recorded, url: Option<&str>, unknown_bookings: bool) -> Result<Self, String> {
        let engine = match url {
            Some(url) => {
                let connection = Target::find(url).await?.connect().await.map_err(|error| error.to_string())?;
                Engine::Server { connection: Box::new(connection), token: token(config)? }
            }
            None => match Repair::open(config).await {
                Ok(repair) => Engine::Here(Box::new(repair)),
                Err(why) => Engine::Nobody(why),
            },
        };
        let (gateway, log) = match &engine {
            Engine::Here(repair) => (Some(Arc::clone(&repair.gateway)), repair.log()),
            _ => (recorded.gateway.clone(), Readable::open(config).map_err(|error| error.to_string())?.log),
        };
        Ok(Self { records: Arc::clone(&recorded.records), gateway, log, engine, unknown_bookings })
    }

    /// Does what helps against a difference that `compared` has.
    pub async fn run(&mut self, difference: &Difference, compared: &Reconciliation) -> Outcome {
        let Difference { kind, booking: Some(booking), remedy, .. } = difference else {
            return Outcome::NotDone("it is not lastseat's".to_owned());
        };
        if kind.is_unknown_booking() && !self.unknown_bookings {
            let why = "another shop may use this account; if not, add --unknown-bookings";
            return Outcome::NotDone(why.to_owned());
        }
        match remedy {
            Remedy::Refund { .. } | Remedy::Cancel | Remedy::Capture => self.at_gateway(difference, *booking, compared).await,
            Remedy::RefundBooking => self.refund_booking(*booking).await,
            Remedy::Wait => self.look_at(*booking).await,
            Remedy::Decide => Outcome::NotDone("a person decides".to_owned()),
            Remedy::Nothing => Outcome::NotDone("nothing is to be done".to_owned()),
        }
    }

    /// Does it, and reports what the gateway has afterwards: an answer may be an old one, or lost.
    async fn at_gateway(&self, difference: &Difference, booking: BookingId, compared: &Reconciliation) -> Outcome {
        let Difference { intent, remedy, .. } = difference;
        let Some(gateway) = &self.gateway else {
            return Outcome::NotDone("a server has the sandbox open; stop it, and run this again".to_owned());
        };
        let answer = match remedy {
            Remedy::Refund { number, amount } => match self.unused_number(*number, &compared.intents(booking)).await {
                Ok(number) => match self.look_again(difference, booking, compared).await {
                    Ok(()) => gateway.refund(intent, booking, number, *amount).await,
                    Err(why) => return Outcome::NotDone(why),
                },
                Err(fault) => Err(fault),
            },
            Remedy::Cancel => gateway.cancel(intent, booking).await,
            _ => gateway.capture(intent, booking).await,
        };
        match (answer, patiently(async || gateway.retrieve(intent).await).await) {
            (answer, Ok(now)) => match (seen(*remedy, &now), answer) {
                (Ok(done), _) => Outcome::Done(done),
                (Err(_), Err(fault)) => Outcome::NotDone(fault.to_string()),
                (Err(why), Ok(_)) => Outcome::NotDone(why),
            },
            (Err(fault), Err(_)) => Outcome::NotDone(fault.to_string()),
            (Ok(_), Err(fault)) => Outcome::NotDone(format!("it may be done, and the payment can't be looked at: {fault}")),
        }
    }

    /// Whether the log still has the difference: minutes have passed since it was read, and somebody may have sent the money
    /// another way and said so. A moment is left between this and the refund.
    async fn look_again(&self, found: &Difference, booking: BookingId, compared: &Reconciliation) -> Result<(), String> {
        let events = self.log.read_stream(&StreamName::booking(booking), None, Direction::Forwards, usize::MAX).await;
        let events = events.map_err(|fault| format!("the booking can't be read again: {fault}"))?;
        let same = compared.is_still(found, booking, &events, SystemClock.now());
        if same { Ok(()) } else { Err("its booking has changed meanwhile; run this again".to_owned()) }
    }

    /// A number that no refund of the booking has had, from `least`. A number is a part of the idempotency key, and a
    /// used key would repeat its first answer and return nothing.
    async fn unused_number(&self, least: u32, intents: &[IntentId]) -> Result<u32, GatewayFault> {
        let mut next = least;
        let mut count = 0_u32;
        for intent in intents {
            for refund in patiently(async || self.records.refunds(intent).await).await? {
                count = count.saturating_add(1);
                next = next.max(refund.number.map_or(0, |number| number.saturating_add(1)));
            }
        }
        Ok(next.max(count.saturating_add(1)))
    }

    async fn refund_booking(&mut self, booking: BookingId) -> Outcome {
        match &mut self.engine {
            Engine::Here(repair) => match repair.box_office.refund(booking, ACTOR).await {
                Ok(booking) if booking.status() == "refunded" => Outcome::Done("refunded the booking".to_owned()),
                Ok(_) => Outcome::NotDone("the refund is requested; the next server completes it".to_owned()),
                Err(error) => Outcome::NotDone(error.to_string()),
            },
            Engine::Server { connection, token } => {
                let path = format!("/v1/bookings/{booking}/refund");
                match connection.post(&path, Some(token), Bytes::new()).await {
                    // 202: it is in the log, and the gateway has not returned the money yet.
                    Ok(answer) if answer.status.as_u16() == 202 => {
                        Outcome::NotDone("the refund is requested, and the gateway has not returned the money yet".to_owned())
                    }
                    Ok(answer) if answer.status.is_success() => Outcome::Done("refunded the booking".to_owned()),
                    Ok(answer) => Outcome::NotDone(answer.problem()),
                    Err(error) => Outcome::NotDone(error.to_string()),
                }
            }
            Engine::Nobody(why) => Outcome::NotDone(format!("name a running server with --url ({why})")),
        }
    }

    async fn look_at(&self, booking: BookingId) -> Outcome {
        match &self.engine {
            Engine::Here(repair) => {
                repair.box_office.look_at(booking).await;
                Outcome::Done("went on with the booking".to_owned())
            }
            Engine::Server { .. } | Engine::Nobody(_) => Outcome::NotDone("a running server does it by itself".to_owned()),
        }
    }

    /// Closes what was opened.
    ///
    /// # Errors
    /// What closing the log says.
    pub async fn close(self) -> Result<(), String> {
        match self.engine {
            Engine::Here(repair) => repair.close().await,
            Engine::Server { .. } | Engine::Nobody(_) => Ok(()),
        }
    }
}

/// What a remedy has led to, if the payment shows that it is done.
fn seen(remedy: Remedy, now: &Intent) -> Result<String, String> {
    let kept = Money { value: now.captured.saturating_sub(now.refunded), ..now.amount };
    match remedy {
        Remedy::Refund { amount, .. } if kept.value <= 0 => Ok(format!("returned {amount} at the gateway")),
        Remedy::Refund { .. } => Err(format!("the gateway still has {kept}: it did not take the refund; look at it there")),
        Remedy::Cancel if now.status == IntentStatus::Canceled => Ok("cancelled the payment at the gateway".to_owned()),
        Remedy::Cancel => Err("the gateway did not cancel the payment; look at it there".to_owned()),
        _ if now.status == IntentStatus::Succeeded => Ok("took the money at the gateway".to_owned()),
        _ => Err("the gateway did not take the money; look at it there".to_owned()),
    }
}

fn token(config: &Config) -> Result<String, String> {
    let file = config.token_key_file();
    let key = key_file::read(Key::Token, &file).map_err(|error| error.to_string())?;
    let key = key.ok_or_else(|| format!("{} is not there; name the server's with --token-key", file.display()))?;
    let admin = BuyerId::new(ACTOR).map_err(|error| error.to_string())?;
    Ok(Auth::new(&key).mint(&admin, Role::Admin, Duration::from_secs(3600), &SystemClock))
}

#[cfg(test)]
mod tests;
