//! The state that every operation has access to.

use crate::accounts::{Accounts, SignedIn};
use crate::assets::CompressedPages;
use crate::auth::{Auth, Caller, Permission};
use crate::challenges::Challenges;
use crate::cors::Cors;
use crate::deliveries::Deliveries;
use crate::idempotency::AnswerStore;
use crate::kept_bytes::KeptBytes;
use crate::lag::Lag;
use crate::limits::{AppliedLimits, Client, Counted, Limits};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::routes::plans::CompressedPlans;
use crate::server::{Budget, Capacity};
use crate::tickets::TicketKey;
use crate::webhooks::Webhooks;
use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use lastseat_domain::booking::Booking;
use lastseat_domain::ports::{Clock, EventLog, Ids};
use lastseat_domain::{BookingId, BuyerId, IntentId, Rejection, Timestamp};
use lastseat_engine::BoxOffice;
use lastseat_projections::ReadModel;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The bank's side of the payment sandbox, which decides on a buyer's confirmation.
#[async_trait]
pub trait BankAuthentication: Send + Sync + 'static {
    /// Ends the action that an intent requires and returns the booking that it pays for.
    ///
    /// # Errors
    /// Why that is not possible, as a sentence for the caller.
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<BookingId, String>;
}

/// What an [`App`] is made of.
pub struct AppParts {
    pub box_office: BoxOffice,
    pub read_model: ReadModel,
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub auth: Auth,
    /// Those who sign in here, in the embedded mode.
    pub accounts: Option<Accounts>,
    /// Signs tickets.
    pub tickets: Arc<TicketKey>,
    pub limits: Limits,
    /// What guests solve before they hold seats, where it is asked for.
    pub challenges: Challenges,
    /// What a check of the log for an auditor may take, in megabytes.
    pub verification_memory: usize,
    /// Whether the metrics, which need no token, show how each show sells.
    pub metrics_of_shows: bool,
    /// Whether a hold needs no token.
    pub guests: bool,
    /// Where buyers reach this server, for links in answers (`https://tickets.example`).
    pub public_url: Option<String>,
    /// Which pages of other sites may call, if any.
    pub cors: Option<Cors>,
    /// The sandbox's bank, where payments are simulated.
    pub bank: Option<Arc<dyn BankAuthentication>>,
    /// Whether payments go through Stripe, which does not charge every amount.
    pub stripe: bool,
    /// Takes what the gateway reports by itself, where it does.
    pub webhooks: Option<Webhooks>,
    /// Reports to the shop's endpoints what happens.
    pub deliveries: Deliveries,
    pub metrics: Arc<Metrics>,
    /// Cancelled when a task that follows the gateway's reports has ended, which makes the server not ready.
    pub reports_ended: CancellationToken,
    /// With it the buyer's browser may use the gateway's own form.
    pub publishable_key: Option<String>,
    /// What connections keep for slow clients.
    pub buffers: Arc<Budget>,
    /// The connections that this server takes.
    pub capacity: Arc<Capacity>,
    /// Cancelled when the server stops; seat streams end then.
    pub drain: CancellationToken,
}

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: AppParts,
    answers: AnswerStore,
    seats_lag: Lag,
    lists_lag: Lag,
    pages: CompressedPages,
    plans: CompressedPlans,
    /// By their hashes.
    pictures: KeptBytes<String>,
    /// One check of the log at a time: it has a good part of it in memory.
    verifications: Arc<Semaphore>,
    /// Two readings of the past at a time: each goes through the log from its beginning.
    past_reads: Semaphore,
}

