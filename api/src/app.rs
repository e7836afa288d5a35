//! What every operation has at hand.

use crate::auth::Auth;
use crate::idempotency::Memory;
use crate::lag::Lag;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::problem::Problem;
use async_trait::async_trait;
use lastseat_domain::ports::event_log::{Filter, Position, last_position};
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{BookingId, IntentId, Timestamp};
use lastseat_engine::BoxOffice;
use lastseat_projections::ReadModel;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a reader waits for the read model to have what the reader may know of already.
const READ_YOUR_WRITES: Duration = Duration::from_secs(2);

/// The buyer's side of the payment sandbox: says how the buyer's bank decided.
#[async_trait]
pub trait BankAuthentication: Send + Sync + 'static {
    /// Ends the action that an intent requires; says whose booking it is for.
    ///
    /// # Errors
    /// Why that is not possible, in words for the caller.
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<BookingId, String>;
}

/// What an [`App`] is made of.
pub struct AppParts {
    /// Takes the commands.
    pub box_office: BoxOffice,
    /// Answers the questions.
    pub read_model: ReadModel,
    /// For auditors.
    pub log: Arc<dyn EventLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
    /// Who is asking.
    pub auth: Auth,
    /// How much a caller may do in a time.
    pub limits: Limits,
    /// Whether a hold needs no token.
    pub guests: bool,
    /// Where buyers reach this server, for addresses that leave it (`https://tickets.example`).
    pub public_url: Option<String>,
    /// The sandbox's door, where payments are played.
    pub sandbox: Option<Arc<dyn BankAuthentication>>,
    /// Cancelled when the server stops: those who listen to a stream are let go.
    pub drain: CancellationToken,
}

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: AppParts,
    answers: Memory,
    metrics: Arc<Metrics>,
    lag: Lag,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(Inner { parts, answers: Memory::default(), metrics: Arc::default(), lag: Lag::default() }))
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &AppParts {
        &self.0.parts
    }

    /// Takes the commands.
    #[must_use]
    pub fn box_office(&self) -> &BoxOffice {
        &self.0.parts.box_office
    }

    /// Answers the questions.
    #[must_use]
    pub fn read_model(&self) -> &ReadModel {
        &self.0.parts.read_model
    }

    /// Answers given under idempotency keys.
    #[must_use]
    pub fn answers(&self) -> &Memory {
        &self.0.answers
    }

    /// How much a caller may do in a time.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.parts.limits
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Whether the read model keeps up.
    #[must_use]
    pub fn lag(&self) -> &Lag {
        &self.0.lag
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Waits, if not for long, until the read model has everything that is in the log now, so that
    /// a caller sees what it did itself. A read model that is far behind answers all the same: its
    /// answers carry the position that they are true at.
    ///
    /// # Errors
    /// 503 if the log can't be asked.
    pub async fn catch_up(&self) -> Result<Position, Problem> {
        let log = &*self.0.parts.log;
        let head = log.head().await?;
        if self.read_model().position() < head {
            // A shared log may end with what is not ours, which the read model hears of only in passing.
            let ours = last_position(log, &Filter::our_streams()).await?;
            if !self.read_model().wait_for(ours, READ_YOUR_WRITES).await {
                tracing::debug!(%ours, "the read model is behind");
            }
        }
        Ok(head)
    }

    /// An address as a caller outside can follow it.
    #[must_use]
    pub fn absolute(&self, url: &str) -> String {
        match &self.0.parts.public_url {
            Some(base) if url.starts_with('/') => format!("{}{url}", base.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }
}
