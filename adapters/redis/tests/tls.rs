//! `rediss://`, with a certificate of an authority of one's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{lock, patient, refusal};
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_redis::{Redis, RedisGuard, RedisOptions};
use lastseat_redis_testkit::{RedisServer, ServerOptions};
use std::path::Path;
use std::process::{Command, Stdio};

/// A certificate for `localhost` that signs itself: `cert.pem` and `key.pem`. Whether there is a
/// program that makes one.
fn make_certificate(dir: &Path) -> bool {
    let words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
                 -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
    let mut openssl = Command::new("openssl");
    let made = openssl.args(words.split_whitespace()).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = made.is_ok_and(|status| status.success());
    if !is_there {
        lastseat_testkit::skipped::skip("openssl: install the package openssl", "LASTSEAT_REQUIRE_SERVICES");
    }
    is_there
}

#[tokio::test]
async fn only_the_named_authority_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    if !make_certificate(dir.path()) {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let config = vec![
        format!("tls-port {port}"),
        format!("tls-cert-file {}", file("cert.pem")),
        format!("tls-key-file {}", file("key.pem")),
        format!("tls-ca-cert-file {}", file("cert.pem")),
        "tls-auth-clients no".to_owned(),
    ];
    let Some(_server) = RedisServer::start_with(ServerOptions { config, ..ServerOptions::default() }) else { return };
    let guard = |options: RedisOptions| RedisGuard::new(Redis::open(&format!("rediss://localhost:{port}"), options).unwrap());
    let root = std::fs::read(file("cert.pem")).unwrap();
    let believing = || RedisOptions { root_certificates: Some(root.clone()), ..patient() };

    // Before the program has installed a crypto provider: an error, not a panic.
    let why = refusal(&guard(believing()), "A-1").await;
    assert!(why.contains("crypto provider"), "{why}");
    rustls::crypto::ring::default_provider().install_default().expect("none is installed yet");

    let why = refusal(&guard(patient()), "A-1").await;
    assert!(why.contains("certificate"), "an unknown authority: {why}");
    assert_eq!(lock(&guard(believing()), "ann", "A-1").await, Ok(Lock::Locked { fresh: 1, already: 0 }));
}
