//! The rewards reactor: from `PaymentCaptured`, once and only then. Refunds take back what was
//! given, as far as it is unused.
//!
//! Any number of nodes may do this for the same booking: the loyalty stream's exact revision lets
//! one of them through, and the rule yields nothing for the others.

use super::pending_bookings::Reward;
use crate::core::Core;
use crate::error::{CommandError, Fault};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::booking::Booking;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::loyalty::{Account, LoyaltyCommand};
use lastseat_domain::{BookingId, BuyerId, Metadata};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Accounts worked on side by side.
const SIDE_BY_SIDE: usize = 64;
/// Pause before a reward is tried again after a fault, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Gives and takes back rewards until `stop`.
pub(crate) async fn run(core: Arc<Core>, rewards: mpsc::UnboundedReceiver<Reward>, stop: CancellationToken) {
    let rewards: BoxStream<'static, Reward> =
        stream::unfold(rewards, |mut rewards| async { rewards.recv().await.map(|reward| (reward, rewards)) }).boxed();
    let work = rewards.for_each_concurrent(SIDE_BY_SIDE, |reward| give(&core, reward));
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Gives one reward, for as long as it takes.
async fn give(core: &Arc<Core>, reward: Reward) {
    loop {
        let given = match &reward {
            Reward::Credit(opened) => credit(core, opened).await,
            Reward::Revoke(booking, owner) => revoke(core, *booking, &owner.buyer).await,
        };
        match given {
            Ok(()) => return,
            Err(CommandError::Rejected(rejection)) => return tracing::error!(%rejection, "a reward was refused"),
            // Trying again reads the same. The next start comes by once more.
            Err(CommandError::Failed(fault @ Fault::Damaged(_))) => return tracing::error!(%fault, "a reward can't be given"),
            Err(CommandError::Failed(fault)) => {
                tracing::warn!(%fault, "a reward has to wait");
                core.journal.pause(PAUSE_MS).await;
            }
        }
    }
}

async fn credit(core: &Core, opened: &BookingOpened) -> Result<(), CommandError> {
    let rewards = core.shows.get(&opened.show).map(|s| s.show.load().facts.rewards.clone()).unwrap_or_default();
    let command = LoyaltyCommand::Credit {
        buyer: opened.buyer.clone(),
        booking: opened.booking,
        show: opened.show.clone(),
        seats: u32::try_from(opened.seats.len()).unwrap_or(u32::MAX),
        rewards,
    };
    decide(core, &opened.buyer, Some(opened.booking), "rewards", command).await
}

/// Counts the booking first if that has not happened yet, here or on another node: what is taken
/// back before it is given would be given afterwards, and stay.
async fn revoke(core: &Core, booking: BookingId, buyer: &BuyerId) -> Result<(), CommandError> {
    if let Some(opened) = core.journal.load::<Booking>(&booking).await?.state.and_then(|b| b.opened) {
        credit(core, &opened).await?;
    }
    decide(core, buyer, Some(booking), "rewards", LoyaltyCommand::Revoke { booking }).await
}

/// Decides a command on a buyer's account and appends what comes of it.
///
/// # Errors
/// A rejection of the rules; faults.
pub(crate) async fn decide(
    core: &Core,
    buyer: &BuyerId,
    booking: Option<BookingId>,
    by: &str,
    command: LoyaltyCommand,
) -> Result<(), CommandError> {
    let metadata = Metadata { correlation: booking.map(|b| b.0), ..Metadata::new(by, core.now()) };
    core.journal.execute::<Account>(buyer, &command, &metadata).await?;
    Ok(())
}
