//! The signature of a message: an HMAC of its id, its time and its body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Bytes that a secret may have, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that nobody can sign with. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret must be whsec_ and the base64 of 24 to 64 random bytes")]
pub struct InvalidSecret;

/// Signs with one secret, or with several while one replaces another.
#[derive(Clone)]
pub struct Signer(Vec<Hmac<Sha256>>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} secrets)", self.0.len())
    }
}

impl Signer {
    /// # Errors
    /// [`InvalidSecret`] if there is none, or one of them is not as the specification has it.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidSecret> {
        let key = |secret: &str| {
            let bytes = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
            let bytes = bytes.filter(|bytes| BYTES.contains(&bytes.len())).ok_or(InvalidSecret)?;
            Hmac::new_from_slice(&bytes).map_err(|_| InvalidSecret)
        };
        let keys = secrets.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(InvalidSecret) } else { Ok(Self(keys)) }
    }

    /// The value of `webhook-signature`: one signature of each secret.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let signed = format!("{id}.{seconds}.{body}");
        let one = |key: &Hmac<Sha256>| {
            let mac = key.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(mac))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn a_known_message_has_the_known_signature() {
        let signer = Signer::new([SECRET]).unwrap();
        assert_eq!(signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, BODY), SIGNED);
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let other = format!("{PREFIX}{}", STANDARD.encode([7; 32]));
        let both = Signer::new([SECRET, &other]).unwrap().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, BODY);
        let signatures: Vec<String> = both.split(' ').map(str::to_owned).collect();
        assert_eq!((signatures.len(), signatures.first().map(String::as_str)), (2, Some(SIGNED)));
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        let short = format!("{PREFIX}{}", STANDARD.encode([7; 23]));
        let long = format!("{PREFIX}{}", STANDARD.encode([7; 65]));
        for secret in ["", PREFIX, "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &short, &long] {
            assert_eq!(Signer::new([secret]).err(), Some(InvalidSecret), "{secret}");
        }
        assert_eq!(Signer::new([]).err(), Some(InvalidSecret));
    }
}
