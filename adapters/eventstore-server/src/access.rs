//! Access control: which token may make which call. Checked before a call's body is read.

use crate::fault;
use crate::settings::ServerSettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use tonic::Status;

/// What a call needs, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// No token: clients ask for features and members before they send their credentials.
    Public,
    /// The reader's token. Unknown paths, too.
    Read,
    /// The writer's token.
    Write,
}

impl CallKind {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/event_store.client.server_features.ServerFeatures/GetSupportedMethods"
            | "/event_store.client.gossip.Gossip/Read" => Self::Public,
            "/event_store.client.streams.Streams/Append"
            | "/event_store.client.streams.Streams/BatchAppend"
            | "/event_store.client.streams.Streams/Delete"
            | "/event_store.client.streams.Streams/Tombstone" => Self::Write,
            _ => Self::Read,
        }
    }
}

/// Holds the tokens as digests, which are compared in constant time.
#[derive(Clone)]
pub(crate) struct Access {
    write: bool,
    readers: Vec<[u8; 32]>,
    writers: Vec<[u8; 32]>,
}

impl Access {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let reader = settings.reader_token.as_ref().map(|token| digest(token.expose()));
        let writer = settings.writer_token.as_ref().map(|token| digest(token.expose()));
        let readers = reader.into_iter().chain(writer).collect();
        Self { write: settings.write, readers, writers: writer.or(reader).into_iter().collect() }
    }

    /// Whether an allowed call of this kind shows that its connection belongs to a client that may read.
    pub(crate) fn is_proven_by(&self, kind: CallKind) -> bool {
        kind != CallKind::Public || self.readers.is_empty()
    }

    /// Whether a call with these headers is allowed.
    pub(crate) fn check(&self, kind: CallKind, headers: &HeaderMap) -> Result<(), Status> {
        if kind == CallKind::Public {
            return Ok(());
        }
        let sent = if self.readers.is_empty() { None } else { Some(token(headers)?) };
        let is_one_of =
            |tokens: &[[u8; 32]]| sent.is_none_or(|sent| tokens.iter().fold(false, |hit, token| hit | equal(token, &sent)));
        if !is_one_of(&self.readers) {
            return Err(Status::unauthenticated("wrong token"));
        }
        if kind == CallKind::Write && !self.write {
            return Err(fault::denied("this server is read-only: appends are switched off"));
        }
        if kind == CallKind::Write && !is_one_of(&self.writers) {
            return Err(fault::denied("this token may only read"));
        }
        Ok(())
    }
}

/// The digest of the token sent: a bearer token, or the password of any user name.
fn token(headers: &HeaderMap) -> Result<[u8; 32], Status> {
    let missing = || Status::unauthenticated("send the token as the password of any user name, or as a bearer token");
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, value) = header.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(digest(value.trim()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let decoded = STANDARD.decode(value.trim()).map_err(|_| missing())?;
    let decoded = String::from_utf8(decoded).map_err(|_| missing())?;
    let (_user, password) = decoded.split_once(':').ok_or_else(missing)?;
    Ok(digest(password))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// In constant time.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y))) == 0
}
