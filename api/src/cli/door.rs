//! `lastseat door`: the event log, and the payment sandbox if asked for, for the nodes and auditors of
//! one machine. Sells nothing.

use super::signals::Signals;
use super::terminal::{Paint, complain, say, tell};
use super::{exit, logging};
use crate::config::{Config, Flags};
use crate::wiring::{self, OpenDoors};
use std::process::ExitCode;
use std::sync::Arc;

/// Where the log is served if nothing else is said: EventStoreDB's own port.
const USUAL: &str = "127.0.0.1:2113";

/// Arguments of `door`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Several nodes on one machine:
  lastseat door --write --sandbox 127.0.0.1:2114 &
  sleep 1
  for port in 8081 8082; do
    lastseat serve --listen 127.0.0.1:$port --data ./node-$port --token-key ./token.key \\
      --eventstore 'esdb://127.0.0.1:2113?tls=false' --sandbox http://127.0.0.1:2114 &
  done

Beyond this machine a token is needed, and its bearers need TLS: LASTSEAT_EVENTSTORE_DOOR_TOKEN is for
reading, LASTSEAT_EVENTSTORE_DOOR_WRITE_TOKEN for appending, too.

An auditor reads the same log with any EventStoreDB client, or with
  lastseat verify --eventstore 'esdb://127.0.0.1:2113?tls=false'")]
pub struct Door {
    /// Address and port to answer EventStoreDB's protocol on
    #[arg(long, value_name = "ADDR:PORT", default_value = USUAL)]
    listen: String,
    /// Let others append; without, they may only read
    #[arg(long)]
    write: bool,
    /// Also serve a payment sandbox here, for all nodes
    #[arg(long, value_name = "ADDR:PORT")]
    sandbox: Option<String>,
    /// PEM file of the certificate, and of those that vouch for it: clients send a token under TLS only
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<String>,
    /// PEM file of the private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<String>,
    /// What is logged to stderr: error, warn, info, debug, trace, off [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Door {
    /// The settings that these arguments stand for.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            eventstore_door: Some(self.listen.clone()),
            eventstore_door_write: self.write.then(|| "true".to_owned()),
            sandbox_door: self.sandbox.clone(),
            eventstore_door_certificate: self.certificate.clone(),
            eventstore_door_key: self.key.clone(),
            log_level: self.log_level.clone(),
            ..Flags::default()
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(config: Config) -> ExitCode {
    logging::install(&config);
    let open = match wiring::open_doors(&config, Arc::new(exit::fatal)).await {
        Ok(open) => open,
        Err(error) => {
            complain(&error.to_string());
            return error.exit().into();
        }
    };
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals can't be listened to: {error}"));
            open.stop().await;
            return exit::FATAL.into();
        }
    };
    say(&greeting(&open, &config, Paint::stdout()));
    let first = signals.next().await;
    tell(&format!("lastseat: {first}: closing the door"));
    open.stop().await;
    tell("lastseat: stopped; nothing is lost");
    ExitCode::SUCCESS
}

fn greeting(open: &OpenDoors, config: &Config, paint: Paint) -> String {
    let mut lines = vec![String::new(), format!("  {}", paint.bold("lastseat door   The event log, for nodes and auditors."))];
    lines.push(String::new());
    if let Some(url) = open.doors.connection_string() {
        let how = if config.eventstore_door_write { "nodes may append" } else { "for reading" };
        lines.push(format!("  Event log  {}  {}", paint.link(&url), paint.dim(&format!("({how})"))));
    }
    if let Some(at) = open.doors.sandbox {
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
