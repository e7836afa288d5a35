//! HMAC-SHA256 with a key of any length.

use hmac::Hmac;
use hmac::digest::{Key, KeyInit};
use sha2::{Digest, Sha256};

pub(super) type HmacSha256 = Hmac<Sha256>;

/// As RFC 2104 defines it: a key that is longer than a block is hashed first.
pub(super) fn hmac(key: &[u8]) -> HmacSha256 {
    let mut block = Key::<HmacSha256>::default();
    let digest;
    let key = if key.len() > block.len() {
        digest = <[u8; 32]>::from(Sha256::digest(key));
        digest.as_slice()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    HmacSha256::new(&block)
}
