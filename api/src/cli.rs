//! The command line. One file a verb; without a verb it serves.

pub mod terminal;

mod accept_loss;
mod admin;
mod audit_export;
mod backup;
mod banner;
mod completions;
mod config_show;
pub mod doctor;
mod eventstore_server;
mod kill_demo;
mod load;
mod man;
mod openapi;
mod payments;
mod plan;
mod projections;
mod sandbox;
mod serve;
mod service;
mod signals;
mod snapshot;
mod token;
mod top;
mod verify;
mod webhooks;

use crate::config::{CommonFlags, Effective, SettingFlags};
use crate::{exit, logging};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::pin::Pin;
use std::process::ExitCode;
use terminal::complain;

/// Thousands want the last seat. One gets it, provably.
#[derive(Debug, Parser)]
#[command(name = "lastseat", version, max_term_width = 100)]
#[command(after_help = "\
Without a command it serves a demo show on http://127.0.0.1:8080/ out of ./lastseat-data; flags are
those of `serve`.

Every flag of `serve` is also an environment variable (--max-in-flight: LASTSEAT_MAX_IN_FLIGHT)
and a line of lastseat.toml (max_in_flight = 4096). A flag beats the environment, which beats
the file; `lastseat config show` shows what is in effect, and why.")]
pub struct Cli {
    #[command(flatten)]
    common: CommonFlags,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve: HTTP, the seat map, the live streams
    Serve(serve::Serve),
    /// Send many buyers at once, then prove that nothing was sold twice
    Load(load::Load),
    /// Watch a sale in the terminal: shows and their seats, rates, latencies, and what is wrong
    Top(top::Top),
    /// Kill a server in the middle of a rush, restart it, and show that nothing acknowledged was lost
    KillDemo(kill_demo::KillDemo),
    /// Prove from the log alone that nothing was sold twice and nobody was charged for nothing
    Verify(verify::Verify),
    /// Export the event history
    #[command(subcommand)]
    Audit(audit_export::AuditVerb),
    /// Copy a data directory while its server runs, and prove that the copy is whole
    Backup(backup::Backup),
    /// Make a data directory from a backup
    Restore(backup::Restore),
    /// Check everything that a node needs, and say what to do about what is wrong
    Doctor(doctor::Doctor),
    /// Serve the event log in EventStoreDB's protocol, to nodes and auditors; sell nothing
    EventstoreServer(eventstore_server::EventStoreServerArgs),
    /// Look at the money: compare the payment gateway with the log, print a booking's history
    #[command(subcommand)]
    Payments(payments::PaymentsVerb),
    /// Draw seating plans on a running server
    #[command(subcommand)]
    Plan(plan::PlanVerb),
    /// Serve the payment sandbox in Stripe's protocol: play money, for developing and testing without keys
    Sandbox(sandbox::SandboxArgs),
    /// Check or rebuild the stored views
    #[command(subcommand)]
    Projections(projections::ProjectionsVerb),
    /// Show, export or import snapshots, from which the write side starts
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotVerb),
    /// Take a server's webhooks on this machine, or make a secret for an endpoint
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksVerb),
    /// Make the first admin of those who sign in here
    #[command(subcommand)]
    Admin(admin::AdminVerb),
    /// Mint a token and print it
    Token(token::Token),
    /// Print the API's description, OpenAPI 3.1 in JSON
    Openapi,
    /// Look at the configuration
    #[command(subcommand)]
    Config(config_show::ConfigVerb),
    /// Print a script that completes commands in a shell
    Completions(completions::Completions),
    /// Write manual pages
    Man(man::Man),
}

