//! What the client's errors mean.

use eventstore::{CurrentRevision, Error};
use lastseat_domain::ports::event_log::{LogFault, Revision};

/// How a call to the server can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no connection; nothing was sent.
    Unreachable(String),
    /// The circuit is open or the log is closed; nothing was sent.
    Resting(String),
    /// The connection broke, or no answer came in time, or the server gave up. What was sent may
    /// have been carried out.
    Lost(String),
    /// A batch session ended, most likely because of another's conflict. What was sent may have
    /// been carried out.
    SessionEnded,
    /// This node won't do it, another would; nothing was done.
    NotLeader(String),
    /// A batch session's answer to this request, in words only.
    Answered(String),
    /// The stream is at another revision.
    Conflict(Option<Revision>),
    /// The credentials don't suffice.
    Denied,
    /// The stream was deleted for ever.
    Deleted,
    /// There is no such stream.
    Missing,
    /// The server does not know the call.
    Unsupported,
    /// Anything else; the same call would fail again.
    Odd(String),
}

/// Codes of gRPC that leave open what became of a call.
const CANCELLED: i32 = 1;
const RESOURCE_EXHAUSTED: i32 = 8;
const ABORTED: i32 = 10;

impl Trouble {
    /// Whether it speaks of the store's or the network's health.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Lost(_))
    }

    /// Whether trying again soon may help.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Resting(_) | Self::Lost(_) | Self::SessionEnded | Self::NotLeader(_))
    }

    /// The fault of a call that changes nothing.
    pub(crate) fn fault(self, what: &str) -> LogFault {
        match self {
            Self::Denied => LogFault::Refused(format!(
                "{what}: access denied; check user and password of the connection string and the user's rights"
            )),
            Self::Deleted => LogFault::Damaged(format!("{what}: the stream was deleted on the server")),
            Self::Unsupported => LogFault::Refused(format!("{what}: the server does not support this call")),
            Self::Odd(why) => LogFault::Refused(format!("{what}: {why}")),
            Self::Unreachable(why) | Self::Resting(why) | Self::Lost(why) | Self::NotLeader(why) | Self::Answered(why) => {
                LogFault::Unavailable(format!("{what}: {why}"))
            }
            Self::SessionEnded | Self::Conflict(_) | Self::Missing => LogFault::Unavailable(format!("{what}: {self:?}")),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::ServerError(why) if was_never_sent(&why) => Self::Unreachable(brief(&why)),
            Error::ServerError(why) => Self::Lost(brief(&why)),
            // Both come from the wait for a connection.
            Error::ConnectionClosed => Self::Unreachable("there is no connection".to_owned()),
            Error::GrpcConnectionError(why) => Self::Unreachable(brief(&why.to_string())),
            Error::NotLeaderException(leader) => {
                Self::NotLeader(format!("the node is not the leader; that is {}:{}", leader.host, leader.port))
            }
            Error::DeadlineExceeded => Self::Lost("no answer in time".to_owned()),
            Error::AccessDenied => Self::Denied,
            Error::ResourceDeleted => Self::Deleted,
            Error::ResourceNotFound => Self::Missing,
            Error::UnsupportedFeature => Self::Unsupported,
            Error::WrongExpectedVersion { current, .. } => Self::Conflict(match current {
                CurrentRevision::Current(revision) => Some(revision),
                CurrentRevision::NoStream => None,
            }),
            Error::Grpc { code, message } => match i32::from(code) {
                CANCELLED | RESOURCE_EXHAUSTED | ABORTED => Self::Lost(format!("{code}: {message}")),
                _ => Self::Odd(format!("{code}: {message}")),
            },
            other => Self::Odd(other.to_string()),
        }
    }
}

/// Whether a transport error is one of connecting.
fn was_never_sent(why: &str) -> bool {
    why.contains("client error (Connect)") || why.contains("tcp connect error")
}

/// The message of a status without its code's paragraph and metadata.
fn brief(status: &str) -> String {
    if was_never_sent(status) {
        return "no connection can be made".to_owned();
    }
    let message = status.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"')).map(|(message, _)| message);
    message.filter(|message| !message.is_empty()).unwrap_or(status).to_owned()
}
