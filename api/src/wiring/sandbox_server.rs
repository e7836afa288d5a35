//! Serves the payment sandbox over Stripe's API, to nodes that share it and to any other client of Stripe.

use super::listener::bind;
use super::start_error::StartError;
use crate::data_dir::DataDir;
use crate::server::{self, Budget, Capacity};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::stripe::{self, Options};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// For clients that don't read; they are our own nodes.
const MEMORY: usize = 16 << 20;
/// How long running calls may take to finish when it stops; the slow payment method takes 3 s.
const DRAIN: Duration = Duration::from_secs(5);

/// How a sandbox is served.
#[derive(Debug)]
pub struct SandboxSettings {
    pub listen: SocketAddr,
    /// Whether that may be beyond this machine.
    pub anywhere: bool,
    pub options: Options,
}

/// The sandbox server of this process.
#[derive(Debug)]
pub struct SandboxServer {
    pub addr: SocketAddr,
    serving: JoinHandle<()>,
    sandbox: Arc<SandboxGateway>,
}

impl SandboxServer {
    /// Opens the sandbox of this data directory and serves it until `shutdown`.
    pub(super) async fn start(
        data: &DataDir,
        settings: SandboxSettings,
        shutdown: &CancellationToken,
    ) -> Result<Self, StartError> {
        let SandboxSettings { listen, anywhere, options } = settings;
        may_listen(listen, anywhere).map_err(StartError::Server)?;
        let sandbox = Arc::new(SandboxGateway::open(&data.sandbox(), Arc::new(SystemClock))?);
        let (listener, addr) = bind(listen).await?;
        let (budget, capacity) = (Budget::new(MEMORY, Arc::default()), Arc::new(Capacity::for_nodes()));
        let router = stripe::router(Arc::clone(&sandbox), options);
        let serving = server::serve(listener, router, None, budget, capacity, shutdown.clone(), DRAIN);
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the sandbox server has failed");
            }
        });
        Ok(Self { addr, serving, sandbox })
    }

    /// Completes when it has ended although nobody stopped it. Returns why.
    pub(super) async fn failed(&mut self) -> String {
        tokio::select! {
            _ended = &mut self.serving => "the sandbox server has ended".to_owned(),
            () = self.sandbox.ended() => "the thread that writes the payment sandbox's file has ended".to_owned(),
        }
    }

    #[cfg(test)]
    pub(super) fn abort(&self) {
        self.serving.abort();
    }

    /// Completes when it has stopped, after `shutdown`.
    pub(super) async fn stopped(self) {
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the sandbox server's task failed");
        }
    }
}

/// A process that serves the sandbox over Stripe's API, and sells nothing.
#[derive(Debug)]
pub struct SandboxHost {
    pub server: SandboxServer,
    shutdown: CancellationToken,
}

impl SandboxHost {
    /// Opens the sandbox of this data directory and serves it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(data: &Path, settings: SandboxSettings) -> Result<Self, StartError> {
        let data = DataDir::prepare(data)?;
        let shutdown = CancellationToken::new();
        let server = SandboxServer::start(&data, settings, &shutdown).await?;
        Ok(Self { server, shutdown })
    }

    /// Completes when the server has ended although nobody stopped it. Returns why.
    pub async fn failed(&mut self) -> String {
        self.server.failed().await
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.server.stopped().await;
    }
}

/// The sandbox asks for no password. It is play money, but a stranger must not spoil a demonstration:
/// listening beyond this machine has to be asked for.
fn may_listen(at: SocketAddr, anywhere: bool) -> Result<(), String> {
    if anywhere || at.ip().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "the sandbox server asks for no password, so {at} would be open to the network; listen on 127.0.0.1, \
         or add --sandbox-listen-anywhere (of `lastseat sandbox`: --listen-anywhere) where only your nodes reach that address"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_stays_on_this_machine_unless_asked_otherwise() {
        for inside in ["127.0.0.1:2114", "[::1]:2114"] {
            assert_eq!(may_listen(inside.parse().unwrap(), false), Ok(()));
        }
        for outside in ["0.0.0.0:2114", "10.0.0.5:2114", "[::]:2114"] {
            let outside = outside.parse().unwrap();
            let why = may_listen(outside, false).unwrap_err();
            assert!(why.contains(&outside.to_string()) && why.contains("--sandbox-listen-anywhere"), "{why}");
            assert_eq!(may_listen(outside, true), Ok(()));
        }
    }
}