impl App {
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let (answers, pages) = (AnswerStore::default(), CompressedPages::default());
        let (plans, pictures) = (CompressedPlans::default(), KeptBytes::default());
        let (seats_lag, lists_lag) = (Lag::default(), Lag::default());
        let (verifications, past_reads) = (Arc::new(Semaphore::new(1)), Semaphore::new(2));
        Self(Arc::new(Inner { parts, answers, seats_lag, lists_lag, pages, plans, pictures, verifications, past_reads }))
    }

    #[must_use]
    pub fn parts(&self) -> &AppParts {
        &self.0.parts
    }

    #[must_use]
    pub fn box_office(&self) -> &BoxOffice {
        &self.0.parts.box_office
    }

    #[must_use]
    pub fn read_model(&self) -> &ReadModel {
        &self.0.parts.read_model
    }

    /// The answers given under idempotency keys.
    #[must_use]
    pub fn answers(&self) -> &AnswerStore {
        &self.0.answers
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.parts.limits
    }

    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.parts.metrics
    }

    /// Whose turn it is to read the past from the log.
    pub(crate) fn past_reads(&self) -> &Semaphore {
        &self.0.past_reads
    }

    /// Whose turn it is to check the whole log.
    #[must_use]
    pub(crate) fn verifications(&self) -> &Arc<Semaphore> {
        &self.0.verifications
    }

    /// The pages, compressed.
    #[must_use]
    pub fn pages(&self) -> &CompressedPages {
        &self.0.pages
    }

    /// Plans as they were sent, compressed.
    #[must_use]
    pub fn plans(&self) -> &CompressedPlans {
        &self.0.plans
    }

    /// Pictures of shows, by their hashes.
    #[must_use]
    pub fn pictures(&self) -> &KeptBytes<String> {
        &self.0.pictures
    }

    /// Whether the seat map keeps up with the log.
    #[must_use]
    pub fn seats_lag(&self) -> &Lag {
        &self.0.seats_lag
    }

    /// Whether the lists of bookings, rewards, sales and check-ins do.
    #[must_use]
    pub fn lists_lag(&self) -> &Lag {
        &self.0.lists_lag
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Who sent a request with these headers, by its token alone.
    ///
    /// # Errors
    /// 401 if its token is not valid, 503 while the keys of its issuer are not known.
    pub async fn caller_by_token(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.parts().auth.caller_by_fresh_keys(headers, self.now()).await
    }

    /// Who sent a request, by its token or by its session. A token wins: a browser adds its cookies to whatever it sends, and
    /// a token was sent on purpose.
    ///
    /// # Errors
    /// 401 if the token is not valid or the session has ended, 403 for a command that another site may have sent, 503.
    pub async fn recognise(&self, request: &Parts) -> Result<(Caller, Option<Box<SignedIn>>), Problem> {
        if let Some(accounts) = self.parts().accounts.as_ref().filter(|_| !request.headers.contains_key(AUTHORIZATION))
            && let Some(who) = accounts.recognise(request).await?
        {
            return Ok((who.caller(), Some(Box::new(who))));
        }
        Ok((self.caller_by_token(&request.headers).await?, None))
    }

    /// The buyer whom the bearer of a booking's token is. A transfer ends the token.
    ///
    /// # Errors
    /// 404 if it does not exist or was transferred, 503 if it can't be looked up.
    pub async fn buyer_with_token(&self, booking: BookingId) -> Result<BuyerId, Problem> {
        if let Ok(Some(view)) = self.read_model().booking(booking).await {
            return if view.first_buyer.is_none() { Ok(view.buyer) } else { Err(Rejection::BookingNotFound.into()) };
        }
        let booking = self.box_office().booking(booking).await?.filter(|booking| booking.transferred_to.is_none());
        Ok(booking.as_ref().and_then(Booking::buyer).cloned().ok_or(Rejection::BookingNotFound)?)
    }

    /// The buyer whom a booking was held for and who got its token. After a transfer another buyer has the booking.
    ///
    /// # Errors
    /// 404 if it does not exist, 503 if it can't be looked up.
    pub async fn buyer_of(&self, booking: BookingId) -> Result<BuyerId, Problem> {
        // From the views where possible: that works while the log is down, too.
        if let Ok(Some(buyer)) = self.read_model().buyer_of(booking).await {
            return Ok(buyer);
        }
        let booking = self.box_office().booking(booking).await?;
        Ok(booking.and_then(|booking| booking.opened).map(|opened| opened.buyer).ok_or(Rejection::BookingNotFound)?)
    }

    /// Who a caller counts as. The bearer of a booking's token is counted as its buyer: otherwise each
    /// hold would bring its buyer a quota of its own.
    pub async fn counted_as(&self, caller: &Caller) -> Counted {
        match caller {
            Caller::Guest => Counted::Nobody,
            _ if caller.has(Permission::ExceedLimits) => Counted::Unlimited,
            Caller::Token { .. } => Counted::As(caller.scope()),
            // A booking that can't be looked up can't be commanded either.
            Caller::Booking(own) => Counted::As(match self.buyer_of(*own).await {
                Ok(buyer) => Caller::scope_of(&buyer),
                Err(_) => caller.scope(),
            }),
        }
    }

    /// Counts a command on this node.
    ///
    /// # Errors
    /// 429.
    pub async fn check_node_limits(&self, client: Client, caller: &Caller) -> Result<AppliedLimits, Problem> {
        let counted = self.counted_as(caller).await;
        self.limits().check_node(client, counted, self.metrics()).await
    }

    /// Counts on all nodes what this node has counted.
    ///
    /// # Errors
    /// 429.
    pub async fn check_shared_limits(&self, applied: &AppliedLimits) -> Result<(), Problem> {
        self.limits().check_shared(applied, &*self.0.parts.clock, self.metrics()).await
    }

    /// Completes a path to a URL that a caller outside can follow.
    #[must_use]
    pub fn absolute(&self, url: &str) -> String {
        match &self.0.parts.public_url {
            Some(base) if url.starts_with('/') => format!("{}{url}", base.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }
}
