//! Sends requests over kept connections, and says what is known if there is no answer.
//!
//! Nothing is repeated here except what was certainly not sent: a repeat is a decision about keys, which
//! [`super::tries`] and the callers make.

use super::rate::Endpoint;
use super::settings::{SettingsError, StripeSettings};
use bytes::Bytes;
use chrono::DateTime;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lastseat_domain::Timestamp;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use stripe_client_core::{RequestBuilder, StripeMethod};

const CONNECT: Duration = Duration::from_secs(5);
/// Shorter than servers keep connections, so that they rarely close one just when it is used.
const IDLE: Duration = Duration::from_secs(20);
/// A page of a hundred intents with their charges is far below it.
const LARGEST_ANSWER: usize = 8 << 20;
/// A request as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<String>,
}

impl From<RequestBuilder> for Call {
    fn from(request: RequestBuilder) -> Self {
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let path = match request.query.filter(|query| !query.is_empty()) {
            Some(query) => format!("{}?{query}", request.path),
            None => request.path,
        };
        Self { method, path, body: request.body }
    }
}

impl Call {
    /// Which of Stripe's limits it counts for.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let path = self.path.split('?').next().unwrap_or_default();
        match path {
            _ if self.method == Method::GET && path.matches('/').count() > 1 => Endpoint::Retrieve,
            _ if self.method == Method::GET => Endpoint::List,
            _ if path.ends_with("/confirm") => Endpoint::Confirm,
            _ if path.ends_with("/capture") => Endpoint::Capture,
            _ if path.ends_with("/cancel") => Endpoint::Cancel,
            "/refunds" => Endpoint::Refund,
            _ => Endpoint::Create,
        }
    }
}

/// An answer of Stripe, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
    pub retry_after: Option<Duration>,
    /// Whether Stripe asks for the same request again.
    pub may_repeat: bool,
    /// Whether it is the answer that an earlier request with this key got.
    pub replayed: bool,
    /// The server's clock.
    pub date: Option<Timestamp>,
}

/// There is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// No connection: nothing was done.
    NotSent(String),
    /// Done or not.
    Lost(String),
}

/// The connections to one account of Stripe.
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: HeaderValue,
    timeout: Duration,
}

impl Transport {
    pub(crate) fn open(settings: &StripeSettings) -> Result<Self, SettingsError> {
        settings.mode()?;
        let base = settings.base()?;
        let bearer = format!("Bearer {}", settings.key.expose());
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| SettingsError::Key)?;
        authorization.set_sensitive(true);
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        // One provider for the whole program, whichever others a dependency brings.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)
            .map_err(|_| SettingsError::Tls)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(https);
        Ok(Self { client, base, authorization, timeout: settings.timeout })
    }

    /// Sends a request, with an idempotency key if it changes something.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(crate) async fn send(&self, call: &Call, key: Option<&str>) -> Result<Answer, NoAnswer> {
        let request = self.request(call, key).map_err(|error| NoAnswer::NotSent(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                let why = causes(&error);
                if error.is_connect() { NoAnswer::NotSent(why) } else { NoAnswer::Lost(why) }
            })?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|error| NoAnswer::Lost(causes(&*error)))?;
            Ok(Answer {
                status: head.status.as_u16(),
                body: body.to_bytes(),
                retry_after: seconds(&head.headers),
                may_repeat: head.headers.get("stripe-should-retry").is_some_and(|value| value == "true"),
                replayed: head.headers.get("idempotent-replayed").is_some_and(|value| value == "true"),
                date: date(&head.headers),
            })
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(NoAnswer::Lost(format!("no answer within {:?}", self.timeout))))
    }

    fn request(&self, call: &Call, key: Option<&str>) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}/v1{}", self.base, call.path))
            .header(AUTHORIZATION, self.authorization.clone())
            .header("stripe-version", stripe_client_core::VERSION.as_str());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(Full::new(call.body.clone().unwrap_or_default().into()))
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

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok().map(|date| date.to_utc())
}
