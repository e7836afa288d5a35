//! Who sent a request: a guest without a token, the bearer of a JWT of this server or of an OpenID provider, or the bearer
//! of a booking's token.

mod booking_token;
mod hmac_key;
mod jwt;
mod oidc;
mod role;
mod token_checks;
mod voucher_codes;

pub use booking_token::challenge_secret;
pub use oidc::{Oidc, OidcSettings, PREFIX as OIDC_PREFIX, RoleRule, is_safe};
pub use role::{Permission, Role};
pub use voucher_codes::VoucherKeys;

use crate::problem::{Code, Problem};
use booking_token::BookingTokens;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jwt::Jwt;
use lastseat_domain::ports::Clock;
use lastseat_domain::{AccessCodeHash, BlockId, BookingId, BuyerId, CampaignId, CommandId, ShowId, Timestamp};
use oidc::Refusal;
use std::sync::Arc;
use std::time::Duration;

/// Makes and checks tokens.
pub struct Auth {
    jwt: Jwt,
    bookings: BookingTokens,
    vouchers: VoucherKeys,
    oidc: Option<Arc<Oidc>>,
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No token was sent.
    Guest,
    /// A JWT was sent.
    Token { sub: BuyerId, role: Role },
    /// The token of this booking was sent.
    Booking(BookingId),
}

impl Auth {
    /// Signs and checks with this secret. It should have 32 random bytes or more.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { jwt: Jwt::new(secret), bookings: BookingTokens::new(secret), vouchers: VoucherKeys::new(secret), oidc: None }
    }

    /// Accepts the tokens of an OpenID provider, too.
    #[must_use]
    pub fn accepting(self, oidc: Option<Arc<Oidc>>) -> Self {
        Self { oidc, ..self }
    }

    /// What is wrong with the provider's keys, as one line for operators.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.oidc.as_ref()?.trouble()
    }

    /// A JWT that is valid for `ttl` from now.
    #[must_use]
    pub fn mint(&self, sub: &BuyerId, role: Role, ttl: Duration, clock: &dyn Clock) -> String {
        self.jwt.mint(sub, role, clock.now(), ttl)
    }

    /// The booking's token. Its bearer may see, pay and cancel the booking. A booking always gets the
    /// same token, so that a repeated hold gets the first answer again.
    #[must_use]
    pub fn booking_token(&self, booking: BookingId) -> String {
        self.bookings.make(booking)
    }

    /// The booking whose token this is.
    #[must_use]
    pub fn booking_of_token(&self, token: &str) -> Option<BookingId> {
        self.bookings.check(token)
    }

    /// The booking id of a caller (`scope`) and an idempotency key: always the same for the same two,
    /// and not predictable by the caller.
    #[must_use]
    pub fn booking_for_key(&self, scope: &str, key: &str) -> BookingId {
        self.bookings.id_for_key(scope, key)
    }

    /// The block id of a caller (`scope`) and an idempotency key, likewise.
    #[must_use]
    pub fn block_for_key(&self, scope: &str, key: &str) -> BlockId {
        BlockId(self.bookings.id_for_key(&format!("block|{scope}"), key).0)
    }

    /// The campaign id of a caller (`scope`) and an idempotency key, likewise.
    #[must_use]
    pub fn campaign_for_key(&self, scope: &str, key: &str) -> CampaignId {
        CampaignId(self.bookings.id_for_key(&format!("campaign|{scope}"), key).0)
    }

    /// The codes of vouchers.
    #[must_use]
    pub fn vouchers(&self) -> &VoucherKeys {
        &self.vouchers
    }

    /// What the log keeps of an access code of this show. It depends on the secret: a reader of the log must not be
    /// able to try codes on it.
    #[must_use]
    pub fn access_code_hash(&self, show: &ShowId, code: &str) -> AccessCodeHash {
        self.bookings.access_code_hash(show, code)
    }

    /// The id of a command that carries an idempotency key, from the hashes of the request and of its
    /// body: always the same for the same two, and not predictable by the caller.
    #[must_use]
    pub fn command_for_request(&self, slot: &[u8; 32], body: &[u8; 32]) -> CommandId {
        self.bookings.command_for_request(slot, body)
    }

    /// Who sent a request with these headers, if that can be said at once.
    ///
    /// # Errors
    /// 401 if a token was sent that is not valid, even where none is needed: the caller believes to be
    /// signed in. 503 while the keys of its issuer are not known.
    pub fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        self.recognise(headers, now).map_err(|(Refusal::Refused(problem) | Refusal::UnknownKey(problem))| problem)
    }

    /// Who sent a request with these headers. If its token names a key that is not known, the issuer's keys are read again,
    /// but not often.
    ///
    /// # Errors
    /// Those of [`Self::caller`].
    pub async fn caller_by_fresh_keys(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        match (self.recognise(headers, now), &self.oidc) {
            (Err(Refusal::UnknownKey(problem)), Some(oidc)) => {
                if oidc.read_keys_for_a_token().await {
                    self.caller(headers, now)
                } else {
                    Err(problem)
                }
            }
            (Err(Refusal::Refused(problem) | Refusal::UnknownKey(problem)), _) => Err(problem),
            (Ok(caller), _) => Ok(caller),
        }
    }

    fn recognise(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Refusal> {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = sent.next() else { return Ok(Caller::Guest) };
        if sent.next().is_some() {
            return Err(Problem::token_refused(Code::InvalidToken, "Send one Authorization header, not several.").into());
        }
        let token = bearer(value)?;
        if token.starts_with(booking_token::PREFIX) {
            return self.bookings.check(token).map(Caller::Booking).ok_or_else(|| {
                Refusal::from(Problem::token_refused(
                    Code::InvalidToken,
                    "This server did not issue this booking token. Copy the whole token from the answer that opened the booking.",
                ))
            });
        }
        let (sub, role) = match &self.oidc {
            None => self.jwt.check(token, now)?,
            Some(oidc) => match token_checks::header(token).filter(Oidc::is_addressed) {
                Some(header) => oidc.check(token, &header, now)?,
                None => self.jwt.check(token, now)?,
            },
        };
        Ok(Caller::Token { sub, role })
    }
}

