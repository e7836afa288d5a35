//! Addresses of services, shown without their passwords.

use std::fmt;

/// The address of a service, which may carry a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// An address, if its scheme is one of `schemes` (`redis://`) and something follows.
    #[must_use]
    pub fn of(text: &str, schemes: &[&str]) -> Option<Self> {
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme))?;
        let usable = !rest.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        usable.then(|| Self(text.to_owned()))
    }

    /// The address with its password, to connect with.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Without the password.
impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str("(unreadable)") };
        // The last one: a password may have an @ of its own.
        let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_ends);
        match authority.rsplit_once('@').or_else(|| rest.rsplit_once('@')) {
            Some((credentials, place)) => {
                let user = credentials.split(':').next().unwrap_or_default();
                let tail = if authority.contains('@') { tail } else { "" };
                write!(f, "{scheme}://{user}:***@{place}{tail}")
            }
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let shown = |text: &str| ServiceUrl::of(text, &["redis://", "esdb://"]).unwrap().to_string();
        assert_eq!(shown("redis://ann:s3cret@host:6379/1"), "redis://ann:***@host:6379/1");
        assert_eq!(shown("redis://:s3cret@host"), "redis://:***@host");
        assert_eq!(shown("redis://host:6379"), "redis://host:6379");
        assert_eq!(shown("esdb://admin:p@ss@a:1,b:2?tls=false"), "esdb://admin:***@a:1,b:2?tls=false");
        for odd in ["redis://u:sl/ash@host", "redis://u:qu?estion@host/2", "redis://u:a/b?c@host"] {
            let shown = shown(odd);
            assert!(!shown.contains("ash") && !shown.contains("estion") && !shown.contains("b?c"), "{odd}: {shown}");
        }
    }

    #[test]
    fn the_scheme_is_checked() {
        for wrong in ["", "redis://", "http://x", "redis:/x", "redis://a b"] {
            assert_eq!(ServiceUrl::of(wrong, &["redis://"]), None, "{wrong}");
        }
    }
}
