//! Checks that a store is reachable and has what lastseat needs.

use crate::append_sessions::{SentAt, send_single};
use crate::call_error::CallError;
use crate::connection::Connection;
use crate::read::{self, MAX_REVISION};
use eventstore::BatchAppendOptions;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Expected, LogFault, NewEvent, StreamWrite};
use lastseat_domain::ports::{Finding, Severity};
use serde_json::value::RawValue;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// The store's address, without the password.
    pub address: String,
    pub reachable: bool,
    /// `None` if it can't be reached, or is older than 21.6 and doesn't report its version.
    pub version: Option<String>,
    /// Whether it has batch appends, which are much faster.
    pub batch_append: bool,
    /// Whether the whole log can be read.
    pub readable: bool,
    /// Whether events could be written.
    pub writable: bool,
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// Whether lastseat can work with this store.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.reachable
            && self.readable
            && self.writable
            && self.findings.iter().all(|finding| finding.severity < Severity::Refuse)
    }

    fn find(&mut self, severity: Severity, what: String, advice: &str) {
        self.findings.push(Finding::new(severity, "event log", format!("{what}; {advice}")));
    }
}

pub(crate) async fn check(connection: &Connection) -> Checkup {
    let mut found = Checkup {
        address: connection.target.shown.clone(),
        reachable: false,
        version: None,
        batch_append: false,
        readable: false,
        writable: false,
        findings: Vec::new(),
    };
    if !reach(connection, &mut found).await {
        return found;
    }
    check_batch_append(connection, &mut found).await;
    check_reading(connection, &mut found).await;
    check_writing(connection, &mut found).await;
    found
}

async fn reach(connection: &Connection, found: &mut Checkup) -> bool {
    let info = connection
        .call(connection.options.read_deadline, |numbered| async move { Ok(numbered.client.server_info().await?) })
        .await;
    match info {
        Ok(info) => {
            found.reachable = true;
            let version = info.version();
            if version == 0 {
                found.find(
                    Severity::Refuse,
                    "the server doesn't report its version".to_owned(),
                    "use EventStoreDB 22.10 or newer, or KurrentDB",
                );
            } else {
                found.version = Some(version.to_string());
                if version < (22, 10) {
                    found.find(
                        Severity::Refuse,
                        format!("EventStoreDB {version} doesn't send the positions of events in streams"),
                        "use EventStoreDB 22.10 or newer, or KurrentDB",
                    );
                }
            }
        }
        Err(error) => {
            let what = error.fault(&connection.target.shown).to_string();
            let advice = if connection.target.settings.is_secure_mode_enabled() {
                "is the server running, are host and port right, may this machine connect, does the server's certificate fit \
                 (tlsCaFile=…), or is it a server without TLS (tls=false)?"
            } else {
                "is the server running, are host and port right, may this machine connect, or does the server require TLS \
                 (tls=true)?"
            };
            found.find(Severity::Refuse, what, advice);
        }
    }
    found.reachable
}

async fn check_batch_append(connection: &Connection, found: &mut Checkup) {
    // An unused session costs nothing.
    let opened = connection
        .call(connection.options.read_deadline, |numbered| async move {
            Ok(numbered.client.batch_append(&BatchAppendOptions::default()).await.map(drop)?)
        })
        .await;
    found.batch_append = opened.is_ok();
    if opened == Err(CallError::Unsupported) {
        let what = "the server has no batch appends, so each append takes some 40 ms".to_owned();
        found.find(Severity::Warn, what, "use EventStoreDB 21.10 or newer, or KurrentDB");
    }
}

async fn check_reading(connection: &Connection, found: &mut Checkup) {
    match read::head(connection).await {
        Ok(_) => found.readable = true,
        Err(fault @ LogFault::Refused(_)) => found.find(
            Severity::Refuse,
            fault.to_string(),
            "give the user the right to read $all: membership of $admins, or an entry in the access list of $all",
        ),
        Err(fault) => found.find(Severity::Refuse, fault.to_string(), "check the server's own log and health"),
    }
}

/// Tries an append that can't succeed: it expects a revision that no stream has. A conflict shows that
/// writing is allowed.
async fn check_writing(connection: &Connection, found: &mut Checkup) {
    let Ok(json) = RawValue::from_string("{}".to_owned()) else { return };
    let id = uuid::Uuid::new_v5(&lastseat_domain::ids::NAMESPACE, b"checkup");
    let event = NewEvent { id, event_type: "Checkup".to_owned(), data: json.clone(), metadata: json };
    let stream = StreamName::from_log("lastseat-checkup");
    let write = StreamWrite { stream, expected: Expected::Revision(MAX_REVISION - 1), events: vec![event] };
    // A follower's answer makes the client connect to the leader: try once more.
    let mut outcome = send_single(connection, &write, connection.options.append_deadline, &SentAt::default()).await;
    if matches!(outcome, Err(CallError::NotLeader(_))) {
        outcome = send_single(connection, &write, connection.options.append_deadline, &SentAt::default()).await;
    }
    match outcome {
        Err(CallError::Conflict(_)) => found.writable = true,
        Ok(_) => found.find(
            Severity::Refuse,
            "the server wrote an event at an impossible revision".to_owned(),
            "don't use this server: it does not check expected revisions",
        ),
        Err(CallError::Denied) => found.find(
            Severity::Refuse,
            "the user may not write".to_owned(),
            "check user and password of the connection string, and that the user may write streams",
        ),
        Err(error) => found.find(
            Severity::Refuse,
            error.fault("a test append").to_string(),
            "is there a leader, are most nodes of the cluster up, is the server read-only or its disk full?",
        ),
    }
}
