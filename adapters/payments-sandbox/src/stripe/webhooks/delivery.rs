//! Sends events when they are due, and again until they are accepted.

use super::signature::sign;
use super::{WebhookOptions, address};
use crate::gateway::SandboxGateway;
use crate::stripe::events::Event;
use bytes::Bytes;
use fastrand::Rng;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lastseat_domain::Secret;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Events that wait to be looked at, and deliveries that wait for their time. More are lost.
const WAITING: usize = 20_000;
/// Deliveries at the same time.
const CONCURRENT: usize = 16;
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Deliveries of one event until it is given up.
const TRIES: u32 = 10;
/// Pause after the first failed delivery; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An event that is overtaken waits up to so much longer.
const OVERTAKEN: Duration = Duration::from_secs(2);
/// Most bytes that are read of an endpoint's answer.
const MAX_ANSWER: usize = 64 << 10;

/// The task that delivers, until nothing can send it events any more.
pub struct Deliveries {
    options: WebhookOptions,
    /// Weak: the sandbox holds what feeds this task.
    sandbox: Weak<SandboxGateway>,
    base: String,
    rng: Rng,
    due: BinaryHeap<Reverse<Due>>,
    /// Orders what is due at the same time.
    count: u64,
    running: JoinSet<Option<Delivery>>,
    http: Client<HttpConnector, Full<Bytes>>,
}

struct Due {
    at: Instant,
    number: u64,
    delivery: Delivery,
}

/// An event for an endpoint.
#[derive(Clone)]
struct Delivery {
    event: Arc<Event>,
    target: Target,
    /// Failed before.
    tries: u32,
}

#[derive(Debug, Clone)]
enum Target {
    /// The endpoint of the options.
    OfStart,
    /// One that was made over the API, by name: it may be changed meanwhile.
    Made(String),
}

impl Deliveries {
    /// Starts the task. Needs a tokio runtime.
    pub fn start(options: WebhookOptions, sandbox: &Arc<SandboxGateway>, base: String) -> Sender<Arc<Event>> {
        let (sender, events) = channel(WAITING);
        let deliveries = Self {
            rng: Rng::with_seed(options.seed),
            options,
            sandbox: Arc::downgrade(sandbox),
            base,
            due: BinaryHeap::new(),
            count: 0,
            running: JoinSet::new(),
            http: Client::builder(TokioExecutor::new()).build_http(),
        };
        tokio::spawn(deliveries.run(events));
        sender
    }

    async fn run(mut self, mut events: Receiver<Arc<Event>>) {
        loop {
            let next = self.due.peek().map(|Reverse(due)| due.at);
            let free = self.running.len() < CONCURRENT;
            tokio::select! {
                event = events.recv(), if self.due.len() < WAITING => match event {
                    Some(event) => self.plan(&event),
                    None => return,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if free && next.is_some() => self.send_next(),
                Some(ended) = self.running.join_next() => {
                    if let Ok(Some(delivery)) = ended {
                        self.again(delivery);
                    }
                }
            }
        }
    }

    /// Plans the deliveries of an event.
    fn plan(&mut self, event: &Arc<Event>) {
        if self.options.endpoint.is_some() {
            self.plan_for(event, &Target::OfStart);
        }
        let Some(sandbox) = self.sandbox.upgrade() else { return };
        for endpoint in sandbox.webhook_endpoints().iter().filter(|endpoint| endpoint.takes(event.kind, event.at)) {
            self.plan_for(event, &Target::Made(endpoint.id.clone()));
        }
    }

    /// Decides what happens to a delivery. Always draws as often, so that the seed decides.
    fn plan_for(&mut self, event: &Arc<Event>, target: &Target) {
        let [lost, repeated, overtaken, overtaken_again] =
            [self.options.loss, self.options.repeat, self.options.reorder, self.options.reorder]
                .map(|share| self.rng.f64() < share);
        let [late, later] = [self.rng.f64(), self.rng.f64()].map(|part| OVERTAKEN.mul_f64(part));
        if lost {
            return;
        }
        let delay = |overtaken: bool, late| if overtaken { self.options.delay + late } else { self.options.delay };
        let (first, second) = (delay(overtaken, late), delay(overtaken_again, later));
        let delivery = Delivery { event: Arc::clone(event), target: target.clone(), tries: 0 };
        self.push(delivery.clone(), first);
        if repeated {
            self.push(delivery, second);
        }
    }

    fn push(&mut self, delivery: Delivery, delay: Duration) {
        self.count += 1;
        self.due.push(Reverse(Due { at: Instant::now() + delay, number: self.count, delivery }));
    }

    fn again(&mut self, delivery: Delivery) {
        let Delivery { event, target, tries } = &delivery;
        if *tries >= TRIES {
            tracing::warn!(
                event = event.id,
                kind = event.kind,
                ?target,
                "the webhook's endpoint did not accept an event; given up"
            );
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries - 1)).min(LONGEST_PAUSE);
        self.push(delivery, pause);
    }

    fn send_next(&mut self) {
        let Some(Reverse(Due { delivery, .. })) = self.due.pop() else { return };
        // Gone or disabled meanwhile: nobody waits for it.
        let Some(request) = self.request(&delivery) else { return };
        let http = self.http.clone();
        self.running.spawn(async move {
            let accepted = timeout(PATIENCE, deliver(http, request)).await.unwrap_or(false);
            (!accepted).then_some(Delivery { tries: delivery.tries + 1, ..delivery })
        });
    }

    /// Where a delivery goes, and what it is signed with.
    fn place(&self, target: &Target, sandbox: &SandboxGateway) -> Option<(Uri, Secret)> {
        match target {
            Target::OfStart => self.options.endpoint.clone(),
            Target::Made(id) => {
                let endpoint = sandbox.webhook_endpoint(id).filter(|endpoint| !endpoint.disabled)?;
                Some((address(&endpoint.url).ok()?, Secret::new(&*endpoint.secret)?))
            }
        }
    }

    fn request(&self, Delivery { event, target, .. }: &Delivery) -> Option<Request<Full<Bytes>>> {
        let sandbox = self.sandbox.upgrade()?;
        let (url, secret) = self.place(target, &sandbox)?;
        let body = serde_json::to_vec_pretty(&event.render(&self.base)).ok()?;
        let signature = sign(&secret, &body, sandbox.now());
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+lastseat's sandbox)")
            .header("stripe-signature", signature);
        request.body(Full::from(body)).ok()
    }
}

/// Whether the endpoint has accepted it. The answer is read to its end, so that the connection can be used again.
async fn deliver(http: Client<HttpConnector, Full<Bytes>>, request: Request<Full<Bytes>>) -> bool {
    let Ok(response) = http.request(request).await else { return false };
    let accepted = response.status().is_success();
    let _read = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    accepted
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
