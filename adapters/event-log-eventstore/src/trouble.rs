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

#[cfg(test)]
mod tests {
    use super::*;

    /// As the client words it.
    const REFUSED: &str =
        "status: Unavailable, message: \"client error (Connect)\", details: [], metadata: MetadataMap { headers: {} }";
    const BROKEN: &str = "status: Unknown, message: \"h2 protocol error\", details: [], metadata: MetadataMap { headers: {} }";

    #[test]
    fn nothing_was_sent_only_where_there_was_no_connection() {
        let server_error = |text: &str| Trouble::from(Error::ServerError(text.to_owned()));
        assert_eq!(server_error(REFUSED), Trouble::Unreachable("no connection can be made".to_owned()));
        assert_eq!(server_error(BROKEN), Trouble::Lost("h2 protocol error".to_owned()));
        assert_eq!(server_error("whatever"), Trouble::Lost("whatever".to_owned()));
        assert!(matches!(Trouble::from(Error::ConnectionClosed), Trouble::Unreachable(_)));
        assert!(matches!(Trouble::from(Error::DeadlineExceeded), Trouble::Lost(_)));
    }

    #[test]
    fn only_what_speaks_of_the_stores_health_counts_against_it() {
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
            assert_eq!(Trouble::from(error.clone()).is_failure(), counts, "{error}");
        }
    }

    #[test]
    fn what_time_does_not_heal_is_refused_or_damage() {
        let fault = |error: Error| Trouble::from(error).fault("reading");
        assert!(matches!(fault(Error::AccessDenied), LogFault::Refused(_)));
        assert!(matches!(fault(Error::UnsupportedFeature), LogFault::Refused(_)));
        assert!(matches!(fault(Error::ResourceDeleted), LogFault::Damaged(_)));
        assert!(matches!(fault(Error::ServerError(BROKEN.to_owned())), LogFault::Unavailable(_)));
    }
}
