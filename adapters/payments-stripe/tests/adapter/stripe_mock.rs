//! Stripe's own stand-in checks each request against Stripe's description of its API. It is stateless, so what it
//! answers means nothing; that it accepts the request does.

use crate::support::{booking, eur, order, pi, settings};
use lastseat_domain::ports::payments::{GatewayFault, Intent};
use lastseat_domain::ports::{Clock, PaymentGateway, PaymentRecords};
use lastseat_payments_stripe::{StripeGateway, StripeSettings};
use lastseat_testkit::skipped::skip;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MISSING: &str = "stripe-mock: go install github.com/stripe/stripe-mock@v0.203.0";

struct StripeMock {
    child: Child,
    url: String,
}

impl Drop for StripeMock {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `None` if it is not installed.
async fn start() -> Option<StripeMock> {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let command = std::env::var("STRIPE_MOCK").unwrap_or_else(|_| "stripe-mock".to_owned());
    let mut command = Command::new(command);
    command.args(["-http-addr", &format!("127.0.0.1:{port}"), "-strict-version-check=false"]);
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        skip(MISSING, "LASTSEAT_REQUIRE_SERVICES");
        return None;
    };
    let mock = StripeMock { child, url: format!("http://127.0.0.1:{port}") };
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Some(mock);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("stripe-mock does not listen");
}

fn accepted(what: &str, answer: Result<Intent, GatewayFault>) {
    if let Err(fault) = answer {
        panic!("{what}: {fault}");
    }
}

#[tokio::test]
async fn stripe_mock_accepts_every_request() {
    let Some(mock) = start().await else { return };
    let settings = StripeSettings { timeout: Duration::from_secs(20), ..settings(&mock.url) };
    let gateway = StripeGateway::open(&settings).unwrap();
    accepted("create", gateway.create(&order()).await);
    accepted("confirm", gateway.confirm(&pi(), booking(), 1, "pm_card_visa").await);
    accepted("retrieve", gateway.retrieve(&pi()).await);
    accepted("capture", gateway.capture(&pi(), booking()).await);
    accepted("cancel", gateway.cancel(&pi(), booking()).await);
    accepted("refund", gateway.refund(&pi(), booking(), 1, eur(4_250)).await);
    gateway.list(None).await.unwrap();
    gateway.list(Some(&pi())).await.unwrap();
    let examined = gateway.examine(lastseat_in_process::SystemClock.now()).await.unwrap();
    assert!(examined.missing_rights.is_empty(), "{examined:?}");
}
