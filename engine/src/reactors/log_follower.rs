//! The log follower: consumes the log and updates this node's state (shows, seat tables, buyer ledger,
//! pending bookings). One task owns the list of pending bookings; what is due in it is looked at as [`settling`] says.

mod settling;

use super::fold::Knowledge;
use super::pending_bookings::{PendingBookings, Refunded, RewardChange};
use super::recovery::Recovery;
use crate::actors::mailbox::Posted;
use crate::error::Fault;
use crate::payment::{Payments, Reach, Settled, Tried};
use crate::services::Services;
use crate::snapshot::{CheckedSnapshot, FollowerState};
use futures::StreamExt;
use lastseat_domain::ports::event_log::landmark::Landmark;
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter, LogFault, Position, RecordedEvent};
use lastseat_domain::seat::SeatKey;
use lastseat_domain::{BookingId, Timestamp, codec};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Events read at a time while starting.
const PAGE: usize = 2_048;
/// Bookings looked at in parallel, as far as the log goes.
const SETTLING: usize = 256;
/// Bookings whose next step calls the gateway, likewise. They have places of their own, so that a gateway that does not
/// answer never keeps holds from ending.
const AT_GATEWAY: usize = 64;
/// Bookings of shows that are refunded, likewise: a few, so that buyers keep the gateway.
const REFUNDING: usize = 16;
/// Pause before the log is subscribed to again after it failed, in milliseconds.
const RESUBSCRIBE_MS: i64 = 500;

/// Asks the follower for what only it knows.
pub(crate) enum SnapshotRequest {
    /// The state at its position, and the event there. None before the first event.
    Take(oneshot::Sender<Option<(Landmark, FollowerState)>>),
    /// The last event that it has applied.
    Last(oneshot::Sender<Option<Landmark>>),
}

pub(crate) struct LogFollower {
    services: Arc<Services>,
    payments: Payments,
    knowledge: Knowledge,
    pending: PendingBookings,
    position: Position,
    /// The last event that was applied.
    last: Option<Arc<RecordedEvent>>,
    /// Where it was, if not read from the log.
    started_from: Option<Landmark>,
    snapshots: mpsc::Receiver<SnapshotRequest>,
    /// None before the whole log was read, and after recovery is finished.
    recovery: Option<Recovery>,
    /// Bookings that were looked at; at most [`SETTLING`] and [`AT_GATEWAY`] are in progress.
    settled: mpsc::Receiver<(BookingId, Reach, Settled)>,
    settled_sender: mpsc::Sender<(BookingId, Reach, Settled)>,
    settling: usize,
    at_gateway: usize,
    /// Bookings whose refund was to be requested for their show, and what came of it.
    refunded: mpsc::Receiver<(BookingId, Tried)>,
    refunded_sender: mpsc::Sender<(BookingId, Tried)>,
    refunding: usize,
    rewards: mpsc::UnboundedSender<Posted<RewardChange>>,
    /// Rewards that another node gives, each with the time from which this node does if the log does not show it.
    left_to_others: VecDeque<(Timestamp, RewardChange)>,
    /// Refunded bookings whose buyers the rewards task has read from the log.
    refunds: mpsc::UnboundedReceiver<Refunded>,
    tasks: TaskTracker,
    kill: CancellationToken,
}

/// The rewards task's ends of its two channels, both unbounded: they hold no more than the list of pending bookings has.
pub(crate) struct RewardsEnd {
    /// What has to be recorded in loyalty accounts.
    pub missing: mpsc::UnboundedReceiver<Posted<RewardChange>>,
    pub refunds: mpsc::UnboundedSender<Refunded>,
}

impl LogFollower {
    pub(crate) fn new(
        services: Arc<Services>,
        payments: Payments,
        snapshots: mpsc::Receiver<SnapshotRequest>,
        tasks: TaskTracker,
        kill: CancellationToken,
    ) -> (Self, RewardsEnd) {
        let (rewards, missing) = mpsc::unbounded_channel();
        let (refunded, refunds) = mpsc::unbounded_channel();
        let (settled_sender, settled) = mpsc::channel(SETTLING + AT_GATEWAY);
        let (refunded_sender, of_shows) = mpsc::channel(REFUNDING);
        let follower = Self {
            knowledge: Knowledge::of(&services),
            services,
            payments,
            pending: PendingBookings::default(),
            position: Position::START,
            last: None,
            started_from: None,
            snapshots,
            recovery: None,
            settled,
            settled_sender,
            settling: 0,
            at_gateway: 0,
            refunded: of_shows,
            refunded_sender,
            refunding: 0,
            rewards,
            left_to_others: VecDeque::new(),
            refunds,
            tasks,
            kill,
        };
        (follower, RewardsEnd { missing, refunds: refunded })
    }

    /// Starts with what a snapshot has, before the log is read.
    pub(crate) fn start_from(&mut self, snapshot: CheckedSnapshot) {
        let (position, landmark) = (snapshot.position, snapshot.landmark.clone());
        self.pending = self.knowledge.restore(snapshot, self.services.now());
        self.started_from = Some(landmark);
        self.reached(position);
    }

