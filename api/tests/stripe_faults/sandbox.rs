//! The sandbox over Stripe's API, and the buyer's side of it: the bank's page, and the gateway's form.

use crate::support::client::Client;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{Record, SandboxGateway, Status, stripe};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

pub struct Sandbox {
    gateway: Arc<SandboxGateway>,
    pub addr: SocketAddr,
}

impl Sandbox {
    pub async fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let gateway = Arc::new(SandboxGateway::in_memory(clock));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = stripe::router(Arc::clone(&gateway), stripe::Options::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { gateway, addr }
    }

    pub fn intents(&self) -> Vec<Arc<Record>> {
        self.gateway.intents()
    }

    /// The buyer answers the bank's question about the one intent that asks it. A second answer is as good as none.
    pub async fn authenticate(&self) {
        let intents = self.intents();
        let asked = intents.iter().find(|intent| intent.status == Status::RequiresAction).unwrap();
        let path = format!("/3ds/{}", asked.client_secret());
        let answer = Client::new(self.addr).post(&path).form("result=complete").send().await;
        assert!([200, 303].contains(&answer.status), "{answer:?}");
    }

    /// What Stripe.js does when the buyer presses Pay.
    pub async fn confirm_in_form(&self, client_secret: &str, method: &str) {
        let (intent, _) = client_secret.split_once("_secret_").unwrap();
        let form = format!("client_secret={client_secret}&payment_method={method}");
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let answer = Client::new(self.addr).post(&path).bearer("pk_test_crash").form(&form).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Whether no intent can be confirmed or captured any more.
    pub fn none_open(&self) -> bool {
        self.intents().iter().all(|intent| matches!(intent.status, Status::Canceled | Status::Succeeded))
    }
}
