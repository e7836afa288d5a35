//! Who may come in. Looked at before anything of a call's body is read.

use crate::fault;
use crate::settings::DoorSettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use tonic::Status;

/// What a call does, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing that needs a token: clients ask what the server can do before they show theirs.
    Greeting,
    /// Reads, or asks for something that is not there.
    Reading,
    /// Changes the log.
    Writing,
}

impl Doing {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/event_store.client.server_features.ServerFeatures/GetSupportedMethods"
            | "/event_store.client.gossip.Gossip/Read" => Self::Greeting,
            "/event_store.client.streams.Streams/Append"
            | "/event_store.client.streams.Streams/BatchAppend"
            | "/event_store.client.streams.Streams/Delete"
            | "/event_store.client.streams.Streams/Tombstone" => Self::Writing,
            _ => Self::Reading,
        }
    }
}

/// The tokens, as digests: to compare digests takes the same time wherever they differ.
#[derive(Clone)]
pub(crate) struct Access {
    write: bool,
    readers: Vec<[u8; 32]>,
    writers: Vec<[u8; 32]>,
}

impl Access {
    pub(crate) fn new(settings: &DoorSettings) -> Self {
        let reader = settings.reader_token.as_ref().map(|token| digest(token.reveal()));
        let writer = settings.writer_token.as_ref().map(|token| digest(token.reveal()));
        let readers = reader.into_iter().chain(writer).collect();
        Self { write: settings.write, readers, writers: writer.or(reader).into_iter().collect() }
    }

    /// Whether a call with these headers may go on.
    pub(crate) fn check(&self, doing: Doing, headers: &HeaderMap) -> Result<(), Status> {
        if doing == Doing::Greeting {
            return Ok(());
        }
        let shown = if self.readers.is_empty() { None } else { Some(token(headers)?) };
        let one_of =
            |tokens: &[[u8; 32]]| shown.is_none_or(|shown| tokens.iter().fold(false, |hit, token| hit | equal(token, &shown)));
        if !one_of(&self.readers) {
            return Err(Status::unauthenticated("this token does not open the door"));
        }
        if doing == Doing::Writing && !self.write {
            return Err(fault::denied("this door is for reading only: the log is not written through it"));
        }
        if doing == Doing::Writing && !one_of(&self.writers) {
            return Err(fault::denied("this token is for reading only"));
        }
        Ok(())
    }
}

/// The digest of the token shown: a bearer token, or the password of any user.
fn token(headers: &HeaderMap) -> Result<[u8; 32], Status> {
    let none = || Status::unauthenticated("show the token: as the password of any user name, or as a bearer token");
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(none)?;
    let (scheme, value) = header.split_once(' ').ok_or_else(none)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(digest(value.trim()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(none());
    }
    let decoded = STANDARD.decode(value.trim()).map_err(|_| none())?;
    let decoded = String::from_utf8(decoded).map_err(|_| none())?;
    let (_user, password) = decoded.split_once(':').ok_or_else(none)?;
    Ok(digest(password))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// In constant time.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y))) == 0
}
