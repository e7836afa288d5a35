//! Why an append did not succeed, before it becomes a status.

use lastseat_domain::ports::event_log::{Expected, LogFault, Revision};

/// Why an append did not succeed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The request can never succeed.
    Invalid(String),
    TooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// The stream is at another revision. Nothing was written.
    Conflict {
        expected: Expected,
        /// `None` if the stream has no events.
        actual: Option<Revision>,
    },
    /// Nothing was written.
    Unavailable(String),
    /// The deadline passed before the log had the append. Nothing was written.
    TooLate,
    /// The deadline passed; whether it was written is unknown.
    TimedOut,
    /// Whether it was written is unknown.
    Unknown(String),
    /// The log is damaged.
    Damaged(String),
}

impl Failure {
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Invalid(why) | Self::Unavailable(why) | Self::Damaged(why) => why.clone(),
            Self::TooLarge { limit } => format!("larger than the {limit} bytes allowed"),
            Self::Conflict { expected, actual } => format!("the stream is at {actual:?} and not at {expected:?}"),
            Self::TooLate => "the deadline had passed; nothing was written".to_owned(),
            Self::TimedOut => {
                "no answer in time; it may have been written: send the same events at the same revision again".to_owned()
            }
            Self::Unknown(why) => format!("{why}; it may have been written: send the same events at the same revision again"),
        }
    }
}

impl From<LogFault> for Failure {
    fn from(fault: LogFault) -> Self {
        match fault {
            LogFault::Unavailable(_) | LogFault::Busy(_) => Self::Unavailable(fault.to_string()),
            LogFault::OutcomeUnknown(_) => Self::Unknown(fault.to_string()),
            LogFault::Damaged(_) => Self::Damaged(fault.to_string()),
            LogFault::Refused(_) => Self::Invalid(fault.to_string()),
        }
    }
}
