//! Has the bookings that are due looked at, here or after another node has had time for it, and reports recovery once
//! those of the start are finished.
//!
//! The work itself runs in tasks of its own, of which there are so many at most.

use super::{AT_GATEWAY, LogFollower, REFUNDING, SETTLING};
use crate::error::CommandError;
use crate::payment::{Leftovers, Reach, Settled, Tried};
use crate::reactors::pending_bookings::RewardChange;
use crate::{blocks, campaigns};
use lastseat_domain::{BookingId, Rejection, Timestamp};
use std::sync::Arc;

impl LogFollower {
    pub(super) fn reward(&self, reward: RewardChange) {
        if self.rewards.send(self.services.rewards.post(reward)).is_err() {
            tracing::debug!("the rewards task has stopped");
        }
    }

    /// The node that has captured or refunded the payment records it in the account; this one only if that one fails.
    pub(super) fn leave_to_others(&mut self, reward: RewardChange) {
        let due = self.services.now() + self.knowledge.patience.grace();
        self.left_to_others.push_back((due, reward));
    }

    /// When to look at the next booking, at a block or at a reward; of bookings none while as many as allowed are being looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let booking = if self.settling < SETTLING { self.pending.schedule.next_due() } else { None };
        let reward = self.left_to_others.front().map(|(due, _)| *due);
        let of_shows = if self.refunding < REFUNDING { self.pending.show_refunds.next_due() } else { None };
        let unfinished = self.pending.blocks.next_due().into_iter().chain(self.pending.campaigns.next_due());
        booking.into_iter().chain(reward).chain(unfinished).chain(of_shows).min()
    }

    pub(super) fn settle_due(&mut self) {
        let now = self.services.now();
        while let Some((_, reward)) = self.left_to_others.pop_front_if(|(due, _)| *due <= now) {
            if self.pending.is_missing(&reward) {
                self.reward(reward);
            }
        }
        let room = SETTLING.saturating_sub(self.settling);
        for (booking, leftovers) in self.pending.schedule.take_due(self.services.now(), room) {
            self.settling += 1;
            self.settle(booking, leftovers, Reach::Log);
        }
        self.finish_blocks();
        self.refund_shows();
        self.finish_campaigns();
        self.settle_waiting();
    }

    /// A block whose seats could not be put back on sale is due again: the log shows what is done.
    fn finish_blocks(&mut self) {
        let now = self.services.now();
        let again = now + chrono::TimeDelta::from_std(self.services.settings.settle_after).unwrap_or_default();
        for (block, seats) in self.pending.blocks.take_due(now, again) {
            let services = Arc::clone(&self.services);
            let Some(in_hand) = services.blocks_in_hand.take(block) else { continue };
            let work = async move {
                let _in_hand = in_hand;
                if let Err(why) = blocks::finish(&services, block, seats).await {
                    tracing::warn!(%block, %why, "seats of a block could not be put back on sale; trying again");
                }
            };
            let kill = self.kill.clone();
            self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await });
        }
    }

    /// Requests the refunds of bookings whose shows are refunded, and sees each as far as the gateway answers.
    fn refund_shows(&mut self) {
        let room = REFUNDING.saturating_sub(self.refunding);
        for (booking, requested) in self.pending.take_show_refunds(self.services.now(), room) {
            self.refunding += 1;
            let (payments, back) = (self.payments.clone(), self.refunded_sender.clone());
            let work = async move {
                let tried = payments.refund_for_show(booking, &requested.by, requested.cause.trace, requested.cause.event).await;
                // If the follower has stopped, the next one finds the show in the log.
                let _ = back.send((booking, tried)).await;
            };
            let kill = self.kill.clone();
            self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await });
        }
        self.count_failed_refunds();
    }

    pub(super) fn take_back_refund(&mut self, booking: BookingId, tried: Tried) {
        self.refunding = self.refunding.saturating_sub(1);
        self.pending.take_back_show_refund(booking, tried, self.services.now());
        self.count_failed_refunds();
    }

    fn count_failed_refunds(&self) {
        *self.services.health.failed_refunds.lock() = self.pending.show_refunds.count_failed();
    }

    fn settle_waiting(&mut self) {
        let room = AT_GATEWAY.saturating_sub(self.at_gateway);
        for (booking, leftovers) in self.pending.schedule.take_waiting(self.services.now(), room) {
            self.at_gateway += 1;
            self.settle(booking, leftovers, Reach::Gateway);
        }
    }

    /// A campaign of which vouchers are still missing, or can still be used, is due again: the log shows what is done.
    fn finish_campaigns(&mut self) {
        let now = self.services.now();
        let pause = chrono::TimeDelta::from_std(self.services.settings.settle_after).unwrap_or_default();
        let again = now + pause.max(chrono::TimeDelta::seconds(1));
        for campaign in self.pending.campaigns.take_due(now, again) {
            let services = Arc::clone(&self.services);
            // The secret is the same as long as this process runs.
            if services.health.foreign_campaigns.lock().contains(&campaign) {
                continue;
            }
            let Some(guard) = services.campaigns_in_hand.try_take(&campaign) else { continue };
            let work = async move {
                let _guard = guard;
                match campaigns::finish(&services, campaign).await {
                    Ok(()) => {}
                    Err(CommandError::Rejected(Rejection::CodesUnavailable)) => {
                        services.health.foreign_campaigns.lock().insert(campaign);
                        tracing::error!(
                            %campaign,
                            "a campaign can't be finished with this token key; start a node with the key that it was started with"
                        );
                    }
                    Err(why) => tracing::warn!(%campaign, %why, "a campaign could not be finished; trying again"),
                }
            };
            let kill = self.kill.clone();
            self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await });
        }
    }

    fn settle(&self, booking: BookingId, leftovers: Leftovers, reach: Reach) {
        let (payments, back) = (self.payments.clone(), self.settled_sender.clone());
        let work = async move {
            let settled = payments.settle(booking, leftovers, reach).await;
            // If the follower has stopped, the next one finds the booking in the log.
            let _ = back.send((booking, reach, settled)).await;
        };
        let kill = self.kill.clone();
        self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await });
    }

    pub(super) fn take_back(&mut self, booking: BookingId, reach: Reach, settled: Settled) {
        match reach {
            Reach::Log => self.settling = self.settling.saturating_sub(1),
            Reach::Gateway => self.at_gateway = self.at_gateway.saturating_sub(1),
        }
        let pause = chrono::TimeDelta::from_std(self.services.settings.settle_after).unwrap_or_default();
        let now = self.services.now();
        let later = now + pause;
        let schedule = &mut self.pending.schedule;
        match (settled, reach) {
            (Settled::Done, _) => schedule.done(booking, later),
            (Settled::Waiting(deadline), Reach::Log) => schedule.again(booking, schedule.after_grace(booking, deadline)),
            (Settled::Waiting(deadline), Reach::Gateway) => {
                schedule.again_at_gateway(booking, now, schedule.after_grace(booking, deadline));
            }
            (Settled::Later, Reach::Log) => schedule.again(booking, later),
            (Settled::Later, Reach::Gateway) => schedule.again_at_gateway(booking, now, later),
            (Settled::AtGateway(at), _) => schedule.wait_for_gateway(booking, at, later),
        }
        self.settle_waiting();
        if !matches!(settled, Settled::Later | Settled::AtGateway(_))
            && let Some(recovery) = &mut self.recovery
        {
            recovery.settled(booking);
            self.check_recovery();
        }
    }

    /// Reports recovery once everything that was due at the start is finished, and what it wrote has
    /// been read back.
    pub(super) fn check_recovery(&mut self) {
        if self.position.0 < self.services.journal.written() {
            return;
        }
        if let Some(summary) = self.recovery.as_ref().and_then(|recovery| recovery.summary(self.services.now())) {
            self.recovery = None;
            if summary.resumed + summary.aborted > 0 {
                tracing::info!(
                    bookings_resumed = summary.resumed,
                    bookings_aborted = summary.aborted,
                    seats_freed = summary.seats_freed,
                    ms = u64::try_from(summary.took.as_millis()).unwrap_or(u64::MAX),
                    "recovery finished what the last run left unfinished"
                );
            }
            *self.services.health.recovery.lock() = Some(summary);
        }
    }
}
