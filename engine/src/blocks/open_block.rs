//! Opens a block: decides on each seat, and appends what is decided.

use super::append_block::{Appended, append};
use super::choose::choose;
use super::opening::Opening;
use crate::error::{BusyCause, CommandError, Fault};
use crate::requests::{BlockRequest, BlockSelection, OpenedBlock, SeatInState};
use crate::seat_table::Claim;
use crate::seats::SeatDecision;
use crate::services::Services;
use crate::show_registry::{ActiveShow, ShowAndSeats};
use lastseat_domain::block::{self, Block};
use lastseat_domain::event::{BlockOpened, Event};
use lastseat_domain::seat::{SeatCommand, SeatKey};
use lastseat_domain::show::SaleState;
use lastseat_domain::{Rejection, SeatId};
use std::collections::HashSet;
use std::sync::Arc;

/// Times that the seats are decided again because one had changed since it was decided. Each time a hold has got one of
/// them, and this node's other holds are kept away meanwhile.
const TRIES: usize = 64;
/// Times that it waits for holds of this node that are trying to get one of the seats, and how long, in milliseconds.
const WAITS: usize = 20;
const WAIT_MS: i64 = 5;

/// Opens a block, or finds the one that the same request has opened before.
pub(crate) async fn open(services: &Services, request: &BlockRequest) -> Result<OpenedBlock, CommandError> {
    let active_show = services.shows.get(&request.show).ok_or(Rejection::ShowNotFound)?;
    if let Some(opened) = replay(services, request, &active_show).await? {
        return Ok(opened);
    }
    let _permit = services.holds.enter(false)?;
    let busy = |retry_after| Fault::Busy { retry_after, cause: BusyCause::NewHold };
    services.ports.log.wait_for_capacity(1).await.map_err(busy)?;
    let _in_hand = services.blocks_in_hand.take(request.block);
    let opening = Opening::new(services, request);
    let mut avoid = HashSet::new();
    for _ in 0..TRIES {
        if let Some(opened) = opening.try_once(&active_show, &mut avoid).await? {
            return Ok(opened);
        }
    }
    Err(Fault::Unavailable("the seats are too contended; try again".into()).into())
}

/// The block that the same request opened before, if it did.
async fn replay(
    services: &Services,
    request: &BlockRequest,
    active_show: &Arc<ActiveShow>,
) -> Result<Option<OpenedBlock>, CommandError> {
    if request.fingerprint.is_none() {
        return Ok(None);
    }
    let Some(block) = services.journal.load::<Block>(&request.block).await?.state else { return Ok(None) };
    match block.opened {
        Some(ref opened) if opened.request == request.fingerprint && opened.show == request.show => {
            let opening = Opening::new(services, request);
            let taken = opening.not_blocked(opened, active_show);
            Ok(Some(OpenedBlock { block, taken, replayed: true }))
        }
        Some(_) => Err(Rejection::IdempotencyKeyReused.into()),
        // Given up before it opened.
        None => Err(Rejection::BlockOver.into()),
    }
}

impl Opening<'_> {
    /// `None` if a seat had changed since it was decided. `avoid`: units of an area that are taken.
    async fn try_once(
        &self,
        active_show: &Arc<ActiveShow>,
        avoid: &mut HashSet<SeatId>,
    ) -> Result<Option<OpenedBlock>, CommandError> {
        let request = self.request;
        let now = active_show.now();
        let show = &now.show;
        if show.sale == SaleState::Cancelled {
            return Err(Rejection::ShowCancelled { show: request.show.clone() }.into());
        }
        let seats = choose(request, &now, avoid)?;
        block::check(&self.first_event(seats.clone()))?;
        let _claim = self.claim(&now, &seats).await;
        let (decisions, taken) = self.decide(&seats).await?;
        if matches!(request.selection, BlockSelection::Any { .. }) && !taken.is_empty() {
            // Others in their place.
            avoid.extend(taken.into_iter().map(|taken| taken.seat));
            return Ok(None);
        }
        let is_taken = |seat: &SeatId| taken.binary_search_by(|taken| taken.seat.cmp(seat)).is_ok();
        let free: Vec<SeatId> = seats.into_iter().filter(|seat| !is_taken(seat)).collect();
        if free.is_empty() || !taken.is_empty() && !request.partial {
            return Err(refusal(&taken).into());
        }
        match append(self, free, decisions).await? {
            Appended::Opened(event) => {
                let mut left = self.not_blocked(&event, active_show);
                for seat in &mut left {
                    seat.state = taken.iter().find(|taken| taken.seat == seat.seat).map_or(seat.state, |taken| taken.state);
                }
                Ok(Some(self.answer(event, left, active_show)))
            }
            Appended::Exists => match replay(self.services, request, active_show).await? {
                Some(opened) => Ok(Some(opened)),
                None => Err(Rejection::BlockOver.into()),
            },
            Appended::Lost(rejection) => Err(rejection.into()),
            Appended::Nothing => Ok(None),
        }
    }

    /// Keeps this node's holds away from the seats. Without a claim the log decides as well, only with more tries.
    async fn claim(&self, now: &ShowAndSeats, seats: &[SeatId]) -> Option<Claim> {
        let plan = &now.show.plan;
        let indexes: Vec<u32> = seats.iter().filter_map(|seat| plan.index_of(seat)).collect();
        for _ in 0..WAITS {
            if let Ok(claim) = Claim::of(&now.seats, &indexes) {
                return Some(claim);
            }
            self.services.journal.pause(WAIT_MS).await;
        }
        None
    }

    /// What is to be appended, and the seats that can't be blocked.
    async fn decide(&self, seats: &[SeatId]) -> Result<(Vec<SeatDecision>, Vec<SeatInState>), CommandError> {
        let (mut decisions, mut taken) = (Vec::with_capacity(seats.len()), Vec::new());
        let command = SeatCommand::Block { block: self.request.block };
        for seat in seats {
            let key = SeatKey { show: self.request.show.clone(), seat: seat.clone() };
            match self.services.seats.decide(&key, &command).await {
                // An earlier try under the same key may have blocked it already.
                Ok(decision) if decision.events.is_empty() => {}
                Ok(decision) => decisions.push(decision),
                Err(CommandError::Rejected(Rejection::SeatUnavailable { seat, state, .. })) => {
                    taken.push(SeatInState { seat, state });
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok((decisions, taken))
    }

    /// The named seats that the block does not have, with their state as this node knows it.
    fn not_blocked(&self, opened: &BlockOpened, active_show: &ActiveShow) -> Vec<SeatInState> {
        let BlockSelection::Seats(seats) = &self.request.selection else { return Vec::new() };
        let now = active_show.now();
        let left = seats.iter().filter(|seat| opened.seats.binary_search(seat).is_err());
        left.filter_map(|seat| Some(SeatInState { seat: seat.clone(), state: now.seats.state(now.show.plan.index_of(seat)?) }))
            .collect()
    }

    fn answer(&self, opened: BlockOpened, taken: Vec<SeatInState>, active_show: &ActiveShow) -> OpenedBlock {
        let (at, event) = (self.metadata.at, Event::BlockOpened(opened.clone()));
        active_show.apply_block_event(&event, at);
        let block = Block { opened: Some(opened), opened_at: Some(at), lifted_at: None };
        OpenedBlock { block, taken, replayed: false }
    }
}

fn refusal(taken: &[SeatInState]) -> Rejection {
    match taken.first() {
        Some(SeatInState { seat, state }) => {
            Rejection::SeatUnavailable { seat: seat.clone(), state: *state, free_at: None, position: None }
        }
        None => Rejection::SoldOut { free_at: None },
    }
}
