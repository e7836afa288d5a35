//! An endpoint over HTTP.

use super::signature::{InvalidSecret, Signer};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lastseat_domain::Timestamp;
use lastseat_domain::ports::WebhookEndpoint;
use lastseat_domain::ports::webhook_endpoint::{Message, Receipt};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// From the first byte sent to the last one of the answer.
const ANSWER: Duration = Duration::from_secs(15);
/// For the body of an answer whose status is known.
const REST_OF_ANSWER: Duration = Duration::from_secs(1);
/// Shorter than servers keep connections.
const IDLE: Duration = Duration::from_secs(20);
/// Nothing of an answer's body is used; more than this breaks the connection off.
const LARGEST_ANSWER: usize = 64 << 10;

/// An endpoint that nothing can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Its address.
    #[error("the address of a webhook endpoint must be an http:// or https:// address")]
    Address,
    /// A secret.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// There is no TLS.
    #[error("TLS can't be set up")]
    Tls,
}

/// An endpoint over HTTP: each message is a POST, and any 2xx means that it was taken. Redirects are not followed.
pub struct HttpEndpoint {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    signer: Signer,
}

impl HttpEndpoint {
    /// # Errors
    /// [`InvalidEndpoint`].
    pub fn new<'a>(url: &str, secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidEndpoint> {
        let url: Uri = url.parse().ok().filter(|url: &Uri| url.authority().is_some()).ok_or(InvalidEndpoint::Address)?;
        let signer = Signer::new(secrets)?;
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)
            .map_err(|_| InvalidEndpoint::Tls)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(https);
        Ok(Self { client, url, signer })
    }

    async fn post(&self, message: &Message, now: Timestamp) -> Result<Receipt, String> {
        let (id, seconds) = (message.id.to_string(), now.timestamp());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("lastseat/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signer.sign(&id, seconds, &message.body));
        if let Some(traceparent) = &message.traceparent {
            request = request.header("traceparent", traceparent);
        }
        let request = request.body(Full::from(message.body.as_bytes().to_vec())).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| causes(&error))?;
        let status = response.status();
        let receipt = if status.is_success() {
            Receipt::Taken
        } else {
            Receipt::Refused { status: status.as_u16(), retry_after: retry_after(&response) }
        };
        // What is left unread would keep the connection from being used again. What it says changes nothing, nor that it
        // does not end.
        let rest = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        let _unused = tokio::time::timeout(REST_OF_ANSWER, rest).await;
        Ok(receipt)
    }
}

#[async_trait]
impl WebhookEndpoint for HttpEndpoint {
    async fn send(&self, message: &Message, now: Timestamp) -> Receipt {
        match tokio::time::timeout(ANSWER, self.post(message, now)).await {
            Ok(Ok(receipt)) => receipt,
            Ok(Err(why)) => Receipt::NoAnswer(why),
            Err(_) => Receipt::NoAnswer(format!("no answer within {} s", ANSWER.as_secs())),
        }
    }
}

/// Seconds; a date is not asked for by the specification.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error and what caused it, in one line.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
