//! How a command fails: a rule refuses it, or the infrastructure fails. The two never mix.

use lastseat_domain::Rejection;
use lastseat_domain::ports::event_log::LogFault;
use lastseat_domain::ports::payments::GatewayFault;
use std::fmt;
use std::time::Duration;

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A rule said no. Repeating the command gets the same answer until something changes.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No, because another hold of this node is trying to get the seats at this moment. It may fail, so repeating the
    /// command may work.
    #[error(transparent)]
    Contended(Rejection),
    /// The infrastructure failed. Repeating the command later may work.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// The infrastructure failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is too much to do; everything is well. Nothing was done.
    #[error("{cause}")]
    Busy {
        /// When to try again.
        retry_after: Duration,
        cause: BusyCause,
    },
    /// The gateway takes only so many payments a second, and the hold ends before this one's turn. Nothing was
    /// done.
    #[error("the payment's turn would come after the hold's end")]
    PaymentQueueFull {
        /// How long the queue is.
        wait: Duration,
    },
    /// The server is stopping. Nothing was done.
    #[error("the server is stopping")]
    Stopping,
    /// Something that the command needs does not answer. Nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// It may have been done or not. The same command again finds out.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// What was read makes no sense. A person has to look.
    #[error("{0}")]
    Damaged(String),
    /// The log refuses what was sent to it, and will until a person changes its rights or settings.
    #[error("{0}")]
    Refused(String),
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusyCause {
    /// Commands in flight: the limit of this node.
    Commands,
    /// Appends, for a new hold or block to begin: it waited for the log in vain.
    NewHold,
    /// Appends, for one that was begun: it was not sent.
    Append,
    /// Buyers for the last seats: each choice of seats was lost to another.
    Seats,
}

impl BusyCause {
    pub const ALL: [Self; 4] = [Self::Commands, Self::NewHold, Self::Append, Self::Seats];

    /// Its name in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::NewHold => "new_hold",
            Self::Append => "append",
            Self::Seats => "seats",
        }
    }
}

impl fmt::Display for BusyCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commands => "too many commands are in flight",
            Self::NewHold => "the event log has too much to do for a new hold",
            Self::Append => "the event log had too much to do for an append, which was not sent",
            Self::Seats => "too many buyers compete for the last seats",
        })
    }
}

/// When to try again if the log had too much to do for an append.
const APPEND_AGAIN: Duration = Duration::from_secs(1);

impl CommandError {
    /// The same failure where part of the command has its effect already: "nothing was done" would
    /// not be true.
    pub(crate) fn begun(self) -> Self {
        match self {
            Self::Failed(Fault::Unavailable(text)) => Self::Failed(Fault::OutcomeUnknown(text)),
            Self::Failed(busy @ Fault::Busy { .. }) => Self::Failed(Fault::OutcomeUnknown(busy.to_string())),
            other => other,
        }
    }
}

impl From<LogFault> for Fault {
    fn from(fault: LogFault) -> Self {
        let text = fault.to_string();
        match fault {
            LogFault::Unavailable(_) => Self::Unavailable(text),
            LogFault::Busy(why) => {
                tracing::warn!(why, "the event log is busy");
                Self::Busy { retry_after: APPEND_AGAIN, cause: BusyCause::Append }
            }
            LogFault::OutcomeUnknown(_) => Self::OutcomeUnknown(text),
            LogFault::Damaged(_) => Self::Damaged(text),
            LogFault::Refused(_) => Self::Refused(text),
        }
    }
}

impl From<LogFault> for CommandError {
    fn from(fault: LogFault) -> Self {
        Self::Failed(fault.into())
    }
}

impl From<GatewayFault> for Fault {
    fn from(fault: GatewayFault) -> Self {
        let text = fault.to_string();
        match fault {
            GatewayFault::Unavailable(_) | GatewayFault::Paused { .. } => Self::Unavailable(text),
            GatewayFault::OutcomeUnknown(_) => Self::OutcomeUnknown(text),
            GatewayFault::Refused { .. } => Self::Damaged(text),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(format!("an event can't be written as JSON: {error}"))
    }
}

impl From<lastseat_domain::codec::Unreadable> for Fault {
    fn from(error: lastseat_domain::codec::Unreadable) -> Self {
        Self::Damaged(error.to_string())
    }
}
