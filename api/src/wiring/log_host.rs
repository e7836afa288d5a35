//! A process that serves the event log, and the payment sandbox if asked to, and sells nothing.

use super::event_log::ChosenLog;
use super::eventstore_options::Disturbances;
use super::eventstore_server::EventStoreServer;
use super::sandbox_server::{SandboxServer, SandboxSettings};
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

/// Its servers, running.
pub struct LogHost {
    pub eventstore_server: Option<EventStoreServer>,
    pub sandbox_server: Option<SandboxServer>,
    log: ChosenLog,
    shutdown: CancellationToken,
}

impl LogHost {
    /// Opens the log and starts its server, and that of the sandbox with `sandbox`. `on_fatal` is called if the log stops
    /// for good. `disturbances` are what the log's clients are disturbed by. `accept_loss` is the decision to go on with a log that has lost events.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        config: &Config,
        disturbances: Disturbances,
        sandbox: Option<SandboxSettings>,
        on_fatal: FatalHook,
        accept_loss: Option<AcceptLoss>,
    ) -> Result<Self, StartError> {
        if accept_loss.is_some() && !config.eventstore_listen_write {
            return Err(StartError::Server("--accept-loss writes to the log, so it needs --write".to_owned()));
        }
        let data = DataDir::prepare(&config.data)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = ChosenLog::open(config, &data, &clock, on_fatal, accept_loss, COMMAND).await?;
        let shutdown = CancellationToken::new();
        match start_servers(config, disturbances, sandbox, &data, &log, &clock, &shutdown).await {
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
        tokio::select! {
            why = or_never(self.eventstore_server.as_mut().map(EventStoreServer::failed)) => why,
            why = or_never(self.sandbox_server.as_mut().map(SandboxServer::failed)) => why,
        }
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
    disturbances: Disturbances,
    sandbox: Option<SandboxSettings>,
    data: &DataDir,
    log: &ChosenLog,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> Result<(Option<EventStoreServer>, Option<SandboxServer>), StartError> {
    let eventstore_server = EventStoreServer::start(config, &log.port(), clock, disturbances, shutdown).await?;
    let sandbox_server = match sandbox {
        Some(settings) => Some(SandboxServer::start(data, settings, shutdown).await?),
        None => None,
    };
    Ok((eventstore_server, sandbox_server))
}

/// Completes as that does, or never if there is nothing.
pub(super) async fn or_never<T>(part: Option<impl Future<Output = T>>) -> T {
    match part {
        Some(part) => part.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::sandbox_options::Options;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    /// Whatever ends without having been asked to ends the process, see `cli::eventstore_server`.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_has_ended_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config { data: dir.path().to_owned(), eventstore_listen: Some(listen), ..Config::default() };
        let sandbox = SandboxSettings { listen, anywhere: false, options: Options::default() };
        let mut host = LogHost::start(&config, Disturbances::default(), Some(sandbox), Arc::new(|_| ()), None).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(300), host.failed()).await.is_err(), "all is well");
        host.sandbox_server.as_ref().unwrap().abort();
        assert_eq!(host.failed().await, "the sandbox server has ended");
        host.sandbox_server = None;
        host.eventstore_server.as_ref().unwrap().abort();
        assert_eq!(host.failed().await, "the EventStoreDB-protocol server has ended");
    }
}
