//! Consumes the log and updates this node's state: shows, seat tables, buyer limits, pending bookings.
//! Settles bookings when they are due.
//!
//! One task owns the list of pending bookings; settling runs beside it, bounded.

use super::pending_bookings::{PendingBookings, Reward};
use super::progress::FollowerProgress;
use crate::actors::payment::Settled;
use crate::core::Core;
use crate::error::Fault;
use crate::payments::Payments;
use crate::seats::{apply_booking_event, apply_seat_event};
use futures::StreamExt;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter, Position, RecordedEvent};
use lastseat_domain::{BookingId, Envelope, Timestamp, codec};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Events read at a time while starting.
const PAGE: usize = 2_000;
/// Bookings looked at side by side.
const SETTLING: usize = 256;
/// Pause before the log is asked again after it failed, in milliseconds.
const RESUBSCRIBE_MS: i64 = 500;

/// Follows the log.
pub(crate) struct LogFollower {
    core: Arc<Core>,
    payments: Arc<Payments>,
    progress: Arc<FollowerProgress>,
    pending_bookings: PendingBookings,
    position: Position,
    /// Bookings that come back from being looked at; at most [`SETTLING`] are under way.
    settled: mpsc::Receiver<(BookingId, Settled)>,
    come_back: mpsc::Sender<(BookingId, Settled)>,
    settling: usize,
    rewards: mpsc::UnboundedSender<Reward>,
    tasks: TaskTracker,
    kill: CancellationToken,
}

impl LogFollower {
    /// `rewards` takes payments that loyalty accounts have to count. Unbounded, but it holds no more
    /// than the list of pending bookings does.
    pub(crate) fn new(
        core: Arc<Core>,
        payments: Arc<Payments>,
        progress: Arc<FollowerProgress>,
        rewards: mpsc::UnboundedSender<Reward>,
        tasks: TaskTracker,
        kill: CancellationToken,
    ) -> Self {
        let (come_back, settled) = mpsc::channel(SETTLING);
        Self {
            core,
            payments,
            progress,
            pending_bookings: PendingBookings::default(),
            position: Position::START,
            settled,
            come_back,
            settling: 0,
            rewards,
            tasks,
            kill,
        }
    }

    /// Reads the log to its end.
    ///
    /// # Errors
    /// [`Fault`] if it can't be read.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Fault> {
        loop {
            let page =
                self.core.ports.log.read_all(Some(self.position), Direction::Forwards, PAGE, &Filter::our_streams()).await?;
            for recorded in &page {
                // What is missing of the rewards is known at the end, not on the way.
                self.apply(recorded)?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        self.pending_bookings.nobody_is_at_work(self.core.now());
        for reward in self.pending_bookings.missing_rewards() {
            self.reward(reward);
        }
        Ok(())
    }

    /// Follows until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let mut events = self.core.ports.log.subscribe(self.position, Filter::our_streams());
            let fault = loop {
                // A rush that never lets up must neither keep holds from ending, and a timer that is set
                // anew for each event would never fire, nor keep the thread from others.
                let due = self.next_due();
                if due.is_some_and(|due| due <= self.core.now()) {
                    self.settle_due();
                    continue;
                }
                tokio::task::coop::consume_budget().await;
                let timer = async {
                    match due {
                        Some(due) => self.core.ports.clock.sleep_until(due).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    Some((booking, settled)) = self.settled.recv() => self.take_back(booking, settled),
                    delivery = events.next() => match delivery {
                        Some(Ok(Delivery::Event(recorded))) => match self.apply(&recorded) {
                            Ok(Some(reward)) => self.reward(reward),
                            Ok(None) => {}
                            // One event that another program wrote must not keep all holds from
                            // ending. Whoever loads its stream is told.
                            Err(fault) => self.skip(&recorded, &fault),
                        },
                        Some(Ok(Delivery::Checkpoint(position) | Delivery::CaughtUp(position))) => self.reached(position),
                        Some(Err(fault)) => break fault.to_string(),
                        None => break "the event log ended the subscription".to_owned(),
                    },
                    () = timer => self.settle_due(),
                }
            };
            if !stop.is_cancelled() {
                tracing::error!(position = %self.position, fault, "the log can't be followed; trying again");
                self.progress.failed(fault);
                self.core.journal.pause(RESUBSCRIBE_MS).await;
            }
        }
    }

