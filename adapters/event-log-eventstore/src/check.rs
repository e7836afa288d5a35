//! What a doctor asks the store.

use crate::lanes;
use crate::link::Link;
use crate::read;
use crate::trouble::Trouble;
use eventstore::BatchAppendOptions;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Expected, LogFault, NewEvent, StreamWrite};
use serde_json::value::RawValue;

/// What was found at the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// Where it was looked for, without the password.
    pub address: String,
    /// Whether a server answered.
    pub reachable: bool,
    /// Its version; `None` if it can't be reached or, being older than 21.6, does not tell.
    pub version: Option<String>,
    /// Whether it takes batches of appends, which is much faster.
    pub batch_append: bool,
    /// Whether the whole log can be read.
    pub readable: bool,
    /// Whether events could be written.
    pub writable: bool,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether lastseat can't work because of it.
    pub serious: bool,
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl Checkup {
    /// Whether lastseat can work with this store.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.reachable && self.readable && self.writable && !self.findings.iter().any(|finding| finding.serious)
    }

    fn find(&mut self, serious: bool, what: String, advice: &str) {
        self.findings.push(Finding { serious, what, advice: advice.to_owned() });
    }
}

pub(crate) async fn check(link: &Link) -> Checkup {
    let mut found = Checkup {
        address: link.connection.shown.clone(),
        reachable: false,
        version: None,
        batch_append: false,
        readable: false,
        writable: false,
        findings: Vec::new(),
    };
    if !reach(link, &mut found).await {
        return found;
    }
    ask_for_batches(link, &mut found).await;
    read_something(link, &mut found).await;
    try_to_write(link, &mut found).await;
    found
}

async fn reach(link: &Link, found: &mut Checkup) -> bool {
    let info = link.call(link.options.read_deadline, |held| async move { Ok(held.client.server_info().await?) }).await;
    match info {
        Ok(info) => {
            found.reachable = true;
            let version = info.version();
            if version == 0 {
                found.find(
                    true,
                    "the server does not tell its version".to_owned(),
                    "use EventStoreDB 22.10 or newer, or KurrentDB",
                );
            } else {
                found.version = Some(version.to_string());
                if version < (22, 10) {
                    found.find(
                        true,
                        format!("EventStoreDB {version} does not tell the positions of events in streams"),
                        "use EventStoreDB 22.10 or newer, or KurrentDB",
                    );
                }
            }
        }
        Err(trouble) => {
            let what = trouble.fault(&link.connection.shown).to_string();
            let advice = if link.connection.settings.is_secure_mode_enabled() {
                "is the server running, are host and port right, may this machine connect, does the server's certificate fit \
                 (tlsCaFile=…), or is it a server without TLS (tls=false)?"
            } else {
                "is the server running, are host and port right, may this machine connect, or does the server want TLS \
                 (tls=true)?"
            };
            found.find(true, what, advice);
        }
    }
    found.reachable
}

async fn ask_for_batches(link: &Link, found: &mut Checkup) {
    // A session that nothing is sent through costs nothing.
    let asked = link
        .call(link.options.read_deadline, |held| async move {
            Ok(held.client.batch_append(&BatchAppendOptions::default()).await.map(drop)?)
        })
        .await;
    found.batch_append = asked.is_ok();
    if asked == Err(Trouble::Unsupported) {
        let what = "the server takes no batches of appends; each append takes some 40 ms".to_owned();
        found.find(false, what, "use EventStoreDB 21.10 or newer, or KurrentDB");
    }
}

async fn read_something(link: &Link, found: &mut Checkup) {
    match read::head(link).await {
        Ok(_) => found.readable = true,
        Err(fault @ LogFault::Refused(_)) => found.find(
            true,
            fault.to_string(),
            "give the user the right to read $all: membership of $admins, or an entry in the access list of $all",
        ),
        Err(fault) => found.find(true, fault.to_string(), "look at the server's own log and health"),
    }
}

/// An append that no server carries out: it expects a revision that no stream can have. Its
/// conflict says that it would have been carried out otherwise.
async fn try_to_write(link: &Link, found: &mut Checkup) {
    let Ok(json) = RawValue::from_string("{}".to_owned()) else { return };
    let id = uuid::Uuid::new_v5(&lastseat_domain::ids::NAMESPACE, b"checkup");
    let event = NewEvent { id, event_type: "Checkup".to_owned(), data: json.clone(), metadata: json };
    let stream = StreamName::from_log("lastseat-checkup");
    let write = StreamWrite { stream, expected: Expected::Revision(crate::append::MAX_REVISION - 1), events: vec![event] };
    // Once more on the leader, if this node is not.
    let mut outcome = lanes::send_alone(link, &write, link.options.append_deadline).await;
    if matches!(outcome, Err(Trouble::NotLeader(_))) {
        outcome = lanes::send_alone(link, &write, link.options.append_deadline).await;
    }
    match outcome {
        Err(Trouble::Conflict(_)) => found.writable = true,
        Ok(_) => found.find(
            true,
            "the server wrote an event at a revision that can't be".to_owned(),
            "don't use this server: it does not check expected revisions",
        ),
        Err(Trouble::Denied) => found.find(
            true,
            "the user may not write".to_owned(),
            "check user and password of the connection string, and that the user may write streams",
        ),
        Err(trouble) => found.find(
            true,
            trouble.fault("a try to write").to_string(),
            "is there a leader, are most nodes of the cluster up, is the server read-only or its disk full?",
        ),
    }
}
