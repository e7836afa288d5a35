//! The bytes of a snapshot's file: eight that say what it is, the version of its form, a checksum of both and of what
//! follows, and the snapshot in MessagePack.

use lastseat_engine::Snapshot;
use sha2::{Digest, Sha256};

/// What it is. The last byte is no text, so that nothing shows the file as such.
const MAGIC: [u8; 8] = *b"LASTSNP\0";
const SCHEMA_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 32;

/// Why bytes are no snapshot that this program can use. Completes "it is not used: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    #[error("it is no snapshot")]
    Foreign,
    #[error("its form is version {found}, this program's is {}", Snapshot::SCHEMA)]
    Schema {
        /// The file's.
        found: u32,
    },
    #[error("it is damaged: it does not have the checksum that it names")]
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
    let mut bytes = [MAGIC.as_slice(), &Snapshot::SCHEMA.to_le_bytes(), &[0; CHECKSUM_BYTES]].concat();
    rmp_serde::encode::write_named(&mut bytes, snapshot).map_err(|error| error.to_string())?;
    if let Some((header, content)) = bytes.split_at_mut_checked(MAGIC.len() + SCHEMA_BYTES + CHECKSUM_BYTES)
        && let Some((schema, place)) = header.split_at_mut_checked(MAGIC.len() + SCHEMA_BYTES)
    {
        place.copy_from_slice(&checksum(schema, content));
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
    let (named, content) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or(Undecodable::Damaged)?;
    let header = [magic.as_slice(), schema].concat();
    if checksum(&header, content) != *named {
        return Err(Undecodable::Damaged);
    }
    rmp_serde::from_slice(content).map_err(|error| Undecodable::Content(error.to_string()))
}

fn checksum(header: &[u8], content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    Sha256::new().chain_update(header).chain_update(content).finalize().into()
}
