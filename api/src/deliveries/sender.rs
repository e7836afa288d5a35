//! Sends to one endpoint, from where it has got to.
//!
//! Every node runs this for every endpoint. One that finds something to be sent claims the endpoint in the log; the others
//! find that it is claimed, and look again when the claim ends.

use super::body::message_about;
use super::fault::Fault;
use super::message::Kind;
use super::queue::{Failed, Queue};
use super::status::Status;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use lastseat_domain::deliveries::Deliveries;
use lastseat_domain::event::Pending;
use lastseat_domain::ports::event_log::{Direction, Filter, LogFault, Position, RecordedEvent};
use lastseat_domain::ports::webhook_endpoint::Receipt;
use lastseat_domain::ports::{Clock, EventLog, WebhookEndpoint};
use lastseat_domain::{EndpointId, Timestamp, codec};
use lastseat_engine::BoxOffice;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a claim lasts unless it is renewed. Longer than a try takes.
const CLAIM: Duration = Duration::from_secs(30);
/// The same while everything waits for an endpoint that is down: each renewal is an event.
const LONG_CLAIM: Duration = Duration::from_secs(600);
const LONG_CLAIM_RENEWED_MS: i64 = 540_000;
/// A checkpoint is written as often while something is sent.
const CHECKPOINT_MS: i64 = 10_000;
/// After this the log is looked at again.
const LOOK_MS: i64 = 250;
/// After this it is read although nothing new was seen: who sees it may be late.
const READ_MS: i64 = 5_000;
/// After this a node looks again whether another one still sends.
const WATCH_MS: i64 = 2_000;
/// Pause after the log could not be read or written.
const PAUSE_MS: i64 = 5_000;
/// Messages on their way at once.
const IN_FLIGHT: usize = 16;
/// Messages read and not taken, beyond which nothing more is read.
const WINDOW: usize = 1_000;
const PAGE: usize = 256;

pub(super) struct Sender {
    pub name: EndpointId,
    pub endpoint: Arc<dyn WebhookEndpoint>,
    pub log: Arc<dyn EventLog>,
    pub box_office: BoxOffice,
    pub clock: Arc<dyn Clock>,
    /// How far this node has read the log.
    pub seen: Arc<dyn Fn() -> Position + Send + Sync>,
    /// This process, as long as it runs.
    pub id: Uuid,
    pub status: Arc<Status>,
    /// The log was empty while nobody had sent to the endpoint: it begins with the first event.
    pub saw_empty_log: AtomicBool,
    /// What is to be recorded when it stops; `None` while it does not send.
    pub done: Mutex<Option<(Position, Vec<Pending>)>>,
}

/// How far the log has been seen, and when that was looked at.
type Look = (Position, Timestamp);

/// A try that has ended.
type Tried = (Arc<RecordedEvent>, Result<Option<Receipt>, Fault>);

