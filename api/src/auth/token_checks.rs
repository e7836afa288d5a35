//! What is checked of every JWT, no matter who signed it.

use crate::problem::{Code, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastseat_domain::Timestamp;
use serde_json::{Map, Value};

/// How far the clock of the token's maker may be from ours, in seconds.
const SKEW: i64 = 30;

/// When a token is valid, in seconds since 1970.
pub(super) struct Validity {
    pub exp: i64,
    pub nbf: Option<i64>,
    pub iat: Option<i64>,
}

impl Validity {
    /// Compares with our clock.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Problem> {
        let now = now.timestamp();
        if self.exp.saturating_add(SKEW) <= now {
            return Err(Problem::token_refused(Code::TokenExpired, "The token has expired. Get a new one."));
        }
        let in_future = |claim: Option<i64>| claim.is_some_and(|at| at.saturating_sub(SKEW) > now);
        if in_future(self.iat) {
            let detail = "The token was made in the future: see its claim `iat`. Set the clock of the machine that makes tokens.";
            return Err(Problem::token_refused(Code::InvalidToken, detail));
        }
        if in_future(self.nbf) {
            let detail = "The token is not valid yet: its claim `nbf` is in the future. Wait until then, or get a new token.";
            return Err(Problem::token_refused(Code::InvalidToken, detail));
        }
        Ok(())
    }
}

/// A token's header, if it can be read.
pub(super) fn header(token: &str) -> Option<Map<String, Value>> {
    let json = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Refuses a header with `crit`: extensions that its reader must understand (RFC 7515). A header that can't be read
/// counts as one.
pub(super) fn refuse_extensions(header: Option<&Map<String, Value>>) -> Result<(), Problem> {
    if header.is_none_or(|members| members.contains_key("crit")) {
        let detail = "The token's header names extensions (`crit`), and this server knows none. Get a token without them.";
        return Err(Problem::token_refused(Code::InvalidToken, detail));
    }
    Ok(())
}
