//! Serves the embedded event log in EventStoreDB's protocol.

use super::listener::bind;
use super::start_error::StartError;
use crate::config::Config;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_eventstore_server::{Disturbances, ServerSettings, Tls};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Connections that it takes at most, those of clients that have not shown their token included.
pub(super) const MAX_CONNECTIONS: usize = ServerSettings::CONNECTIONS + ServerSettings::UNPROVEN_CONNECTIONS;

/// The EventStoreDB-protocol server of this process.
#[derive(Debug)]
pub struct EventStoreServer {
    pub addr: SocketAddr,
    has_tls: bool,
    serving: JoinHandle<()>,
}

impl EventStoreServer {
    /// Starts it if `--eventstore-listen` is set. It serves until `shutdown`.
    pub(super) async fn start(
        config: &Config,
        log: &Arc<dyn EventLog>,
        clock: &Arc<dyn Clock>,
        disturbances: Disturbances,
        shutdown: &CancellationToken,
    ) -> Result<Option<Self>, StartError> {
        let Some(at) = config.eventstore_listen else { return Ok(None) };
        if config.eventstore.is_some() {
            let why =
                "--eventstore-listen serves the log in --data, but --eventstore says that the log is elsewhere; leave one out";
            return Err(StartError::Server(why.to_owned()));
        }
        let settings = settings(config, at, clock, disturbances)?;
        let (listener, addr) = bind(at).await?;
        let has_tls = settings.tls.is_some();
        let serving = lastseat_eventstore_server::serve(listener, Arc::clone(log), settings, shutdown.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the EventStoreDB-protocol server has failed");
            }
        });
        Ok(Some(Self { addr, has_tls, serving }))
    }

    /// What clients connect to.
    #[must_use]
    pub fn connection_string(&self) -> String {
        connection_string(self.addr, self.has_tls)
    }

    /// Completes when it has ended although nobody stopped it. Returns why.
    pub(super) async fn failed(&mut self) -> String {
        let _ended = (&mut self.serving).await;
        "the EventStoreDB-protocol server has ended".to_owned()
    }

    #[cfg(test)]
    pub(super) fn abort(&self) {
        self.serving.abort();
    }

    /// Completes when it has stopped, after `shutdown`.
    pub(super) async fn stopped(self) {
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the EventStoreDB-protocol server's task failed");
        }
    }
}

fn connection_string(addr: SocketAddr, has_tls: bool) -> String {
    format!("esdb://{addr}{}", if has_tls { "" } else { "?tls=false" })
}

fn settings(
    config: &Config,
    at: SocketAddr,
    clock: &Arc<dyn Clock>,
    disturbances: Disturbances,
) -> Result<ServerSettings, StartError> {
    if disturbances != Disturbances::default() && !at.ip().is_loopback() {
        let why = format!("at {at} a server that disturbs its clients could be taken for a real one; let it listen on 127.0.0.1");
        return Err(StartError::Server(why));
    }
    let settings = ServerSettings {
        write: config.eventstore_listen_write,
        reader_token: config.eventstore_listen_token.clone(),
        writer_token: config.eventstore_listen_write_token.clone(),
        tls: tls(config)?,
        advertise: config.eventstore_advertise.clone(),
        disturbances,
        ..ServerSettings::new(Arc::clone(clock))
    };
    settings.may_listen_on(at).map_err(StartError::Server)?;
    Ok(settings)
}

fn tls(config: &Config) -> Result<Option<Tls>, StartError> {
    let (certificate, key) = match (&config.eventstore_listen_certificate, &config.eventstore_listen_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            let why = "eventstore_listen_certificate and eventstore_listen_key belong together; set both, or neither";
            return Err(StartError::Server(why.to_owned()));
        }
    };
    let read = |file: &PathBuf| {
        std::fs::read(file).map_err(|error| StartError::Server(format!("{} can't be read: {error}", file.display())))
    };
    Tls::from_pem(&read(certificate)?, &read(key)?).map(Some).map_err(StartError::Server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_disturbs_its_clients_stays_on_this_machine() {
        let clock: Arc<dyn Clock> = Arc::new(lastseat_in_process::SystemClock);
        let config = Config { eventstore_listen_token: lastseat_domain::Secret::new("secret"), ..Config::default() };
        let started = |at: &str, disturbances| settings(&config, at.parse().unwrap(), &clock, disturbances);
        let some = Disturbances { live_buffer: Some(32), ..Disturbances::default() };
        assert!(started("127.0.0.1:2113", some.clone()).is_ok());
        assert!(started("192.0.2.1:2113", Disturbances::default()).is_ok());
        assert!(started("192.0.2.1:2113", some).is_err_and(|error| error.to_string().contains("127.0.0.1")));
    }

    #[test]
    fn clients_without_tls_have_to_say_so() {
        let addr = "127.0.0.1:2113".parse().unwrap();
        assert_eq!(connection_string(addr, true), "esdb://127.0.0.1:2113");
        assert_eq!(connection_string(addr, false), "esdb://127.0.0.1:2113?tls=false");
    }
}
