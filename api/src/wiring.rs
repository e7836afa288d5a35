//! The only place where adapters are chosen, and the order in which things start and stop.
//!
//! Nothing here is global: any number of servers run in one process, each on its own directory.

pub mod data_dir;
mod doors;
mod event_log;
pub mod examine;
mod payments;
pub mod reading;
mod redis;
pub mod token_key;

use crate::app::{App, AppParts};
use crate::auth::Auth;
use crate::cli::exit;
use crate::config::Config;
use crate::demo::{self, DemoError};
use crate::limits::Limits;
use crate::{routes, server};
use data_dir::{DataDir, Unusable};
pub use doors::Doors;
use event_log::ChosenLog;
use lastseat_domain::ports::event_log::{Filter, last_position};
use lastseat_domain::ports::{Clock, EventLog, Ids, LogFault, RateLimiter};
use lastseat_engine::{BoxOffice, Fault, Ports, Settings};
use lastseat_event_log_sqlite::FatalHook;
use lastseat_event_log_sqlite::OpenError;
use lastseat_in_process::FreeOfCharge;
use lastseat_in_process::InProcessGuard;
use lastseat_in_process::InProcessLimiter;
use lastseat_in_process::{RandomIds, SystemClock};
use lastseat_payments_sandbox::{self as sandbox, SandboxGateway};
use lastseat_projections::{ProjectionError, ReadModel};
use lastseat_redis::{Redis, RedisGuard, RedisLimiter};
use payments::ChosenPayments;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use token_key::KeyError;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a start waits for the views to catch up before it serves them as they are.
const VIEWS_PATIENCE: Duration = Duration::from_secs(30);

/// Why a server did not start. `Display` is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("{address} can't be listened on: {why}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why, and what to do.
        why: String,
    },
    /// The data directory.
    #[error(transparent)]
    Data(#[from] Unusable),
    /// The event log.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The event log's cluster.
    #[error("the event log's cluster can't be used: {0}")]
    Cluster(String),
    /// The seat guard.
    #[error("Redis can't guard the seats: {0}; `lastseat doctor` says more")]
    Guard(String),
    /// A door of this process.
    #[error("{0}")]
    Door(String),
    /// The sandbox of another process.
    #[error("the shared payment sandbox can't be used: {0}")]
    SharedSandbox(String),
    /// The key that tokens are signed with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What the sandbox gateway remembers.
    #[error("the payment sandbox can't start: {0}")]
    Sandbox(#[from] sandbox::OpenError),
    /// The history can't be read to its end.
    #[error("the event history can't be read: {0}; `lastseat verify` says more")]
    History(#[from] Fault),
    /// The same, found out elsewhere.
    #[error("the event history can't be read: {0}; `lastseat verify` says more")]
    Head(#[from] LogFault),
    /// The views.
    #[error("the views can't be opened: {source}. If it is the files in {} that are damaged, delete them: they are rebuilt from the log. `lastseat verify` tells how the log is", dir.display())]
    Views {
        /// Why.
        #[source]
        source: ProjectionError,
        /// Where they lie.
        dir: PathBuf,
    },
    /// The demo show.
    #[error("the demo show can't be put on sale: {0}; leave it out with --demo false")]
    Demo(#[from] DemoError),
}

impl StartError {
    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Listen { .. } | Self::Data(_) | Self::Demo(_) | Self::Door(_) | Self::Guard(_) | Self::SharedSandbox(_) => {
                exit::USAGE
            }
            _ => exit::UNREADABLE,
        }
    }
}

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
    /// Where others reach the event log and the payment sandbox, if they may.
    pub doors: Doors,
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
    start_with(config, Arc::new(|why| tracing::error!(why, "the event log has stopped"))).await
}

/// Starts a server; `on_fatal` is called if its log stops for good.
///
/// # Errors
/// [`StartError`].
pub async fn start_with(config: Config, on_fatal: FatalHook) -> Result<Running, StartError> {
    let data = DataDir::prepare(&config.data)?;
    // Bound first: whoever starts it twice learns of the port before anything is opened.
    let listener = listen(config.listen).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = ChosenLog::open(&config, &data, &clock, on_fatal).await?;
    match assemble(&config, &data, listener, &log, &clock).await {
        Ok(running) => Ok(running),
        Err(error) => {
            // Frees the file at once, whoever still holds the log: another start may follow.
            log.close().await;
            Err(error)
        }
    }
}

/// Everything behind the log.
async fn assemble(
    config: &Config,
    data: &DataDir,
    listener: TcpListener,
    chosen_log: &ChosenLog,
    clock: &Arc<dyn Clock>,
) -> Result<Running, StartError> {
    let addr = listener.local_addr().map_err(|error| refused(config.listen, &error))?;
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let log = chosen_log.port();
    let key = token_key::read_or_create(&config.token_key_file())?;
    let ChosenPayments { gateway, bank, sandbox } = ChosenPayments::open(config, data, clock)?;
    let shutdown = CancellationToken::new();
    // Before the log is read to its end: other nodes may wait for this one's doors.
    let doors = Doors::open(config, &log, sandbox.as_ref(), clock, &shutdown).await?;

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
        sandbox: Some(bank),
        drain: shutdown.clone(),
    });
    let serving = tokio::spawn(server::serve(listener, routes::router(app), shutdown.clone(), config.drain));
    Ok(Running {
        addr,
        url: config.public_url.clone().unwrap_or_else(|| reachable(addr)),
        auth: Auth::new(&key),
        log,
        box_office,
        read_model,
        doors,
        sandbox,
        clock: Arc::clone(clock),
        chosen_log: chosen_log.clone(),
        shutdown,
        serving,
        drain: config.drain,
    })
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
        self.doors.closed().await;
        self.chosen_log.close().await;
    }
}

