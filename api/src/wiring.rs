//! The only place where adapters are chosen, and the order in which things start and stop.
//!
//! Nothing here is global: any number of servers run in one process, each on its own directory.

pub mod charges;
pub mod checks;
pub mod chosen;
mod event_log;
mod eventstore_server;
mod listener;
mod log_host;
pub mod payment_records;
mod payments;
pub mod reading;
mod redis;
pub mod repair;
mod sandbox_server;
mod start_error;
pub mod token_key;

pub use eventstore_server::EventStoreServer;
pub use log_host::LogHost;
pub use sandbox_server::SandboxServer;
pub use start_error::StartError;

use crate::app::{App, AppParts};
use crate::auth::Auth;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::demo;
use crate::limits::Limits;
use crate::routes;
use crate::server::{self, Budget, Capacity};
use event_log::ChosenLog;
use lastseat_domain::ports::event_log::{Filter, last_position};
use lastseat_domain::ports::{Clock, EventLog, Ids, RateLimiter};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_event_log_sqlite::{AcceptLoss, FatalHook};
use lastseat_in_process::{FreeOfCharge, InProcessGuard, InProcessLimiter, RandomIds, SystemClock};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_projections::ReadModel;
use lastseat_redis::{Redis, RedisGuard, RedisLimiter};
use listener::{bind, reachable};
use payments::ChosenPayments;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a start waits for the views to catch up before it serves them as they are.
const VIEWS_PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs.
pub struct Running {
    /// Where it listens; tells the port that port 0 led to.
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
    /// Serves the payment sandbox to other nodes.
    pub sandbox_server: Option<SandboxServer>,
    /// Takes the money, if that is done in this process.
    pub sandbox: Option<Arc<SandboxGateway>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    chosen_log: ChosenLog,
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
    crate::config::stripe::check(&config).map_err(StartError::Settings)?;
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
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let log = chosen_log.port();
    let key = token_key::read_or_create(&config.token_key_file())?;
    if let Some(exposure) = token_key::exposure(&config.token_key_file()) {
        tracing::warn!("the token key {exposure}");
    }
    let ChosenPayments { gateway, bank, sandbox } = ChosenPayments::open(config, data, clock)?;
    if let Some(sandbox) = &sandbox {
        charges::warn_of_unmatched(&*log, sandbox).await;
    }
    let shutdown = CancellationToken::new();
    // Before the log is read to its end: other nodes may be waiting for these.
    let eventstore_server = EventStoreServer::start(config, &log, clock, &shutdown).await?;
    let sandbox_server = SandboxServer::start(config, sandbox.as_ref(), &shutdown).await?;

    let redis = redis::open(config, clock).await?;
    let ports = Ports {
        log: Arc::clone(&log),
        guard: match &redis {
            Some(redis) => Arc::new(RedisGuard::new(redis.clone())),
            None => Arc::new(InProcessGuard::new(Arc::clone(clock))),
        },
        payments: Arc::new(FreeOfCharge::in_front_of(gateway)),
        clock: Arc::clone(clock),
        ids: Arc::clone(&ids),
    };
    let box_office = BoxOffice::open(ports, settings(config)).await?;
    if config.demo
        && let Err(error) = demo::put_on_sale(&box_office, config.hold).await
    {
        box_office.drain(config.drain).await;
        return Err(error.into());
    }
    let read_model = match open_views(data, &log, clock).await {
        Ok(read_model) => read_model,
        Err(error) => {
            box_office.drain(config.drain).await;
            return Err(error);
        }
    };

    let buffers = Budget::new(config.connection_memory << 20, read_model.superseded_bytes());
    let capacity = Arc::new(Capacity::of_process(other_connections(config)));
    let app = App::new(AppParts {
        box_office: box_office.clone(),
        read_model: read_model.clone(),
        log: Arc::clone(&log),
        clock: Arc::clone(clock),
        ids,
        auth: Auth::new(&key),
        limits: limits(config, redis, clock),
        guests: config.guests,
        public_url: config.public_url.clone(),
        bank,
        webhooks: None,
        stripe: config.stripe_key.is_some(),
        publishable_key: config.stripe_publishable_key.clone(),
        buffers: Arc::clone(&buffers),
        capacity: Arc::clone(&capacity),
        drain: shutdown.clone(),
    });
    let router = routes::router(app);
    let serving = tokio::spawn(server::serve(listener, router, buffers, capacity, shutdown.clone(), config.drain));
    Ok(Running {
        addr,
        url: config.public_url.clone().unwrap_or_else(|| reachable(addr)),
        auth: Auth::new(&key),
        log,
        box_office,
        read_model,
        eventstore_server,
        sandbox_server,
        sandbox,
        clock: Arc::clone(clock),
        chosen_log: chosen_log.clone(),
        shutdown,
        serving,
        drain: config.drain,
    })
}

/// Connections that other servers of this process may take.
fn other_connections(config: &Config) -> u64 {
    let to_log = config.eventstore_listen.map_or(0, |_| eventstore_server::MAX_CONNECTIONS);
    let to_sandbox = config.sandbox_listen.map_or(0, |_| Capacity::for_nodes().limit());
    (to_log + to_sandbox) as u64
}

/// The views, caught up with the log if that does not take too long.
async fn open_views(data: &DataDir, log: &Arc<dyn EventLog>, clock: &Arc<dyn Clock>) -> Result<ReadModel, StartError> {
    let dir = data.views();
    let head = last_position(&**log, &Filter::our_streams()).await?;
    let read_model = ReadModel::open(Arc::clone(log), Arc::clone(clock), Some(dir.clone()))
        .await
        .map_err(|source| StartError::Views { source, dir })?;
    if !read_model.wait_for(head, VIEWS_PATIENCE).await {
        tracing::warn!("the views have not caught up with the log yet");
    }
    Ok(read_model)
}

impl Running {
    /// Completes when a part has ended although nobody stopped it: nothing in this process repairs that.
    /// Returns which.
    pub async fn failed(&mut self) -> String {
        let servers = log_host::failed_server(self.eventstore_server.as_mut(), self.sandbox_server.as_mut());
        tokio::select! {
            () = self.box_office.failed() => "a task of the engine has ended".to_owned(),
            () = self.read_model.failed() => "a task of the read model has ended".to_owned(),
            ended = &mut self.serving => format!("the HTTP server has ended ({ended:?})"),
            why = servers => why,
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
        self.box_office.drain(self.drain).await;
        self.read_model.stop().await;
        if let Some(server) = self.eventstore_server {
            server.stopped().await;
        }
        if let Some(server) = self.sandbox_server {
            server.stopped().await;
        }
        self.chosen_log.close().await;
    }
}

/// Each node limits what comes to it; with Redis, all of them together.
fn limits(config: &Config, redis: Option<Redis>, clock: &Arc<dyn Clock>) -> Limits {
    let own = Arc::new(InProcessLimiter::new(Arc::clone(clock)));
    let shared = redis.map(|redis| Arc::new(RedisLimiter::new(redis)) as Arc<dyn RateLimiter>);
    Limits::new(config.quotas(), config.proxies(), own, shared)
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_in_flight: config.max_in_flight,
        passivate_after: config.passivate,
        settle_after: config.settle,
        payment_patience: config.payment_patience,
    }
}

#[cfg(test)]
mod tests;
