//! The only place where adapters are chosen, and the order in which things start and stop.
//!
//! Nothing here is global: any number of servers run in one process, each on its own directory.

pub mod accounts;
pub mod charges;
pub mod checks;
pub mod chosen;
mod endpoints;
mod event_log;
mod eventstore_server;
pub mod key_file;
mod keys;
mod listener;
mod log_host;
mod mail;
mod oidc;
mod parts;
pub mod payment_records;
mod payments;
pub mod reading;
mod redis;
pub mod repair;
mod reports;
mod sandbox_server;
mod snapshots;
mod start_error;
mod stripe;
pub mod traces;
mod webhook_check;

pub use eventstore_server::EventStoreServer;
pub use log_host::LogHost;
pub use sandbox_server::{SandboxHost, SandboxSettings};

/// How the EventStoreDB-protocol server may serve, for its verb.
pub mod eventstore_options {
    pub use lastseat_eventstore_server::{Disturbances, Leader, Stall};
}

/// How the sandbox may serve, for its verb.
pub mod sandbox_options {
    pub use lastseat_payments_sandbox::stripe::{Disturbances, Options, Outage, WebhookOptions};
}
/// What messages to endpoints are signed with, for their verb.
pub mod webhook_options {
    pub use lastseat_shop_webhooks::Signer;
}
pub use start_error::StartError;

use crate::accounts::Accounts;
use crate::app::{App, AppParts, BankAuthentication};
use crate::auth::{Auth, Oidc, VoucherKeys, challenge_secret};
use crate::challenges::Challenges;
use crate::config::Config;
use crate::cors::Cors;
use crate::data_dir::DataDir;
use crate::deliveries::{self, Deliveries, DeliveryTasks};
use crate::measured::{MeasuredGateway, MeasuredGuard, MeasuredLog};
use crate::metrics::Metrics;
use crate::routes;
use crate::routes::bookings::fast_refusal::FastRefusals;
use crate::server::{self, Budget, Capacity};
use crate::tickets::TicketKey;
use crate::webhooks::Webhooks;
use event_log::ChosenLog;
use eventstore_options::Disturbances;
use keys::Keys;
use lastseat_domain::ports::{Clock, EventLog, Ids, PaymentGateway, SeatGuard};
use lastseat_engine::{BoxOffice, Ports};
use lastseat_event_log_sqlite::{AcceptLoss, FatalHook};
use lastseat_in_process::{FreeOfCharge, InProcessGuard, SystemClock, TimeOrderedIds};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_projections::ReadModel;
use lastseat_redis::{Redis, RedisGuard};
use listener::{bind, reachable};
use parts::{limits, open_both_sides, other_connections};
use payments::ChosenPayments;
use reports::{Context, Reports};
use snapshots::SnapshotKeeper;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server that runs.
pub struct Running {
    /// Where it listens, with the port that port 0 led to.
    pub addr: SocketAddr,
    /// Where clients reach it.
    pub url: String,
    /// Makes and checks its tokens.
    pub auth: Auth,
    /// The authority.
    pub log: Arc<dyn EventLog>,
    /// Takes commands.
    pub box_office: BoxOffice,
    /// Answers questions.
    pub read_model: ReadModel,
    /// Serves the event log to other programs.
    pub eventstore_server: Option<EventStoreServer>,
    /// Takes the money, if that is done in this process.
    pub sandbox: Option<Arc<SandboxGateway>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    chosen_log: ChosenLog,
    snapshots: SnapshotKeeper,
    reports_ended: CancellationToken,
    delivery_tasks: DeliveryTasks,
    shutdown: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
    drain: Duration,
}

/// Starts a server. If its log stops for good, that is only logged.
///
/// # Errors
/// [`StartError`].
pub async fn start(config: Config) -> Result<Running, StartError> {
    start_with(config, Arc::new(|why| tracing::error!(why, "the event log has stopped")), None).await
}

/// Starts a server; `on_fatal` is called if its log stops for good. `accept_loss` is the decision to go on with an
/// embedded log that has lost acknowledged events; without it, such a log is refused.
///
/// # Errors
/// [`StartError`].
pub async fn start_with(config: Config, on_fatal: FatalHook, accept_loss: Option<AcceptLoss>) -> Result<Running, StartError> {
    start_at(config, on_fatal, accept_loss, Arc::new(SystemClock)).await
}

