//! The cookies of a session, and of a browser that signed in before: 256 random bits each, which no script can read and no
//! other site's form sends along.
//!
//! Over HTTPS they have the prefix `__Host-`, so that no other host of the domain can set one here. Only a browser on the
//! server's own machine gets one without `Secure`, under another name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::COOKIE;
use http::request::Parts;
use lastseat_domain::account::{Device, DeviceHash, SessionHash};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;

const SECURE: &str = "__Host-lastseat_session";
const ON_THIS_MACHINE: &str = "lastseat_session";
const SECURE_DEVICE: &str = "__Host-lastseat_device";
const DEVICE_ON_THIS_MACHINE: &str = "lastseat_device";

/// A session's secret. `Debug` doesn't print it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionToken([u8; 32]);

/// The secret of a browser that signed in before. `Debug` doesn't print it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct DeviceToken([u8; 32]);

/// What a request says about the browser that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Browser {
    cookie: Cookie,
    device: Option<DeviceToken>,
    is_secure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    None,
    /// It has our name, and nothing that was ever a session.
    Unreadable,
    Session(SessionToken),
}

impl Browser {
    /// That of this request.
    #[must_use]
    pub fn of(parts: &Parts, public_url: Option<&str>) -> Self {
        let is_secure = public_url.is_some_and(|url| url.starts_with("https://")) || !is_on_this_machine(host(parts));
        let (name, device) = if is_secure { (SECURE, SECURE_DEVICE) } else { (ON_THIS_MACHINE, DEVICE_ON_THIS_MACHINE) };
        let cookie = match values(parts, name).next() {
            None => Cookie::None,
            Some(value) => SessionToken::parse(value).map_or(Cookie::Unreadable, Cookie::Session),
        };
        let device = values(parts, device).next().and_then(decode).map(DeviceToken);
        Self { cookie, device, is_secure }
    }

    pub(super) fn cookie(&self) -> Cookie {
        self.cookie
    }

    /// The session that its cookie names, if it names one.
    #[must_use]
    pub fn session(&self) -> Option<SessionHash> {
        match self.cookie {
            Cookie::Session(token) => Some(token.hash()),
            Cookie::None | Cookie::Unreadable => None,
        }
    }

    /// The device that its cookie names, if it names one.
    pub(super) fn device(&self) -> Option<DeviceHash> {
        self.device.as_ref().map(DeviceToken::hash)
    }

    /// The value of `Set-Cookie` that makes it this device.
    pub(super) fn become_known(&self, device: DeviceToken) -> HeaderValue {
        let name = if self.is_secure { SECURE_DEVICE } else { DEVICE_ON_THIS_MACHINE };
        let seconds = Device::lasts().to_std().map_or(0, |lasts| lasts.as_secs());
        self.set(name, &URL_SAFE_NO_PAD.encode(device.0), seconds)
    }

    /// The value of `Set-Cookie` that gives it this session.
    pub(super) fn keep(&self, token: SessionToken, longest: Duration) -> HeaderValue {
        self.set(self.name(), &URL_SAFE_NO_PAD.encode(token.0), longest.as_secs())
    }

    /// The value of `Set-Cookie` that takes the cookie away.
    #[must_use]
    pub fn forget(&self) -> HeaderValue {
        self.set(self.name(), "", 0)
    }

    fn name(&self) -> &'static str {
        if self.is_secure { SECURE } else { ON_THIS_MACHINE }
    }

    fn set(&self, name: &str, value: &str, seconds: u64) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl SessionToken {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    pub fn hash(&self) -> SessionHash {
        SessionHash(Sha256::digest(self.0).into())
    }

    /// The CSRF token of the session. It follows from the session's secret, which doesn't follow from it: a page that may
    /// read it can't become the session.
    pub fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(b"lastseat csrf 1\n").chain_update(self.0).finalize())
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl DeviceToken {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn hash(&self) -> DeviceHash {
        DeviceHash(Sha256::digest(self.0).into())
    }
}

impl std::fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceToken(…)")
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Whether a header `Cookie` may name a session.
#[must_use]
pub fn may_have_session(value: &[u8]) -> bool {
    value.windows(ON_THIS_MACHINE.len()).any(|part| part == ON_THIS_MACHINE.as_bytes())
}

