//! `lastseat eventstore-server`: serves the event log, and the payment sandbox if asked to, to nodes and
//! auditors. Sells nothing.

use super::logging;
use super::signals::Signals;
use super::terminal::{self, Paint, complain, say, tell};
use crate::config::{Config, Flags};
use crate::exit;
use crate::wiring::LogHost;
use std::process::ExitCode;
use std::sync::Arc;

/// EventStoreDB's own port.
const DEFAULT_ADDRESS: &str = "127.0.0.1:2113";

/// Arguments of `eventstore-server`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Several nodes on one machine:
  lastseat eventstore-server --write --sandbox-listen 127.0.0.1:2114 &
  sleep 1
  for port in 8081 8082; do
    lastseat serve --listen 127.0.0.1:$port --data ./node-$port --token-key ./token.key \\
      --eventstore 'esdb://127.0.0.1:2113?tls=false' --sandbox http://127.0.0.1:2114 &
  done

Beyond this machine a token is needed, and clients send tokens under TLS only:
LASTSEAT_EVENTSTORE_LISTEN_TOKEN for reading, LASTSEAT_EVENTSTORE_LISTEN_WRITE_TOKEN for appending, too.

An auditor reads the same log with any EventStoreDB client, or with
  lastseat verify --eventstore 'esdb://127.0.0.1:2113?tls=false'")]
pub struct EventStoreServerArgs {
    /// Address and port to answer EventStoreDB's protocol on
    #[arg(long, value_name = "ADDR:PORT", default_value = DEFAULT_ADDRESS)]
    listen: String,
    /// Let others append; without, they may only read
    #[arg(long)]
    write: bool,
    /// Also serve a payment sandbox here, for all nodes
    #[arg(long, value_name = "ADDR:PORT")]
    sandbox_listen: Option<String>,
    /// PEM file of the certificate, and of those that vouch for it: clients send a token under TLS only
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<String>,
    /// PEM file of the private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<String>,
    /// Host and port under which clients find this server, for esdb+discover:// [default: the address
    /// that they connected to]
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// What is logged to stderr: error, warn, info, debug, trace, off [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl EventStoreServerArgs {
    /// The settings that these arguments stand for.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            eventstore_listen: Some(self.listen.clone()),
            eventstore_listen_write: self.write.then(|| "true".to_owned()),
            sandbox_listen: self.sandbox_listen.clone(),
            eventstore_listen_certificate: self.certificate.clone(),
            eventstore_listen_key: self.key.clone(),
            eventstore_advertise: self.advertise.clone(),
            log_level: self.log_level.clone(),
            ..Flags::default()
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(config: Config) -> ExitCode {
    logging::install(&config);
    let host = match LogHost::start(&config, Arc::new(terminal::fatal)).await {
        Ok(host) => host,
        Err(error) => {
            complain(&error.to_string());
            return error.exit().into();
        }
    };
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals can't be listened to: {error}"));
            host.stop().await;
            return exit::FATAL.into();
        }
    };
    say(&greeting(&host, &config, Paint::stdout()));
    let first = signals.next().await;
    tell(&format!("lastseat: {first}: stopping"));
    host.stop().await;
    tell("lastseat: stopped; nothing is lost");
    ExitCode::SUCCESS
}

fn greeting(host: &LogHost, config: &Config, paint: Paint) -> String {
    let mut lines =
        vec![String::new(), format!("  {}", paint.bold("lastseat eventstore-server   The event log, for nodes and auditors."))];
    lines.push(String::new());
    if let Some(server) = &host.eventstore_server {
        let url = server.connection_string();
        let how = if config.eventstore_listen_write { "nodes may append" } else { "for reading" };
        lines.push(format!("  Event log  {}  {}", paint.link(&url), paint.dim(&format!("({how})"))));
    }
    if let Some(server) = &host.sandbox_server {
        let at = server.addr;
        lines.push(format!(
            "  Payments   {}  {}",
            paint.link(&format!("http://{at}")),
            paint.yellow("sandbox: not for production money")
        ));
    }
    lines.push(format!("  Data       {}", config.data.display()));
    lines.push(String::new());
    lines.push(format!("  {}", paint.dim("Stop with Ctrl-C.")));
    lines.push(String::new());
    lines.join("\n")
}
