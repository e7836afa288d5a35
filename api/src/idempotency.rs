//! The same request twice has the effect of one: reads the `Idempotency-Key`, and stores the answers given under it, which
//! repeats get.
//!
//! The store is bounded and lost with the process. Holds and payments are recognised after that too,
//! because the log keeps their [`RequestFingerprint`]. A refusal is in no log: after that, its repeat is decided as if it
//! were the first.

mod store;

pub use store::{AnswerStore, Begin, Ticket};

use crate::auth::Caller;
use crate::problem::{Code, Problem};
use http::{HeaderMap, HeaderName};
use lastseat_domain::event::RequestFingerprint;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write;

static HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// In bytes, which are ASCII characters.
pub const MAX_KEY_LENGTH: usize = 255;
/// What a guest's key has at least: a random UUID, ULID or 16 bytes in base64 all have more.
const GUEST_KEY_LENGTH: usize = 20;
const GUEST_KEY_CHARACTERS: usize = 8;

/// A request that carries a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    pub key: String,
    /// Hash of caller, method, path and key. The answer is stored under it.
    pub slot: [u8; 32],
    /// Hash of the body, and of the query where the request depends on it.
    pub body: [u8; 32],
}

impl Keyed {
    /// Reads the key of a request, if it has one.
    ///
    /// # Errors
    /// 400 if it is not 1 to 255 visible ASCII characters, or a guest's that others could choose, too.
    pub fn read(headers: &HeaderMap, caller: &Caller, method: &str, path: &str, body: &[u8]) -> Result<Option<Self>, Problem> {
        let mut sent = headers.get_all(&HEADER).iter();
        let Some(value) = sent.next() else { return Ok(None) };
        let refuse = |detail: &'static str| Err(Problem::new(Code::InvalidIdempotencyKey, detail));
        if sent.next().is_some() {
            return refuse("Send one Idempotency-Key, not several.");
        }
        let bytes = value.as_bytes();
        if !is_key(bytes) {
            return refuse("An Idempotency-Key must be 1 to 255 visible ASCII characters without spaces. Use a UUID.");
        }
        if *caller == Caller::Guest && !is_hard_to_guess(bytes) {
            return refuse(
                "A guest's Idempotency-Key must be hard to guess, because all guests are one caller: send a new random UUID.",
            );
        }
        let key = String::from_utf8_lossy(bytes).into_owned();
        let slot = hash_of([caller.scope().as_bytes(), method.as_bytes(), path.as_bytes(), key.as_bytes()]);
        Ok(Some(Self { key, slot, body: Sha256::digest(body).into() }))
    }

    /// The same of a request that depends on the query of its address: another query is another request, as another body is.
    #[must_use]
    pub fn with_query(self, query: Option<&str>) -> Self {
        match query {
            Some(query) => Self { body: hash_of([&self.body, query.as_bytes()]), ..self },
            None => self,
        }
    }

    /// What the log keeps of the request.
    #[must_use]
    pub fn fingerprint(&self) -> RequestFingerprint {
        RequestFingerprint { key: hex(&self.slot), body: hex(&self.body) }
    }
}

/// Whether a key has the right form: 1 to 255 visible ASCII characters.
#[must_use]
pub fn is_key(key: &[u8]) -> bool {
    (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
}

/// Hash of texts. Each is preceded by its length, so that two lists never hash the same bytes.
#[must_use]
pub fn hash_of<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Keeps keys such as `1`, `order-7` or `test` from guests. All guests share one scope, so that a guest
/// whose address changes still gets its answer; anybody who knows the key and the body gets it, too.
fn is_hard_to_guess(key: &[u8]) -> bool {
    let different: HashSet<u8> = key.iter().copied().collect();
    key.len() >= GUEST_KEY_LENGTH && different.len() >= GUEST_KEY_CHARACTERS
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The refusal of another body under a key that was used.
#[must_use]
pub fn reused() -> Problem {
    lastseat_domain::Rejection::IdempotencyKeyReused.into()
}

/// The refusal of a repeat while the first request is still being executed.
#[must_use]
pub fn in_flight() -> Problem {
    Problem::new(
        Code::IdempotencyInFlight,
        "The first request with this Idempotency-Key is still being executed. Send it again after `retry_after` seconds to get its answer.",
    )
    .retry_after(std::time::Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &[u8], body: &[u8]) -> Result<Option<Keyed>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(&HEADER, HeaderValue::from_bytes(value).unwrap());
        Keyed::read(&headers, &anna(), "POST", "/v1/x", body)
    }

    fn anna() -> Caller {
        Caller::Token { sub: lastseat_domain::BuyerId::new("anna").unwrap(), role: crate::auth::Role::Buyer }
    }

    #[test]
    fn a_guests_key_must_be_hard_to_guess() {
        let by_guest = |key: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(&HEADER, HeaderValue::from_str(key).unwrap());
            Keyed::read(&headers, &Caller::Guest, "POST", "/v1/x", b"").map(|keyed| keyed.is_some())
        };
        for random in ["0c0ffee0-1dea-4bad-9abc-5eed5eed5eed", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "V1StGXR8_Z5jdHi6B-myT"] {
            assert!(by_guest(random).unwrap(), "{random}");
        }
        for weak in ["1", "order-7", "test-test-test-test-test", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(by_guest(weak).expect_err("refused").code(), Code::InvalidIdempotencyKey, "{weak}");
        }
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        assert!(Keyed::read(&HeaderMap::new(), &Caller::Guest, "POST", "/", b"").unwrap().is_none());
        assert!(read(b"a", b"").unwrap().is_some());
        assert!(read(&[b'k'; 255], b"").unwrap().is_some());
        for bad in [&b""[..], &[b'k'; 256], b"two words", "schl\u{fc}ssel".as_bytes(), b"\xff"] {
            assert_eq!(read(bad, b"").expect_err("refused").code(), Code::InvalidIdempotencyKey);
        }
    }

    #[test]
    fn the_slot_depends_on_caller_method_path_and_key_but_not_on_the_body() {
        let one = read(b"k", b"{}").unwrap().unwrap();
        let other_body = read(b"k", b"{ }").unwrap().unwrap();
        assert_eq!(one.slot, other_body.slot);
        assert_ne!(one.body, other_body.body);
        assert_eq!(one.fingerprint().key.len(), 64);

        let mut headers = HeaderMap::new();
        headers.insert(&HEADER, HeaderValue::from_static("k"));
        let at = |caller: Caller, method, path| Keyed::read(&headers, &caller, method, path, b"{}").unwrap().unwrap().slot;
        assert_ne!(one.slot, at(Caller::Booking(lastseat_domain::BookingId(uuid::Uuid::nil())), "POST", "/v1/x"));
        assert_ne!(one.slot, at(anna(), "PUT", "/v1/x"));
        assert_ne!(one.slot, at(anna(), "POST", "/v1/y"));
        assert_eq!(one.slot, at(anna(), "POST", "/v1/x"));
    }
}
