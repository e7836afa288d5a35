//! Brings a block into the log: a `SeatBlocked` for each seat and a `BlockOpened`, in one transaction where the log can
//! do that. Where it can't, the seats come first: `BlockOpened` then names exactly those that the block has, and a block
//! that gives up before that is fenced, so that it can't open any more.

use super::lift_block::finish;
use super::opening::Opening;
use crate::error::{CommandError, Fault};
use crate::origin::Context;
use crate::seats::SeatDecision;
use lastseat_domain::block::{Block, BlockCommand};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::{BlockOpened, Event};
use lastseat_domain::ports::event_log::{Expected, StreamWrite, WriteOutcome};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::{Rejection, SeatId, codec};

/// Seats whose streams are appended to at the same time where each append is a call over the network.
const AT_A_TIME: usize = 256;

pub(super) enum Appended {
    Opened(BlockOpened),
    /// There is a block with this id already.
    Exists,
    /// A seat was lost, and what was written has been undone.
    Lost(Rejection),
    /// Nothing was written: a seat had changed since it was decided.
    Nothing,
}

/// Opens the block with `seats`, of which `decisions` are not blocked yet.
pub(super) async fn append(
    opening: &Opening<'_>,
    seats: Vec<SeatId>,
    decisions: Vec<SeatDecision>,
) -> Result<Appended, CommandError> {
    if opening.services.ports.log.atomic_across_streams() {
        together(opening, seats, &decisions).await
    } else {
        one_by_one(opening, seats, decisions).await
    }
}

fn first_write(opening: &Opening<'_>, opened: &BlockOpened) -> Result<StreamWrite, Fault> {
    let events = [Event::BlockOpened(opened.clone())];
    Ok(codec::encode(Block::stream(&opened.block), Expected::NoStream, &events, &opening.metadata)?)
}

async fn together(opening: &Opening<'_>, seats: Vec<SeatId>, decisions: &[SeatDecision]) -> Result<Appended, CommandError> {
    let opened = opening.first_event(seats);
    let writes = decisions.iter().map(|decision| decision.write(&opening.metadata));
    let writes = writes.chain([first_write(opening, &opened)]).collect::<Result<Vec<_>, _>>()?;
    let outcomes = opening.services.journal.append(writes).await?;
    for (decision, outcome) in decisions.iter().zip(&outcomes) {
        opening.services.seats.take_outcome(decision, *outcome, opening.metadata.at);
    }
    Ok(match outcomes.last() {
        Some(WriteOutcome::Written { .. }) => Appended::Opened(opened),
        Some(WriteOutcome::Conflict { .. }) => Appended::Exists,
        Some(WriteOutcome::Withheld) => Appended::Nothing,
        None => return Err(Fault::Damaged("the log gave no outcome".into()).into()),
    })
}

async fn one_by_one(
    opening: &Opening<'_>,
    mut seats: Vec<SeatId>,
    decisions: Vec<SeatDecision>,
) -> Result<Appended, CommandError> {
    let (services, request) = (opening.services, opening.request);
    let lost = block_seats(opening, &decisions).await.map_err(CommandError::begun)?;
    seats.retain(|seat| !lost.iter().any(|(lost, _)| lost == seat));
    if let Some((_, rejection)) = lost.into_iter().next()
        && (!request.partial || seats.is_empty())
    {
        give_up(opening, seats).await.map_err(CommandError::begun)?;
        return Ok(Appended::Lost(rejection));
    }
    let opened = opening.first_event(seats);
    let outcomes = services.journal.append(vec![first_write(opening, &opened)?]).await;
    let outcomes = outcomes.map_err(|fault| CommandError::from(fault).begun())?;
    if outcomes.first().is_some_and(|outcome| outcome.is_written()) {
        return Ok(Appended::Opened(opened));
    }
    // The same request on another node has opened it, perhaps with other seats; or it was fenced, because this took
    // too long. What it has too much goes back on sale.
    let seats = opened.seats.into_iter().map(|seat| (request.show.clone(), seat)).collect();
    finish(services, request.block, seats).await.map_err(CommandError::begun)?;
    Ok(Appended::Exists)
}

/// Blocks the seats. Returns those that were lost meanwhile.
async fn block_seats(opening: &Opening<'_>, decisions: &[SeatDecision]) -> Result<Vec<(SeatId, Rejection)>, CommandError> {
    let (services, request) = (opening.services, opening.request);
    let command = SeatCommand::Block { block: request.block };
    let mut lost = Vec::new();
    for decisions in decisions.chunks(AT_A_TIME) {
        let writes = decisions.iter().map(|decision| decision.write(&opening.metadata)).collect::<Result<Vec<_>, _>>()?;
        let outcomes = services.journal.append(writes).await?;
        for (decision, outcome) in decisions.iter().zip(outcomes) {
            if services.seats.take_outcome(decision, outcome, opening.metadata.at) {
                continue;
            }
            // The conflict may be with old events that this node had not seen, or with the same request elsewhere.
            let seat = &decision.key.seat;
            match services.seats.execute(&request.show, std::slice::from_ref(seat), &command, &opening.metadata).await {
                Ok(()) => {}
                Err(CommandError::Rejected(rejection)) => lost.push((seat.clone(), rejection)),
                Err(failed) => return Err(failed),
            }
        }
    }
    Ok(lost)
}

/// Closes the block before it opens, then puts the seats that it got back on sale. If the same request on another node has
/// opened it meanwhile, it stays open, and what it was opened with stays in it.
async fn give_up(opening: &Opening<'_>, seats: Vec<SeatId>) -> Result<(), CommandError> {
    let (services, request) = (opening.services, opening.request);
    let id = request.block.0;
    let context = Context::following(&opening.metadata.actor, opening.metadata.trace.clone(), id, id);
    let fence = BlockCommand::Fence { show: request.show.clone(), by: request.origin.by.clone() };
    services.journal.execute::<Block>(&request.block, fence, &context, &mut None).await?;
    finish(services, request.block, seats.into_iter().map(|seat| (request.show.clone(), seat)).collect()).await
}
