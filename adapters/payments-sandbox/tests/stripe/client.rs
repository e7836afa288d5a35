//! A plain HTTP client, and a sandbox of its own for each test.

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_payments_sandbox::stripe::{self, Options};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub type Params<'a> = &'a [(&'a str, &'a str)];

/// What a request got.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// Status, type and code of an error.
    pub fn refusal(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text("type"), text("code"))
    }

    pub fn id(&self) -> String {
        self.ok()["id"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What `ready` returns once it returns something.
pub async fn eventually<T>(what: &str, mut ready: impl AsyncFnMut() -> Option<T>) -> T {
    let given_up = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = ready().await {
            return value;
        }
        assert!(Instant::now() < given_up, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub struct Client {
    pub base: String,
    pub sandbox: Arc<SandboxGateway>,
    http: Http<hyper_util::client::legacy::connect::HttpConnector, Full<bytes::Bytes>>,
    serving: JoinHandle<()>,
}

impl Client {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let sandbox = SandboxGateway::in_memory(Arc::new(SystemClock)).with_slow_answers(Duration::from_millis(300));
        Self::over(sandbox, options).await
    }

    pub async fn over(sandbox: SandboxGateway, options: Options) -> Self {
        let sandbox = Arc::new(sandbox);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = stripe::router(Arc::clone(&sandbox), options);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, serving, sandbox, http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// Ends the server, so that its sandbox can be closed.
    pub async fn stop(self) {
        self.serving.abort();
        let _cancelled = self.serving.await;
    }

    /// Sends a request with these headers; `None` if the connection breaks.
    pub async fn send(&self, method: &str, path: &str, form: Params<'_>, headers: Params<'_>) -> Option<Answer> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let (uri, body) = match method {
            "GET" if !form.is_empty() => (format!("{}{path}?{form}", self.base), String::new()),
            _ => (format!("{}{path}", self.base), form),
        };
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.http.request(request.body(Full::from(body)).unwrap()).await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some(Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() })
    }

    pub async fn get(&self, path: &str, query: Params<'_>) -> Answer {
        self.send("GET", path, query, &[("authorization", "Bearer sk_test_1")]).await.unwrap()
    }

    pub async fn post(&self, path: &str, form: Params<'_>) -> Answer {
        self.send("POST", path, form, &[("authorization", "Bearer sk_test_1")]).await.unwrap()
    }

    pub async fn post_with_key(&self, key: &str, path: &str, form: Params<'_>) -> Option<Answer> {
        self.send("POST", path, form, &[("authorization", "Bearer sk_test_1"), ("idempotency-key", key)]).await
    }

    /// An intent over €12.00, captured by hand.
    pub async fn intent(&self) -> String {
        self.post("/v1/payment_intents", &[("amount", "1200"), ("currency", "eur"), ("capture_method", "manual")]).await.id()
    }

    pub async fn confirm(&self, intent: &str, method: &str) -> Answer {
        self.post(&format!("/v1/payment_intents/{intent}/confirm"), &[("payment_method", method)]).await
    }

    /// An intent that was paid.
    pub async fn paid(&self) -> String {
        let intent = self.intent().await;
        self.confirm(&intent, "pm_card_visa").await.ok();
        self.post(&format!("/v1/payment_intents/{intent}/capture"), &[]).await.ok();
        intent
    }
}
