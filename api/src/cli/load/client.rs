//! A plain HTTP/1.1 client: one connection, one request at a time, measured.
//!
//! No pool, and what is counted is never sent again: what the load tool reports has to be what the
//! server did.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Longer than any answer should take; after this, it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there was no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoAnswer {
    /// No connection: the request was not sent.
    #[error("no connection to {server}: {why}")]
    NotSent {
        /// Host and port.
        server: String,
        /// Why.
        why: String,
    },
    /// The request was sent, and may have been carried out.
    #[error("no answer: {0}")]
    Lost(String),
    /// An answer that can't be used.
    #[error("{0}")]
    Unexpected(String),
}

/// Which server.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    authority: Arc<str>,
    host: HeaderValue,
    base: Arc<str>,
}

impl Target {
    /// Finds the server of an address such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub async fn find(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no address: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!("{url:?} must start with http:// (put a TLS proxy's plain side here)"));
        }
        let host = uri.host().ok_or_else(|| format!("{url:?} names no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let address = tokio::net::lookup_host(&authority)
            .await
            .map_err(|error| format!("{authority} can't be found: {error}"))?
            .next()
            .ok_or_else(|| format!("{authority} has no address"))?;
        Ok(Self {
            address,
            host: HeaderValue::from_str(&authority).map_err(|error| error.to_string())?,
            authority: authority.into(),
            base: uri.path().trim_end_matches('/').into(),
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`NoAnswer::NotSent`].
    pub async fn connect(&self) -> Result<Connection, NoAnswer> {
        let mut connection = Connection { target: self.clone(), sender: None };
        connection.open().await?;
        Ok(connection)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Whole body.
    pub body: Bytes,
    /// From sending to the last byte.
    pub took: Duration,
}

impl Answer {
    /// The body of a success, read as JSON.
    ///
    /// # Errors
    /// [`NoAnswer::Unexpected`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, NoAnswer> {
        if !self.status.is_success() {
            return Err(NoAnswer::Unexpected(format!("{}: {}", self.status, self.problem())));
        }
        serde_json::from_slice(&self.body).map_err(|error| NoAnswer::Unexpected(format!("an unreadable answer: {error}")))
    }

    /// The sentence of a problem document, or the start of another body.
    #[must_use]
    pub fn problem(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Problem {
            code: Option<String>,
            detail: Option<String>,
            title: Option<String>,
        }
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(Problem { code, detail, title }) => {
                let text = detail.or(title).unwrap_or_default();
                code.map_or(text.clone(), |code| format!("{text} ({code})"))
            }
            Err(_) => String::from_utf8_lossy(&self.body).chars().take(200).collect(),
        }
    }
}

/// One connection. Opens itself again if the server closed it.
pub struct Connection {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    async fn open(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, NoAnswer> {
        let not_sent = |why: String| NoAnswer::NotSent { server: self.target.authority.as_ref().to_owned(), why };
        let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(self.target.address))
            .await
            .map_err(|_| not_sent("timed out".into()))?
            .map_err(|error| not_sent(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| not_sent(error.to_string()))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| not_sent(error.to_string()))?;
        // Ends with the sender; its error reaches the request that was under way.
        tokio::spawn(async move {
            let _reported_there = connection.await;
        });
        Ok(self.sender.insert(sender))
    }

    /// Reads. Retried once if the answer is lost: the server may close an idle connection just when the
    /// request is sent.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Answer, NoAnswer> {
        match self.send(Method::GET, path, token, Bytes::new()).await {
            Err(NoAnswer::Lost(_)) => self.send(Method::GET, path, token, Bytes::new()).await,
            answer => answer,
        }
    }

    /// Sends a JSON body.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn post(&mut self, path: &str, token: Option<&str>, body: Bytes) -> Result<Answer, NoAnswer> {
        self.send(Method::POST, path, token, body).await
    }

    async fn send(&mut self, method: Method, path: &str, token: Option<&str>, body: Bytes) -> Result<Answer, NoAnswer> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.target.base)).header(HOST, self.target.host.clone());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|error| NoAnswer::Unexpected(error.to_string()))?;
        if self.sender.as_ref().is_some_and(SendRequest::is_closed) {
            self.sender = None;
        }
        let sender = match &mut self.sender {
            Some(sender) => sender,
            None => self.open().await?,
        };
        let started = Instant::now();
        let exchange = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Answer { status, body, took: started.elapsed() })
        };
        let lost = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("none within {} s", PATIENCE.as_secs()),
        };
        // A late answer on this connection would be taken for the answer to the next request.
        self.sender = None;
        Err(NoAnswer::Lost(lost))
    }
}
