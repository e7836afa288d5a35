//! Blocks: seats that are taken out of the open sale, and put back.

use super::BoxOffice;
use crate::blocks::{self, KnownBlock};
use crate::error::CommandError;
use crate::origin::Origin;
use crate::requests::{BlockRequest, BlockStatus, OpenedBlock, SeatInState};
use crate::show_registry::ActiveShow;
use lastseat_domain::block::Block;
use lastseat_domain::{BlockId, Rejection, SeatId, ShowId};

impl BoxOffice {
    /// Takes seats out of the open sale. None of them is anybody's then, and no hold can get one without access to the
    /// block.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn open_block(&self, request: BlockRequest) -> Result<OpenedBlock, CommandError> {
        Box::pin(blocks::open(&self.services, &request)).await
    }

    /// Puts the seats of a block back on sale: those that it has now, and later those that bookings return. Lifted
    /// already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn lift_block(&self, show: &ShowId, block: BlockId, by: impl Into<Origin>) -> Result<Block, CommandError> {
        let origin = by.into();
        let context = self.command(origin.clone()).belonging_to(block.0);
        Box::pin(blocks::lift(&self.services, show, block, origin, &context)).await
    }

    /// The open blocks of a show, by id, as this node knows them.
    ///
    /// # Errors
    /// `ShowNotFound`.
    pub fn blocks(&self, show: &ShowId) -> Result<Vec<BlockStatus>, Rejection> {
        let active_show = self.services.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        let status = |block: &KnownBlock| {
            let state = Block { opened: Some(block.opened.clone()), opened_at: Some(block.opened_at), lifted_at: None };
            status_of(&active_show, state)
        };
        Ok(active_show.blocks.open().iter().map(|block| status(block)).collect())
    }

    /// A block of a show as the log has it now, lifted or not.
    ///
    /// # Errors
    /// `ShowNotFound`, `BlockNotFound`; faults.
    pub async fn block(&self, show: &ShowId, block: BlockId) -> Result<BlockStatus, CommandError> {
        let active_show = self.services.shows.get(show).ok_or(Rejection::ShowNotFound)?;
        let state = self.services.journal.load::<Block>(&block).await?.state;
        let of_show = |block: &Block| block.opened.as_ref().is_some_and(|opened| opened.show == *show);
        match state.filter(of_show) {
            Some(state) => Ok(status_of(&active_show, state)),
            None => Err(Rejection::BlockNotFound.into()),
        }
    }
}

fn status_of(active_show: &ActiveShow, block: Block) -> BlockStatus {
    let now = active_show.now();
    let state = |seat: &SeatId| {
        let index = now.show.plan.index_of(seat)?;
        Some(SeatInState { seat: seat.clone(), state: now.seats.state(index) })
    };
    let seats = block.opened.iter().flat_map(|opened| &opened.seats).filter_map(state).collect();
    BlockStatus { block, seats }
}
