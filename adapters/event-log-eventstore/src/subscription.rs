//! A subscription that reconnects by itself.
//!
//! Whenever the server's subscription is lost, a new one starts after the last event received, so that
//! the reader sees no gap and no repeat. It fails only for permanent reasons: the position is not of
//! this log, or the credentials are insufficient.
//!
//! A server ends a live subscription whose buffer is full, however fast the reader is: one of version 23.10 keeps 32 events, so
//! every burst does that. This is normal, and the next subscription starts at once.
//!
//! To report progress while nothing passes the filter, it reads the log's last event, then checks that
//! no event between that and the last delivery passes. It does not use the server's checkpoints: some
//! servers send the position of the next event, and as only commit positions are kept, a reader that
//! resumed there would miss it. Nor does it use positions of events that the port can't represent (links,
//! events that are not JSON): the log's head never reaches them, so such a checkpoint would look like
//! one of another log.

use crate::call_error::CallError;
use crate::connection::Connection;
use crate::log_probe::{Probe, check_start, probe};
use crate::options::Options;
use crate::read::{self, Filtered};
use crate::server_subscription::{ServerMessage, ServerSubscription};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Silence after which the log is probed while catching up.
const QUIET: Duration = Duration::from_millis(50);
/// Interval of probes once caught up.
const WATCH: Duration = Duration::from_secs(5);
/// Pauses before reconnecting.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Stands for a head that is not known yet: the next probe finds it.
const UNKNOWN: Position = Position(u64::MAX);
/// Events left out before a checkpoint reports progress.
const CHECKPOINT_EVERY: u32 = 1_000;

/// Deliveries buffered for the reader.
const BUFFER: usize = 256;

