//! An OpenID provider in this process, with keys of its own, which misbehaves on request.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastseat::auth::RoleRule;
use lastseat::config::Config;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What tokens for this server have in `aud`.
pub const AUDIENCE: &str = "https://tickets.example";

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key that signs tokens.
pub struct SigningKey {
    pub id: String,
    pair: Pair,
}

impl SigningKey {
    pub fn rsa(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub fn ec(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub fn ed(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half, as it lies in memory.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half, as a provider publishes it.
    pub fn jwk(&self) -> Value {
        let (public, text) = (self.public(), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
        let mut jwk = match &self.pair {
            // A sequence of two numbers: of the first, 256 bytes and a zero; then 65537.
            Pair::Rsa(_) => json!({"kty": "RSA", "n": text(&public[9..265]), "e": "AQAB"}),
            Pair::Ec(_) => json!({"kty": "EC", "crv": "P-256", "x": text(&public[1..33]), "y": text(&public[33..])}),
            Pair::Ed(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(&public)}),
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    pub fn header(&self) -> Value {
        json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.id})
    }

    /// A token with its own header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }

    /// A token with any header.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let (random, bytes) = (SystemRandom::new(), text.as_bytes());
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(bytes).as_ref().to_vec(),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// How the provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Key sets of a megabyte.
    Huge,
    /// A thousand keys.
    Many,
    /// No answer.
    Silent,
    /// Another provider's document.
    NamesAnother,
    /// Keys that anybody on the way can change.
    KeysInTheClear,
    /// Keys elsewhere.
    Redirects,
    /// A page instead of a document.
    Page,
}

struct Published {
    issuer: String,
    keys: Mutex<Vec<Value>>,
    fault: Mutex<Option<Fault>>,
    reads: AtomicUsize,
}

/// A provider. Ends when dropped.
pub struct Issuer {
    pub url: String,
    pub addr: SocketAddr,
    published: Arc<Published>,
    serving: JoinHandle<()>,
}

impl Issuer {
    pub async fn start(keys: &[&SigningKey]) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), keys).await
    }

    pub async fn start_at(addr: SocketAddr, keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let url = format!("http://{addr}");
        let published = Arc::new(Published {
            issuer: url.clone(),
            keys: Mutex::default(),
            fault: Mutex::default(),
            reads: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(key_set))
            .with_state(Arc::clone(&published));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let issuer = Self { url, addr, published, serving };
        issuer.publish(keys);
        issuer
    }

    /// From now on, these keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.publish_as(keys.iter().map(|key| key.jwk()).collect());
    }

    pub fn publish_as(&self, keys: Vec<Value>) {
        *self.published.keys.lock() = keys;
    }

    pub fn misbehave(&self, fault: impl Into<Option<Fault>>) {
        *self.published.fault.lock() = fault.into();
    }

    /// How often its keys were asked for.
    pub fn reads(&self) -> usize {
        self.published.reads.load(Ordering::SeqCst)
    }

    /// What a good token says of somebody.
    pub fn claims(&self, sub: &str) -> Value {
        let now = SystemClock.now().timestamp();
        json!({"iss": self.url, "aud": AUDIENCE, "sub": sub, "iat": now, "exp": now + 600})
    }

    /// A server that accepts its tokens, and knows two of its groups.
    pub fn config(&self) -> Config {
        Config {
            oidc_issuer: Some(self.url.clone()),
            oidc_audience: Some(AUDIENCE.to_owned()),
            oidc_role_claim: "groups".to_owned(),
            oidc_role: RoleRule::list("admin=operators, manager=shop-managers").unwrap(),
            ..Config::default()
        }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn discovery(State(published): State<Arc<Published>>) -> String {
    published.reads.fetch_add(1, Ordering::SeqCst);
    let fault = *published.fault.lock();
    let issuer = &published.issuer;
    let (mut named, mut keys) = (issuer.clone(), format!("{issuer}/keys"));
    match fault {
        Some(Fault::Silent) => tokio::time::sleep(Duration::from_secs(600)).await,
        Some(Fault::NamesAnother) => named = "https://login.example".to_owned(),
        Some(Fault::KeysInTheClear) => keys = "http://login.example/keys".to_owned(),
        Some(Fault::Redirects) => keys = format!("{issuer}/elsewhere"),
        Some(Fault::Page) => return "<html>Sign in</html>".to_owned(),
        Some(Fault::Huge | Fault::Many) | None => {}
    }
    json!({"issuer": named, "jwks_uri": keys}).to_string()
}

async fn key_set(State(published): State<Arc<Published>>) -> String {
    let mut keys = published.keys.lock().clone();
    let fault = *published.fault.lock();
    match fault {
        Some(Fault::Huge) => keys.push(json!({"kty": "oct", "kid": "x".repeat(1 << 20)})),
        Some(Fault::Many) => keys.extend((0..1000).map(|number| json!({"kty": "oct", "kid": number.to_string()}))),
        _ => {}
    }
    json!({ "keys": keys }).to_string()
}
