//! Which blocked seats a hold may buy: those of the blocks that its access opens.

use crate::blocks::KnownBlock;
use crate::error::Fault;
use crate::seat_table::SeatTable;
use crate::services::Services;
use crate::show_registry::ActiveShow;
use lastseat_domain::block::{Access, TILL};
use lastseat_domain::event::BookingOpened;
use lastseat_domain::plan::Plan;
use lastseat_domain::{AccessCodeHash, BlockId, ChannelId, Rejection, SeatState};
use std::sync::Arc;

pub(super) struct HoldAccess<'a> {
    /// `None`: not read yet, so no blocked seat is refused for want of it.
    shown: Option<&'a Access>,
    blocks: Vec<Arc<KnownBlock>>,
}

impl<'a> HoldAccess<'a> {
    pub(super) fn unknown() -> Self {
        Self { shown: None, blocks: Vec::new() }
    }

    pub(super) fn of(active_show: &ActiveShow, access: &'a Access) -> Self {
        Self { shown: Some(access), blocks: active_show.blocks.opened_by(access) }
    }

    /// # Errors
    /// `NoSuchAccess` for a code or a channel that opens nothing. The till also sells what everybody can buy.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let Some(access) = self.shown else { return Ok(()) };
        let is_till = access.channel.as_ref().is_none_or(|channel| channel.as_str() == TILL);
        let opens = match &access.code {
            Some(_) => self.blocks.iter().any(|block| block.opened.access_code == access.code),
            None => is_till || self.blocks.iter().any(|block| block.opened.channel == access.channel),
        };
        if opens { Ok(()) } else { Err(Rejection::NoSuchAccess) }
    }

    /// Whether a hold may try to get a seat that this node knows to be in this state.
    pub(super) fn allows(&self, table: &SeatTable, seat: u32) -> bool {
        match table.state(seat) {
            SeatState::Available => true,
            SeatState::Unavailable => self.shown.is_none() || self.has(seat),
            SeatState::Locked | SeatState::InProcess | SeatState::Booked => false,
        }
    }

    fn has(&self, seat: u32) -> bool {
        self.blocks.iter().any(|block| block.seats.binary_search(&seat).is_ok())
    }

    /// Seats of an area that are in blocks and that no hold of this node is trying to get.
    pub(super) fn blocked_seats(&self, table: &SeatTable, plan: &Plan, area: u32) -> Vec<u32> {
        let is_of_area = |seat: u32| plan.seat(seat).is_some_and(|planned| planned.area == area);
        let is_there = |seat: &u32| is_of_area(*seat) && table.state(*seat) == SeatState::Unavailable && !table.is_claimed(*seat);
        self.blocks.iter().flat_map(|block| block.seats.iter().copied()).filter(is_there).collect()
    }

    /// How many seats of an area are in blocks and may be bought, as far as that is known.
    pub(super) fn count(&self, table: &SeatTable, plan: &Plan, area: u32) -> u32 {
        match self.shown {
            None => table.unavailable(area),
            Some(_) if self.blocks.is_empty() => 0,
            Some(_) => u32::try_from(self.blocked_seats(table, plan, area).len()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn blocks(&self) -> Vec<BlockId> {
        self.blocks.iter().map(|block| block.opened.block).collect()
    }

    /// Where the booking is sold. Only who names the till sells there, whatever block a code opens.
    pub(super) fn channel(&self) -> Option<ChannelId> {
        let named = self.shown.and_then(|access| access.channel.clone());
        let of_block =
            || self.blocks.iter().find_map(|block| block.opened.channel.clone()).filter(|channel| channel.as_str() != TILL);
        named.or_else(of_block)
    }

    pub(super) fn code(&self) -> Option<AccessCodeHash> {
        self.shown.and_then(|access| access.code.clone())
    }
}

/// The blocks that a booking was opened with access to: those that its voucher opens, whether this node has read of them or
/// not, and those that are still open of its code or channel.
///
/// # Errors
/// The voucher that it was opened with can't be read, or the show is not known to this node yet.
pub(super) async fn blocks_of(services: &Services, opened: &BookingOpened) -> Result<Vec<BlockId>, Fault> {
    let unknown = || Fault::Unavailable("the show is not known to this node yet".to_owned());
    let active_show = services.shows.get(&opened.show).ok_or_else(unknown)?;
    let voucher = match &opened.voucher {
        Some(voucher) => services.vouchers.load(voucher).await?.state,
        None => None,
    };
    let by_voucher = voucher.map_or_else(Vec::new, |voucher| voucher.created.terms.opens);
    // A code may have opened blocks of other channels besides that of the booking.
    let channel = if opened.access_code.is_some() { None } else { opened.channel.clone() };
    let access = Access { channel, code: opened.access_code.clone(), by_voucher: Vec::new() };
    let others = active_show.blocks.opened_by(&access);
    Ok(by_voucher.into_iter().chain(others.iter().map(|block| block.opened.block)).collect())
}