impl Cli {
    /// Reads the command line of this process. Help and wrong use end it.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(&std::env::args_os().collect::<Vec<_>>()).unwrap_or_else(|error| error.exit())
    }

    /// Reads a command line. Flags without a verb are those of `serve`.
    fn of(line: &[OsString]) -> Result<Self, clap::Error> {
        let parsed = Self::try_parse_from(line);
        match (&parsed, line) {
            (Err(error), [program, flags @ ..]) if error.kind() == ErrorKind::UnknownArgument => {
                let serve = [program.clone(), "serve".into()];
                Self::try_parse_from(serve.iter().chain(flags)).or(parsed)
            }
            _ => parsed,
        }
    }

    /// Runs the verb to its end, on a runtime of its own.
    #[must_use]
    pub fn run(self) -> ExitCode {
        // Two TLS providers are linked in, by crates that each prefer one; without a choice, the first
        // connection would panic. An error means that one is installed already.
        let _first_wins = rustls::crypto::ring::default_provider().install_default();
        // One connection is one file descriptor, and the usual soft limit of 1,024 is soon used up.
        // Where it can't be raised, the limit shows as refused connections under load.
        let _best_effort = rlimit::increase_nofile_limit(1 << 20);
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&format!("no threads to work with: {error}"));
                return exit::FATAL.into();
            }
        };
        // Boxed, so that the compiler does not write out the whole program for each way in which the
        // runtime waits.
        let program: Pin<Box<dyn Future<Output = ExitCode>>> = Box::pin(self.run_verb());
        let code = runtime.block_on(program);
        logging::flush();
        code
    }

    async fn run_verb(self) -> ExitCode {
        let verb = self.verb.unwrap_or_else(|| Verb::Serve(serve::Serve::default()));
        let mut flags = match &verb {
            Verb::Serve(serve) => serve.flags.0.clone(),
            Verb::Config(config_show::ConfigVerb::Show(show)) => show.flags.0.clone(),
            Verb::Doctor(doctor) => doctor.flags.0.clone(),
            Verb::EventstoreServer(args) => args.flags.clone(),
            _ => SettingFlags::default(),
        };
        flags.extend(self.common.settings);
        let effective = match Effective::of_process(&flags, self.common.file.as_deref()) {
            Ok(effective) => effective,
            Err(error) => {
                complain(&error.to_string());
                return exit::USAGE.into();
            }
        };
        let config = &effective.config;
        match &verb {
            Verb::Serve(args) => serve::run(config.clone(), args.accept_loss.decision()).await,
            Verb::Load(args) => load::run(args, config).await,
            Verb::Top(args) => top::run(args).await,
            Verb::KillDemo(args) => kill_demo::run(args).await,
            Verb::Verify(args) => verify::run(args, config).await,
            Verb::Audit(audit_export::AuditVerb::Export(args)) => audit_export::run(args, config).await,
            Verb::Backup(args) => backup::backup(args, config).await,
            Verb::Restore(args) => backup::restore(args, config).await,
            Verb::Doctor(args) => doctor::run(args, config).await,
            Verb::EventstoreServer(args) => eventstore_server::run(config.clone(), args).await,
            Verb::Payments(verb) => payments::run(verb, config).await,
            Verb::Plan(verb) => plan::run(verb, config).await,
            Verb::Sandbox(args) => sandbox::run(args, config).await,
            Verb::Projections(verb) => projections::run(verb, config).await,
            Verb::Snapshot(verb) => snapshot::run(verb, config).await,
            Verb::Webhooks(verb) => webhooks::run(verb).await,
            Verb::Admin(verb) => admin::run(verb, config).await,
            Verb::Token(args) => token::run(args, config),
            Verb::Openapi => openapi::run(),
            Verb::Config(config_show::ConfigVerb::Show(args)) => config_show::show(args, &effective),
            Verb::Completions(args) => completions::run(args, <Self as clap::CommandFactory>::command()),
            Verb::Man(args) => man::run(args, <Self as clap::CommandFactory>::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_without_a_verb_are_those_of_serve() {
        let of = |line: &str| Cli::of(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let cli = of("lastseat --listen 127.0.0.1:1 --data d").unwrap();
        assert_eq!(cli.common.settings.get("data"), Some("d"));
        let Some(Verb::Serve(serve)) = cli.verb else { panic!("no serve") };
        assert_eq!(serve.flags.0.get("listen"), Some("127.0.0.1:1"));
        assert!(of("lastseat").unwrap().verb.is_none());
        for wrong in ["lastseat --listen 127.0.0.1:1 verify", "lastseat --port 1", "lastseat verify --listen 127.0.0.1:1"] {
            assert_eq!(of(wrong).unwrap_err().kind(), ErrorKind::UnknownArgument, "{wrong}");
        }
    }

    #[test]
    fn the_data_directory_may_stand_anywhere() {
        for line in [["lastseat", "--data", "d", "verify"], ["lastseat", "verify", "--data", "d"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap().common.settings.get("data"), Some("d"));
        }
    }
}
