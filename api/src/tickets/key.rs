//! The key that tickets are signed with, and its public half.

use super::code::{self, NotATicket};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastseat_domain::ticket::TicketFacts;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// The bytes are no Ed25519 seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket key has 32 bytes")]
pub struct KeyRejected;

/// Signs and checks tickets (Ed25519). The same ticket always gets the same code.
pub struct TicketKey(Ed25519KeyPair);

/// The public half, as RFC 8037 writes it: with it anybody can check a ticket, and nobody can make one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketPublicKey)]
pub struct PublicKeyJson {
    #[schema(pattern = "^OKP$", example = "OKP")]
    kty: &'static str,
    #[schema(pattern = "^Ed25519$", example = "Ed25519")]
    crv: &'static str,
    /// The 32 bytes of the key in base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    #[schema(pattern = "^EdDSA$", example = "EdDSA")]
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    used_for: &'static str,
    /// The key's thumbprint (RFC 7638): another key has another one.
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
}

impl TicketKey {
    /// The key with this seed of 32 bytes.
    ///
    /// # Errors
    /// [`KeyRejected`] if there are more or fewer.
    pub fn new(seed: &[u8]) -> Result<Self, KeyRejected> {
        let seed: &[u8; 32] = seed.try_into().map_err(|_| KeyRejected)?;
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyRejected)
    }

    /// The code of a ticket.
    #[must_use]
    pub fn sign(&self, facts: &TicketFacts) -> String {
        let mut bytes = code::to_bytes(facts);
        let signature = self.0.sign(&bytes);
        bytes.extend_from_slice(signature.as_ref());
        code::to_text(&bytes)
    }

    /// What a code says. Whether that is still so, only the log knows.
    ///
    /// # Errors
    /// [`NotATicket`].
    pub fn read(&self, text: &str) -> Result<TicketFacts, NotATicket> {
        let (bytes, signature) = code::of_text(text).ok_or(NotATicket::Malformed)?;
        let facts = code::of_bytes(&bytes).ok_or(NotATicket::Malformed)?;
        let public = UnparsedPublicKey::new(&ED25519, self.0.public_key().as_ref());
        public.verify(&bytes, &signature).map_err(|_| NotATicket::Forged)?;
        Ok(facts)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKeyJson {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)));
        PublicKeyJson { kty: "OKP", crv: "Ed25519", x, alg: "EdDSA", used_for: "sig", kid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::{BookingId, SeatId, ShowId};
    use uuid::Uuid;

    fn facts() -> TicketFacts {
        TicketFacts {
            show: ShowId::new("demo").unwrap(),
            booking: BookingId(Uuid::from_u128(7)),
            seat: SeatId::new("A-1").unwrap(),
            issue: 0,
            transfers: 1,
            exchange: 2,
        }
    }

    fn key(byte: u8) -> TicketKey {
        TicketKey::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_code_is_read_by_the_key_that_signed_it_and_by_no_other() {
        let code = key(1).sign(&facts());
        assert_eq!(code, key(1).sign(&facts()));
        assert_eq!((code.len(), code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())), (148, true), "{code}");
        assert_eq!(key(1).read(&code), Ok(facts()));
        assert_eq!(key(1).read(&code.to_lowercase()), Ok(facts()));
        assert_eq!(key(1).read(&format!("{} {}\n", &code[..70], &code[70..])), Ok(facts()));
        assert_eq!(key(2).read(&code), Err(NotATicket::Forged));
    }

    #[test]
    fn no_letter_of_a_code_can_be_changed() {
        let code = key(1).sign(&facts());
        for place in 0..code.len() {
            let mut changed = code.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(key(1).read(str::from_utf8(&changed).unwrap()).is_err(), "letter {place}");
            assert!(key(1).read(&code[..place]).is_err(), "cut at {place}");
        }
        for text in ["", "A", "nonsense!", "ÄÖÜ", &"A".repeat(500)] {
            assert_eq!(key(1).read(text), Err(NotATicket::Malformed), "{text}");
        }
    }

    /// The key pair of RFC 8032, and of RFC 8037's example.
    #[test]
    fn the_public_half_is_that_of_the_seed() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap()).collect();
        let public = TicketKey::new(&seed).unwrap().public();
        assert_eq!(public.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(public.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(TicketKey::new(&seed[1..]).is_err());
    }
}
