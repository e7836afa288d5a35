//! The rewards task: counts each captured payment in the buyer's loyalty account, once. A refund takes
//! back what was given, as far as it is unused.
//!
//! Any number of nodes may do this for the same booking: the loyalty stream's exact revision lets one
//! of them write, and the rule yields nothing for the others.
//!
//! On this node an account's rewards are recorded one after the other, on the account as it was left by the
//! one before: an agency's has a hundred thousand bookings, and nobody could read all of them for each.

use super::log_follower::RewardsEnd;
use super::pending_bookings::{Cause, Refunded, Reward};
use crate::error::{CommandError, Fault};
use crate::loaded::Loaded;
use crate::origin::Context;
use crate::services::Services;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use hashlink::LruCache;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::loyalty::{Account, LoyaltyCommand};
use lastseat_domain::{BookingId, BuyerId};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Rewards worked on in parallel; those of one account wait for each other.
const IN_PARALLEL: usize = 64;
/// Accounts that are kept in memory, those that were used last.
const KEPT: usize = 256;
/// Pause before a reward is tried again after a fault, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// An account as it was last known; `None` before it was read. Locked while a reward is recorded in it.
type KnownAccount = Arc<tokio::sync::Mutex<Option<Loaded<Account>>>>;

struct Accounts {
    services: Arc<Services>,
    recent: Mutex<LruCache<BuyerId, KnownAccount>>,
    refunds: mpsc::UnboundedSender<Refunded>,
}

/// Gives and takes back rewards until `stop`.
pub(crate) async fn run(services: Arc<Services>, ends: RewardsEnd, stop: CancellationToken) {
    let RewardsEnd { missing: rewards, refunds } = ends;
    let rewards: BoxStream<'static, Reward> =
        stream::unfold(rewards, |mut rewards| async { rewards.recv().await.map(|reward| (reward, rewards)) }).boxed();
    let accounts = Accounts { services, recent: Mutex::new(LruCache::new(KEPT)), refunds };
    let work = rewards.for_each_concurrent(IN_PARALLEL, |reward| accounts.give(reward));
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work => {}
    }
}

impl Accounts {
    /// Gives or takes back one reward; tries again until the log answers.
    async fn give(&self, reward: Reward) {
        loop {
            let given = match &reward {
                Reward::Credit { opened, cause } => self.credit(opened, cause).await,
                Reward::Revoke { booking, cause } => self.revoke(*booking, cause).await,
            };
            match given {
                Ok(()) => return,
                Err(CommandError::Rejected(rejection)) => return tracing::error!(%rejection, "a reward was refused"),
                // Reading it again gives the same. The next start tries once more.
                Err(CommandError::Failed(fault @ Fault::Damaged(_))) => {
                    return tracing::error!(%fault, "a reward can't be given");
                }
                Err(CommandError::Failed(fault)) => {
                    tracing::warn!(%fault, "a reward has to wait");
                    self.services.journal.pause(PAUSE_MS).await;
                }
            }
        }
    }

    async fn credit(&self, opened: &BookingOpened, cause: &Cause) -> Result<(), CommandError> {
        let show = self.services.shows.get(&opened.show);
        let command = LoyaltyCommand::Credit {
            buyer: opened.buyer.clone(),
            booking: opened.booking,
            show: opened.show.clone(),
            seats: u32::try_from(opened.seats.len()).unwrap_or(u32::MAX),
            rewards: show.map(|s| s.show.load().facts.rewards.clone()).unwrap_or_default(),
        };
        self.execute(&opened.buyer, opened.booking, command, cause).await
    }

    /// Counts the booking first if that has not happened yet, here or on another node: what is taken back
    /// before it is given would be given afterwards, and stay.
    async fn revoke(&self, booking: BookingId, cause: &Cause) -> Result<(), CommandError> {
        let loaded = self.services.journal.load::<Booking>(&booking).await?.state;
        let never_opened = || Fault::Damaged(format!("{booking} was refunded, but never opened"));
        let opened = loaded.and_then(|b| b.opened).ok_or_else(never_opened)?;
        // Before the account, which may be unreadable: the buyer's limit does not depend on it.
        if self.refunds.send((booking, opened.buyer.clone())).is_err() {
            tracing::debug!("the log's follower has stopped");
        }
        self.credit(&opened, cause).await?;
        self.execute(&opened.buyer, booking, LoyaltyCommand::Revoke { booking }, cause).await
    }

    async fn execute(
        &self,
        buyer: &BuyerId,
        booking: BookingId,
        command: LoyaltyCommand,
        cause: &Cause,
    ) -> Result<(), CommandError> {
        let context = Context::following("rewards", cause.trace.clone(), cause.event).of_booking(booking);
        let account = self.account_of(buyer);
        let mut known = account.lock().await;
        self.services.journal.execute::<Account>(buyer, command, &context, &mut known).await?;
        Ok(())
    }

    fn account_of(&self, buyer: &BuyerId) -> KnownAccount {
        let mut recent = self.recent.lock();
        if let Some(account) = recent.get(buyer) {
            return Arc::clone(account);
        }
        let account = KnownAccount::default();
        // What falls out while it is locked is read again by the next caller; the log lets one of them write.
        recent.insert(buyer.clone(), Arc::clone(&account));
        account
    }
}
