//! Stores a view in a file of its own, and loads it at the next start.
//!
//! A file only saves time. If anything about it is in doubt, the view is rebuilt from the log: a
//! damaged file, another schema, a position that the log has not reached, or a log that has another
//! event at the view's position.

use crate::error::ProjectionError;
use crate::same_log::doubt_of;
use crate::view::{Folded, OTHER_EVENTS, View};
use lastseat_domain::codec;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::landmark::Landmark;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The format of a file. The content comes last, so that the first bytes of a large file say what it is.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    view: std::borrow::Cow<'a, str>,
    schema: u32,
    /// Fingerprint of the events that the program knew: it folded past others.
    codec: u32,
    position: Position,
    events: u64,
    last: Option<Landmark>,
    /// Of the content's bytes, in hex: a flipped bit can leave valid JSON.
    sha256: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A view's content with its position, taken at one moment and ready to be encoded elsewhere.
pub(crate) struct Checkpoint<C> {
    content: C,
    position: Position,
    events: u64,
    last: Option<Landmark>,
}

impl<V: View> Folded<V> {
    /// Takes what is to be stored.
    pub fn checkpoint(&self) -> Checkpoint<V::Content> {
        Checkpoint { content: self.view.content(), position: self.position, events: self.events, last: self.last.clone() }
    }

    /// A view from the bytes of its file. The error says why they can't be trusted.
    pub fn restore(bytes: &[u8]) -> Result<Self, String> {
        let document = parse::<V>(bytes)?;
        if let Some(why) = document.doubt::<V>() {
            return Err(why);
        }
        let content = serde_json::from_str(document.content.get()).map_err(|e| e.to_string())?;
        Ok(Self { view: V::restore(content)?, position: document.position, events: document.events, last: document.last })
    }
}

impl<C: Serialize> Checkpoint<C> {
    /// The bytes of the file.
    pub fn encode(&self, view: &'static str, schema: u32) -> Result<Vec<u8>, ProjectionError> {
        let failed = |e: serde_json::Error| ProjectionError::Encode { view, why: e.to_string() };
        let content = serde_json::value::to_raw_value(&self.content).map_err(failed)?;
        let document = Document {
            view: view.into(),
            schema,
            codec: codec::fingerprint(),
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

impl Document<'_> {
    /// Why this program does not use the view, if so.
    fn doubt<V: View>(&self) -> Option<String> {
        if self.view != V::NAME {
            return Some(format!("it holds the view `{}`", self.view));
        }
        if self.schema != V::SCHEMA {
            return Some(other_form(self.schema, V::SCHEMA));
        }
        (self.codec != codec::fingerprint()).then(|| OTHER_EVENTS.to_owned())
    }
}

fn parse<V: View>(bytes: &[u8]) -> Result<Document<'_>, String> {
    let document: Document<'_> =
        serde_json::from_slice(bytes).map_err(|e| form_of(bytes, V::SCHEMA).unwrap_or_else(|| format!("it is damaged: {e}")))?;
    if hex_sha256(document.content.get().as_bytes()) != document.sha256 {
        return Err("it is damaged: its content does not have the checksum it names".into());
    }
    Ok(document)
}

/// What is different about the form of a file, if it is another one: its fields may be others too.
fn form_of(bytes: &[u8], expected: u32) -> Option<String> {
    #[derive(Deserialize)]
    struct Form {
        schema: u32,
    }
    let Form { schema } = serde_json::from_slice(bytes).ok()?;
    (schema != expected).then(|| other_form(schema, expected))
}

fn other_form(schema: u32, expected: u32) -> String {
    format!("its form is version {schema}, this program's is {expected}")
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
    let doubt = match Folded::<V>::restore(&bytes) {
        Ok(folded) => match doubt_of(log, folded.position, folded.last.as_ref(), &[], head).await? {
            None => return Ok(folded),
            Some(doubt) => doubt,
        },
        Err(doubt) => doubt,
    };
    tracing::warn!(view = V::NAME, "the stored view is not used and is rebuilt from the log: {doubt}");
    Ok(Folded::default())
}

/// What the file of a view says of itself.
pub(crate) struct Label {
    pub position: Position,
    pub events: u64,
    pub schema: u32,
    /// Why this program does not use it, if so.
    pub problem: Option<String>,
}

/// What a file says of itself. The error says why it can't be trusted.
pub(crate) fn label<V: View>(bytes: &[u8]) -> Result<Label, String> {
    let document = parse::<V>(bytes)?;
    let problem = document.doubt::<V>();
    let Document { position, events, schema, .. } = document;
    Ok(Label { position, events, schema, problem })
}
