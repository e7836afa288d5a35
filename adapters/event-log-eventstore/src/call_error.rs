//! The client's errors, classified by what they say about the call.

use eventstore::{CurrentRevision, Error};
use lastseat_domain::ports::event_log::{LogFault, Revision};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// There is no connection; nothing was sent.
    Unreachable(String),
    /// The circuit is open, the log is closed, or the reader is gone; nothing was sent.
    Suspended(String),
    /// The connection broke, or there was no answer in time. The call may have been carried out.
    Lost(String),
    /// The server answered that it gave up, for example because too few nodes confirmed an append in time. The call may have
    /// been carried out.
    GaveUp(String),
    /// The server ended a live subscription because events came faster than it could send them. Nothing is lost: what followed
    /// can be asked for again.
    TooSlow,
    /// The batch session ended, most likely because of another append's conflict. The call may have
    /// been carried out.
    SessionEnded,
    /// This node is not the leader; nothing was done.
    NotLeader(String),
    /// A batch session's answer to this append, as text only: most likely a conflict.
    TextAnswer(String),
    /// The stream is at another revision.
    Conflict(Option<Revision>),
    /// The credentials are wrong or insufficient.
    Denied,
    /// The stream was tombstoned.
    Deleted,
    /// There is no such stream.
    Missing,
    /// The server doesn't have the call.
    Unsupported,
    /// Anything else; the same call would fail again.
    Other(String),
}

/// gRPC codes that leave the outcome of a call open.
const CANCELLED: i32 = 1;
const RESOURCE_EXHAUSTED: i32 = 8;
const ABORTED: i32 = 10;

/// What a server writes in the reason for ending a live subscription whose buffer is full.
const TOO_SLOW: &str = "Consumer too slow";

impl CallError {
    /// Whether it counts against the health of the store or the network.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Lost(_))
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_temporary(&self) -> bool {
        self.is_failure() || matches!(self, Self::Suspended(_) | Self::GaveUp(_) | Self::SessionEnded | Self::NotLeader(_))
    }

    /// Whether the store has answered.
    pub(crate) fn is_answer(&self) -> bool {
        !self.is_failure() && !matches!(self, Self::Suspended(_) | Self::SessionEnded)
    }

    /// The fault of a call that did not change anything.
    pub(crate) fn fault(self, what: &str) -> LogFault {
        match self {
            Self::Denied => LogFault::Refused(format!(
                "{what}: access denied; check user and password of the connection string and the user's rights"
            )),
            Self::Deleted => LogFault::Damaged(format!("{what}: the stream was deleted on the server")),
            Self::Unsupported => LogFault::Refused(format!("{what}: the server does not support this call")),
            Self::Other(why) => LogFault::Refused(format!("{what}: {why}")),
            Self::Unreachable(why)
            | Self::Suspended(why)
            | Self::Lost(why)
            | Self::GaveUp(why)
            | Self::NotLeader(why)
            | Self::TextAnswer(why) => LogFault::Unavailable(format!("{what}: {why}")),
            Self::SessionEnded | Self::Conflict(_) | Self::Missing | Self::TooSlow => {
                LogFault::Unavailable(format!("{what}: {self:?}"))
            }
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::ServerError(why) if was_never_sent(&why) => Self::Unreachable(brief(&why)),
            Error::ServerError(why) => Self::Lost(brief(&why)),
            // Both come from waiting for a connection.
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
                CANCELLED => Self::Lost(format!("{code}: {message}")),
                ABORTED if message.contains(TOO_SLOW) => Self::TooSlow,
                RESOURCE_EXHAUSTED | ABORTED => Self::GaveUp(format!("{code}: {message}")),
                _ => Self::Other(format!("{code}: {message}")),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

/// Whether a transport error happened while connecting.
fn was_never_sent(why: &str) -> bool {
    why.contains("client error (Connect)") || why.contains("tcp connect error")
}

/// The message of a status, without its code and metadata.
fn brief(status: &str) -> String {
    if was_never_sent(status) {
        return "no connection can be made".to_owned();
    }
    let message = status.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"')).map(|(message, _)| message);
    message.filter(|message| !message.is_empty()).unwrap_or(status).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's wording.
    const REFUSED: &str =
        "status: Unavailable, message: \"client error (Connect)\", details: [], metadata: MetadataMap { headers: {} }";
    const BROKEN: &str = "status: Unknown, message: \"h2 protocol error\", details: [], metadata: MetadataMap { headers: {} }";

    #[test]
    fn nothing_was_sent_only_where_there_was_no_connection() {
        let server_error = |text: &str| CallError::from(Error::ServerError(text.to_owned()));
        assert_eq!(server_error(REFUSED), CallError::Unreachable("no connection can be made".to_owned()));
        assert_eq!(server_error(BROKEN), CallError::Lost("h2 protocol error".to_owned()));
        assert_eq!(server_error("whatever"), CallError::Lost("whatever".to_owned()));
        assert!(matches!(CallError::from(Error::ConnectionClosed), CallError::Unreachable(_)));
        assert!(matches!(CallError::from(Error::DeadlineExceeded), CallError::Lost(_)));
    }

    #[test]
    fn only_failures_of_store_or_network_count_against_health() {
        for (error, counts) in [
            (Error::ServerError(REFUSED.to_owned()), true),
            (Error::ServerError(BROKEN.to_owned()), true),
            (Error::DeadlineExceeded, true),
            (Error::AccessDenied, false),
            (Error::ResourceNotFound, false),
            (Error::ResourceDeleted, false),
            (Error::UnsupportedFeature, false),
            (Error::IllegalStateError("odd".to_owned()), false),
        ] {
            assert_eq!(CallError::from(error.clone()).is_failure(), counts, "{error}");
        }
    }

    /// A real server's wording.
    #[test]
    fn a_server_that_gave_up_has_answered() {
        let error = |code: i32, message: &str| CallError::from(Error::Grpc { code: code.into(), message: message.to_owned() });
        let too_slow = error(ABORTED, "Consumer too slow to handle event while live. Client resubscription required.");
        assert_eq!(too_slow, CallError::TooSlow);
        let gave_up = error(ABORTED, "Operation timed out: Commit phase timeout.");
        assert!(matches!(gave_up, CallError::GaveUp(_)), "{gave_up:?}");
        for answer in [too_slow, gave_up, error(RESOURCE_EXHAUSTED, "too large"), CallError::NotLeader(String::new())] {
            assert!(answer.is_answer() && !answer.is_failure(), "{answer:?}");
        }
        for none in [error(CANCELLED, "h2"), CallError::SessionEnded, CallError::Suspended(String::new())] {
            assert!(!none.is_answer(), "{none:?}");
        }
    }

    #[test]
    fn permanent_errors_are_refusals_or_damage() {
        let fault = |error: Error| CallError::from(error).fault("reading");
        assert!(matches!(fault(Error::AccessDenied), LogFault::Refused(_)));
        assert!(matches!(fault(Error::UnsupportedFeature), LogFault::Refused(_)));
        assert!(matches!(fault(Error::ResourceDeleted), LogFault::Damaged(_)));
        assert!(matches!(fault(Error::ServerError(BROKEN.to_owned())), LogFault::Unavailable(_)));
    }
}
