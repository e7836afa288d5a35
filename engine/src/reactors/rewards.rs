//! The rewards task: counts each captured payment in the buyer's loyalty account, once. A refund takes
//! back what was given, as far as it is unused.
//!
//! Any number of nodes may do this for the same booking: the loyalty stream's exact revision lets one
//! of them write, and the rule yields nothing for the others.

use super::pending_bookings::{Cause, Reward};
use crate::error::{CommandError, Fault};
use crate::origin::Context;
use crate::services::Services;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::booking::Booking;
use lastseat_domain::event::BookingOpened;
use lastseat_domain::loyalty::{Account, LoyaltyCommand};
use lastseat_domain::{BookingId, BuyerId};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Accounts worked on in parallel.
const IN_PARALLEL: usize = 64;
/// Pause before a reward is tried again after a fault, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Gives and takes back rewards until `stop`.
pub(crate) async fn run(services: Arc<Services>, rewards: mpsc::UnboundedReceiver<Reward>, stop: CancellationToken) {
    let rewards: BoxStream<'static, Reward> =
        stream::unfold(rewards, |mut rewards| async { rewards.recv().await.map(|reward| (reward, rewards)) }).boxed();
    let work = rewards.for_each_concurrent(IN_PARALLEL, |reward| give(&services, reward));
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Gives or takes back one reward; tries again until the log answers.
async fn give(services: &Services, reward: Reward) {
    loop {
        let given = match &reward {
            Reward::Credit { opened, cause } => credit(services, opened, cause).await,
            Reward::Revoke { booking, owner, cause } => revoke(services, *booking, &owner.buyer, cause).await,
        };
        match given {
            Ok(()) => return,
            Err(CommandError::Rejected(rejection)) => return tracing::error!(%rejection, "a reward was refused"),
            // Reading it again gives the same. The next start tries once more.
            Err(CommandError::Failed(fault @ Fault::Damaged(_))) => return tracing::error!(%fault, "a reward can't be given"),
            Err(CommandError::Failed(fault)) => {
                tracing::warn!(%fault, "a reward has to wait");
                services.journal.pause(PAUSE_MS).await;
            }
        }
    }
}

async fn credit(services: &Services, opened: &BookingOpened, cause: &Cause) -> Result<(), CommandError> {
    let rewards = services.shows.get(&opened.show).map(|s| s.show.load().facts.rewards.clone()).unwrap_or_default();
    let command = LoyaltyCommand::Credit {
        buyer: opened.buyer.clone(),
        booking: opened.booking,
        show: opened.show.clone(),
        seats: u32::try_from(opened.seats.len()).unwrap_or(u32::MAX),
        rewards,
    };
    execute(services, &opened.buyer, opened.booking, command, cause).await
}

/// Counts the booking first if that has not happened yet, here or on another node: what is taken back
/// before it is given would be given afterwards, and stay.
async fn revoke(services: &Services, booking: BookingId, buyer: &BuyerId, cause: &Cause) -> Result<(), CommandError> {
    if let Some(opened) = services.journal.load::<Booking>(&booking).await?.state.and_then(|b| b.opened) {
        credit(services, &opened, cause).await?;
    }
    execute(services, buyer, booking, LoyaltyCommand::Revoke { booking }, cause).await
}

async fn execute(
    services: &Services,
    buyer: &BuyerId,
    booking: BookingId,
    command: LoyaltyCommand,
    cause: &Cause,
) -> Result<(), CommandError> {
    let context = Context::following("rewards", cause.trace.clone(), cause.event).of_booking(booking);
    services.journal.execute::<Account>(buyer, command, &context, &mut None).await?;
    Ok(())
}
