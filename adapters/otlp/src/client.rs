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
        Ok(Self { client, runtime })
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
        self.runtime.spawn(async move { tokio::time::timeout(ANSWER, exchange).await? }).await?
    }
}
