//! Reads from a server, over HTTP or HTTPS.

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, BodyStream, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lastseat_domain::Secret;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A server that takes longer has something else to do than to be watched.
const PATIENCE: Duration = Duration::from_secs(8);
/// A stream that is silent for so long has ended without a word: the server sends a comment every 15 s.
const SILENCE: Duration = Duration::from_secs(40);
/// The seats of the largest show are far below it.
const LARGEST: usize = 256 << 20;

/// Why there is nothing to read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotRead {
    /// The server was not reached, or does not answer in time.
    #[error("{0}")]
    Lost(String),
    /// It answers that it will not. `detail` begins with a comma, or is empty.
    #[error("{path}: {status}{detail}")]
    Refused { path: String, status: StatusCode, detail: String },
    /// Its answer can't be understood.
    #[error("{path}: {why}")]
    Unreadable { path: String, why: String },
}

/// The address of a server, and how to speak to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: Arc<str>,
    token: Option<HeaderValue>,
}

impl Server {
    /// The server at an address such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(url: &str, token: Option<&Secret>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no address: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(format!("{url:?} must be an address such as http://127.0.0.1:8080"));
        }
        let header = token.map(|token| HeaderValue::try_from(format!("Bearer {}", token.expose())));
        let mut token = header.transpose().map_err(|_| "the token has characters that no token has".to_owned())?;
        token.iter_mut().for_each(|token| token.set_sensitive(true));
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(PATIENCE));
        let tls = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(tls)
            .map_err(|error| format!("this program can't do TLS: {error}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Ok(Self { client, base: url.trim_end_matches('/').into(), token })
    }

    /// What paths are added to.
    #[cfg(test)]
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it sends a token.
    #[cfg(test)]
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    async fn send(&self, path: &str, name: HeaderName, value: &str) -> Result<Response<Incoming>, NotRead> {
        let unreadable = |why: String| NotRead::Unreadable { path: path.to_owned(), why };
        let mut request = Request::get(format!("{}{path}", self.base)).header(name, value);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let request = request.body(Empty::new()).map_err(|error| unreadable(error.to_string()))?;
        match timeout(PATIENCE, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(NotRead::Lost(root(&error))),
            Err(_) => Err(NotRead::Lost(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// The status and the whole body of an answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn read(&self, path: &str, accept: &'static str) -> Result<(StatusCode, Bytes), NotRead> {
        let response = self.send(path, ACCEPT, accept).await?;
        let status = response.status();
        let body = timeout(PATIENCE, Limited::new(response.into_body(), LARGEST).collect()).await;
        match body {
            Ok(Ok(body)) => Ok((status, body.to_bytes())),
            Ok(Err(error)) => Err(NotRead::Lost(root(&*error))),
            Err(_) => Err(NotRead::Lost(format!("no whole answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// The text of a success.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, path: &str) -> Result<String, NotRead> {
        let (status, body) = self.read(path, "text/plain").await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() { Ok(body) } else { Err(refused(path, status, body.as_bytes())) }
    }

    /// The JSON of a success.
    ///
    /// # Errors
    /// There is none.
    pub async fn json<T: DeserializeOwned>(&self, path: &str, accept: &'static str) -> Result<T, NotRead> {
        let (status, body) = self.read(path, accept).await?;
        if !status.is_success() {
            return Err(refused(path, status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| NotRead::Unreadable { path: path.to_owned(), why: error.to_string() })
    }

    /// The bytes of a stream of server-sent events after an id. Ends when it is cut or silent.
    ///
    /// # Errors
    /// There is none.
    pub async fn follow(&self, path: &str, after: &str) -> Result<impl Stream<Item = Result<Bytes, NotRead>> + use<>, NotRead> {
        let response = self.send(path, HeaderName::from_static("last-event-id"), after).await?;
        let status = response.status();
        if !status.is_success() {
            let body = timeout(PATIENCE, Limited::new(response.into_body(), 1 << 16).collect()).await;
            let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
            return Err(refused(path, status, &body.unwrap_or_default()));
        }
        let frames = stream::unfold(BodyStream::new(response.into_body()), |mut body| async move {
            let next = match timeout(SILENCE, body.next()).await {
                Ok(next) => next?.map_err(|error| NotRead::Lost(root(&error))),
                Err(_) => Err(NotRead::Lost(format!("the stream was silent for {} s", SILENCE.as_secs()))),
            };
            Some((next.map(|frame| frame.into_data().unwrap_or_default()), body))
        });
        Ok(frames.boxed())
    }
}

fn refused(path: &str, status: StatusCode, body: &[u8]) -> NotRead {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    let detail =
        problem.and_then(|problem| problem.detail.or(problem.title)).map(|detail| format!(", {detail}")).unwrap_or_default();
    NotRead::Refused { path: path.to_owned(), status, detail }
}

/// The first cause of an error: those around it say only that a request failed.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
