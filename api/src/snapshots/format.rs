//! The bytes of a snapshot's file: eight that say what it is, the version of its form, the fingerprint of the events that
//! the program knew which wrote it, a checksum of all that and of what follows, and the snapshot in MessagePack.

use lastseat_domain::codec;
use lastseat_engine::Snapshot;
use sha2::{Digest, Sha256};

/// What it is. The last byte is no text, so that nothing shows the file as such.
const MAGIC: [u8; 8] = *b"LASTSNP\0";
const SCHEMA_BYTES: usize = 4;
const FINGERPRINT_BYTES: usize = 4;
const HEADER_BYTES: usize = MAGIC.len() + SCHEMA_BYTES + FINGERPRINT_BYTES;
const CHECKSUM_BYTES: usize = 32;

/// Why bytes are no snapshot that this program can use. Completes "it is not used: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    #[error("it is not a snapshot")]
    Foreign,
    #[error("its form is version {found}, this program's is {}", Snapshot::SCHEMA)]
    Schema {
        /// The file's.
        found: u32,
    },
    /// It may lack what that program could not read.
    #[error("a version of this program wrote it that knows other events")]
    OtherEvents,
    #[error("it is damaged: its checksum does not match")]
    Damaged,
    /// The checksum is right: another program wrote it under this version.
    #[error("it can't be read: {0}")]
    Content(String),
}

/// The bytes of a snapshot's file.
///
/// # Errors
/// Why it can't be written, in words.
pub fn encode(snapshot: &Snapshot) -> Result<Vec<u8>, String> {
    let (schema, events) = (Snapshot::SCHEMA.to_le_bytes(), codec::fingerprint().to_le_bytes());
    let mut bytes = [MAGIC.as_slice(), &schema, &events, &[0; CHECKSUM_BYTES]].concat();
    rmp_serde::encode::write_named(&mut bytes, snapshot).map_err(|error| error.to_string())?;
    if let Some((front, content)) = bytes.split_at_mut_checked(HEADER_BYTES + CHECKSUM_BYTES)
        && let Some((header, place)) = front.split_at_mut_checked(HEADER_BYTES)
    {
        place.copy_from_slice(&checksum(header, content));
    }
    Ok(bytes)
}

/// The snapshot of these bytes.
///
/// # Errors
/// [`Undecodable`].
pub fn decode(bytes: &[u8]) -> Result<Snapshot, Undecodable> {
    let (magic, rest) = bytes.split_first_chunk::<{ MAGIC.len() }>().ok_or(Undecodable::Foreign)?;
    if *magic != MAGIC {
        return Err(Undecodable::Foreign);
    }
    let (schema, rest) = rest.split_first_chunk::<SCHEMA_BYTES>().ok_or(Undecodable::Damaged)?;
    let found = u32::from_le_bytes(*schema);
    if found != Snapshot::SCHEMA {
        return Err(Undecodable::Schema { found });
    }
    let (events, rest) = rest.split_first_chunk::<FINGERPRINT_BYTES>().ok_or(Undecodable::Damaged)?;
    let (named, content) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or(Undecodable::Damaged)?;
    let header = [magic.as_slice(), schema, events].concat();
    if checksum(&header, content) != *named {
        return Err(Undecodable::Damaged);
    }
    if u32::from_le_bytes(*events) != codec::fingerprint() {
        return Err(Undecodable::OtherEvents);
    }
    rmp_serde::from_slice(content).map_err(|error| Undecodable::Content(error.to_string()))
}

fn checksum(header: &[u8], content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    Sha256::new().chain_update(header).chain_update(content).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_content(events: u32) -> Vec<u8> {
        let header = [MAGIC.as_slice(), &Snapshot::SCHEMA.to_le_bytes(), &events.to_le_bytes()].concat();
        [header.as_slice(), &checksum(&header, &[])].concat()
    }

    /// A node of an older version has folded past an event that it does not know.
    #[test]
    fn a_snapshot_of_a_program_with_other_events_is_not_used() {
        assert_eq!(decode(&without_content(codec::fingerprint() ^ 1)).err(), Some(Undecodable::OtherEvents));
        assert!(matches!(decode(&without_content(codec::fingerprint())).err(), Some(Undecodable::Content(_))));
    }
}
