//! A process that serves the event log, and the payment sandbox if asked to, and sells nothing.

use super::event_log::ChosenLog;
use super::eventstore_server::EventStoreServer;
use super::payments::ChosenPayments;
use super::sandbox_server::SandboxServer;
use super::start_error::StartError;
use crate::config::Config;
use crate::data_dir::DataDir;
use lastseat_domain::ports::Clock;
use lastseat_event_log_sqlite::{AcceptLoss, FatalHook};
use lastseat_in_process::SystemClock;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What starts one that writes.
const COMMAND: &str = "lastseat eventstore-server --write";

/// The servers that the configuration names, running.
pub struct LogHost {
    pub eventstore_server: Option<EventStoreServer>,
    pub sandbox_server: Option<SandboxServer>,
    log: ChosenLog,
    shutdown: CancellationToken,
}

impl LogHost {
    /// Opens the log and starts the servers; `on_fatal` is called if the log stops for good.
    /// `accept_loss` is the decision to go on with a log that has lost events.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config, on_fatal: FatalHook, accept_loss: Option<AcceptLoss>) -> Result<Self, StartError> {
        if accept_loss.is_some() && !config.eventstore_listen_write {
            return Err(StartError::Server("--accept-loss writes to the log, so it needs --write".to_owned()));
        }
        let data = DataDir::prepare(&config.data)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = ChosenLog::open(config, &data, &clock, on_fatal, accept_loss, COMMAND).await?;
        let shutdown = CancellationToken::new();
        match start_servers(config, &data, &log, &clock, &shutdown).await {
            Ok((eventstore_server, sandbox_server)) => Ok(Self { eventstore_server, sandbox_server, log, shutdown }),
            Err(error) => {
                shutdown.cancel();
                log.close().await;
                Err(error)
            }
        }
    }

    /// Completes when a server has ended although nobody stopped it. Returns why.
    pub async fn failed(&mut self) -> String {
        failed_server(self.eventstore_server.as_mut(), self.sandbox_server.as_mut()).await
    }

    /// Stops the servers, then closes the log.
    pub async fn stop(self) {
        self.shutdown.cancel();
        if let Some(server) = self.eventstore_server {
            server.stopped().await;
        }
        if let Some(server) = self.sandbox_server {
            server.stopped().await;
        }
        self.log.close().await;
    }
}

async fn start_servers(
    config: &Config,
    data: &DataDir,
    log: &ChosenLog,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> Result<(Option<EventStoreServer>, Option<SandboxServer>), StartError> {
    let sandbox = match config.sandbox_listen {
        Some(_) => ChosenPayments::open(config, data, clock, "")?.sandbox,
        None => None,
    };
    let eventstore_server = EventStoreServer::start(config, &log.port(), clock, shutdown).await?;
    let sandbox_server = SandboxServer::start(config, sandbox.as_ref(), shutdown).await?;
    Ok((eventstore_server, sandbox_server))
}

/// Completes when one of the servers has ended. Returns why.
pub(super) async fn failed_server(eventstore: Option<&mut EventStoreServer>, sandbox: Option<&mut SandboxServer>) -> String {
    let eventstore = async {
        match eventstore {
            Some(server) => server.failed().await,
            None => std::future::pending().await,
        }
    };
    let sandbox = async {
        match sandbox {
            Some(server) => server.failed().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = eventstore => why,
        why = sandbox => why,
    }
}
