//! The failure of a call, and what it says about the connection it was made over.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::fmt;
use std::time::Duration;

/// Redis gave no clear answer: not reached, no answer in time, an error, or a reply of the wrong
/// form. `Display` says why in a few words. Whether the command was carried out is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    why: String,
    unknown_script: bool,
    may_come_late: bool,
    needs_login: bool,
}

impl NoAnswer {
    /// With the reason, in a few words.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), unknown_script: false, may_come_late: false, needs_login: false }
    }

    /// Whether a user and a password are missing.
    pub(super) fn needs_login(&self) -> bool {
        self.needs_login
    }

    /// The server has not answered within `patience`. It may still carry out the command.
    pub(super) fn in_time(patience: Duration) -> Self {
        Self { may_come_late: true, ..Self::new(format!("no answer within {patience:?}")) }
    }

    /// Whether the server may still carry out the command: it was only too slow.
    pub(crate) fn may_come_late(&self) -> bool {
        self.may_come_late
    }

    /// Whether the server only does not know the script by its hash. Then nothing was carried out.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.unknown_script
    }

    /// The same, and at what it happened.
    pub(crate) fn during(self, what: &str) -> Self {
        Self { why: format!("{what}: {}", self.why), ..self }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for NoAnswer {}

/// What an error says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symptom {
    /// The server answers with a refusal; another connection would get the same.
    Refused,
    /// The connection is broken, or leads to the wrong server.
    Broken,
    /// No answer, which may be temporary or the connection's fault.
    Silent,
}

/// The error in a few words, and what it says about the connection.
pub(super) fn judge(error: &RedisError, cluster: bool) -> (NoAnswer, Symptom) {
    let symptom = match error.kind() {
        // A cluster's nodes come and go; its connection looks after them by itself, unless no
        // node answers at all.
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse if cluster => Symptom::Silent,
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::Moved) if cluster => Symptom::Silent,
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::AuthenticationFailed => Symptom::Broken,
        // A master that was demoted: the new one is elsewhere.
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Symptom::Broken,
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Symptom::Broken,
        _ => Symptom::Refused,
    };
    let unknown_script = error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
    let hint = match error.code() {
        Some("READONLY") => "it is a read-only replica (a demoted master?)",
        Some("OOM") => "it is out of memory",
        Some("BUSY") => "it is busy with a script",
        Some("LOADING") => "it is loading its data",
        Some("CLUSTERDOWN") => "the cluster is down",
        Some("MOVED") if !cluster => "it belongs to a cluster; use redis+cluster://",
        Some("WRONGTYPE") => "a key of ours holds something else",
        Some("NOPERM") => "the user may not do this",
        Some("NOAUTH" | "WRONGPASS") => "user or password are wrong",
        _ => "",
    };
    let message = shorten(error.to_string());
    let why = if hint.is_empty() { message } else { format!("{hint} [{message}]") };
    let needs_login = error.code() == Some("NOAUTH");
    (NoAnswer { unknown_script, needs_login, ..NoAnswer::new(why) }, symptom)
}

/// An error of a script holds the place in the script, and its hash: too much for a line in a log.
fn shorten(text: String) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