    /// Reads the log to its end.
    ///
    /// # Errors
    /// [`Fault`] if it can't be read.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Fault> {
        let started = self.services.now();
        loop {
            let log = &self.services.ports.log;
            let page = log.read_all(Some(self.position), Direction::Forwards, PAGE, &Filter::our_streams()).await?;
            for recorded in &page {
                // Which rewards are missing is known at the end, not on the way. The node that took the last step of a booking
                // may be gone.
                self.apply(recorded, true)?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        let now = self.services.now();
        self.pending.schedule.make_unfinished_due(now);
        self.pending.blocks.make_due(now);
        self.pending.show_refunds.make_due(now);
        self.pending.campaigns.make_due(now);
        self.recovery = Some(Recovery::new(started, self.pending.schedule.due(now)));
        self.check_recovery();
        for reward in self.pending.missing_rewards() {
            self.reward(reward);
        }
        Ok(())
    }

    /// Follows the log until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let fault = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                fault = self.follow() => fault,
            };
            tracing::error!(position = %self.position, fault, "the log can't be followed; trying again");
            *self.services.health.follower_fault.lock() = Some(fault);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.services.journal.pause(RESUBSCRIBE_MS) => {}
            }
        }
    }

    /// Follows the log until the subscription fails; returns why.
    async fn follow(&mut self) -> String {
        let mut events = self.services.ports.log.subscribe(self.position, Filter::our_streams());
        loop {
            // During a long rush holds must still end, although a timer that is created for each event
            // would never fire, and other tasks must get their turn.
            let due = self.next_due();
            if due.is_some_and(|due| due <= self.services.now()) {
                self.settle_due();
                continue;
            }
            tokio::task::coop::consume_budget().await;
            let clock = &self.services.ports.clock;
            let timer = async {
                match due {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((booking, reach, settled)) = self.settled.recv() => self.take_back(booking, reach, settled),
                Some((booking, tried)) = self.refunded.recv() => self.take_back_refund(booking, tried),
                Some(request) = self.snapshots.recv() => self.answer(request),
                Some(refunded) = self.refunds.recv() => self.knowledge.give_back(&refunded, &mut self.pending),
                delivery = events.next() => {
                    if let Err(fault) = self.take_delivery(delivery) {
                        return fault;
                    }
                }
                () = timer => self.settle_due(),
            }
        }
    }

    fn answer(&self, request: SnapshotRequest) {
        let last = self.last.as_deref().map(Landmark::from);
        let last = last.or_else(|| self.started_from.clone());
        // The caller may have given up.
        match request {
            SnapshotRequest::Take(reply) => {
                drop(reply.send(last.map(|last| (last, self.knowledge.take_snapshot(&self.pending)))))
            }
            SnapshotRequest::Last(reply) => drop(reply.send(last)),
        }
    }

    fn take_delivery(&mut self, delivery: Option<Result<Delivery, LogFault>>) -> Result<(), String> {
        match delivery {
            Some(Ok(Delivery::Event(recorded))) => {
                let own = self.services.journal.own().take(recorded.id);
                match self.apply(&recorded, own) {
                    Ok(Some(reward)) if own => self.reward(reward),
                    Ok(Some(reward)) => self.leave_to_others(reward),
                    Ok(None) => {}
                    // One event that another program wrote must not keep all holds from ending. Loading its
                    // stream reports the fault to the caller.
                    Err(fault) => self.skip(&recorded, &fault),
                }
            }
            Some(Ok(Delivery::Checkpoint(position) | Delivery::CaughtUp(position))) => self.reached(position),
            // The next delivery ends it.
            Some(Ok(Delivery::Interrupted(why))) => *self.services.health.follower_fault.lock() = Some(why),
            Some(Err(fault)) => return Err(fault.to_string()),
            None => return Err("the event log ended the subscription".to_owned()),
        }
        self.check_recovery();
        Ok(())
    }

    fn skip(&mut self, recorded: &RecordedEvent, fault: &Fault) {
        tracing::error!(position = %recorded.position, %fault, "an event is skipped");
        if let Some(show) = recorded.stream.as_show() {
            self.services.shows.mark_unreadable(&show, fault.to_string());
        }
        *self.services.health.skipped_event.lock() = Some(fault.to_string());
        self.reached(recorded.position);
    }

    fn reached(&mut self, position: Position) {
        self.position = self.position.max(position);
        let health = &self.services.health;
        health.followed.store(self.position.0, Ordering::Release);
        let PendingBookings { schedule, blocks, campaigns, .. } = &self.pending;
        // A node with the right secret may have finished one.
        health.foreign_campaigns.lock().retain(|campaign| campaigns.contains(campaign));
        let unfinished = schedule.len() + blocks.unfinished() + campaigns.unfinished();
        health.unfinished.store(unfinished, Ordering::Relaxed);
        self.services.journal.saw_position(self.position);
        // After any delivery, not only an event: while nothing is sold, the next may take long.
        if health.follower_fault.lock().take().is_some() {
            tracing::info!(position = %self.position, "the log is followed again");
        }
    }

    fn apply(&mut self, recorded: &Arc<RecordedEvent>, own: bool) -> Result<Option<RewardChange>, Fault> {
        let envelope = codec::decode(recorded)?;
        let reward = envelope.as_ref().and_then(|envelope| {
            let reward = self.knowledge.apply(envelope, own, &mut self.pending);
            if let Some((show, seat)) = envelope.stream.as_seat() {
                self.services.seats.saw_event(&SeatKey { show, seat }, envelope.revision);
            }
            if let Some(recovery) = &mut self.recovery {
                recovery.saw(envelope);
            }
            reward
        });
        self.last = Some(Arc::clone(recorded));
        self.services.health.applied.fetch_add(1, Ordering::Relaxed);
        self.reached(recorded.position);
        Ok(reward)
    }
}