/// Doors without a box office behind them.
pub struct OpenDoors {
    /// Where they are.
    pub doors: Doors,
    log: ChosenLog,
    shutdown: CancellationToken,
}

/// Opens the doors that the configuration names, and sells nothing.
///
/// # Errors
/// [`StartError`].
pub async fn open_doors(config: &Config, on_fatal: FatalHook) -> Result<OpenDoors, StartError> {
    let data = DataDir::prepare(&config.data)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = ChosenLog::open(config, &data, &clock, on_fatal).await?;
    let sandbox = match config.sandbox_door {
        Some(_) => ChosenPayments::open(config, &data, &clock)?.sandbox,
        None => None,
    };
    let shutdown = CancellationToken::new();
    match Doors::open(config, &log.port(), sandbox.as_ref(), &clock, &shutdown).await {
        Ok(doors) => Ok(OpenDoors { doors, log, shutdown }),
        Err(error) => {
            log.close().await;
            Err(error)
        }
    }
}

impl OpenDoors {
    /// Shuts the doors, then closes the log.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.doors.closed().await;
        self.log.close().await;
    }
}

/// Each node limits what comes to it; with Redis, all of them together.
fn limits(config: &Config, redis: Option<Redis>, clock: &Arc<dyn Clock>) -> Limits {
    let own = Arc::new(InProcessLimiter::new(Arc::clone(clock)));
    let shared = redis.map(|redis| Arc::new(RedisLimiter::new(redis)) as Arc<dyn RateLimiter>);
    Limits::new(config.quotas, config.proxies.clone(), own, shared)
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_in_flight: config.max_in_flight,
        passivate_after: config.passivate,
        settle_after: config.settle,
        payment_patience: config.payment_patience,
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| refused(address, &error))
}

fn refused(address: SocketAddr, error: &io::Error) -> StartError {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there already; stop it, or choose another port with --listen (port 0 takes a free one)"
                .into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address; choose another with --listen".into(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose another with --listen".into(),
        _ => error.to_string(),
    };
    StartError::Listen { address, why }
}

/// An address that a browser on this machine can open.
fn reachable(addr: SocketAddr) -> String {
    let mut addr = addr;
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{addr}")
}

#[cfg(test)]
mod tests;