impl Sender {
    /// Runs until `stop`; then leaves the endpoint to other nodes.
    pub(super) async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                let turn = self.turn().await;
                self.status.leaves();
                if let Err(fault) = turn {
                    tracing::warn!(endpoint = %self.name, %fault, "messages have to wait for the log");
                    self.leave().await;
                    self.pause(PAUSE_MS).await;
                }
                self.done.lock().take();
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
        self.leave().await;
    }

    /// Records what was sent, and lets another node send.
    async fn leave(&self) {
        let Some(done) = self.done.lock().take() else { return };
        if let Err(error) = self.box_office.checkpoint_deliveries(&self.name, self.id, done, Duration::ZERO).await {
            tracing::warn!(endpoint = %self.name, %error, "what was sent last may be sent again");
        }
    }

    /// Sends what there is, if it is this node's turn; else waits a moment.
    async fn turn(&self) -> Result<(), Fault> {
        let seen = self.look();
        let known = self.box_office.deliveries(&self.name).await?;
        self.status.reached(known.position);
        let (from, begin) = match known.position {
            Some(position) => (self.first_to_send(&known, position).await?, position),
            None if self.saw_empty_log.load(Ordering::Relaxed) => {
                (self.log.read_all(None, Direction::Forwards, 1, &sent()).await?, Position::START)
            }
            // A new endpoint begins with what comes now.
            None => {
                let last = self.log.read_all(None, Direction::Backwards, 1, &Filter::our_streams()).await?;
                self.saw_empty_log.store(last.is_empty(), Ordering::Relaxed);
                let begin = last.first().map_or(Position::START, |event| event.position);
                (last, begin)
            }
        };
        let Some(event) = from.first() else { return self.wait_for_news(seen).await };
        if !known.is_free_for(self.id, self.clock.now()) {
            self.pause(WATCH_MS).await;
            return Ok(());
        }
        let claimed = self.box_office.claim_deliveries(&self.name, self.id, (event, begin), CLAIM).await?;
        match claimed {
            Some(claimed) => self.send_all(&claimed).await,
            None => Ok(()),
        }
    }

    /// What was pending comes before what follows, and is to be sent although nothing follows.
    async fn first_to_send(&self, known: &Deliveries, reached: Position) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        match known.pending.first() {
            Some(first) => self.log.read_stream(&first.stream, Some(first.revision), Direction::Forwards, 1).await,
            None => self.log.read_all(Some(reached), Direction::Forwards, 1, &sent()).await,
        }
    }

    /// Sends until there was nothing to send for a while, or another node has claimed the endpoint.
    async fn send_all(&self, claimed: &Deliveries) -> Result<(), Fault> {
        let mut queue = self.queue(claimed).await?;
        let mut recorded = queue.done();
        let mut renew_at = self.after(CHECKPOINT_MS);
        let (mut is_long, mut look_again_at) = (false, renew_at);
        let mut flying: FuturesUnordered<BoxFuture<'_, Tried>> = FuturesUnordered::new();
        let mut read_to: Option<Look> = None;
        loop {
            if read_to.is_none_or(|look| self.has_news(look)) && queue.len() < WINDOW {
                let look = self.look();
                read_to = self.read(&mut queue, claimed.replayed_at).await?.then_some(look);
            }
            while flying.len() < IN_FLIGHT
                && let Some(event) = queue.next(self.clock.now())
            {
                flying.push(Box::pin(async move {
                    let tried = self.try_once(&event).await;
                    (event, tried)
                }));
            }
            self.status.sends(queue.len(), queue.failures_in_a_row());
            let done = queue.done();
            self.status.reached(Some(done.0));
            *self.done.lock() = Some(done.clone());
            if self.clock.now() >= renew_at {
                if queue.len() == 0 && done == recorded {
                    return Ok(());
                }
                is_long =
                    queue.is_down() && flying.is_empty() && queue.next_due().is_some_and(|due| due > self.clock.now() + CLAIM);
                let lasts = if is_long { LONG_CLAIM } else { CLAIM };
                if self.box_office.checkpoint_deliveries(&self.name, self.id, done.clone(), lasts).await?.is_none() {
                    tracing::info!(endpoint = %self.name, "another node sends now, or messages were requested again");
                    return Ok(());
                }
                recorded = done;
                renew_at = self.after(if is_long { LONG_CLAIM_RENEWED_MS } else { CHECKPOINT_MS });
            }
            if is_long && self.clock.now() >= look_again_at {
                // Something may have been requested again.
                if !self.box_office.deliveries(&self.name).await?.is_sent_by(self.id) {
                    return Ok(());
                }
                look_again_at = self.after(CHECKPOINT_MS);
            }
            let due = queue.next_due().filter(|_| flying.len() < IN_FLIGHT);
            let wake = due.into_iter().chain([renew_at, self.after(LOOK_MS)]).min().unwrap_or(renew_at);
            tokio::select! {
                Some((event, tried)) = flying.next() => {
                    self.settle(&mut queue, &event, tried?).await?;
                    // It takes messages again: from now on checkpoints are due as ever.
                    if std::mem::take(&mut is_long) && !queue.is_down() {
                        renew_at = self.clock.now();
                    }
                }
                () = self.clock.sleep_until(wake) => {}
            }
        }
    }

    /// What was pending, and then what follows.
    async fn queue(&self, claimed: &Deliveries) -> Result<Queue, Fault> {
        let mut queue = Queue::new(claimed.position.unwrap_or_default());
        for pending in &claimed.pending {
            let page = self.log.read_stream(&pending.stream, Some(pending.revision), Direction::Forwards, 1).await?;
            // What lies after the position is read anyway.
            for event in page.iter().filter(|event| claimed.position.is_some_and(|reached| event.position <= reached)) {
                self.push(&mut queue, event, claimed.replayed_at);
            }
        }
        Ok(queue)
    }

    fn push(&self, queue: &mut Queue, event: &Arc<RecordedEvent>, replayed_at: Option<Timestamp>) {
        let since = |at: Timestamp| at.max(replayed_at.unwrap_or_default());
        match codec::decode(event) {
            Ok(Some(envelope)) if Kind::of(&envelope.event).is_some() => {
                queue.push(Arc::clone(event), since(envelope.metadata.at))
            }
            Ok(_) => queue.skip(event.position),
            // A newer program may be able to read it, so it waits like one that is not taken.
            Err(_) => queue.push(Arc::clone(event), since(event.recorded_at)),
        }
    }

    /// How far the log has been seen, and when that was looked at.
    fn look(&self) -> Look {
        ((self.seen)(), self.clock.now())
    }

    fn has_news(&self, (seen, at): Look) -> bool {
        (self.seen)() != seen || self.clock.now() >= at + chrono::TimeDelta::milliseconds(READ_MS)
    }

    async fn wait_for_news(&self, look: Look) -> Result<(), Fault> {
        while !self.has_news(look) {
            self.pause(LOOK_MS).await;
        }
        Ok(())
    }

    /// Reads on, as far as there is room. Returns whether it has come to the end.
    async fn read(&self, queue: &mut Queue, replayed_at: Option<Timestamp>) -> Result<bool, Fault> {
        while queue.len() < WINDOW {
            let page = self.log.read_all(Some(queue.read()), Direction::Forwards, PAGE, &sent()).await?;
            for event in &page {
                self.push(queue, event, replayed_at);
            }
            if page.len() < PAGE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `None`: there is nothing to tell. What can't be read waits like what is not taken, and holds up nothing else.
    async fn try_once(&self, event: &RecordedEvent) -> Result<Option<Receipt>, Fault> {
        let message = match message_about(&*self.log, event).await {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(None),
            Err(Fault::Unreadable(why)) => return Ok(Some(Receipt::NoAnswer(format!("not sent: {why} can't be read")))),
            Err(fault) => return Err(fault),
        };
        Ok(Some(self.endpoint.send(&message, self.clock.now()).await))
    }

    /// What came of a try.
    async fn settle(&self, queue: &mut Queue, event: &RecordedEvent, receipt: Option<Receipt>) -> Result<(), Fault> {
        let now = self.clock.now();
        let (receipt, retry_after) = match receipt {
            None | Some(Receipt::Taken) => {
                self.status.taken(now);
                queue.taken(event.position, now);
                return Ok(());
            }
            Some(Receipt::Refused { status, retry_after }) => (Receipt::Refused { status, retry_after }, retry_after),
            Some(receipt) => (receipt, None),
        };
        self.status.failed(&receipt, now);
        if let Failed::GiveUp { tries } = queue.failed(event.position, now, retry_after) {
            tracing::error!(endpoint = %self.name, message = %event.id, position = %event.position, %receipt, tries,
                "a message was not taken for three days and is given up; replay it when the endpoint is well");
            let reason = (tries, receipt.to_string());
            if self.box_office.abandon_delivery(&self.name, self.id, event, reason).await?.is_some() {
                queue.given_up(event.position);
                self.status.given_up();
            }
        }
        Ok(())
    }

    async fn pause(&self, ms: i64) {
        self.clock.sleep_until(self.after(ms)).await;
    }

    fn after(&self, ms: i64) -> Timestamp {
        self.clock.now() + chrono::TimeDelta::milliseconds(ms)
    }
}

/// The streams that messages are sent about.
fn sent() -> Filter {
    Filter::streams(&["booking-", "show-"])
}
