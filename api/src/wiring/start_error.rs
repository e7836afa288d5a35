//! Why a server did not start.

use super::key_file::KeyError;
use crate::data_dir::Unusable;
use crate::demo::DemoError;
use crate::exit;
use crate::reconcile::Difference;
use lastseat_domain::ports::LogFault;
use lastseat_engine::Fault;
use lastseat_event_log_sqlite::OpenError;
use lastseat_payments_sandbox as sandbox;
use lastseat_projections::ProjectionError;
use lastseat_sqlite_accounts as accounts;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server did not start. `Display` is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{address} can't be listened on: {why}")]
    Listen { address: SocketAddr, why: String },
    /// Settings that don't fit together.
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Data(#[from] Unusable),
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The log has lost events.
    #[error(transparent)]
    Lost(Box<LostEvents>),
    #[error("the event log's cluster can't be used: {0}")]
    Cluster(String),
    #[error("Redis can't guard the seats: {0}; `lastseat doctor` says more")]
    Guard(String),
    /// The settings of a server for other nodes are unusable or unsafe.
    #[error("{0}")]
    Server(String),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Accounts(#[from] accounts::OpenError),
    #[error("the payment sandbox can't start: {0}")]
    Sandbox(#[from] sandbox::OpenError),
    #[error("the event history can't be read: {0}; `lastseat verify` says more")]
    History(#[from] Fault),
    #[error("the event history can't be read: {0}; `lastseat verify` says more")]
    Head(#[from] LogFault),
    #[error(
        "the views can't be opened: {source}. If the files in {} are damaged, delete them: they are rebuilt from the log. \
         Run `lastseat verify` to check the log itself", dir.display()
    )]
    Views {
        #[source]
        source: ProjectionError,
        dir: PathBuf,
    },
    #[error("the demo show can't be put on sale: {0}; leave it out with --demo false")]
    Demo(#[from] DemoError),
}

/// The log has lost events.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}{}", with_flag(command, error), named(payments))]
pub struct LostEvents {
    pub(super) error: OpenError,
    /// The program that was refused.
    pub(super) command: &'static str,
    pub(super) payments: Vec<Difference>,
}

/// The whole command that goes on after this loss.
fn with_flag(command: &str, error: &OpenError) -> String {
    match error {
        OpenError::Lost { loss, .. } => format!(": `{command} --accept-loss {}`", loss.found),
        _ => String::new(),
    }
}

/// Most payments that a message names.
const NAMED: usize = 10;

/// The payments that a log without the lost events does not explain.
fn named(payments: &[Difference]) -> String {
    if payments.is_empty() {
        return String::new();
    }
    let mut named: Vec<_> =
        payments.iter().filter_map(|payment| payment.booking).take(NAMED).map(|booking| booking.to_string()).collect();
    match payments.len().saturating_sub(NAMED) {
        0 => {}
        more => named.push(format!("and {more} more (`lastseat verify` lists them)")),
    }
    let bookings = if payments.len() == 1 { "booking" } else { "bookings" };
    format!(
        ". The payment gateway has money for {} {bookings} that the log does not explain: {}",
        payments.len(),
        named.join(", ")
    )
}

impl StartError {
    /// The exit status of the process.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Log(OpenError::NothingLost { .. }) => exit::USAGE,
            Self::Settings(_) | Self::Listen { .. } | Self::Data(_) | Self::Demo(_) | Self::Server(_) | Self::Guard(_) => {
                exit::USAGE
            }
            _ => exit::UNREADABLE,
        }
    }
}
