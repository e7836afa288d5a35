//! Tokens of people and programs: JWTs, signed with HS256 and nothing else.

use super::hmac_key::{HmacSha256, hmac};
use super::oidc;
use super::role::Role;
use super::token_checks::{self, Validity};
use crate::problem::{Code, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lastseat_domain::{BuyerId, Timestamp};
use serde::Deserialize;
use std::time::Duration;

const ISSUER: &str = "lastseat";

#[derive(Deserialize)]
struct Claims {
    sub: BuyerId,
    role: Role,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
}

pub(super) struct Jwt {
    signer: HmacSha256,
    key: DecodingKey,
    validation: Validation,
}

impl Jwt {
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The library would compare with the machine's clock; `check` compares with our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { signer: hmac(secret), key: DecodingKey::from_secret(secret), validation }
    }

    /// Signed here because the library's way can fail; the tests check it with the library.
    pub(super) fn mint(&self, sub: &BuyerId, role: Role, now: Timestamp, ttl: Duration) -> String {
        let iat = now.timestamp();
        let exp = iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        let header = serde_json::json!({"alg": "HS256", "typ": "JWT"}).to_string();
        let claims =
            serde_json::json!({"iss": ISSUER, "sub": sub.as_str(), "role": role.name(), "iat": iat, "exp": exp}).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signer.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<(BuyerId, Role), Problem> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| Problem::token_refused(Code::InvalidToken, why(error.kind())))?
            .claims;
        token_checks::refuse_extensions(token_checks::header(token).as_ref())?;
        Validity { exp: claims.exp, nbf: claims.nbf, iat: claims.iat }.check(now)?;
        // The buyer id of a guest's booking: its bearer would be that guest.
        if claims.sub.is_guest() {
            let detail = "The claim `sub` must not begin with `guest:`, which is reserved for bookings without an account. Get \
                          a token with another subject; for a guest's booking send the booking's own token.";
            return Err(Problem::token_refused(Code::InvalidToken, detail));
        }
        // Only a session proves an account, and only as long as it lasts.
        if claims.sub.is_account() {
            let detail = "The claim `sub` must not begin with `account:`, which is reserved for those who sign in here. Get a token with \
                          another subject, or sign in with POST /v1/sessions.";
            return Err(Problem::token_refused(Code::InvalidToken, detail));
        }
        if claims.sub.as_str().starts_with(oidc::PREFIX) {
            let detail = "The claim `sub` must not begin with `oidc:`, which is reserved for those who sign in at the OpenID provider. \
                          Get a token with another subject.";
            return Err(Problem::token_refused(Code::InvalidToken, detail));
        }
        Ok((claims.sub, claims.role))
    }
}

/// Says to an honest caller what to correct, and to an attacker nothing.
fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidSignature => "The token was not signed with this server's key. Get a token from this server.",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            "The token must be signed with HS256. Get a token from this server."
        }
        ErrorKind::InvalidIssuer => "The claim `iss` of the token must be `lastseat`. Get a token from this server.",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            "The token must have the claims iss, sub, role and exp."
        }
        ErrorKind::Json(_) => "The token must be a JWT signed with HS256, with the claims iss, sub, role and exp.",
        _ => "This is not a token of this server. Get one from this server, or send the booking's own token.",
    }
}
