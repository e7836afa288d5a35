//! Replaces Stripe's own servers: its script, the frame of its payment form, its API and a bank's
//! page. The browser resolves Stripe's names to it, so that the page is tested as it is served.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use lastseat_domain::IntentId;
use lastseat_payments_sandbox::{Command, SandboxGateway, Status};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, crypto};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Stripe, for one browser.
pub struct Stripe {
    addr: SocketAddr,
    /// How often its script fails to load from now on.
    pub script_failures: Arc<AtomicU32>,
    serving: AbortHandle,
}

#[derive(Clone)]
struct Stub {
    sandbox: Arc<SandboxGateway>,
    script_failures: Arc<AtomicU32>,
}

impl Stripe {
    /// Confirms payments in `sandbox`, as Stripe does when its own form asks for it.
    pub async fn start(sandbox: Arc<SandboxGateway>) -> Self {
        let script_failures = Arc::new(AtomicU32::new(0));
        let router = Router::new()
            .route("/endive/stripe.js", get(script))
            .route("/frame", get(async || Html(include_str!("frame.html"))))
            .route("/redirect", get(async || Html(include_str!("bank.html"))))
            .route("/v1/payment_intents/{intent}/confirm", post(confirm))
            .with_state(Stub { sandbox, script_failures: Arc::clone(&script_failures) });
        let listener = Tls::bind().await;
        let addr = listener.addr;
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { addr, script_failures, serving }
    }

    /// What makes a browser take this for Stripe.
    pub fn browser_flags(&self) -> Vec<String> {
        vec![format!("--host-resolver-rules=MAP *.stripe.com:443 {}", self.addr), "--ignore-certificate-errors".to_owned()]
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn script(State(stub): State<Stub>) -> Response {
    let failures = &stub.script_failures;
    if failures.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    ([(CONTENT_TYPE, "text/javascript")], include_str!("stripe.js")).into_response()
}

/// What a card number does: `4242` pays, `0002` and `9995` are declined, `3220` leads to the bank's page;
/// with `0008` the payment is done and the answer is an error, with `0009` nothing is done, with `0010`
/// the gateway needs three seconds more than the form says, and with `0011` the form never answers.
async fn confirm(State(stub): State<Stub>, Path(intent): Path<IntentId>, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let secret = stub.sandbox.intent(&intent).unwrap().client_secret();
    assert_eq!(body["client_secret"], secret, "the form has the secret of its payment");
    let card = body["number"].as_str().unwrap().replace(' ', "");
    let answer = match card.get(card.len().saturating_sub(4)..).unwrap() {
        "3220" => json!({ "next": true }),
        "0009" => json!({ "error": { "type": "api_error", "message": "for developers" } }),
        "0008" => {
            pay(&stub, intent, "pm_card_visa").await;
            json!({ "error": { "type": "api_connection_error", "message": "for developers" } })
        }
        "0010" => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                pay(&stub, intent, "pm_card_visa").await
            });
            json!({})
        }
        "0011" => std::future::pending().await,
        "0002" => pay(&stub, intent, "pm_card_chargeDeclined").await,
        "9995" => pay(&stub, intent, "pm_card_chargeDeclinedInsufficientFunds").await,
        _ => pay(&stub, intent, "pm_card_visa").await,
    };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(answer)).into_response()
}

async fn pay(stub: &Stub, intent: IntentId, method: &str) -> Value {
    let confirm = Command::Confirm { intent, payment_method: method.to_owned() };
    match stub.sandbox.execute(None, confirm).await.unwrap() {
        Ok(record) if record.status == Status::RequiresPaymentMethod => {
            let decline = record.last_decline.unwrap();
            let (code, decline_code) = (decline.code(), decline.decline_code());
            json!({ "error": { "type": "card_error", "code": code, "decline_code": decline_code, "message": decline.message() } })
        }
        Ok(_) => json!({}),
        Err(refusal) => json!({ "error": { "type": "invalid_request_error", "message": refusal.to_string() } }),
    }
}

/// Connections by TLS, with a certificate of its own.
struct Tls {
    addr: SocketAddr,
    shaken: mpsc::Receiver<TlsStream<TcpStream>>,
}

impl Tls {
    async fn bind() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["js.stripe.com".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = tcp.local_addr().unwrap();
        let (done, shaken) = mpsc::channel(16);
        tokio::spawn(async move {
            while !done.is_closed() {
                let (stream, _) = tcp.accept().await.unwrap();
                let (acceptor, done) = (acceptor.clone(), done.clone());
                // Each by itself: the browser also opens connections that it then does not use.
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = done.send(stream).await;
                    }
                });
            }
        });
        Self { addr, shaken }
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        (self.shaken.recv().await.expect("the listener lives"), self.addr)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.addr)
    }
}
