//! Which payment gateway: Stripe's API, be it Stripe's own or that of a sandbox that nodes share, or the sandbox of this
//! process.
//!
//! A gateway over Stripe's API, a shared sandbox included, has no `bank` here: the routes that simulate one are then not
//! there, and `lastseat doctor` names it in `checks.rs`.

use super::reports::Reporting;
use super::start_error::StartError;
use super::stripe;
use crate::app::BankAuthentication;
use crate::config::Config;
use crate::data_dir::DataDir;
use async_trait::async_trait;
use futures::FutureExt;
use lastseat_domain::ports::{Clock, PaymentGateway};
use lastseat_domain::{BookingId, IntentId};
use lastseat_payments_sandbox::SandboxGateway;
use std::sync::Arc;

/// What is wrong with a sandbox of its own, for a node that shares its log.
pub(super) const NOT_SHARED: &str = "this process's own sandbox, but nodes that share an event log must share the gateway, too: \
     start `lastseat sandbox` once, and give all nodes --stripe-url http://127.0.0.1:12111 --stripe-key sk_test_cluster";

/// The gateway that was chosen.
pub(super) struct ChosenPayments {
    /// As the engine sees it.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Where a buyer says how an authentication ended, if payments are simulated.
    pub bank: Option<Arc<dyn BankAuthentication>>,
    /// The sandbox itself, if it is in this process.
    pub sandbox: Option<Arc<SandboxGateway>>,
    /// What it reports by itself, and its list of payments.
    pub reporting: Reporting,
}

impl ChosenPayments {
    /// `url`: where buyers reach this server, and come back to from their bank.
    pub(super) fn open(config: &Config, data: &DataDir, clock: &Arc<dyn Clock>, url: &str) -> Result<Self, StartError> {
        if let Some(gateway) = stripe::open(config, url)? {
            stripe::warn_of_missing_rights(config, &gateway, clock);
            let reporting = stripe::reporting(&gateway, config);
            return Ok(Self { gateway: Arc::new(gateway), bank: None, sandbox: None, reporting });
        }
        if config.eventstore.is_some() {
            tracing::warn!("payments are in {NOT_SHARED}");
        }
        let sandbox = Arc::new(SandboxGateway::open(&data.sandbox(), Arc::clone(clock))?);
        let bank = Arc::new(Bank(Arc::clone(&sandbox)));
        let reporting = Reporting { ended: Some(sandbox.ended().boxed()), ..Reporting::default() };
        Ok(Self { gateway: Arc::clone(&sandbox) as _, bank: Some(bank), sandbox: Some(sandbox), reporting })
    }
}

/// The in-process sandbox as the HTTP routes see it.
struct Bank(Arc<SandboxGateway>);

#[async_trait]
impl BankAuthentication for Bank {
    async fn authenticate(&self, intent: &IntentId, success: bool) -> Result<BookingId, String> {
        let intent = self.0.authenticate(intent, success).await.map_err(|error| error.to_string())?;
        intent.booking.ok_or_else(|| format!("{} names no booking", intent.id))
    }
}
