//! A round trip of the webhook secrets, for `lastseat doctor`: signs a notification that leads to nothing, and sends it
//! to the node of this configuration.

use super::listener::reachable;
use crate::config::Config;
use crate::config::stripe::KeyMode;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use lastseat_domain::ports::{Finding, Severity};
use lastseat_domain::{Secret, Timestamp};
use sha2::Sha256;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

const OF: &str = "webhooks";
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the node of this configuration takes what is signed with its secrets.
pub(super) async fn run(config: &Config, now: Timestamp) -> Vec<Finding> {
    if config.stripe_webhook_secret.is_empty() {
        let every = config.payments_sweep.as_secs();
        let text = format!(
            "stripe_webhook_secret is not set: payments that buyers confirm themselves are found every {every} s; add an \
             endpoint …/v1/webhooks/stripe in Stripe's dashboard and set its secret"
        );
        return vec![Finding::new(Severity::Warn, OF, text)];
    }
    let live = config.stripe_key.as_ref().is_some_and(|key| KeyMode::of(key.expose()) == KeyMode::Live);
    let mut findings = Vec::new();
    for (number, secret) in (1..).zip(&config.stripe_webhook_secret) {
        let answer = tokio::time::timeout(PATIENCE, deliver(config.listen, secret, live, now)).await;
        findings.push(judge(number, &reachable(config.listen), answer.ok().flatten()));
    }
    findings
}

fn judge(number: usize, node: &str, answer: Option<StatusCode>) -> Finding {
    let (severity, text) = match answer {
        None => (Severity::Ok, format!("secret {number} is set; no node answers at {node} to try it with")),
        Some(StatusCode::OK) => (Severity::Ok, format!("the node at {node} takes what is signed with secret {number}")),
        Some(StatusCode::NOT_FOUND) => {
            (Severity::Warn, format!("the node at {node} takes no webhooks; restart it with these settings"))
        }
        Some(StatusCode::BAD_REQUEST) => (
            Severity::Warn,
            format!("the node at {node} refuses secret {number}: it runs with others, or with another clock; restart it"),
        ),
        Some(status) => (Severity::Warn, format!("the node at {node} answers a webhook with {status}")),
    };
    Finding::new(severity, OF, text)
}

/// The status of the answer; `None` if nobody answers.
async fn deliver(node: SocketAddr, secret: &Secret, live: bool, now: Timestamp) -> Option<StatusCode> {
    let authority = reachable(node).strip_prefix("http://")?.to_owned();
    let body = serde_json::json!({
        "id": "evt_lastseat_doctor", "object": "event", "type": "lastseat.doctor", "livemode": live, "data": {"object": {}},
    })
    .to_string();
    let request = Request::post("/v1/webhooks/stripe")
        .header(HOST, &authority)
        .header(CONTENT_TYPE, "application/json")
        .header("stripe-signature", sign(secret, now.timestamp(), &body)?)
        .body(Full::new(Bytes::from(body)))
        .ok()?;
    let stream = TcpStream::connect(&authority).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    // Ends with the sender.
    tokio::spawn(connection);
    sender.send_request(request).await.ok().map(|response| response.status())
}

/// As Stripe signs.
fn sign(secret: &Secret, at: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(format!("{at}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("t={at},v1={hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC-SHA256 of "1.{}" under "whsec_test", computed with openssl.
    #[test]
    fn it_signs_as_stripe_does() {
        let signed = sign(&Secret::new("whsec_test").unwrap(), 1, "{}").unwrap();
        assert_eq!(signed, "t=1,v1=7500d5d4be4b3ef07af1fe56f7d522d135cdaa7530de557e67cc1049c52de094");
    }
}
