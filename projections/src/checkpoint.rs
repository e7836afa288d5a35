//! Stores each view in a file of its own, and loads it at the next start.
//!
//! A file only saves time. If anything about it is in doubt, the view is rebuilt from the log: a
//! damaged file, another schema, a position that the log has not reached, or a log that has another
//! event at the view's position.

use crate::error::ProjectionError;
use crate::view::{Folded, Landmark, View};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Position};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Names of all views, in the order of reports.
pub(crate) const NAMES: [&str; 4] = ["seat_map", "bookings", "loyalty", "sales"];

/// The file of a stored view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredView {
    /// Which view.
    pub name: String,
    /// What is folded into it.
    pub position: Position,
    /// Number of events folded into it.
    pub events: u64,
    /// Version of its form.
    pub schema: u32,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Why it will not be used, if it is damaged.
    pub problem: Option<String>,
}

/// The format of a file. The content comes last, so that the first bytes of a large file say what it is.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    view: std::borrow::Cow<'a, str>,
    schema: u32,
    position: Position,
    events: u64,
    last: Option<Landmark>,
    /// Of the content's bytes, in hex: a flipped bit can leave valid JSON.
    sha256: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A view's content with its position, taken at one moment and ready to be encoded elsewhere.
pub(crate) struct Frozen<C> {
    content: C,
    position: Position,
    events: u64,
    last: Option<Landmark>,
}

impl<V: View> Folded<V> {
    /// Takes what is to be stored.
    pub fn freeze(&self) -> Frozen<V::Content> {
        Frozen { content: self.view.content(), position: self.position, events: self.events, last: self.last.clone() }
    }

    /// A view from the bytes of its file. The error says why they can't be trusted.
    pub fn thaw(bytes: &[u8]) -> Result<Self, String> {
        let document = parse(bytes)?;
        if document.view != V::NAME {
            return Err(format!("it holds the view `{}`", document.view));
        }
        if document.schema != V::SCHEMA {
            return Err(format!("its form is version {}, this program's is {}", document.schema, V::SCHEMA));
        }
        let content = serde_json::from_str(document.content.get()).map_err(|e| e.to_string())?;
        Ok(Self { view: V::restore(content)?, position: document.position, events: document.events, last: document.last })
    }
}

impl<C: Serialize> Frozen<C> {
    /// The bytes of the file.
    pub fn encode(&self, view: &'static str, schema: u32) -> Result<Vec<u8>, ProjectionError> {
        let failed = |e: serde_json::Error| ProjectionError::Encode { view, why: e.to_string() };
        let content = serde_json::value::to_raw_value(&self.content).map_err(failed)?;
        let document = Document {
            view: view.into(),
            schema,
            position: self.position,
            events: self.events,
            last: self.last.clone(),
            sha256: hex_sha256(content.get().as_bytes()),
            content: &content,
        };
        let mut bytes = serde_json::to_vec(&document).map_err(failed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn parse(bytes: &[u8]) -> Result<Document<'_>, String> {
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(|e| format!("it is damaged: {e}"))?;
    if hex_sha256(document.content.get().as_bytes()) != document.sha256 {
        return Err("it is damaged: its content does not have the checksum it names".into());
    }
    Ok(document)
}

/// SHA-256 in lower-case hex.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn path_of(dir: &Path, view: &str) -> PathBuf {
    dir.join(format!("{view}.json"))
}

/// The bytes of a view's file; `None` if there is none.
pub(crate) fn read(dir: &Path, view: &str) -> Result<Option<Vec<u8>>, ProjectionError> {
    let path = path_of(dir, view);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ProjectionError::Io { path, source }),
    }
}

/// Stores a view's file: after a crash at any moment there is either the old one or the new one.
pub(crate) fn write(dir: &Path, view: &str, bytes: &[u8]) -> Result<(), ProjectionError> {
    let path = path_of(dir, view);
    let temporary = dir.join(format!("{view}.json.new"));
    let store = || {
        std::fs::create_dir_all(dir)?;
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        // The new name is not durable before its folder is.
        File::open(dir)?.sync_all()
    };
    store().map_err(|source| ProjectionError::Io { path: path.clone(), source })
}

/// A view from its file, or an empty one if there is no file that can be trusted.
pub(crate) async fn load<V: View>(dir: Option<&Path>, log: &dyn EventLog, head: Position) -> Result<Folded<V>, ProjectionError> {
    let Some(bytes) = dir.map(|dir| read(dir, V::NAME)).transpose()?.flatten() else { return Ok(Folded::default()) };
    let doubt = match Folded::<V>::thaw(&bytes) {
        Ok(folded) if folded.position > head => format!("it is true at position {}, the log ends at {head}", folded.position),
        Ok(folded) => match landmark_missing(log, folded.last.as_ref()).await? {
            None => return Ok(folded),
            Some(doubt) => doubt,
        },
        Err(doubt) => doubt,
    };
    tracing::warn!(view = V::NAME, "the stored view is not used and is rebuilt from the log: {doubt}");
    Ok(Folded::default())
}

/// Why the log is not the one in which the view saw its last event; `None` if it is.
async fn landmark_missing(log: &dyn EventLog, last: Option<&Landmark>) -> Result<Option<String>, ProjectionError> {
    let Some(last) = last else { return Ok(None) };
    let found = log.read_stream(&last.stream, Some(last.revision), Direction::Forwards, 1).await?;
    if found.first().is_some_and(|e| e.id == last.id && e.revision == last.revision) {
        return Ok(None);
    }
    Ok(Some(format!("the log does not have its last event, {} of {}", last.revision, last.stream)))
}

/// Lists the stored views in a folder. Reads the files only, not the log.
///
/// # Errors
/// [`ProjectionError::Io`] if a file is there but can't be read.
pub fn stored_status(dir: impl AsRef<Path>) -> Result<Vec<StoredView>, ProjectionError> {
    let mut stored = Vec::new();
    for name in NAMES {
        let Some(bytes) = read(dir.as_ref(), name)? else { continue };
        let parsed = parse(&bytes);
        let document = parsed.as_ref().ok();
        stored.push(StoredView {
            name: name.to_owned(),
            position: document.map_or(Position::START, |d| d.position),
            events: document.map_or(0, |d| d.events),
            schema: document.map_or(0, |d| d.schema),
            bytes: bytes.len() as u64,
            sha256: hex_sha256(&bytes),
            problem: parsed.as_ref().err().cloned(),
        });
    }
    Ok(stored)
}
