//! The HTTP client of the exporter, which runs on a thread without a runtime.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

const CONNECT: Duration = Duration::from_secs(5);
/// From the first byte sent to the last one of the answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Collectors answer with next to nothing.
const LARGEST_ANSWER: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct CollectorClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Where requests run.
    runtime: Handle,
    /// Whether the last request failed, so that an outage is reported once.
    is_failing: AtomicBool,
}

impl CollectorClient {
    /// # Errors
    /// There is no TLS.
    pub(crate) fn new(runtime: Handle) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(Arc::new(rustls::crypto::ring::default_provider()))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Ok(Self { client, runtime, is_failing: AtomicBool::new(false) })
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.request(request.map(Full::new));
        let exchange = async move {
            let (parts, body) = answer.await?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        // The thread that exports has no runtime, which timers and sockets need.
        let task = self.runtime.spawn(async move { tokio::time::timeout(ANSWER, exchange).await? });
        let answer = match task.await {
            Ok(answer) => answer,
            Err(error) => Err(error.into()),
        };
        self.report(&answer);
        answer
    }
}

impl CollectorClient {
    /// Reports an outage once, and its end. The crates themselves say nothing.
    fn report(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let trouble = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let was_failing = self.is_failing.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(why) if !was_failing => tracing::warn!(why, "the collector takes no traces; they are lost until it does"),
            None if was_failing => tracing::info!("the collector takes traces again"),
            _ => {}
        }
    }
}
