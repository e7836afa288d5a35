//! Webhooks that this server sends to endpoints of the shop. (Those that it receives from the payment gateway
//! are in [`crate::webhooks`].)
//!
//! Each message follows from one event of the log and is sent at least once, in order for each booking. How far an endpoint
//! has got is an event in its own stream, so that another node goes on where one has died.

mod body;
mod fault;
mod message;
mod queue;
mod sender;
mod status;

pub use status::EndpointStatus;

use lastseat_domain::EndpointId;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::{Clock, EventLog, WebhookEndpoint};
use lastseat_engine::BoxOffice;
use sender::Sender;
use status::Status;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the tasks work with.
pub struct Context {
    pub log: Arc<dyn EventLog>,
    pub box_office: BoxOffice,
    pub clock: Arc<dyn Clock>,
    /// How far this node has read the log.
    pub seen: Arc<dyn Fn() -> Position + Send + Sync>,
    /// This process, as long as it runs.
    pub sender: Uuid,
}

/// The endpoints of the shop, by name.
#[derive(Clone, Default)]
pub struct Deliveries(Arc<Vec<(EndpointId, String, Arc<Status>)>>);

/// The tasks that send. Dropping it ends them where they are.
pub struct DeliveryTasks {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Deliveries {
    /// Starts one task for each endpoint: its name, its address as it may be shown, and what sends.
    #[must_use]
    pub fn start(endpoints: Vec<(EndpointId, String, Arc<dyn WebhookEndpoint>)>, context: &Context) -> (Self, DeliveryTasks) {
        let known = Self::known(endpoints.iter().map(|(name, address, _)| (name.clone(), address.clone())));
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for ((name, _, endpoint), (.., status)) in endpoints.into_iter().zip(known.0.iter()) {
            let sender = Sender {
                name,
                endpoint,
                log: Arc::clone(&context.log),
                box_office: context.box_office.clone(),
                clock: Arc::clone(&context.clock),
                seen: Arc::clone(&context.seen),
                id: context.sender,
                status: Arc::clone(status),
                saw_empty_log: AtomicBool::new(false),
                done: parking_lot::Mutex::default(),
            };
            tasks.spawn(sender.run(stop.clone()));
        }
        (known, DeliveryTasks { tasks, stop })
    }

    /// Endpoints of these names and addresses, which nobody sends to: [`Self::start`] does.
    pub fn known(endpoints: impl IntoIterator<Item = (EndpointId, String)>) -> Self {
        let known = endpoints.into_iter().map(|(name, address)| (name, address, Arc::default()));
        Self(Arc::new(known.collect()))
    }

    /// Each endpoint's name, its address, and what this node knows of it.
    pub fn all(&self) -> impl Iterator<Item = (&EndpointId, &str, EndpointStatus)> {
        self.0.iter().map(|(name, address, status)| (name, address.as_str(), status.now()))
    }

    /// Whether there is an endpoint of this name.
    #[must_use]
    pub fn has(&self, endpoint: &EndpointId) -> bool {
        self.0.iter().any(|(name, ..)| name == endpoint)
    }
}

impl DeliveryTasks {
    /// Stops sending, and leaves the endpoints to other nodes. Before the engine is drained.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Completes when a task has ended although nobody stopped it.
    pub async fn failed(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
