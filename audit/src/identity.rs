//! Whether an event is as it was written: computes its id and the hash of its metadata from what is
//! stored. The rule is documented in `docs/EVENTS.md`, and written here a second time on purpose.

use chrono::SecondsFormat;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::{StreamName, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The namespace of every id of lastseat.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_7374_7365_6174_8e6f_7468_696e_6721);
/// What separates the metadata from their hash.
const HASH: &str = ",\"hash\":\"";
const HASH_BYTES: usize = 8;

/// The part of an event's metadata that its identity depends on.
#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    #[serde(default = "first_rule")]
    pub id_rule: u32,
    #[serde(rename = "$causationId")]
    pub cause: Option<Uuid>,
    #[serde(rename = "$correlationId")]
    pub correlation: Option<Uuid>,
    /// Every event of lastseat has an actor and a time; they tell it from another program's.
    #[serde(rename = "actor")]
    _actor: String,
    pub at: Timestamp,
}

fn first_rule() -> u32 {
    1
}

impl Identity {
    /// Reads it from an event's metadata. `None` if they are not lastseat's.
    pub fn of(recorded: &RecordedEvent) -> Option<Self> {
        serde_json::from_str(recorded.metadata.get()).ok()
    }

    /// Whether this program knows how this rule makes ids.
    pub fn is_known(&self) -> bool {
        matches!(self.id_rule, 1..=3)
    }

    /// The id that the event should have.
    pub fn id(&self, recorded: &RecordedEvent) -> Uuid {
        let (stream, revision, name) = (recorded.stream.as_str(), recorded.revision, &recorded.event_type);
        let mut bytes = format!("{stream}|{revision}|{name}|").into_bytes();
        bytes.extend(Sha256::digest(recorded.data.get()));
        if self.id_rule >= 2 {
            bytes.push(b'|');
            bytes.extend(self.cause.iter().flat_map(|cause| *cause.as_bytes()));
        }
        if self.id_rule >= 3 {
            bytes.push(b'|');
            bytes.extend(self.at.to_rfc3339_opts(SecondsFormat::AutoSi, true).bytes());
        }
        Uuid::new_v5(&NAMESPACE, &bytes)
    }

    /// The cause of a stream's first event, where nothing else is.
    pub fn beginning(stream: &StreamName) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{stream}|command").as_bytes())
    }

    /// Whether the metadata fit their hash. The first rule had no hash.
    pub fn metadata_match(&self, recorded: &RecordedEvent) -> bool {
        if self.id_rule == 1 {
            return true;
        }
        let Some((covered, hash)) = recorded.metadata.get().rsplit_once(HASH) else { return false };
        let digest = Sha256::new().chain_update(recorded.id.as_bytes()).chain_update(covered).finalize();
        let expected: String = digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
        hash.strip_suffix("\"}") == Some(expected.as_str())
    }
}