/// See [`EventLog::subscribe`](lastseat_domain::ports::EventLog::subscribe).
pub(crate) fn subscribe(
    connection: Arc<Connection>,
    from: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Delivery, LogFault>> {
    let start = async move {
        let (sender, deliveries) = mpsc::channel(BUFFER);
        let closed = connection.closed().clone();
        // In a task of its own, so that a slow reader doesn't keep a call half done.
        let follow = async move { Subscription::new(connection, from, filter).run(sender).await };
        let task = tokio::spawn(async move { closed.run_until_cancelled_owned(follow).await });
        stream::unfold((deliveries, AbortOnDropHandle::new(task)), async |(mut deliveries, task)| {
            let delivery = deliveries.recv().await?;
            Some((delivery, (deliveries, task)))
        })
    };
    start.flatten_stream().boxed()
}

struct Subscription {
    connection: Arc<Connection>,
    filter: Filter,
    /// Everything up to here that passes was delivered or is in `ready`. Always the position of an event,
    /// so that the server can resume there.
    reached: Position,
    /// The last position up to `reached` of an event that the port can represent, or the reader's start.
    /// Only this may be reported: the log's head is never before it.
    reportable: Position,
    /// The last position reported to the reader.
    reported: Position,
    /// The log's head when catching up began, or [`UNKNOWN`]; `None` while caught up.
    goal: Option<Position>,
    server: Option<ServerSubscription>,
    /// The probe under way.
    probe: Option<BoxFuture<'static, Result<Probe, LogFault>>>,
    probe_at: Instant,
    /// An event that a probe has found and the server has not sent, and since when.
    missing: Option<(Position, Instant)>,
    left_out: u32,
    /// The reader knows that the server is lost.
    is_interrupted: bool,
    pause: Duration,
    /// What was reached when the server last found the subscription too slow.
    too_slow_at: Option<Position>,
    ready: VecDeque<Delivery>,
}

enum Step {
    Message(Option<Result<ServerMessage, CallError>>),
    Probed(Result<Probe, LogFault>),
    ProbeDue,
}

impl Subscription {
    fn new(connection: Arc<Connection>, from: Position, filter: Filter) -> Self {
        Self {
            connection,
            filter,
            reached: from,
            reportable: from,
            reported: from,
            goal: None,
            server: None,
            probe: None,
            probe_at: Instant::now(),
            missing: None,
            left_out: 0,
            is_interrupted: false,
            pause: FIRST_PAUSE,
            too_slow_at: None,
            ready: VecDeque::new(),
        }
    }

    /// Runs until a permanent fault, or until the reader is gone.
    async fn run(mut self, sender: mpsc::Sender<Result<Delivery, LogFault>>) {
        loop {
            while let Some(delivery) = self.ready.pop_front() {
                if sender.send(Ok(delivery)).await.is_err() {
                    return;
                }
            }
            if let Err(fault) = self.step().await {
                let _ = sender.send(Err(fault)).await;
                return;
            }
        }
    }

    /// # Errors
    /// Only permanent faults.
    async fn step(&mut self) -> Result<(), LogFault> {
        let Some(server) = &mut self.server else { return self.start().await };
        if let Some(message) = server.arrived() {
            return self.take(message).await;
        }
        let probing = async {
            match &mut self.probe {
                Some(probe) => Step::Probed(probe.await),
                None => {
                    tokio::time::sleep_until(self.probe_at).await;
                    Step::ProbeDue
                }
            }
        };
        let step = tokio::select! {
            biased;
            message = server.next() => Step::Message(message),
            step = probing => step,
        };
        match step {
            Step::Message(Some(message)) => return self.take(message).await,
            Step::Message(None) => return self.lost(CallError::Lost("the subscription ended".to_owned())).await,
            Step::Probed(probe) => {
                self.probe = None;
                return self.probed(probe).await;
            }
            Step::ProbeDue => {
                self.probe = Some(probe(Arc::clone(&self.connection), self.filter.clone(), self.reached).boxed());
            }
        }
        Ok(())
    }

    async fn take(&mut self, message: Result<ServerMessage, CallError>) -> Result<(), LogFault> {
        match message {
            Ok(message) => {
                self.handle(message);
                Ok(())
            }
            Err(CallError::TooSlow) if self.too_slow_at != Some(self.reached) => {
                self.resume();
                Ok(())
            }
            Err(error) => self.lost(error).await,
        }
    }

    /// Subscribes after what was received, at once: the server is well.
    fn resume(&mut self) {
        self.connection.count_slow_subscription();
        tracing::debug!(position = %self.reached, "the subscription was too slow for the server; subscribing after it");
        self.too_slow_at = Some(self.reached);
        self.goal.get_or_insert(UNKNOWN);
        self.subscribe();
    }

    /// Subscribes after what was received.
    async fn start(&mut self) -> Result<(), LogFault> {
        let head = match check_start(&self.connection, self.reached).await {
            Ok(head) => head,
            Err(LogFault::Unavailable(why)) => return self.lost(CallError::Lost(why)).await,
            Err(fault) => return Err(fault),
        };
        self.goal = Some(head);
        self.subscribe();
        Ok(())
    }

    fn subscribe(&mut self) {
        self.missing = None;
        self.probe = None;
        self.probe_at = Instant::now() + self.connection.options.read_deadline;
        self.server = Some(ServerSubscription::start(Arc::clone(&self.connection), self.reached, &self.filter));
    }

    fn handle(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Confirmed => {
                self.is_interrupted = false;
                self.probe_at = Instant::now() + QUIET;
                self.reach(self.reached);
            }
            ServerMessage::Event(raw) => {
                let Some(position) = raw.position().filter(|position| *position > self.reached) else { return };
                self.missing = None;
                self.pause = FIRST_PAUSE;
                match read::apply_filter(*raw, &self.filter) {
                    Filtered::Passes(record) => {
                        (self.reportable, self.reported, self.left_out) = (position, position, 0);
                        self.ready.push_back(Delivery::Event(Arc::new(record)));
                    }
                    Filtered::Rejected => {
                        self.reportable = position;
                        self.leave_out();
                    }
                    Filtered::Hidden => self.leave_out(),
                }
                self.reach(position);
                // No probe after every event once caught up, if nothing was left out.
                let up_to_date = self.goal.is_none() && self.left_out == 0;
                self.probe_at = Instant::now() + if up_to_date { WATCH } else { QUIET };
            }
            ServerMessage::Hint => self.probe_at = self.probe_at.min(Instant::now() + QUIET),
            ServerMessage::FellBehind => {
                self.connection.count_slow_subscription();
                self.goal.get_or_insert(UNKNOWN);
                self.probe_at = Instant::now() + QUIET;
            }
        }
    }

    /// Reports progress now and then while nothing passes.
    fn leave_out(&mut self) {
        self.left_out += 1;
        if self.left_out >= CHECKPOINT_EVERY {
            self.left_out = 0;
            self.report();
        }
    }

    /// Queues a checkpoint if there is progress to report.
    fn report(&mut self) {
        if self.reportable > self.reported {
            self.reported = self.reportable;
            self.ready.push_back(Delivery::Checkpoint(self.reportable));
        }
    }

    /// Notes that everything up to here was received, and queues "caught up" when that reaches the goal.
    fn reach(&mut self, position: Position) {
        self.reached = self.reached.max(position);
        if let Some(goal) = self.goal.filter(|goal| *goal <= self.reached) {
            self.goal = None;
            self.reportable = self.reportable.max(goal);
            self.reported = self.reportable;
            self.ready.push_back(Delivery::CaughtUp(self.reportable));
        }
    }

    async fn probed(&mut self, probe: Result<Probe, LogFault>) -> Result<(), LogFault> {
        self.probe_at = Instant::now() + WATCH;
        let probe = match probe {
            Ok(probe) => probe,
            Err(LogFault::Unavailable(why)) => {
                self.interrupted(why);
                self.probe_at = Instant::now() + FIRST_PAUSE;
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        self.is_interrupted = false;
        if self.goal == Some(UNKNOWN) {
            self.goal = Some(probe.head);
            self.reach(self.reached);
        }
        match probe.next.filter(|next| *next > self.reached) {
            // Everything up to the head that passes was received.
            None if probe.next.is_none() => {
                (self.missing, self.pause) = (None, FIRST_PAUSE);
                self.goal = self.goal.map(|_| probe.head);
                self.reportable = self.reportable.max(probe.head);
                self.reach(probe.head);
                self.report();
            }
            // Received in the meantime; there may be more.
            None => self.probe_at = Instant::now() + QUIET,
            Some(next) => {
                self.probe_at = Instant::now() + QUIET;
                let (missing, since) = *self.missing.get_or_insert((next, Instant::now()));
                if missing != next {
                    self.missing = Some((next, Instant::now()));
                } else if since.elapsed() > Options::one_try(self.connection.options.read_deadline) {
                    return self.lost(CallError::Lost(format!("the server does not send the event at {next}"))).await;
                }
            }
        }
        Ok(())
    }

    /// Reports to the reader, once, that events may be missing from now on. Catching up is reported as well.
    fn interrupted(&mut self, why: String) {
        if !std::mem::replace(&mut self.is_interrupted, true) {
            self.goal.get_or_insert(UNKNOWN);
            self.ready.push_back(Delivery::Interrupted(why));
        }
    }

    /// Waits before reconnecting, unless the error is permanent.
    async fn lost(&mut self, error: CallError) -> Result<(), LogFault> {
        self.server = None;
        self.probe = None;
        let fault = error.clone().fault("the subscription");
        if matches!(fault, LogFault::Refused(_) | LogFault::Damaged(_)) {
            return Err(fault);
        }
        self.interrupted(fault.to_string());
        tracing::warn!(position = %self.reached, ?error, "the subscription was lost; reconnecting");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
