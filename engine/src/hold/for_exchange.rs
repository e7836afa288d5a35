//! Seats that a sold booking is to be moved to: priced as the show has them now, refused if they are known to be taken, and
//! kept from the holds of this node and, by the guard, of all others while the log decides.

use super::access::HoldAccess;
use crate::error::{CommandError, Fault};
use crate::guard_service::LEASE_MARGIN;
use crate::seat_table::{Claim, SeatTable};
use crate::services::Services;
use lastseat_domain::block::{Access, TILL};
use lastseat_domain::event::PricedSeat;
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::seat_guard::Lock;
use lastseat_domain::show::SaleState;
use lastseat_domain::{BlockId, BookingId, ChannelId, PriceTypeId, Rejection, SeatId, SeatState, ShowId};
use std::time::Duration;

/// How long an exchange has its seats in the guard. It takes moments; what is left over after a crash ends by itself.
const LEASE: Duration = LEASE_MARGIN;

/// Seats that an exchange tries to get.
pub(crate) struct SeatsToTake {
    /// The show's revision that has their prices.
    pub show_revision: u64,
    pub seats: Vec<PricedSeat>,
    _claim: Claim,
}

/// What staff buy from besides the open sale.
fn at_the_till() -> Access {
    Access { channel: ChannelId::new(TILL).ok(), ..Access::default() }
}

/// The blocks that seats of an exchange may be taken from: those of the till.
///
/// # Errors
/// The show is not known to this node yet.
pub(crate) fn blocks_of_till(services: &Services, show: &ShowId) -> Result<Vec<BlockId>, Fault> {
    let unknown = || Fault::Unavailable("the show is not known to this node yet".to_owned());
    let active_show = services.shows.get(show).ok_or_else(unknown)?;
    Ok(HoldAccess::of(&active_show, &at_the_till()).blocks())
}

/// Chooses these seats for the exchange of a booking, each at the price of its type or at the first.
///
/// # Errors
/// Rejections; faults.
pub(crate) async fn choose_for_exchange(
    services: &Services,
    show: &ShowId,
    booking: BookingId,
    asked: &[(SeatId, Option<PriceTypeId>)],
) -> Result<SeatsToTake, CommandError> {
    let active_show = services.shows.get(show).ok_or(Rejection::ShowNotFound)?;
    let now = active_show.now();
    if now.show.sale == SaleState::Cancelled {
        return Err(Rejection::ShowCancelled { show: show.clone() }.into());
    }
    let mut seats = Vec::with_capacity(asked.len());
    let mut indexes = Vec::with_capacity(asked.len());
    for (seat, price_type) in asked {
        let index = now.show.plan.index_of(seat).ok_or_else(|| Rejection::UnknownSeat { seat: seat.to_string() })?;
        if indexes.contains(&index) {
            return Err(Rejection::DuplicateSeats { seat: seat.clone() }.into());
        }
        seats.push(now.show.priced(seat, price_type.as_ref())?);
        indexes.push(index);
    }
    let access = at_the_till();
    let access = HoldAccess::of(&active_show, &access);
    if let Some(taken) = indexes.iter().find(|index| !access.allows(&now.seats, **index)) {
        return Err(taken_in_table(&now.show.plan, &now.seats, *taken).into());
    }
    let claim = Claim::of(&now.seats, &indexes).map_err(|index| {
        let taken = taken_in_table(&now.show.plan, &now.seats, index);
        CommandError::Contended(taken)
    })?;
    lock_in_guard(services, show, booking, &seats).await?;
    Ok(SeatsToTake { show_revision: now.show.revision, seats, _claim: claim })
}

fn taken_in_table(plan: &Plan, table: &SeatTable, index: u32) -> Rejection {
    let state = match table.state(index) {
        // Another hold of this node is trying to get it.
        SeatState::Available => SeatState::Locked,
        state => state,
    };
    match plan.id_of(index) {
        Some(seat) => Rejection::SeatUnavailable { seat, state, free_at: table.free_at(index), position: None },
        None => Rejection::ShowNotFound,
    }
}

/// A guard that does not answer is neither "free" nor "taken", and the seat table knows better than a mark of a sale.
async fn lock_in_guard(services: &Services, show: &ShowId, booking: BookingId, seats: &[PricedSeat]) -> Result<(), CommandError> {
    let mut names: Vec<SeatId> = seats.iter().map(|priced| priced.seat.clone()).collect();
    names.sort_unstable();
    match services.guard.lock(show, &names, booking, LEASE).await {
        Ok(Lock::Taken { index, sold: false, .. }) => match names.get(index) {
            Some(seat) => {
                let (seat, state) = (seat.clone(), SeatState::Locked);
                Err(Rejection::SeatUnavailable { seat, state, free_at: None, position: None }.into())
            }
            None => Ok(()),
        },
        Ok(Lock::Taken { .. } | Lock::Locked { .. }) | Err(_) => Ok(()),
    }
}
