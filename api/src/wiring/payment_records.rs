//! The gateway's records, for the verbs that compare them with the log.

use super::{charges, stripe};
use crate::config::Config;
use crate::data_dir::DataDir;
use async_trait::async_trait;
use lastseat_domain::IntentId;
use lastseat_domain::ports::payments::{Dispute, GatewayFault, RecordPage, RefundRecord};
use lastseat_domain::ports::{PaymentGateway, PaymentRecords};
use std::sync::Arc;

/// Most records of a page, as at Stripe.
const PAGE: usize = 100;

/// A gateway's records.
pub struct Recorded {
    /// Whose they are, for people.
    pub place: String,
    pub records: Arc<dyn PaymentRecords>,
    /// The gateway itself, if it can be used while a server runs. The sandbox's file belongs to one process.
    pub gateway: Option<Arc<dyn PaymentGateway>>,
}

impl Recorded {
    /// The records of the gateway that the configuration names.
    ///
    /// # Errors
    /// A line that says what to change.
    pub fn open(config: &Config) -> Result<Self, String> {
        crate::config::stripe::check(config)?;
        if let Some(gateway) = stripe::open(config, "http://localhost").map_err(|error| error.to_string())? {
            let place = stripe::place(config, &gateway);
            let gateway = Arc::new(gateway);
            return Ok(Self { place, records: Arc::clone(&gateway) as _, gateway: Some(gateway) });
        }
        let data = DataDir::at(&config.data);
        let place = format!("the sandbox in {}", data.root().display());
        Ok(Self { place, records: Arc::new(SandboxFile(data)), gateway: None })
    }
}

/// The sandbox's file: a server may be writing it.
struct SandboxFile(DataDir);

impl SandboxFile {
    /// Reads it on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&DataDir) -> Result<T, String> + Send + 'static,
    ) -> Result<T, GatewayFault> {
        let data = self.0.clone();
        let done = tokio::task::spawn_blocking(move || read(&data)).await;
        done.unwrap_or_else(|error| Err(error.to_string())).map_err(GatewayFault::Unavailable)
    }
}

#[async_trait]
impl PaymentRecords for SandboxFile {
    async fn list(&self, before: Option<&IntentId>) -> Result<RecordPage, GatewayFault> {
        let before = before.cloned();
        let (records, more) = self.read(move |data| charges::page_of_sandbox(data, before.as_ref(), PAGE)).await?;
        let next = records.last().filter(|_| more).map(|record| record.intent.clone());
        Ok(RecordPage { records, unreadable: Vec::new(), next })
    }

    async fn refunds(&self, intent: &IntentId) -> Result<Vec<RefundRecord>, GatewayFault> {
        let intent = intent.clone();
        self.read(move |data| charges::refunds_of_sandbox(data, &intent)).await
    }

    async fn dispute(&self, intent: &IntentId) -> Result<Dispute, GatewayFault> {
        let intent = intent.clone();
        let record = self.read(move |data| charges::one_of_sandbox(data, &intent)).await?;
        Ok(record.map(|record| record.dispute).unwrap_or_default())
    }
}
