//! Which passwords are taken: long ones that are not the first to be guessed (NIST SP 800-63B). No rule about what they are made
//! of, and none that makes people change them: those only lead to worse ones.

use super::EmailAddress;
use std::fmt;
use std::sync::Arc;

/// Least characters.
pub const MIN_PASSWORD: usize = 10;
/// Most characters: passphrases fit, and hashing stays as expensive as it is meant to be.
pub const MAX_PASSWORD: usize = 256;

/// Some of those that are guessed first and are long enough.
const COMMON: [&str; 40] = [
    "1234567890",
    "0123456789",
    "0987654321",
    "9876543210",
    "1122334455",
    "12345678910",
    "123456789a",
    "a123456789",
    "1q2w3e4r5t",
    "q1w2e3r4t5",
    "1qaz2wsx3edc",
    "qwertyuiop",
    "qwerty12345",
    "qwerty123456",
    "asdfghjkl1",
    "asdfghjkl;",
    "qwertzuiop",
    "azertyuiop",
    "password12",
    "password123",
    "password1234",
    "passw0rd123",
    "p@ssw0rd123",
    "mypassword",
    "changeme123",
    "letmein123",
    "welcome123",
    "administrator",
    "admin12345",
    "iloveyou12",
    "iloveyou123",
    "football123",
    "basketball",
    "princess123",
    "sunshine123",
    "superman123",
    "dragon12345",
    "baseball123",
    "whatever123",
    "trustno1234",
];

/// Why a password is refused. `Display` says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It is too short.
    #[error("must have at least {MIN_PASSWORD} characters")]
    TooShort,
    /// It is too long.
    #[error("must have at most {MAX_PASSWORD} characters")]
    TooLong,
    /// Many people have it, or it repeats one character.
    #[error("is one of the first that somebody would try; choose another, such as four random words")]
    Common,
    /// It is in the e-mail address, or the other way round.
    #[error("must not be the e-mail address or a part of it")]
    LikeEmail,
}

/// Checks a password that somebody wants to have.
///
/// # Errors
/// [`WeakPassword`].
pub fn check_password(password: &str, email: &EmailAddress) -> Result<(), WeakPassword> {
    match password.chars().count() {
        ..MIN_PASSWORD => return Err(WeakPassword::TooShort),
        MIN_PASSWORD..=MAX_PASSWORD => {}
        _ => return Err(WeakPassword::TooLong),
    }
    let lower = password.to_lowercase();
    let repeats = lower.chars().next().is_some_and(|first| lower.chars().all(|c| c == first));
    if repeats || COMMON.contains(&lower.as_str()) {
        return Err(WeakPassword::Common);
    }
    if email.as_str().contains(&lower) || lower == email.as_str() {
        return Err(WeakPassword::LikeEmail);
    }
    Ok(())
}

/// What is kept of a password: a hash with its salt and its cost, as the PHC string format writes it. `Debug` doesn't print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// The hash that this text has.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), WeakPassword> {
        check_password(password, &"annabelle.smith@example.org".parse().unwrap())
    }

    #[test]
    fn length_counts_in_characters_and_nothing_else_is_demanded() {
        for good in ["aaaaaaaaab", "correct horse battery staple", "\u{1F3AD}\u{1F3AB}abcdefgh", "          x", &"ab".repeat(128)]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check("abcdefghi"), Err(WeakPassword::TooShort));
        assert_eq!(check("\u{e4}\u{f6}\u{fc}\u{e4}\u{f6}\u{fc}\u{e4}\u{f6}\u{fc}"), Err(WeakPassword::TooShort), "18 bytes");
        assert_eq!(check(&"a".repeat(257)), Err(WeakPassword::TooLong));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for bad in ["PassWord123", "qwertyuiop", "0000000000", "XxXxXxXxXxXx"] {
            assert_eq!(check(bad), Err(WeakPassword::Common), "{bad}");
        }
        for bad in ["annabelle.smith", "Annabelle.Smith@Example.org", "example.org"] {
            assert_eq!(check(bad), Err(WeakPassword::LikeEmail), "{bad}");
        }
        let mut all = COMMON.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), COMMON.len());
        assert!(COMMON.iter().all(|common| common.len() >= MIN_PASSWORD && common.to_lowercase() == *common));
    }
}
