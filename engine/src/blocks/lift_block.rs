//! Lifts a block, and puts its seats back on sale: the command, and what any node completes from the log.

use crate::error::CommandError;
use crate::loaded::Loaded;
use crate::origin::{Context, Origin};
use crate::services::Services;
use lastseat_domain::block::{Block, BlockCommand};
use lastseat_domain::event::Event;
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{BlockId, Metadata, Rejection, SeatId, ShowId};
use std::collections::BTreeMap;

/// Seats that are unblocked in one append: other commands get their turn in between.
const AT_A_TIME: usize = 256;
/// Who does what remains to be done for a block.
const FINISHER: &str = "settle";

/// Lifts a block of this show. Lifted already is a success.
pub(crate) async fn lift(
    services: &Services,
    show: &ShowId,
    block: BlockId,
    origin: Origin,
    context: &Context,
) -> Result<Block, CommandError> {
    let _permit = services.holds.enter(false)?;
    let mut known = Some(services.journal.load::<Block>(&block).await?);
    let found = known.as_ref().and_then(|loaded| loaded.state.as_ref()?.opened.as_ref());
    if found.is_none_or(|opened| opened.show != *show) {
        return Err(Rejection::BlockNotFound.into());
    }
    let _in_hand = services.blocks_in_hand.take(block);
    let lift = BlockCommand::Lift { by: origin.by };
    let executed = services.journal.execute::<Block>(&block, lift, context, &mut known).await?;
    if let (Some(active_show), [Event::BlockLifted(_), ..]) = (services.shows.get(show), executed.events.as_slice()) {
        executed.events.iter().for_each(|event| active_show.apply_block_event(event, services.now()));
    }
    let loaded = services.journal.load::<Block>(&block).await.map_err(|fault| CommandError::from(fault).begun())?;
    // What it does not get done is completed from the log.
    if let Some(opened) = loaded.state.as_ref().and_then(|block| block.opened.as_ref()) {
        let metadata = metadata_after(&loaded, block, &context.by, services);
        unblock(services, show, &opened.seats, block, &metadata).await.map_err(CommandError::begun)?;
    }
    Ok(loaded.state.ok_or(Rejection::BlockNotFound)?)
}

/// Puts seats of a block back on sale: all of them if it was lifted or never opened, and those that it was opened
/// without.
///
/// # Errors
/// Faults. What is left to be done is in the log.
pub(crate) async fn finish(services: &Services, block: BlockId, seats: Vec<(ShowId, SeatId)>) -> Result<(), CommandError> {
    let Some((show, _)) = seats.first().cloned() else { return Ok(()) };
    let fence = BlockCommand::Fence { show, by: FINISHER.to_owned() };
    services.journal.execute::<Block>(&block, fence, &Context::step(FINISHER, block.0), &mut None).await?;
    let loaded = services.journal.load::<Block>(&block).await?;
    let kept = loaded.state.as_ref().filter(|block| block.is_open()).and_then(|block| block.opened.as_ref());
    let mut by_show: BTreeMap<ShowId, Vec<SeatId>> = BTreeMap::new();
    for (show, seat) in seats {
        if kept.is_none_or(|opened| opened.show != show || opened.seats.binary_search(&seat).is_err()) {
            by_show.entry(show).or_default().push(seat);
        }
    }
    let metadata = metadata_after(&loaded, block, FINISHER, services);
    for (show, seats) in by_show {
        unblock(services, &show, &seats, block, &metadata).await?;
    }
    Ok(())
}

/// Metadata of what follows from the last event of a block.
fn metadata_after<S>(loaded: &Loaded<S>, block: BlockId, by: &str, services: &Services) -> Metadata {
    let causation = loaded.last.or(Some(block.0));
    Metadata { correlation: Some(block.0), causation, trace: loaded.trace.clone(), ..Metadata::new(by, services.now()) }
}

/// Unblocks the seats that are still in the block. Those that a booking has return to it, and are unblocked then.
pub(super) async fn unblock(
    services: &Services,
    show: &ShowId,
    seats: &[SeatId],
    block: BlockId,
    metadata: &Metadata,
) -> Result<(), CommandError> {
    for seats in seats.chunks(AT_A_TIME) {
        services.seats.execute(show, seats, &SeatCommand::Unblock { block }, metadata).await?;
    }
    Ok(())
}