    fn skip(&mut self, recorded: &RecordedEvent, fault: &Fault) {
        tracing::error!(position = %recorded.position, %fault, "an event can't be read and is skipped");
        self.progress.skipped(fault.to_string());
        self.reached(recorded.position);
    }

    fn reached(&mut self, position: Position) {
        self.position = self.position.max(position);
        self.core.journal.saw_position(self.position);
        if self.progress.reached(self.position, self.pending_bookings.len()) {
            tracing::info!(position = %self.position, "the log is followed again");
        }
    }

    fn apply(&mut self, recorded: &RecordedEvent) -> Result<Option<Reward>, Fault> {
        let envelope = codec::decode(recorded)?;
        let reward = envelope.as_ref().and_then(|envelope| {
            self.tell_node(envelope);
            // Before the list may drop the booking.
            self.tell_buyers(envelope);
            let reward = self.pending_bookings.apply(envelope, self.core.settings.settle_after);
            self.tell_seats_of_booking(envelope);
            if let Some(Reward::Revoke(booking, owner)) = &reward {
                // A refunded booking counts no more against its buyer's limit.
                self.core.buyers.ended(&owner.show, &owner.buyer, *booking);
            }
            reward
        });
        self.reached(recorded.position);
        Ok(reward)
    }

    /// Shows, seats, buyers.
    fn tell_node(&self, envelope: &Envelope) {
        if let Some(show) = envelope.stream.as_show() {
            self.core.shows.apply(&show, &envelope.event);
        }
        if let Some((show, seat)) = envelope.stream.as_seat() {
            if let Some(active) = self.core.shows.get(&show) {
                apply_seat_event(&active, &seat, &envelope.event, envelope.position);
            }
            self.core.seats.saw_event(&show, &seat, envelope.revision);
        }
        if let Event::BookingOpened(e) = &envelope.event {
            let seats = u32::try_from(e.seats.len()).unwrap_or(u32::MAX);
            self.core.buyers.opened(&e.show, &e.buyer, e.booking, seats);
        }
    }

    /// A booking that is over counts no more against its buyer's limit.
    fn tell_buyers(&self, envelope: &Envelope) {
        if let Event::BookingAborted(e) = &envelope.event
            && let Some((opened, _)) = self.pending_bookings.opened(e.booking)
        {
            self.core.buyers.ended(&opened.show, &opened.buyer, e.booking);
        }
    }

    /// What a booking's events mean for its seats.
    fn tell_seats_of_booking(&self, envelope: &Envelope) {
        let Some((opened, until)) = envelope.stream.as_booking().and_then(|booking| self.pending_bookings.opened(booking)) else {
            return;
        };
        apply_booking_event(&self.core.shows, &opened, &envelope.event, envelope.position, until);
    }

    fn reward(&self, reward: Reward) {
        if self.rewards.send(reward).is_err() {
            tracing::debug!("the rewards reactor has stopped");
        }
    }

    /// When to look at the next booking; never while as many as allowed are being looked at.
    fn next_due(&self) -> Option<Timestamp> {
        if self.settling < SETTLING { self.pending_bookings.next_due() } else { None }
    }

    fn settle_due(&mut self) {
        let room = SETTLING.saturating_sub(self.settling);
        for (booking, seats) in self.pending_bookings.take_due(self.core.now(), room) {
            self.settling += 1;
            let (payments, back) = (self.payments.clone(), self.come_back.clone());
            let work = async move {
                let settled = payments.settle(booking, seats).await;
                // The follower has stopped: a fresh one finds the booking in the log.
                let _ = back.send((booking, settled)).await;
            };
            let kill = self.kill.clone();
            self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await });
        }
    }

    fn take_back(&mut self, booking: BookingId, settled: Settled) {
        self.settling = self.settling.saturating_sub(1);
        let pause = chrono::TimeDelta::from_std(self.core.settings.settle_after).unwrap_or_default();
        let later = self.core.now() + pause;
        match settled {
            Settled::Done => self.pending_bookings.done(booking, later),
            Settled::Waiting(deadline) => self.pending_bookings.again(booking, deadline),
            Settled::Later => self.pending_bookings.again(booking, later),
        }
    }
}
