//! The address of an endpoint of the shop.

use http::Uri;
use std::net::IpAddr;

/// The address, if messages may be sent there: they name bookings and buyers, so only over TLS or to this machine.
pub(super) fn endpoint_url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let host = authority.host().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_local,
        _ => false,
    };
    is_safe.then(|| uri.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_over_tls_or_stay_on_this_machine() {
        for good in ["https://shop.example/hooks?a=1", "http://127.0.0.1:9000/", "http://localhost/x", "http://[::1]:9000/x"] {
            assert_eq!(endpoint_url(good).as_deref(), Some(good));
        }
        for bad in [
            "http://shop.example/",
            "http://127.0.0.1.example/",
            "ftp://shop.example/",
            "shop.example",
            "/hooks",
            "https://user:password@shop.example/",
            "https://shop.example/#x",
            "",
        ] {
            assert_eq!(endpoint_url(bad), None, "{bad}");
        }
    }
}
