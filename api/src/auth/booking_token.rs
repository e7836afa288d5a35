//! The token of a booking: its id and a signature, so that a guest needs no account.

use super::hmac_key::{HmacSha256, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use lastseat_domain::{AccessCodeHash, BookingId, CommandId, ShowId};
use uuid::Uuid;

/// The secret that challenges are signed with: derived from that of the tokens, so that nodes that share one share both.
#[must_use]
pub fn challenge_secret(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hmac(secret).chain_update(b"lastseat challenge 1").finalize().into_bytes())
}

/// What a booking's token starts with.
pub(super) const PREFIX: &str = "bt_";
const ID_BYTES: usize = 16;

pub(super) struct BookingTokens {
    signer: HmacSha256,
    namer: HmacSha256,
    commands: HmacSha256,
    codes: HmacSha256,
}

impl BookingTokens {
    /// The keys are derived from the secret, so that a booking token's signature never passes for a
    /// JWT's, nor the other way round.
    pub(super) fn new(secret: &[u8]) -> Self {
        let key = hmac(secret).chain_update(b"lastseat booking token 1").finalize().into_bytes();
        let name = hmac(secret).chain_update(b"lastseat booking name 1").finalize().into_bytes();
        let command = hmac(secret).chain_update(b"lastseat command name 1").finalize().into_bytes();
        let code = hmac(secret).chain_update(b"lastseat access code 1").finalize().into_bytes();
        Self { signer: hmac(&key), namer: hmac(&name), commands: hmac(&command), codes: hmac(&code) }
    }

    /// The booking id of a caller (`scope`) and an idempotency key. It depends on the secret: a
    /// booking's id decides which reward it wins, and a buyer must not be able to try keys until a
    /// good one comes up.
    pub(super) fn id_for_key(&self, scope: &str, key: &str) -> BookingId {
        let name = self.namer.clone().chain_update(scope.as_bytes()).finalize().into_bytes();
        BookingId::from_key(&URL_SAFE_NO_PAD.encode(name), key)
    }

    /// Depends on the secret, because the log shows it: nobody must be able to try a caller's keys on it.
    pub(super) fn command_for_request(&self, slot: &[u8; 32], body: &[u8; 32]) -> CommandId {
        let name = self.commands.clone().chain_update(slot).chain_update(body).finalize().into_bytes();
        let mut bytes = [0; ID_BYTES];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = from;
        }
        CommandId::new(bytes)
    }

    pub(super) fn access_code_hash(&self, show: &ShowId, code: &str) -> AccessCodeHash {
        // A show's id has no line break.
        let hash = self.codes.clone().chain_update(show.as_str()).chain_update(b"\n").chain_update(code);
        AccessCodeHash(URL_SAFE_NO_PAD.encode(hash.finalize().into_bytes()))
    }

    pub(super) fn make(&self, booking: BookingId) -> String {
        let mut bytes = booking.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.signer.clone().chain_update(booking.0.as_bytes()).finalize().into_bytes());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn check(&self, token: &str) -> Option<BookingId> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (id, signature) = bytes.split_at_checked(ID_BYTES)?;
        // In constant time: the time taken must not show how much of a forged signature is right.
        self.signer.clone().chain_update(id).verify_slice(signature).ok()?;
        Some(BookingId(Uuid::from_slice(id).ok()?))
    }
}
