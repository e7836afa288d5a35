//! The doors of this process to others: the event log in EventStoreDB's protocol, and the sandbox.

use super::{StartError, listen};
use crate::config::Config;
use crate::server;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_eventstore_server::{Secret, ServerSettings, Tls};
use lastseat_payments_sandbox::{self as sandbox_adapter, SandboxGateway};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Doors that are open.
#[derive(Debug, Default)]
pub struct Doors {
    /// Where the event log is served.
    pub eventstore: Option<SocketAddr>,
    /// Whether it is served under TLS.
    pub has_tls: bool,
    /// Where the payment sandbox is served.
    pub sandbox: Option<SocketAddr>,
    serving: JoinSet<()>,
}

impl Doors {
    /// Opens the doors that the configuration names, until `shutdown`.
    pub(super) async fn open(
        config: &Config,
        log: &Arc<dyn EventLog>,
        sandbox: Option<&Arc<SandboxGateway>>,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) -> Result<Self, StartError> {
        let mut doors = Self::default();
        if let Some(at) = config.eventstore_door {
            if config.eventstore.is_some() {
                let why =
                    "--eventstore-door serves the log in --data, but --eventstore says that the log is elsewhere; leave one out";
                return Err(StartError::Door(why.to_owned()));
            }
            let settings = door_settings(config, at, clock)?;
            let (listener, addr) = bind(at).await?;
            doors.has_tls = settings.tls.is_some();
            doors.eventstore = Some(addr);
            doors.keep(
                "the event log's door",
                lastseat_eventstore_server::serve(listener, Arc::clone(log), settings, shutdown.clone()),
            );
        }
        if let Some(at) = config.sandbox_door {
            let Some(sandbox) = sandbox else {
                let why = "--sandbox-door serves the sandbox of this process, but --sandbox names another's; leave one out";
                return Err(StartError::Door(why.to_owned()));
            };
            may_open_sandbox(at, config.sandbox_door_anywhere).map_err(StartError::Door)?;
            let (listener, addr) = bind(at).await?;
            doors.sandbox = Some(addr);
            doors.keep(
                "the sandbox's door",
                server::serve(listener, sandbox_adapter::router(Arc::clone(sandbox)), shutdown.clone(), sandbox_adapter::DRAIN),
            );
        }
        Ok(doors)
    }

    fn keep(&mut self, what: &'static str, serving: impl Future<Output = io::Result<()>> + Send + 'static) {
        self.serving.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "{what} has failed");
            }
        });
    }

    /// What clients are told to connect to.
    #[must_use]
    pub fn connection_string(&self) -> Option<String> {
        self.eventstore.map(|at| format!("esdb://{at}{}", if self.has_tls { "" } else { "?tls=false" }))
    }

    /// Completes when all doors are shut, after `shutdown`.
    pub(super) async fn closed(mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

fn door_settings(config: &Config, at: SocketAddr, clock: &Arc<dyn Clock>) -> Result<ServerSettings, StartError> {
    let secret = |secret: Option<&crate::config::secret::Secret>| secret.and_then(|secret| Secret::new(secret.expose()));
    let settings = ServerSettings {
        write: config.eventstore_door_write,
        reader_token: secret(config.eventstore_door_token.as_ref()),
        writer_token: secret(config.eventstore_door_write_token.as_ref()),
        tls: tls(config)?,
        ..ServerSettings::new(Arc::clone(clock))
    };
    settings.may_listen_on(at).map_err(StartError::Door)?;
    Ok(settings)
}

fn tls(config: &Config) -> Result<Option<Tls>, StartError> {
    let (certificate, key) = match (&config.eventstore_door_certificate, &config.eventstore_door_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            let why = "eventstore_door_certificate and eventstore_door_key belong together; set both, or neither";
            return Err(StartError::Door(why.to_owned()));
        }
    };
    let read = |file: &PathBuf| {
        std::fs::read(file).map_err(|error| StartError::Door(format!("{} can't be read: {error}", file.display())))
    };
    Tls::from_pem(&read(certificate)?, &read(key)?).map(Some).map_err(StartError::Door)
}

/// Whoever reaches the sandbox moves its money. It is play money, but a sale that is shown with it is
/// not to be spoilt by a stranger: beyond this machine only for an operator who says so.
fn may_open_sandbox(at: SocketAddr, anywhere: bool) -> Result<(), String> {
    if anywhere || at.ip().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "the sandbox's door asks for no password, so {at} would be open to the network; listen on 127.0.0.1, \
         or set sandbox_door_anywhere where only your nodes reach that address"
    ))
}

async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = listen(at).await?;
    let addr = listener.local_addr().map_err(|error| super::refused(at, &error))?;
    Ok((listener, addr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_stays_on_this_machine_unless_it_is_said_otherwise() {
        for inside in ["127.0.0.1:2114", "[::1]:2114"] {
            assert_eq!(may_open_sandbox(inside.parse().unwrap(), false), Ok(()));
        }
        for outside in ["0.0.0.0:2114", "10.0.0.5:2114", "[::]:2114"] {
            let outside = outside.parse().unwrap();
            let why = may_open_sandbox(outside, false).unwrap_err();
            assert!(why.contains(&outside.to_string()) && why.contains("sandbox_door_anywhere"), "{why}");
            assert_eq!(may_open_sandbox(outside, true), Ok(()));
        }
    }
}
