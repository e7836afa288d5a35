//! HTTP connections to the node that serves the sandbox: sends a request, returns the answer or why
//! there is none.
//!
//! A request that surely was not sent had no effect. Once it may have been sent, its outcome is unknown.

use super::wire::MAX_BODY;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// Idle connections are closed before the server closes them (after 75 s), because the server might
/// do so while a request is on its way.
const IDLE: Duration = Duration::from_secs(30);
/// Maximum concurrent requests, each on a connection of its own; further ones wait.
const MAX_CONCURRENT: usize = 256;

/// Why an address can't be that of a shared sandbox. `Display` says how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the shared sandbox's address {0}; write it like http://127.0.0.1:8090")]
pub struct BadUrl(String);

/// Why there is no answer, as a sentence for people.
pub(super) enum NoAnswer {
    /// The request was not sent.
    NotSent(String),
    /// It may have arrived.
    Lost(String),
}

/// Connections to one server, kept for the next request.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) authority: Authority,
    http: Client<HttpConnector, Full<Bytes>>,
    permits: Arc<Semaphore>,
}

impl Connection {
    /// Connections to the server at `url`, opened on demand.
    pub(super) fn to(url: &str) -> Result<Self, BadUrl> {
        let bad = |why: &str| BadUrl(why.to_owned());
        let uri: Uri = url.parse().map_err(|error| BadUrl(format!("can't be read: {error}")))?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err(bad("must begin with http://"));
        }
        let authority = uri.authority().cloned().ok_or_else(|| bad("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("must not have a user or a password"));
        }
        if authority.host().is_empty() || authority.port_u16().is_none_or(|port| port == 0) {
            return Err(bad("must have a host and a port"));
        }
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return Err(bad("must end after the port"));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector);
        Ok(Self { authority, http, permits: Arc::new(Semaphore::new(MAX_CONCURRENT)) })
    }

    /// Sends a request once and reads the whole answer, within `timeout` or not at all.
    pub(super) async fn exchange(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let deadline = Instant::now() + timeout;
        let busy =
            || NoAnswer::NotSent(format!("{MAX_CONCURRENT} calls to {} are under way, and none ended in time", self.authority));
        let _permit = timeout_at(deadline, self.permits.acquire()).await.ok().and_then(Result::ok).ok_or_else(busy)?;
        let request = self.request(method, path, body).map_err(|error| NoAnswer::NotSent(error.to_string()))?;
        let answer = async {
            let response = self.http.request(request).await.map_err(|error| self.unanswered(&error))?;
            let (head, body) = response.into_parts();
            let broken_off = |error| NoAnswer::Lost(format!("the answer of {} broke off: {error}", self.authority));
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(broken_off)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let late = |_| NoAnswer::Lost(format!("{} did not answer within {timeout:?}", self.authority));
        timeout_at(deadline, answer).await.map_err(late)?
    }

    fn request(&self, method: Method, path: &'static str, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build()?;
        Request::builder().method(method).uri(uri).header(CONTENT_TYPE, "application/json").body(Full::new(body))
    }

    /// The client sends a request again only if the connection that it chose was closed before the
    /// first byte was written.
    fn unanswered(&self, error: &hyper_util::client::legacy::Error) -> NoAnswer {
        let cause = root(error);
        if error.is_connect() {
            return NoAnswer::NotSent(format!("no connection to {}: {cause}", self.authority));
        }
        NoAnswer::Lost(format!("no answer from {}: {cause}", self.authority))
    }
}

/// The innermost cause: the errors around it say only that a request failed.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
