//! The buyers of a load, each with a token: guests of one address are bounded, and the load comes from
//! one address.

use crate::auth::{Auth, Role};
use crate::config::Config;
use crate::wiring::chosen::{SystemClock, random_number};
use crate::wiring::key_file::{self, Key};
use lastseat_domain::BuyerId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Tokens of a run outlive it, but not for long.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Makes tokens with the key of the server's data directory.
pub struct Tokens(Auth);

impl Tokens {
    /// Reads the key.
    ///
    /// # Errors
    /// Why that can't be, in words.
    pub fn read(config: &Config) -> Result<Self, String> {
        let file = config.token_key_file();
        match key_file::read(Key::Token, &file) {
            Ok(Some(key)) => Ok(Self(Auth::new(&key))),
            Ok(None) => Err(format!("there is no key {} (name the server's data directory with --data)", file.display())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A token of somebody.
    ///
    /// # Errors
    /// A name that no buyer can have.
    pub fn of(&self, name: &str, role: Role) -> Result<String, String> {
        let name = BuyerId::new(name).map_err(|error| error.to_string())?;
        Ok(self.0.mint(&name, role, TOKEN_LIFE, &SystemClock))
    }
}

/// One buyer after the other.
pub struct Buyers {
    /// None if the key can't be read: all are guests then.
    tokens: Option<Tokens>,
    run: u64,
    next: AtomicU64,
}

impl Buyers {
    /// With names that no earlier run has used.
    #[must_use]
    pub fn new(tokens: Option<Tokens>) -> Self {
        let run = random_number();
        Self { tokens, run, next: AtomicU64::new(0) }
    }

    /// The token of the next buyer.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        let tokens = self.tokens.as_ref()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        tokens.of(&format!("load-{:x}-{number}", self.run), Role::Buyer).ok()
    }

    /// What to tell about buyers who are guests.
    #[must_use]
    pub fn note(tokens: &Result<Tokens, String>) -> Option<String> {
        let why = tokens.as_ref().err()?;
        Some(format!("the buyers were guests, whom the server bounds by address: {why}"))
    }
}
