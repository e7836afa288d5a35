//! A booking's own token: its id and a seal on it, so that a guest needs no account.

use super::{HmacSha256, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use lastseat_domain::BookingId;
use uuid::Uuid;

/// What such a token starts with.
pub(super) const PREFIX: &str = "bt_";
const ID_BYTES: usize = 16;

/// Makes and checks them.
pub(super) struct BookingTokens {
    seal: HmacSha256,
    name: HmacSha256,
}

impl BookingTokens {
    /// The key is derived, so that a seal can never pass for a JWT's signature or the other way round.
    pub(super) fn new(secret: &[u8]) -> Self {
        let key = hmac(secret).chain_update(b"lastseat booking token 1").finalize().into_bytes();
        let name = hmac(secret).chain_update(b"lastseat booking name 1").finalize().into_bytes();
        Self { seal: hmac(&key), name: hmac(&name) }
    }

    /// The booking that a caller asks for under an idempotency key. Sealed with the secret: a buyer
    /// draws a reward by the booking's id, and must not be able to pick keys until a good one falls.
    pub(super) fn named(&self, scope: &str, key: &str) -> BookingId {
        let sealed = self.name.clone().chain_update(scope.as_bytes()).finalize().into_bytes();
        BookingId::from_key(&URL_SAFE_NO_PAD.encode(sealed), key)
    }

    pub(super) fn make(&self, booking: BookingId) -> String {
        let mut bytes = booking.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.seal.clone().chain_update(booking.0.as_bytes()).finalize().into_bytes());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn check(&self, token: &str) -> Option<BookingId> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (id, seal) = bytes.split_at_checked(ID_BYTES)?;
        // In constant time: how far a forged seal is right must not show in how long this takes.
        self.seal.clone().chain_update(id).verify_slice(seal).ok()?;
        Some(BookingId(Uuid::from_slice(id).ok()?))
    }
}