/// Starts a server that goes by this clock.
async fn start_at(
    config: Config,
    on_fatal: FatalHook,
    accept_loss: Option<AcceptLoss>,
    clock: Arc<dyn Clock>,
) -> Result<Running, StartError> {
    crate::config::stripe::check_to_sell(&config).map_err(StartError::Settings)?;
    let data = DataDir::prepare(&config.data)?;
    // Bound first: a second start by mistake fails here, before anything is opened.
    let (listener, addr) = bind(config.listen).await?;
    let log = ChosenLog::open(&config, &data, &clock, on_fatal, accept_loss, "lastseat serve").await?;
    match assemble(&config, &data, (listener, addr), &log, &clock).await {
        Ok(running) => Ok(running),
        Err(error) => {
            // Releases the file lock at once, although others may hold the log: another start may follow.
            log.close().await;
            Err(error)
        }
    }
}

/// Builds everything that uses the log.
async fn assemble(
    config: &Config,
    data: &DataDir,
    (listener, addr): (TcpListener, SocketAddr),
    chosen_log: &ChosenLog,
    clock: &Arc<dyn Clock>,
) -> Result<Running, StartError> {
    let url = config.public_url.clone().unwrap_or_else(|| reachable(addr));
    let shutdown = CancellationToken::new();
    let (inside, webhooks) = Inside::open(config, data, &url, chosen_log.port(), clock, &shutdown).await?;
    let buffers = Budget::new(config.connection_memory << 20, inside.read_model.superseded_bytes());
    let capacity = Arc::new(Capacity::of_process(other_connections(config)));
    let app = App::new(inside.app_parts(config, webhooks, &buffers, &capacity, &shutdown));
    let shortcut = config.fast_refusals.then(|| FastRefusals::shortcut(&app));
    let serving =
        tokio::spawn(server::serve(listener, routes::router(app), shortcut, buffers, capacity, shutdown.clone(), config.drain));
    Ok(Running {
        addr,
        url,
        auth: Auth::new(&inside.key),
        log: inside.log,
        box_office: inside.box_office,
        read_model: inside.read_model,
        snapshots: inside.snapshots,
        eventstore_server: inside.eventstore_server,
        sandbox: inside.sandbox,
        reports_ended: inside.reports_ended,
        delivery_tasks: inside.delivery_tasks,
        clock: Arc::clone(clock),
        chosen_log: chosen_log.clone(),
        shutdown,
        serving,
        drain: config.drain,
    })
}

/// What the HTTP server needs.
struct Inside {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    key: Vec<u8>,
    oidc: Option<Arc<Oidc>>,
    accounts: Option<Accounts>,
    tickets: Arc<TicketKey>,
    redis: Option<Redis>,
    eventstore_server: Option<EventStoreServer>,
    bank: Option<Arc<dyn BankAuthentication>>,
    sandbox: Option<Arc<SandboxGateway>>,
    box_office: BoxOffice,
    read_model: ReadModel,
    snapshots: SnapshotKeeper,
    metrics: Arc<Metrics>,
    reports_ended: CancellationToken,
    deliveries: Deliveries,
    delivery_tasks: DeliveryTasks,
}

