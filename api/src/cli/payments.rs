//! `lastseat payments`: looks at the money, at the gateway and in the log.

mod apply;
mod read;
mod reconcile;
mod show;

use crate::config::Config;
use std::process::ExitCode;

/// What `payments` can do.
#[derive(Debug, clap::Subcommand)]
pub enum PaymentsVerb {
    /// Compare the payment gateway with the log, and repair what differs
    Reconcile(reconcile::Reconcile),
    /// Print the money history of one booking
    Show(show::Show),
}

pub async fn run(verb: &PaymentsVerb, config: &Config) -> ExitCode {
    match verb {
        PaymentsVerb::Reconcile(args) => reconcile::run(args, config).await,
        PaymentsVerb::Show(args) => show::run(args, config).await,
    }
}
