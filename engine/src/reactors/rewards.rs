//! The rewards task: counts each captured payment in the buyer's loyalty account, once. A refund takes
//! back what was given, as far as it is unused.
//!
//! The node that captured the payment does it, and the others only if the log does not show it in time. Should several do it
//! for the same booking, the loyalty stream's exact revision lets one of them write, and the rule yields nothing for the others.
//!
//! On this node an account's rewards are recorded one after the other, on the account as it was left by the
//! one before: an agency's has a hundred thousand bookings, and nobody could read all of them for each. However many
//! there are, they take one place of those that work in parallel.

mod codes;
mod queues;
mod recent;

use super::cause::Cause;
use super::log_follower::RewardsEnd;
use super::pending_bookings::{Part, Refunded, RewardChange};
use crate::actors::mailbox::Posted;
use crate::error::{CommandError, Fault};
use crate::origin::Context;
use crate::services::Services;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{BookingOpened, Reward};
use lastseat_domain::loyalty::{self, Account, LoyaltyCommand};
use lastseat_domain::{BookingId, BuyerId, Rejection};
use parking_lot::Mutex;
use queues::Queues;
use recent::RecentAccounts;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Accounts worked on in parallel.
const IN_PARALLEL: usize = 64;
/// Pause before a reward is tried again after a fault, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Work under the same key runs one after the other. A refund does not name the buyer, so the booking is read first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum SerialKey {
    Account(BuyerId),
    Booking(BookingId),
}

/// One thing to do.
enum Work {
    Credit { opened: Arc<BookingOpened>, draw: Uuid, cause: Cause },
    Revoke { opened: Arc<BookingOpened>, draw: Uuid, part: Option<Part>, cause: Cause },
    FindBuyer { booking: BookingId, part: Option<Part>, cause: Cause },
}

struct Accounts {
    services: Arc<Services>,
    recent: Mutex<RecentAccounts>,
    refunds: mpsc::UnboundedSender<Refunded>,
}

/// Gives and takes back rewards until `stop`.
pub(crate) async fn run(services: Arc<Services>, ends: RewardsEnd, stop: CancellationToken) {
    let RewardsEnd { missing: rewards, refunds } = ends;
    let accounts = Accounts { services, recent: Mutex::default(), refunds };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = accounts.work_through(rewards) => {}
    }
}

impl Accounts {
    async fn work_through(&self, mut rewards: mpsc::UnboundedReceiver<Posted<RewardChange>>) {
        let (mut queues, mut working) = (Queues::default(), FuturesUnordered::new());
        loop {
            while working.len() < IN_PARALLEL
                && let Some((key, Posted { message: work, counted })) = queues.next()
            {
                working.push(async move { (key, self.do_one(work).await, counted) });
            }
            tokio::select! {
                Some((key, follows, counted)) = working.next() => {
                    queues.done(&key);
                    if let Some((key, message)) = follows {
                        queues.push(key, Posted { message, counted });
                    }
                }
                Some(Posted { message, counted }) = rewards.recv() => {
                    let (key, message) = key_of(message);
                    queues.push(key, Posted { message, counted });
                }
                else => return,
            }
        }
    }

