//! Tokens of an OpenID provider: callers who sign in elsewhere, checked with the keys that the provider publishes.
//!
//! A key has one algorithm, and a token can't choose another ([`keys`]). The keys are read at the start, from time to
//! time, and when a token names one that is not known, but not often ([`provider`]). A check takes them without a lock.
//!
//! The buyer is a hash of issuer and subject under a prefix of its own, so that no subject of the provider is one of
//! this server's tokens, whose `sub` must not have the prefix, and the log knows nobody's account.

mod documents;
mod keys;
mod provider;
mod role_rules;

pub use documents::is_safe;
pub use role_rules::RoleRule;

use super::role::Role;
use super::token_checks::{self, Validity};
use crate::problem::{Code, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use keys::{Found, Keys};
use lastseat_domain::{BuyerId, Timestamp};
use provider::Provider;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the buyer ids of a provider's subjects begin with. No other token may have such a subject.
pub const PREFIX: &str = "oidc:";

/// The kinds of tokens that identify a caller, in the header `typ`. A logout token, say, has the same issuer and audience.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// Whose tokens are accepted, and what they mean.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The provider, as the claim `iss` names it.
    pub issuer: String,
    /// What the claim `aud` must have.
    pub audience: String,
    /// The claim that has roles or groups; dots lead into objects.
    pub role_claim: String,
    /// The first that fits counts; a token that fits none is a buyer's.
    pub roles: Vec<RoleRule>,
}

/// Checks the tokens of one provider.
pub struct Oidc {
    settings: OidcSettings,
    provider: Arc<Provider>,
}

/// Why a token was not accepted.
pub(super) enum Refusal {
    Refused(Problem),
    /// The provider may have the key by now.
    UnknownKey(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Oidc {
    /// Without keys yet: see [`Self::read_keys`].
    ///
    /// # Errors
    /// If this program can't do TLS.
    pub fn new(settings: OidcSettings) -> Result<Self, String> {
        let provider = Arc::new(Provider::new(settings.issuer.clone())?);
        Ok(Self { settings, provider })
    }

    /// Reads the provider's keys. They stay as they are if that fails.
    ///
    /// # Errors
    /// Why it failed, as one line.
    pub async fn read_keys(&self) -> Result<(), String> {
        self.provider.read().await
    }

    /// Reads them again and again until `shutdown`.
    pub fn follow_keys(&self, shutdown: CancellationToken) {
        tokio::spawn(Arc::clone(&self.provider).follow(shutdown));
    }

    /// Reads them because a token names one that is not known, unless that was done lately. Returns whether they were read.
    pub(super) async fn read_keys_for_a_token(&self) -> bool {
        self.provider.read_for_a_token().await
    }

    /// What is wrong with the keys, as one line for operators.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.provider.trouble()
    }

    /// Whether a token says that it is signed as a provider signs, which this server's own tokens never are.
    pub(super) fn is_addressed(header: &Map<String, Value>) -> bool {
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        ["RS256", "ES256", "EdDSA"].contains(&algorithm)
    }

    /// The buyer and the role of a token's bearer.
    pub(super) fn check(&self, token: &str, header: &Map<String, Value>, now: Timestamp) -> Result<(BuyerId, Role), Refusal> {
        token_checks::refuse_extensions(Some(header))?;
        check_type(header)?;
        let keys: Arc<Keys> = self.provider.keys();
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str()),
            Some(_) => return Err(refused("The header `kid` of the token is no text. Get another token.").into()),
        };
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let key = match keys.find(kid, algorithm) {
            Found::Key(key) => key,
            Found::OtherAlgorithm => {
                return Err(refused("The token is signed by another algorithm than its key is for. Get another token.").into());
            }
            Found::Ambiguous => {
                return Err(refused("The token does not say which key signed it. Its header must have `kid`.").into());
            }
            Found::Unknown => return Err(Refusal::UnknownKey(self.without_key(&keys))),
        };
        let claims = jsonwebtoken::decode::<Claims>(token, &key.key, &self.validation(key.algorithm))
            .map_err(|error| refused(self.why(error.kind())))?
            .claims;
        Validity { exp: claims.exp, nbf: claims.nbf, iat: claims.iat }.check(now)?;
        let role = role_rules::role_of(&claims.others, &self.settings.role_claim, &self.settings.roles);
        Ok((self.buyer(&claims.sub)?, role))
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would compare with the machine's clock; `Validity` compares with ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    /// A line break is in no issuer, so issuer and subject can't be cut in two ways.
    fn buyer(&self, subject: &str) -> Result<BuyerId, Problem> {
        let unusable = || refused("The claim `sub` of the token is empty. Get another token.");
        if subject.is_empty() {
            return Err(unusable());
        }
        let hash = Sha256::new().chain_update(&self.settings.issuer).chain_update(b"\n").chain_update(subject).finalize();
        BuyerId::new(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(hash))).map_err(|_| unusable())
    }

    /// A provider that never answered may have any key: the token is not refused for good then.
    fn without_key(&self, keys: &Keys) -> Problem {
        if keys.is_empty() {
            let detail = "The token can't be checked: the keys of its issuer can't be read at the moment. Send the same request \
                          again later.";
            return Problem::new(Code::Unavailable, detail).retry_after(provider::PAUSE);
        }
        refused(format!("The issuer {} has no such key. Get a new token from it.", self.settings.issuer))
    }

    /// Says to an honest caller what to correct, and to an attacker nothing.
    fn why(&self, kind: &ErrorKind) -> String {
        let OidcSettings { issuer, audience, .. } = &self.settings;
        match kind {
            ErrorKind::InvalidSignature => "The token's signature is not by the key that it names. Get another token.".to_owned(),
            ErrorKind::InvalidIssuer => format!("The claim `iss` of the token must be `{issuer}`."),
            ErrorKind::InvalidAudience => format!("The claim `aud` of the token must have `{audience}`. Ask for a token for it."),
            _ => "The token must be a signed JWT with the claims iss, aud, sub and exp.".to_owned(),
        }
    }
}

fn check_type(header: &Map<String, Value>) -> Result<(), Problem> {
    let fits = |typ: &Value| typ.as_str().is_some_and(|typ| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known)));
    if header.get("typ").is_none_or(fits) {
        return Ok(());
    }
    Err(refused("The token is of another kind (`typ`) than those that identify a caller. Send an access token or an ID token."))
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::token_refused(Code::InvalidToken, detail.into())
}
