//! E-mail addresses, in one spelling each.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// As RFC 5321 bounds them.
const MAX_ADDRESS: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;

/// An e-mail address in lower case. Whether somebody reads it, only a mail can find out. `Debug` doesn't print it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(Arc<str>);

/// The text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an e-mail address, such as ann@example.org, of up to 254 ASCII characters; an international domain in its form xn--"
)]
pub struct InvalidEmail;

impl EmailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmail;

    /// Space around it is left out. Two spellings that differ in case are one address: mail servers that tell them apart
    /// are rarer than people who write theirs in two ways.
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        if text.len() <= MAX_ADDRESS && is_local(local) && is_domain(domain) { Ok(Self(text.into())) } else { Err(InvalidEmail) }
    }
}

/// Without quotes: what needs them is nobody's address.
fn is_local(local: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b);
    local.len() <= MAX_LOCAL && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_allowed))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.split('.').all(is_label)
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for same in ["ann@example.org", " Ann@Example.ORG\n", "ANN@EXAMPLE.ORG"] {
            assert_eq!(same.parse::<EmailAddress>().unwrap().as_str(), "ann@example.org");
        }
        for other in ["an.n@example.org", "ann+tickets@example.org", "o'neill@example.co.uk", "x@localhost"] {
            assert_eq!(other.parse::<EmailAddress>().unwrap().as_str(), other);
        }
    }

    #[test]
    fn what_can_not_be_an_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longest = format!("ann@{}", "abcdefghij.".repeat(24));
        for bad in [
            "",
            "ann",
            "@",
            "ann@",
            "@example.org",
            "a b@example.org",
            "ann@exa mple.org",
            ".ann@example.org",
            "ann.@example.org",
            "a..n@example.org",
            "ann@-example.org",
            "ann@example..org",
            "ann@example.org.",
            "\u{e4}nn@example.org",
            "ann@ex\u{e4}mple.org",
            "\"ann\"@example.org",
            "ann@[127.0.0.1]",
            "ann@example.org\r\nBcc: bob@example.org",
            "Ann <ann@example.org>",
            "ann@example.org,bob@example.org",
            &long,
            &longest,
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(InvalidEmail), "{bad}");
        }
    }

    #[test]
    fn it_is_not_printed_by_chance() {
        assert!(!format!("{:?}", "ann@example.org".parse::<EmailAddress>()).contains("ann"));
    }
}
