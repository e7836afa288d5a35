//! `lastseat eventstore-server`: serves the event log, and the payment sandbox if asked to, to nodes and
//! auditors. Sells nothing.

mod disturbance_args;

use super::accept_loss::AcceptLossFlag;
use super::service;
use super::terminal::{self, Paint, say_apart};
use crate::config::{Config, SETTINGS, Setting, SettingFlags};
use crate::wiring::sandbox_options::Options;
use crate::wiring::{LogHost, SandboxSettings};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use disturbance_args::DisturbanceArgs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

/// EventStoreDB's own port.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2113);

/// The flags of this verb, and the settings that they set.
const FLAGS: [(&str, &str); 6] = [
    ("listen", "eventstore_listen"),
    ("write", "eventstore_listen_write"),
    ("certificate", "eventstore_listen_certificate"),
    ("key", "eventstore_listen_key"),
    ("advertise", "eventstore_advertise"),
    ("log-level", "log_level"),
];

/// Arguments of `eventstore-server`.
#[derive(Debug, Default)]
pub struct EventStoreServerArgs {
    pub flags: SettingFlags,
    pub accept_loss: AcceptLossFlag,
    pub sandbox: SandboxFlags,
    pub disturbances: DisturbanceArgs,
}

/// The payment sandbox beside the log.
#[derive(Debug, Default, Args)]
pub struct SandboxFlags {
    /// Also serve the payment sandbox in Stripe's protocol, here, with the same data directory
    #[arg(long, value_name = "ADDRESS")]
    sandbox_listen: Option<SocketAddr>,
    /// The sandbox listens beyond this machine. It accepts any test key, so do this only where nobody else gets in
    #[arg(long, requires = "sandbox_listen")]
    sandbox_listen_anywhere: bool,
    /// Where buyers' browsers reach the sandbox, for the bank's page [default: what the node calls it]
    #[arg(long, value_name = "URL", requires = "sandbox_listen")]
    sandbox_public_url: Option<String>,
}

impl SandboxFlags {
    fn settings(&self) -> Option<SandboxSettings> {
        self.sandbox_listen.map(|listen| SandboxSettings {
            listen,
            anywhere: self.sandbox_listen_anywhere,
            options: Options { public_url: self.sandbox_public_url.clone(), ..Options::default() },
        })
    }
}

const EXAMPLES: &str = "\
Several nodes on one machine:
  lastseat eventstore-server --write --sandbox-listen 127.0.0.1:2114 &
  sleep 1
  for port in 8081 8082; do
    lastseat serve --listen 127.0.0.1:$port --data ./node-$port \\
      --token-key ./token.key --ticket-key ./ticket.key --eventstore 'esdb://127.0.0.1:2113?tls=false' \\
      --stripe-url http://127.0.0.1:2114 --stripe-key sk_test_cluster &
  done

Beyond this machine a token is needed, and clients send tokens under TLS only:
LASTSEAT_EVENTSTORE_LISTEN_TOKEN for reading, LASTSEAT_EVENTSTORE_LISTEN_WRITE_TOKEN for appending, too.

An auditor reads the same log with any EventStoreDB client, or with
  lastseat verify --eventstore 'esdb://127.0.0.1:2113?tls=false'";

impl Args for EventStoreServerArgs {
    fn augment_args(command: Command) -> Command {
        let args = FLAGS.iter().filter_map(|(flag, key)| Some(setting(key)?.arg(Some(flag))));
        let command = SandboxFlags::augment_args(command.args(args));
        let command = DisturbanceArgs::augment_args(AcceptLossFlag::augment_args(command));
        command.after_help(EXAMPLES).mut_arg("eventstore_listen", |arg| {
            arg.help(format!("Address and port to serve the event log on [default: {DEFAULT_ADDRESS}]"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for EventStoreServerArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.accept_loss.update_from_arg_matches(matches)?;
        self.sandbox.update_from_arg_matches(matches)?;
        self.disturbances.update_from_arg_matches(matches)?;
        self.flags.read(matches, |setting| FLAGS.iter().any(|(_, key)| *key == setting.key));
        Ok(())
    }
}

fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(mut config: Config, args: &EventStoreServerArgs) -> ExitCode {
    let accept_loss = args.accept_loss.decision();
    config.eventstore_listen.get_or_insert(DEFAULT_ADDRESS);
    let (disturbances, sandbox) = (args.disturbances.disturbances(), args.sandbox.settings());
    let start = async || LogHost::start(&config, disturbances, sandbox, Arc::new(terminal::fatal), accept_loss).await;
    let disturbed = args.disturbances.description();
    service::run(&config, start, async |host| say_apart(greeting(host, &config, &disturbed, Paint::stdout()))).await
}

fn greeting(host: &LogHost, config: &Config, disturbed: &[String], paint: Paint) -> String {
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
            paint.yellow("sandbox over Stripe's API: not for production money")
        ));
    }
    lines.push(format!("  Data       {}", config.data.display()));
    for (what, title) in disturbed.iter().zip(std::iter::once("Disturbed").chain(std::iter::repeat(""))) {
        lines.push(format!("  {title:<9}  {}", paint.yellow(&format!("{what}, on purpose: for tests"))));
    }
    lines.push(String::new());
    lines.push(format!("  {}", paint.dim("Stop with Ctrl-C.")));
    lines.push(String::new());
    lines.join("\n")
}