impl Inside {
    /// Opens it, and what takes webhooks, if the gateway sends any. `url`: where buyers reach this server.
    async fn open(
        config: &Config,
        data: &DataDir,
        url: &str,
        log: Arc<dyn EventLog>,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) -> Result<(Self, Option<Webhooks>), StartError> {
        let endpoints = endpoints::open(config)?;
        let Keys { token: key, tickets } = Keys::open(config)?;
        let oidc = oidc::open(config, shutdown).await?;
        let ChosenPayments { gateway, bank, sandbox, reporting } = ChosenPayments::open(config, data, clock, url)?;
        if let Some(sandbox) = &sandbox {
            charges::warn_of_unmatched(&*log, sandbox).await;
        }
        // Before the log is read to its end: other nodes may be waiting for it.
        let eventstore_server = EventStoreServer::start(config, &log, clock, Disturbances::default(), shutdown).await?;
        let redis = redis::open(config, clock).await?;
        let ids: Arc<dyn Ids> = Arc::new(TimeOrderedIds::new(Arc::clone(clock)));
        let metrics = Arc::<Metrics>::default();
        let accounts = accounts::open(config, data, url, &metrics, clock, &ids, shutdown).await?;
        let calls = || metrics.calls().clone();
        let guard: Arc<dyn SeatGuard> = match &redis {
            Some(redis) => Arc::new(RedisGuard::new(redis.clone())),
            None => Arc::new(InProcessGuard::new(Arc::clone(clock))),
        };
        let measured: Arc<dyn PaymentGateway> = Arc::new(MeasuredGateway::new(Arc::clone(&gateway), calls()));
        let ports = Ports {
            log: Arc::new(MeasuredLog::new(Arc::clone(&log), calls())),
            guard: Arc::new(MeasuredGuard::new(guard, calls())),
            payments: Arc::new(FreeOfCharge::in_front_of(measured)),
            clock: Arc::clone(clock),
            ids: Arc::clone(&ids),
            vouchers: Arc::new(VoucherKeys::new(&key)),
        };
        let (box_office, read_model) = open_both_sides(config, data, ports, &metrics).await?;
        traces::follow(&read_model, clock);
        let snapshots = SnapshotKeeper::start(config, data, &box_office, clock, &metrics);
        let context = Context {
            log: &log,
            gateway: &gateway,
            box_office: &box_office,
            read_model: &read_model,
            clock,
            metrics: &metrics,
            sweep_every: config.payments_sweep,
            shutdown,
        };
        let Reports { webhooks, ended } = Reports::start(reporting, &context);
        let views = read_model.clone();
        let context = deliveries::Context {
            log: Arc::clone(&log),
            box_office: box_office.clone(),
            clock: Arc::clone(clock),
            seen: Arc::new(move || views.position()),
            sender: ids.uuid(),
        };
        let (deliveries, delivery_tasks) = Deliveries::start(endpoints, &context);
        let (clock, reports_ended) = (Arc::clone(clock), ended);
        let inside = Self {
            log,
            clock,
            ids,
            key,
            oidc,
            accounts,
            tickets,
            redis,
            eventstore_server,
            bank,
            sandbox,
            box_office,
            read_model,
            snapshots,
            metrics,
            reports_ended,
            deliveries,
            delivery_tasks,
        };
        Ok((inside, webhooks))
    }

    fn app_parts(
        &self,
        config: &Config,
        webhooks: Option<Webhooks>,
        buffers: &Arc<Budget>,
        capacity: &Arc<Capacity>,
        shutdown: &CancellationToken,
    ) -> AppParts {
        AppParts {
            box_office: self.box_office.clone(),
            read_model: self.read_model.clone(),
            log: Arc::clone(&self.log),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            auth: Auth::new(&self.key).accepting(self.oidc.clone()),
            accounts: self.accounts.clone(),
            tickets: Arc::clone(&self.tickets),
            limits: limits(config, self.redis.clone(), &self.clock),
            challenges: Challenges::new(config.challenge_rules(), challenge_secret(&self.key)),
            verification_memory: config.verification_memory,
            metrics_of_shows: config.metrics_of_shows,
            guests: config.guests,
            public_url: config.public_url.clone(),
            cors: Cors::of(&config.cors_origin),
            bank: self.bank.clone(),
            webhooks,
            deliveries: self.deliveries.clone(),
            metrics: Arc::clone(&self.metrics),
            reports_ended: self.reports_ended.clone(),
            stripe: config.stripe_key.is_some(),
            publishable_key: config.stripe_publishable_key.clone(),
            buffers: Arc::clone(buffers),
            capacity: Arc::clone(capacity),
            drain: shutdown.clone(),
        }
    }
}

impl Running {
    /// Completes when a part has ended although nobody stopped it: nothing in this process repairs that.
    /// Returns which.
    pub async fn failed(&mut self) -> String {
        let eventstore_server = log_host::or_never(self.eventstore_server.as_mut().map(EventStoreServer::failed));
        tokio::select! {
            () = self.box_office.failed() => "a task of the engine has ended".to_owned(),
            () = self.reports_ended.cancelled() => "a task that payments need has ended; the log names it".to_owned(),
            () = self.read_model.failed() => "a task of the read model has ended".to_owned(),
            ended = &mut self.serving => format!("the HTTP server has ended ({ended:?})"),
            () = self.delivery_tasks.failed() => "a task that sends to the shop's endpoints has ended".to_owned(),
            why = eventstore_server => why,
        }
    }

    /// Takes no more connections, lets running commands finish and stream readers go, then closes
    /// the log. What was acknowledged is durable however this ends.
    pub async fn stop(self) {
        self.shutdown.cancel();
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the listener failed"),
            Err(error) => tracing::error!(%error, "the server's task failed"),
        }
        self.delivery_tasks.stop().await;
        self.snapshots.stop(self.drain).await;
        self.box_office.drain(self.drain).await;
        self.read_model.stop().await;
        if let Some(server) = self.eventstore_server {
            server.stopped().await;
        }
        self.chosen_log.close().await;
    }
}

#[cfg(test)]
mod tests;
