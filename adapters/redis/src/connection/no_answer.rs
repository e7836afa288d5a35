//! What is not a clear answer, and what it says about the connection it came over.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::fmt;
use std::time::Duration;

/// Redis gave no clear answer: not reached, no answer in time, an error, or a reply of the wrong
/// form. It says in a few words why. Whether anything was done is not known.
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

    /// The server was asked, and has not answered within `patience`. It may do it still.
    pub(super) fn in_time(patience: Duration) -> Self {
        Self { may_come_late: true, ..Self::new(format!("no answer within {patience:?}")) }
    }

    /// Whether the server was asked and may do it still: it was just too slow.
    pub(crate) fn may_come_late(&self) -> bool {
        self.may_come_late
    }

    /// Whether all that is wrong is that the server does not know the script by its hash. Nothing
    /// was done then.
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
    /// The server speaks; it just can't or won't do this. Another connection would hear the same.
    Refused,
    /// This connection leads nowhere, or to the wrong server.
    Useless,
    /// Nothing was heard, which may be the moment's trouble or the connection's.
    Silent,
}

/// The error in a few words, and what it says about the connection.
pub(super) fn judge(error: &RedisError, cluster: bool) -> (NoAnswer, Symptom) {
    let symptom = match error.kind() {
        // A cluster's nodes come and go; its connection looks after them by itself, unless nothing
        // is heard from any of them.
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse if cluster => Symptom::Silent,
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::Moved) if cluster => Symptom::Silent,
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::AuthenticationFailed => Symptom::Useless,
        // A master that was demoted: the new one is elsewhere.
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Symptom::Useless,
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Symptom::Useless,
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
    let told = shorten(error.to_string());
    let why = if hint.is_empty() { told } else { format!("{hint} [{told}]") };
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
