//! What a hold shows to buy from blocks: a channel, an access code, or both.

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::limits::{Client, Guess};
use crate::problem::{Code, Problem};
use crate::routes::bookings::buyer;
use lastseat_domain::block::{Access, TILL};
use lastseat_domain::{AccessCodeHash, BuyerId, ChannelId, Rejection, ShowId};
use lastseat_engine::CommandError;

/// Shortest and longest access code. A code is worth as much as what it opens, so it must not be guessed.
const CODE_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

/// As it was sent.
#[derive(Debug, Default)]
pub struct Shown {
    pub channel: Option<String>,
    pub access_code: Option<String>,
}

impl Shown {
    /// # Errors
    /// 422 for what can't be a channel or a code, 401 or 403 for the till without a role that sells there.
    pub fn into_access(self, app: &App, show: &ShowId, caller: &Caller) -> Result<Access, Problem> {
        let channel = self.channel.map(|channel| channel_id(&channel)).transpose()?;
        if channel.as_ref().is_some_and(|channel| channel.as_str() == TILL) {
            caller.needs(Permission::HoldForBuyers)?;
        }
        let code = self.access_code.map(|code| access_code(app, show, &code)).transpose()?;
        Ok(Access { channel, code, ..Access::default() })
    }
}

/// Whether it is sold at the till.
pub fn is_till(access: &Access) -> bool {
    access.channel.as_ref().is_some_and(|channel| channel.as_str() == TILL)
}

/// The buyer that staff name, and the access of their hold: who sells for a named buyer does so at the till.
///
/// # Errors
/// 401 or 403 without a role that sells there, 422 for what can't be a buyer, or for another channel.
pub fn at_till(buyer: Option<String>, access: Access, caller: &Caller) -> Result<(Option<BuyerId>, Access), Problem> {
    let Some(buyer) = buyer else { return Ok((None, access)) };
    caller.needs(Permission::HoldForBuyers)?;
    let buyer = buyer::account(&buyer)?;
    if access.channel.is_some() && !is_till(&access) {
        let detail = "A hold for a named `buyer` is sold at the till. Leave `channel` out.";
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", "channel"));
    }
    let channel = Some(channel_id(TILL)?);
    Ok((Some(buyer), Access { channel, ..access }))
}

/// Counts a code against its sender. Keep the guess until the hold is decided.
///
/// # Errors
/// 429.
pub fn guess(app: &App, access: &Access, caller: &Caller, client: Client) -> Result<Option<Guess>, Problem> {
    if access.code.is_none() {
        return Ok(None);
    }
    guess_of(app, caller, client).map(Some)
}

/// Likewise any code that opens or is worth something.
///
/// # Errors
/// 429.
pub fn guess_of(app: &App, caller: &Caller, client: Client) -> Result<Guess, Problem> {
    let sender = match caller {
        Caller::Token { .. } => caller.scope(),
        Caller::Guest | Caller::Booking(_) => format!("{client:?}"),
    };
    app.limits().guess(sender, app.now(), app.metrics())
}

/// The hold was decided.
pub fn decided<T>(guess: Option<Guess>, held: &Result<T, CommandError>) {
    let is_wrong = matches!(held, Err(CommandError::Rejected(Rejection::NoSuchAccess)));
    if let (true, Some(guess)) = (is_wrong, guess) {
        guess.was_wrong();
    }
}

/// The hash under which the log knows a code of this show.
///
/// # Errors
/// 422 for what can't be a code.
pub fn access_code(app: &App, show: &ShowId, code: &str) -> Result<AccessCodeHash, Problem> {
    if CODE_BYTES.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(app.parts().auth.access_code_hash(show, code));
    }
    let detail = "`access_code` must be 8 to 128 visible ASCII characters without spaces.";
    Err(Problem::new(Code::InvalidRequest, detail).fact("field", "access_code"))
}

/// # Errors
/// 422 for what can't be a channel.
pub fn channel_id(text: &str) -> Result<ChannelId, Problem> {
    ChannelId::new(text).map_err(|rule| {
        Problem::new(Code::InvalidRequest, format!("`channel` is not a channel: {rule}.")).fact("field", "channel")
    })
}
