//! Does what helps against a difference: at the gateway, under the idempotency keys of the booking; in the log only
//! through the engine, of a running server or of this process.

use crate::auth::{Auth, Role};
use crate::cli::load::client::{Connection, Target};
use crate::config::Config;
use crate::reconcile::{Difference, Remedy};
use crate::wiring::chosen::SystemClock;
use crate::wiring::repair::Repair;
use crate::wiring::token_key;
use bytes::Bytes;
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::{BookingId, BuyerId, IntentId};
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
    gateway: Option<Arc<dyn PaymentGateway>>,
    engine: Engine,
    unknown_bookings: bool,
}

impl Apply {
    /// `gateway`: the one that can be used while a server runs. `url`: the server that records what the engine
    /// has to; without one, this process does if no server has the log.
    ///
    /// # Errors
    /// Why the server can't be used.
    pub async fn open(
        config: &Config,
        gateway: Option<Arc<dyn PaymentGateway>>,
        url: Option<&str>,
        unknown_bookings: bool,
    ) -> Result<Self, String> {
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
        let gateway = match &engine {
            Engine::Here(repair) => Some(Arc::clone(&repair.gateway)),
            _ => gateway,
        };
        Ok(Self { gateway, engine, unknown_bookings })
    }

    /// Does what helps against a difference.
    pub async fn run(&mut self, difference: &Difference) -> Outcome {
        let Difference { kind, booking: Some(booking), intent, remedy, .. } = difference else {
            return Outcome::NotDone("it is not lastseat's".to_owned());
        };
        if kind.is_unknown_booking() && !self.unknown_bookings {
            let why = "another shop may use this account; if not, add --unknown-bookings";
            return Outcome::NotDone(why.to_owned());
        }
        match remedy {
            Remedy::Refund { .. } | Remedy::Cancel | Remedy::Capture => self.at_gateway(intent, *booking, *remedy).await,
            Remedy::RefundBooking => self.refund_booking(*booking).await,
            Remedy::Wait => self.look_at(*booking).await,
            Remedy::Decide => Outcome::NotDone("a person decides".to_owned()),
            Remedy::Nothing => Outcome::NotDone("nothing is to be done".to_owned()),
        }
    }

    async fn at_gateway(&self, intent: &IntentId, booking: BookingId, remedy: Remedy) -> Outcome {
        let Some(gateway) = &self.gateway else {
            return Outcome::NotDone("a server has the sandbox open; stop it, and run this again".to_owned());
        };
        let (answer, done) = match remedy {
            Remedy::Refund { number, amount } => {
                (gateway.refund(intent, booking, number, amount).await, format!("returned {amount} at the gateway"))
            }
            Remedy::Cancel => (gateway.cancel(intent, booking).await, "cancelled the payment at the gateway".to_owned()),
            _ => (gateway.capture(intent, booking).await, "took the money at the gateway".to_owned()),
        };
        match answer {
            Ok(_) => Outcome::Done(done),
            Err(fault) => Outcome::NotDone(fault.to_string()),
        }
    }

    async fn refund_booking(&mut self, booking: BookingId) -> Outcome {
        match &mut self.engine {
            Engine::Here(repair) => match repair.box_office.refund(booking, ACTOR).await {
                Ok(booking) if booking.status() == "refunded" => Outcome::Done("refunded the booking".to_owned()),
                Ok(_) => Outcome::Done("requested the refund; the next server completes it".to_owned()),
                Err(error) => Outcome::NotDone(error.to_string()),
            },
            Engine::Server { connection, token } => {
                let path = format!("/v1/bookings/{booking}/refund");
                match connection.post(&path, Some(token), Bytes::new()).await {
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

fn token(config: &Config) -> Result<String, String> {
    let file = config.token_key_file();
    let key = token_key::read(&file).map_err(|error| error.to_string())?;
    let key = key.ok_or_else(|| format!("{} is not there; name the server's with --token-key", file.display()))?;
    let admin = BuyerId::new(ACTOR).map_err(|error| error.to_string())?;
    Ok(Auth::new(&key).mint(&admin, Role::Admin, Duration::from_secs(3600), &SystemClock))
}
