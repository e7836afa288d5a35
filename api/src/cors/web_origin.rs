//! The origin of a web page, written as browsers write it.

use http::HeaderValue;
use http::uri::Authority;
use std::fmt;

/// The origin of a web page: scheme, host and port, exactly as browsers send it in `Origin`.
#[derive(Clone, PartialEq, Eq)]
pub struct WebOrigin(HeaderValue);

impl WebOrigin {
    /// Origins with commas between. `None` if one of them is none, or if no browser would send it like that: it would
    /// never match.
    #[must_use]
    pub fn list(text: &str) -> Option<Vec<Self>> {
        text.split(',').map(|origin| Self::of(origin.trim())).collect()
    }

    /// One origin, likewise.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority: Authority = rest.parse().ok()?;
        let port = match authority.port() {
            Some(port) => Some(port.as_str().parse::<u16>().ok().filter(|number| *number != 0 && *number != own_port)?),
            None => None,
        };
        let host = authority.host();
        let written = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_[:]".contains(c);
        let usable = !host.is_empty() && host.chars().all(is_plain) && written == rest;
        if usable { HeaderValue::from_str(text).ok().map(Self) } else { None }
    }

    pub(super) fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

impl fmt::Debug for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        let shown = |text: &str| WebOrigin::list(text).map(|origins| format!("{origins:?}"));
        for good in ["https://shop.example.org", "http://localhost:5173", "http://127.0.0.1:8080", "https://[::1]:8443"] {
            assert_eq!(shown(good), Some(format!("[{good}]")));
        }
        assert_eq!(shown("https://a.example, http://b.example:81").unwrap(), "[https://a.example, http://b.example:81]");
        for bad in [
            "",
            "*",
            "null",
            "https://*",
            "https://*.example.org",
            "shop.example.org",
            "//shop.example.org",
            "https://",
            "https://shop.example.org/",
            "https://shop.example.org/path",
            "https://shop.example.org?",
            "https://user@shop.example.org",
            "https://Shop.example.org",
            "HTTPS://shop.example.org",
            "https://shop.example.org:443",
            "http://shop.example.org:80",
            "http://shop.example.org:0",
            "http://shop.example.org:",
            "http://shop.example.org:08080",
            "http://shop.example.org:99999",
            "https://täglich.example",
            "ftp://shop.example.org",
            "file://",
            "https://a.example,",
            "https://a.example https://b.example",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
