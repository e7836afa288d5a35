//! Reads the documents that a provider publishes.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A set of a few keys with their certificates is far below it.
const LARGEST: usize = 256 << 10;
/// Nothing is read for minutes: a connection is not kept for that.
const IDLE: Duration = Duration::from_secs(5);

/// Reads documents over HTTPS.
pub(super) struct Documents(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Documents {
    pub(super) fn new() -> Result<Self, String> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // One provider for the whole program, whichever others a dependency brings.
        let tls = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(tls)
            .map_err(|error| format!("this program can't do TLS: {error}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(https)))
    }

    /// The document at this address. Redirects are not followed. Has no time limit of its own.
    pub(super) async fn get(&self, url: &str) -> Result<Bytes, String> {
        if !is_safe(url) {
            return Err(format!("{url} is neither https:// nor on this machine"));
        }
        let failed = |why: String| format!("{url}: {why}");
        let request = Request::get(url).header(ACCEPT, "application/json").body(Empty::new());
        let request = request.map_err(|error| failed(error.to_string()))?;
        let response = self.0.request(request).await.map_err(|error| failed(causes(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(failed(format!("answers {}", response.status())));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await.map_err(|error| failed(causes(&*error)))?;
        Ok(body.to_bytes())
    }
}

/// Whether nobody on the way can change what is read there: HTTPS, or HTTP within this machine.
#[must_use]
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(host) = uri.host().filter(|_| uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))) else {
        return false;
    };
    let is_here = || match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_here(),
        _ => false,
    }
}

/// An error with what caused it; the outermost says little.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for safe in ["https://login.example/realms/shop", "http://localhost:8080", "http://127.0.0.1/", "http://[::1]:3000/x"] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_one in [
            "http://login.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "https://user@login.example",
            "ftp://login.example",
            "file:///etc/passwd",
            "//login.example",
            "login.example",
            "",
        ] {
            assert!(!is_safe(unsafe_one), "{unsafe_one}");
        }
    }
}
