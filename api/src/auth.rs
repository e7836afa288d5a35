//! Who is asking: nobody in particular, the bearer of a token of ours, or the bearer of a booking's
//! own token.

mod booking_token;
mod jwt;

pub use jwt::Role;

use crate::problem::{Code, Problem};
use booking_token::BookingTokens;
use hmac::Hmac;
use hmac::digest::{Key, KeyInit};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use jwt::Jwt;
use lastseat_domain::ports::Clock;
use lastseat_domain::{BookingId, BuyerId, Timestamp};
use sha2::{Digest, Sha256};
use std::time::Duration;

type HmacSha256 = Hmac<Sha256>;

/// Makes and checks tokens.
pub struct Auth {
    jwt: Jwt,
    bookings: BookingTokens,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No token was sent.
    Guest,
    /// A token of ours was sent.
    Token {
        /// Whose.
        sub: BuyerId,
        /// What it allows.
        role: Role,
    },
    /// The token of this booking was sent.
    Booking(BookingId),
}

impl Auth {
    /// Tokens of this secret are good. Its length is the caller's care: 32 random bytes do.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { jwt: Jwt::new(secret), bookings: BookingTokens::new(secret) }
    }

    /// A token for `sub` in a role, good for `ttl` from now.
    #[must_use]
    pub fn mint(&self, sub: &BuyerId, role: Role, ttl: Duration, clock: &dyn Clock) -> String {
        self.jwt.mint(sub, role, clock.now(), ttl)
    }

    /// The booking's own token: whoever has it may see, pay and cancel the booking. The same
    /// booking always has the same token, so that the repeat of a hold can be answered as the first.
    #[must_use]
    pub fn booking_token(&self, booking: BookingId) -> String {
        self.bookings.make(booking)
    }

    /// The booking that a caller (`scope`) asks for under an idempotency key: always the same for
    /// the same, and not to be foreseen by the caller.
    #[must_use]
    pub fn booking_for_key(&self, scope: &str, key: &str) -> BookingId {
        self.bookings.named(scope, key)
    }

    /// Who sent a request with these headers.
    ///
    /// # Errors
    /// A 401 if a token was sent that is not good, even where none is needed: whoever sends one
    /// means to be somebody.
    pub fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = sent.next() else { return Ok(Caller::Guest) };
        if sent.next().is_some() {
            return Err(refuse(Code::InvalidToken, "Send one Authorization header, not several."));
        }
        let token = bearer(value)?;
        if token.starts_with(booking_token::PREFIX) {
            return self
                .bookings
                .check(token)
                .map(Caller::Booking)
                .ok_or_else(|| refuse(Code::InvalidToken, "This is not a booking's token of this server."));
        }
        let (sub, role) = self.jwt.check(token, now)?;
        Ok(Caller::Token { sub, role })
    }
}

fn bearer(value: &HeaderValue) -> Result<&str, Problem> {
    let text = value.to_str().map_err(|_| refuse(Code::InvalidToken, "The Authorization header is not ASCII."))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(refuse(Code::InvalidToken, "The Authorization header must read `Bearer` and the token.")),
    }
}

/// A 401 with its challenge (RFC 6750).
fn refuse(code: Code, detail: &'static str) -> Problem {
    let challenge = match code {
        Code::TokenExpired => "Bearer realm=\"lastseat\", error=\"invalid_token\", error_description=\"token expired\"",
        _ => "Bearer realm=\"lastseat\", error=\"invalid_token\"",
    };
    Problem::new(code, detail).header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// An HMAC with a key of any length, as RFC 2104 has it: one too long for a block is hashed first.
fn hmac(key: &[u8]) -> HmacSha256 {
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

impl Caller {
    /// What tells this caller's idempotency keys from another's.
    #[must_use]
    pub fn scope(&self) -> String {
        match self {
            Self::Guest => "guest".to_owned(),
            Self::Token { sub, .. } => format!("sub:{sub}"),
            Self::Booking(booking) => format!("booking:{booking}"),
        }
    }

    /// The name that goes into the log.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Guest => "guest".to_owned(),
            Self::Token { sub, .. } => sub.as_str().to_owned(),
            Self::Booking(booking) => format!("booking:{booking}"),
        }
    }

    /// Whether this is an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Token { role: Role::Admin, .. })
    }

    /// Refuses whoever has not that role.
    ///
    /// # Errors
    /// 401 without a token, 403 with another role.
    pub fn needs(&self, needed: Role) -> Result<(), Problem> {
        match self {
            Self::Guest => Err(Problem::authentication_required()),
            Self::Token { role, .. } if *role == needed => Ok(()),
            Self::Token { role, .. } => Err(forbidden(needed, role.name())),
            Self::Booking(_) => Err(forbidden(needed, "booking")),
        }
    }
}

fn forbidden(needed: Role, have: &str) -> Problem {
    let needed = needed.name();
    Problem::new(Code::Forbidden, format!("This needs a token with the role `{needed}`; yours is `{have}`."))
        .fact("needed_role", needed)
        .fact("role", have)
}

#[cfg(test)]
mod tests;