/// The values of the cookie with this name.
fn values<'a>(parts: &'a Parts, name: &'a str) -> impl Iterator<Item = &'a str> {
    // Each by itself: a page may have set another cookie to any bytes.
    let texts = parts.headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let pairs = texts.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value.trim_matches('"'))
}

/// The host that the request is for, with its port: HTTP/2 has it in the address.
pub(super) fn host(parts: &Parts) -> &str {
    let named = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

fn is_on_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn browser(host: &str, cookie: &str, public_url: Option<&str>) -> Browser {
        let (parts, ()) = Request::get("/").header("host", host).header("cookie", cookie).body(()).unwrap().into_parts();
        Browser::of(&parts, public_url)
    }

    #[test]
    fn only_on_this_machine_and_without_https_is_it_not_secure() {
        let token = SessionToken::new([7; 32]);
        let day = Duration::from_secs(86_400);
        let set = |host, url| browser(host, "", url).keep(token, day).to_str().unwrap().to_owned();
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.1.2.3"] {
            let expected = format!("lastseat_session={secret}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax");
            assert_eq!(set(host, None), expected, "{host}");
            assert_eq!(set(host, Some("http://localhost:8080")), expected, "{host}");
        }
        let expected = format!("__Host-lastseat_session={secret}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure");
        for host in ["tickets.example", "10.0.0.1:8080", "localhost.example", "", "127.0.0.1.example"] {
            assert_eq!(set(host, None), expected, "{host}");
            assert_eq!(set(host, Some("http://tickets.example")), expected, "{host}");
        }
        assert_eq!(set("127.0.0.1:8080", Some("https://tickets.example")), expected, "a proxy on this machine");
    }

    #[test]
    fn a_cookie_is_read_under_the_name_of_its_kind_only() {
        let token = SessionToken::new([7; 32]);
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        let (plain, secure) = (format!("lastseat_session={secret}"), format!("a=b; __Host-lastseat_session={secret}; c=d"));
        assert_eq!(browser("localhost", &plain, None).session(), Some(token.hash()));
        assert_eq!(browser("tickets.example", &secure, None).session(), Some(token.hash()));
        assert_eq!(browser("tickets.example", &plain, None).cookie(), Cookie::None, "another host of the domain can set it");
        assert_eq!(browser("localhost", &secure, None).cookie(), Cookie::None);
        for bad in ["", "x", &secret[1..], &format!("{secret}A"), "a+b/"] {
            assert_eq!(browser("localhost", &format!("lastseat_session={bad}"), None).cookie(), Cookie::Unreadable, "{bad}");
        }
    }

    #[test]
    fn a_device_has_a_cookie_of_its_own_which_is_no_session() {
        let (device, secret) = (DeviceToken::new([7; 32]), URL_SAFE_NO_PAD.encode([7; 32]));
        let secure = browser("tickets.example", &format!("__Host-lastseat_device={secret}"), None);
        assert_eq!((secure.device(), secure.cookie()), (Some(device.hash()), Cookie::None));
        assert_eq!(browser("localhost", &format!("lastseat_device={secret}"), None).device(), Some(device.hash()));
        assert_eq!(browser("tickets.example", &format!("lastseat_device={secret}"), None).device(), None);
        assert_eq!(browser("tickets.example", "__Host-lastseat_device=x", None).device(), None);
        let expected = format!("__Host-lastseat_device={secret}; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(secure.become_known(device).to_str().unwrap(), expected);
        assert!(!may_have_session(expected.as_bytes()));
    }

    #[test]
    fn nothing_prints_the_secret() {
        let token = SessionToken::new([7; 32]);
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        let browser = browser("localhost", &format!("lastseat_session={secret}; lastseat_device={secret}"), None);
        let printed = format!("{token:?} {browser:?} {:?}", browser.keep(token, Duration::ZERO));
        assert!(!printed.contains(&URL_SAFE_NO_PAD.encode([7; 32])) && !printed.contains('7'), "{printed}");
    }
}