    /// Does one thing; tries again until the log answers. What has to be done next, if anything.
    async fn do_one(&self, work: Work) -> Option<(SerialKey, Work)> {
        loop {
            let done = match &work {
                Work::Credit { opened, draw, cause } => self.credit(opened, *draw, cause).await.map(|()| None),
                Work::Revoke { opened, draw, part, cause } => self.revoke(opened, *draw, *part, cause).await.map(|()| None),
                Work::FindBuyer { booking, part, cause } => self.find_buyer(*booking, *part, cause).await.map(Some),
            };
            match done {
                Ok(follows) => return follows,
                Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection)) => {
                    tracing::error!(%rejection, "a reward was refused")
                }
                // Reading it again gives the same. The next start tries once more.
                Err(CommandError::Failed(fault @ Fault::Damaged(_))) => tracing::error!(%fault, "a reward can't be given"),
                Err(CommandError::Failed(fault)) => {
                    tracing::warn!(%fault, "a reward has to wait");
                    self.services.journal.pause(PAUSE_MS).await;
                    continue;
                }
            }
            return None;
        }
    }

    async fn find_buyer(&self, booking: BookingId, part: Option<Part>, cause: &Cause) -> Result<(SerialKey, Work), CommandError> {
        let loaded = self.services.journal.load::<Booking>(&booking).await?.state;
        let never_captured = || Fault::Damaged(format!("{booking} was refunded, but never captured"));
        let captured = loaded.and_then(|booking| Some((Arc::new(booking.opened?), booking.draw?)));
        let (opened, draw) = captured.ok_or_else(never_captured)?;
        // Before the account, which may be unreadable: the buyer's limit does not depend on it.
        let refunded = Refunded { booking, part: part.map(|part| part.refund), buyer: opened.buyer.clone() };
        if self.refunds.send(refunded).is_err() {
            tracing::debug!("the log's follower has stopped");
        }
        Ok((SerialKey::Account(opened.buyer.clone()), Work::Revoke { opened, draw, part, cause: cause.clone() }))
    }

    async fn credit(&self, opened: &BookingOpened, draw: Uuid, cause: &Cause) -> Result<(), CommandError> {
        let show = self.services.shows.get(&opened.show);
        let rewards = show.map(|s| s.show().facts.rewards.clone()).unwrap_or_default();
        let seats = u32::try_from(opened.seats.len()).unwrap_or(u32::MAX);
        let code = match loyalty::drawn(opened.booking, draw, seats, &rewards) {
            Some((reward, Reward { discount: Some(discount), .. })) => self.create(opened, reward, discount, cause).await?,
            _ => None,
        };
        let (buyer, show) = (opened.buyer.clone(), opened.show.clone());
        let command = LoyaltyCommand::Credit { buyer, booking: opened.booking, draw, show, seats, rewards, code };
        self.execute(&opened.buyer, command, &context(opened.booking, cause)).await
    }

    /// Counts the booking first if that has not happened yet, here or on another node: what is taken back
    /// before it is given would be given afterwards, and stay.
    async fn revoke(&self, opened: &BookingOpened, draw: Uuid, part: Option<Part>, cause: &Cause) -> Result<(), CommandError> {
        self.credit(opened, draw, cause).await?;
        let booking = opened.booking;
        let withdrawn = self.withdraw(opened, part, cause).await?;
        let command = match part {
            Some(Part { refund, seats }) => LoyaltyCommand::RevokePart { booking, refund, seats, withdrawn },
            None => LoyaltyCommand::Revoke { booking, withdrawn },
        };
        match self.execute(&opened.buyer, command, &context(booking, cause)).await {
            // Another node has taken back other seats of the booking meanwhile, and what is left is worth less now.
            Err(CommandError::Rejected(Rejection::OutOfOrder { step })) => Err(Fault::Unavailable(step.to_owned()).into()),
            done => done,
        }
    }

    async fn execute(&self, buyer: &BuyerId, command: LoyaltyCommand, context: &Context) -> Result<(), CommandError> {
        // Nobody else works on this account: its key has one work at a time.
        let mut known = self.recent.lock().take(buyer);
        let executed = self.services.journal.execute::<Account>(buyer, command, context, &mut known).await;
        if let Some(account) = known {
            self.recent.lock().put(buyer.clone(), account);
        }
        executed.map(drop)
    }
}

/// Of what is written for a booking, to whichever stream.
fn context(booking: BookingId, cause: &Cause) -> Context {
    Context::following("rewards", cause.trace.clone(), cause.event, booking.0)
}

fn key_of(reward: RewardChange) -> (SerialKey, Work) {
    match reward {
        RewardChange::Credit { opened, draw, cause } => {
            (SerialKey::Account(opened.buyer.clone()), Work::Credit { opened, draw, cause })
        }
        RewardChange::Revoke { booking, part, cause } => (SerialKey::Booking(booking), Work::FindBuyer { booking, part, cause }),
    }
}
