//! The key and client secrets are in no message, no log line and no `Debug` output.

use crate::server::{Reply, Server, error, ok};
use crate::support::{KEY, booking, eur, gateway, intent, order, pi, settings};
use lastseat_domain::ports::{PaymentGateway, PaymentRecords};
use parking_lot::Mutex;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;

const CLIENT_SECRET: &str = "ClientSecretToo";

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn replies() -> [fn() -> Reply; 9] {
    [
        || ok(intent("requires_payment_method")),
        // Answers that quote secrets, in places where a careless error message would repeat them.
        || ok(json!({ "id": CLIENT_SECRET, "amount": CLIENT_SECRET, "client_secret": CLIENT_SECRET })),
        || Reply::Raw(200, "ClientSecretToo"),
        || Reply::Raw(502, "sk_test_51NeverToBeSeenAnywhere"),
        || error(401, json!({ "message": format!("Invalid API Key provided: {KEY}") })),
        || error(403, json!({ "message": format!("The provided key '{KEY}' lacks a right") })),
        || error(402, json!({ "code": "card_declined", "payment_intent": intent("requires_payment_method") })),
        || Reply::Half,
        || Reply::Close,
    ]
}

#[test]
fn secrets_are_never_printed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut printed = String::new();
    tracing::subscriber::with_default(subscriber.finish(), || {
        runtime.block_on(async {
            for reply in replies() {
                let server = Server::start(move |_| reply()).await;
                let gateway = gateway(&server.url);
                printed += &format!("{gateway:?} {:?}", settings(&server.url));
                printed += &format!("{:?}", gateway.create(&order()).await);
                printed += &format!("{:?}", gateway.confirm(&pi(), booking(), 1, "pm_card_visa").await);
                printed += &format!("{:?}", gateway.retrieve(&pi()).await);
                printed += &format!("{:?}", gateway.refund(&pi(), booking(), 1, eur(1)).await);
                printed += &format!("{:?}", gateway.list(None).await);
                printed += &format!("{:?}", gateway.examine(chrono::DateTime::UNIX_EPOCH).await);
            }
        });
    });
    let logged = String::from_utf8(log.0.lock().clone()).unwrap();
    assert!(!logged.is_empty(), "nothing was logged, so nothing was searched");
    for secret in ["NeverToBeSeenAnywhere", CLIENT_SECRET] {
        for (what, text) in [("messages", &printed), ("log", &logged)] {
            let at = text.find(secret).map(|at| text[at.saturating_sub(200)..].chars().take(300).collect::<String>());
            assert_eq!(at, None, "{secret} is in the {what}");
        }
    }
}
