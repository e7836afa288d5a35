//! Keeps pages of other sites from acting with a browser's session (cross-site request forgery).
//!
//! A command that a cookie proves has to carry the session's CSRF token in a header, which a page of another site neither knows
//! nor may send. And a browser that says where a request comes from has to name a page of this server: that holds for signing
//! in as well, where there is no token yet.

use super::cookie::host;
use crate::problem::{Code, Problem};
use http::Method;
use http::header::{HeaderName, ORIGIN};
use http::request::Parts;
use sha2::{Digest, Sha256};

/// The header with the token.
pub const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// Browsers send it to HTTPS and to this machine; no script can change it.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a method may change something.
#[must_use]
pub fn changes(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Refuses a request that a browser says is another site's.
///
/// # Errors
/// 403.
pub fn check_site(parts: &Parts, public_url: Option<&str>) -> Result<(), Problem> {
    let text = |name: &HeaderName| parts.headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let is_own = match (text(&SITE), text(&ORIGIN)) {
        // `none`: the person typed the address.
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => authority(origin).is_some_and(|from| {
            from.eq_ignore_ascii_case(host(parts))
                || public_url.and_then(authority).is_some_and(|own| from.eq_ignore_ascii_case(own))
        }),
        // No browser, or one that is older than both headers.
        (None, None) => true,
    };
    if is_own {
        return Ok(());
    }
    let detail = "The request comes from a page of another site. A session works on pages of this server only; from another site, send \
                  a token in `Authorization` and no cookie.";
    Err(Problem::new(Code::CrossSiteRequest, detail))
}

/// Refuses a command without the session's token.
///
/// # Errors
/// 403.
pub fn check_token(parts: &Parts, expected: &str) -> Result<(), Problem> {
    let sent = parts.headers.get(HEADER).map(|value| Sha256::digest(value.as_bytes()));
    // Hashes, so that the time that it takes doesn't say how much of it is right.
    if sent == Some(Sha256::digest(expected)) {
        return Ok(());
    }
    let detail = "Send the session's `csrf_token` in the header `X-CSRF-Token`. GET /v1/sessions/current has it.";
    Err(Problem::new(Code::CsrfTokenInvalid, detail))
}

/// Host and port of an address.
fn authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn check(headers: &[(&str, &str)], public_url: Option<&str>) -> bool {
        let request = headers.iter().fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
        check_site(&request.header("host", "tickets.example:8443").body(()).unwrap().into_parts().0, public_url).is_ok()
    }

    #[test]
    fn what_the_browser_says_of_the_page_decides() {
        let url = Some("https://shop.example/tickets");
        for own in [
            &[][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://other.name.example")],
            &[("origin", "https://tickets.example:8443")],
            &[("origin", "https://shop.example")],
        ] {
            assert!(check(own, url), "{own:?}");
        }
        for other in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://tickets.example:8443")],
            &[("sec-fetch-site", "")],
            &[("origin", "null")],
            &[("origin", "https://tickets.example")],
            &[("origin", "https://tickets.example:8443.evil.example")],
            &[("origin", "https://evil.example/https://shop.example")],
            &[("origin", "")],
        ] {
            assert!(!check(other, url), "{other:?}");
        }
        assert!(!check(&[("origin", "https://shop.example")], None));
    }
}
