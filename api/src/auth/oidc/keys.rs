//! The keys that a provider signs with (a JSON Web Key Set), each with its one algorithm.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// More than any provider publishes; each costs time when a token is checked that names none.
const MOST: usize = 64;
/// Bytes of an RSA modulus in base64: 2048 bits are the least that RFC 7518 allows, and more than 8192 take too long.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 342..=1366;

/// A key for signatures by one algorithm.
pub(super) struct Key {
    id: Option<String>,
    pub algorithm: Algorithm,
    /// As the header `alg` of a token names it.
    name: &'static str,
    pub key: DecodingKey,
}

/// The keys of a provider.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

/// What there is of a key that a token names.
pub(super) enum Found<'a> {
    Key(&'a Key),
    /// The key signs by another algorithm than the token says.
    OtherAlgorithm,
    /// The token names none, and there are several.
    Ambiguous,
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl Keys {
    /// Those of a document that can be used. A key for encryption, of another kind or of a weak size is left out.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(json).map_err(|error| format!("they are no key set: {error}"))?;
        if document.keys.len() > MOST {
            return Err(format!("they are {} keys, more than {MOST}", document.keys.len()));
        }
        let keys: Vec<_> = document.keys.into_iter().filter_map(Key::of).collect();
        if keys.is_empty() { Err("none of them is for RS256, ES256 or EdDSA".to_owned()) } else { Ok(Self(keys)) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key that a token names. Its algorithm is its own; the one that the token says has to be the same.
    pub(super) fn find(&self, id: Option<&str>, algorithm: &str) -> Found<'_> {
        let mut named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        let Some(first) = named.next() else { return Found::Unknown };
        if id.is_none() && named.peek().is_some() {
            return Found::Ambiguous;
        }
        match std::iter::once(first).chain(named).find(|key| key.name == algorithm) {
            Some(key) => Found::Key(key),
            None => Found::OtherAlgorithm,
        }
    }
}

impl Key {
    fn of(json: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        let common = &jwk.common;
        let for_signatures = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let may_verify = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let (algorithm, named, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) if RSA_MODULUS.contains(&rsa.n.len()) => {
                (Algorithm::RS256, KeyAlgorithm::RS256, "RS256")
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256, "ES256")
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA, "EdDSA")
            }
            _ => return None,
        };
        let fits = common.key_algorithm.is_none_or(|its| its == named);
        if !(for_signatures && may_verify && fits) {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, name, key })
    }
}