fn bearer(value: &HeaderValue) -> Result<&str, Problem> {
    let text = value.to_str().map_err(|_| {
        Problem::token_refused(
            Code::InvalidToken,
            "The Authorization header is not ASCII. Send `Authorization: Bearer` and the token.",
        )
    })?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Problem::token_refused(
            Code::InvalidToken,
            "The Authorization header is malformed. Send `Authorization: Bearer` and the token.",
        )),
    }
}

impl Caller {
    /// What separates this caller's idempotency keys and limits from another's.
    #[must_use]
    pub fn scope(&self) -> String {
        match self {
            Self::Guest => "guest".to_owned(),
            Self::Token { sub, .. } => Self::scope_of(sub),
            Self::Booking(booking) => format!("booking:{booking}"),
        }
    }

    /// The scope of a buyer with a token of its own.
    #[must_use]
    pub fn scope_of(buyer: &BuyerId) -> String {
        format!("sub:{buyer}")
    }

    /// The actor that the log records.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Guest => "guest".to_owned(),
            Self::Token { sub, .. } => sub.as_str().to_owned(),
            Self::Booking(booking) => format!("booking:{booking}"),
        }
    }

    /// Whether the caller's role has a permission.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        matches!(self, Self::Token { role, .. } if permission.is_of(*role))
    }

    /// Requires a role that has a permission.
    ///
    /// # Errors
    /// 401 without a token, 403 with another role.
    pub fn needs(&self, permission: Permission) -> Result<(), Problem> {
        match self {
            Self::Guest => Err(Problem::authentication_required()),
            Self::Token { role, .. } if permission.is_of(*role) => Ok(()),
            Self::Token { role, .. } => Err(forbidden(permission, role.name())),
            Self::Booking(_) => Err(forbidden(permission, "booking")),
        }
    }
}

fn forbidden(permission: Permission, have: &str) -> Problem {
    let (roles, one_of) = (permission.roles(), role::one_of(permission.roles()));
    Problem::new(
        Code::Forbidden,
        format!("This needs a token with the role {one_of}; the role of yours is `{have}`. Ask the operator for one."),
    )
    .fact("needed_role", roles.first())
    .fact("needed_roles", roles)
    .fact("role", have)
}

#[cfg(test)]
mod tests;
