//! The shop's side of webhooks: an HTTP server that takes what comes, and async-stripe's module that verifies it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stripe::Client;
use stripe_core::payment_intent::CreatePaymentIntent;
use stripe_misc::webhook_endpoint::{
    CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents, DeleteWebhookEndpoint, ListWebhookEndpoint,
    RetrieveWebhookEndpoint,
};
use stripe_types::Currency;
use stripe_webhook::{EventObject, Webhook, WebhookError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A delivery: path, signature, body.
type Delivery = (String, String, String);

pub struct Hook {
    port: u16,
    received: Arc<Mutex<Vec<Delivery>>>,
}

impl Hook {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, received) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<Delivery>>>::default());
        let deliveries = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let deliveries = Arc::clone(&deliveries);
                tokio::spawn(async move { take(connection, &deliveries).await });
            }
        });
        Self { port, received }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// What came to that path, once `enough` says so of the bodies.
    async fn at(&self, path: &str, enough: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        for _ in 0..100 {
            let all = self.received.lock().unwrap();
            let here: Vec<Delivery> = all.iter().filter(|(to, ..)| *to == format!("/{path}")).cloned().collect();
            drop(all);
            if enough(&here) {
                return here;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not all webhooks came to /{path}");
    }

    /// Each kind of event of the whole flow is verified and understood.
    pub async fn whole_flow(&self, secret: &str) {
        let cancelled = |all: &[Delivery]| all.iter().any(|(_, _, body)| body.contains("payment_intent.canceled"));
        let all = self.at("hook", cancelled).await;
        let mut kinds = BTreeSet::new();
        for (_, signature, body) in &all {
            let event = Webhook::construct_event(body, signature, secret).unwrap_or_else(|error| panic!("{error}: {body}"));
            kinds.insert(match event.data.object {
                EventObject::PaymentIntentCreated(_) => "created",
                EventObject::PaymentIntentPaymentFailed(intent) => {
                    assert!(intent.last_payment_error.is_some());
                    "payment_failed"
                }
                EventObject::PaymentIntentAmountCapturableUpdated(_) => "amount_capturable_updated",
                EventObject::PaymentIntentSucceeded(_) => "succeeded",
                EventObject::PaymentIntentRequiresAction(_) => "requires_action",
                EventObject::PaymentIntentCanceled(_) => "canceled",
                EventObject::ChargeRefunded(charge) => {
                    assert!(charge.amount_refunded > 0);
                    "refunded"
                }
                _ => "another",
            });
        }
        for kind in
            ["created", "payment_failed", "amount_capturable_updated", "succeeded", "requires_action", "canceled", "refunded"]
        {
            assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
        }
        let (_, signature, body) = &all[0];
        let forged = body.replace("payment_intent", "payment_intenT");
        for (body, secret) in [(&forged, secret), (body, "whsec_other")] {
            assert!(matches!(Webhook::construct_event(body, signature, secret), Err(WebhookError::BadSignature)));
        }
    }

    /// Sets an endpoint up as a shop does at Stripe, gets an event there, and takes it down.
    pub async fn endpoint(&self, client: &Client) {
        let events = [CreateWebhookEndpointEnabledEvents::PaymentIntentCreated];
        let made = CreateWebhookEndpoint::new(events, self.url("endpoint")).description("shop").send(client).await.unwrap();
        let secret = made.secret.unwrap();
        assert!(secret.starts_with("whsec_") && made.status == "enabled");
        let listed = ListWebhookEndpoint::new().send(client).await.unwrap();
        assert_eq!(listed.data.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [made.id.as_str()]);
        let intent = CreatePaymentIntent::new(1200, Currency::EUR).send(client).await.unwrap();
        let [(_, signature, body)] = &self.at("endpoint", |all| !all.is_empty()).await[..] else { panic!("one event") };
        let event = Webhook::construct_event(body, signature, &secret).unwrap();
        assert!(matches!(event.data.object, EventObject::PaymentIntentCreated(created) if created.id == intent.id));
        let shown = RetrieveWebhookEndpoint::new(made.id.clone()).send(client).await.unwrap();
        assert_eq!((shown.enabled_events.len(), shown.secret), (1, None));
        DeleteWebhookEndpoint::new(made.id.clone()).send(client).await.unwrap();
        assert!(RetrieveWebhookEndpoint::new(made.id).send(client).await.is_err());
    }
}

/// Takes one request and closes the connection.
async fn take(mut connection: TcpStream, deliveries: &Mutex<Vec<Delivery>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").parse::<usize>().unwrap()
        {
            break (head.to_owned(), body.to_owned());
        }
        if connection.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
    };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    deliveries.lock().unwrap().push((path, header(&head, "stripe-signature").to_owned(), body));
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
}

pub fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
}
