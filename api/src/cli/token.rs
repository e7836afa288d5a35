//! `lastseat token`: mints a token and prints it, alone, so that it can be put into a variable.

use super::terminal::{complain, say};
use crate::auth::{Auth, OIDC_PREFIX, Role};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit;
use crate::wiring::chosen::SystemClock;
use crate::wiring::key_file::{self, Key};
use lastseat_domain::BuyerId;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  curl -H \"authorization: Bearer $(lastseat token --sub ann --role admin)\" http://127.0.0.1:8080/v1/shows

The token is signed with token.key of the data directory, which is made on first use.")]
pub struct Token {
    /// Whom it is for: the buyer's id, or a name of who it is
    #[arg(long, value_name = "NAME", value_parser = subject)]
    sub: BuyerId,
    /// What it allows: buyer (buy, see one's own), staff (sell, cancel and refund for buyers, lists), manager (also run
    /// shows), auditor (read everything), admin (everything)
    #[arg(long, value_enum, hide_possible_values = true)]
    role: RoleName,
    /// How long it is good for, such as 90s, 15m, 24h or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = life)]
    ttl: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RoleName {
    /// Buy, and see one's own bookings and rewards
    Buyer,
    /// Hold for buyers; read, cancel and refund any booking
    Staff,
    /// Everything that staff does, and run shows
    Manager,
    /// Read everything, change nothing
    Auditor,
    /// Everything
    Admin,
}

fn subject(text: &str) -> Result<BuyerId, String> {
    let buyer = BuyerId::new(text).map_err(|error| error.to_string())?;
    if buyer.is_guest() {
        return Err("`guest:` is for bookings made without a token".into());
    }
    if buyer.is_account() {
        return Err("`account:` is for those who sign in with a password".into());
    }
    if text.starts_with(OIDC_PREFIX) {
        return Err("`oidc:` is for those who sign in at the OpenID provider".into());
    }
    Ok(buyer)
}

/// A number with a unit.
fn life(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a number with a unit, such as 90s, 15m, 24h or 7d, from 1s to 3650d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        Some("d") => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
    if (1..=3650 * 86_400).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

/// Mints a token.
pub fn run(args: &Token, config: &Config) -> ExitCode {
    let role = match args.role {
        RoleName::Buyer => Role::Buyer,
        RoleName::Staff => Role::Staff,
        RoleName::Manager => Role::Manager,
        RoleName::Auditor => Role::Auditor,
        RoleName::Admin => Role::Admin,
    };
    let minted = DataDir::prepare(&config.data).map_err(|error| error.to_string()).and_then(|_| {
        let key = key_file::read_or_create(Key::Token, &config.token_key_file()).map_err(|error| error.to_string())?;
        Ok::<_, String>(Auth::new(&key).mint(&args.sub, role, args.ttl, &SystemClock))
    });
    match minted {
        Ok(token) => {
            say(&token);
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            exit::USAGE.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(life("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(life("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "h", "24", "0s", "-1h", "1.5h", "1w", "99999999999999999999d", "4000d"] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn subjects_are_buyers_but_no_guests() {
        assert!(subject("ann").is_ok());
        for wrong in ["", "two words", "guest:1", "account:1", "oidc:1"] {
            assert!(subject(wrong).is_err(), "{wrong}");
        }
    }
}
