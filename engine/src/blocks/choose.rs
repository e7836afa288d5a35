//! Which seats a block is for: checks the request against the plan, and picks units of an area.

use crate::requests::{BlockRequest, BlockSelection};
use crate::show_registry::ShowAndSeats;
use lastseat_domain::block::MAX_SEATS_PER_BLOCK;
use lastseat_domain::{Rejection, SeatId};
use std::collections::HashSet;

/// Seats that are worth a try: those that were named, or as many units of an area as are asked for and free. `avoid`:
/// units that were tried and are taken.
///
/// # Errors
/// What the plan does not have, and too few free units unless `partial`.
pub(super) fn choose(request: &BlockRequest, now: &ShowAndSeats, avoid: &HashSet<SeatId>) -> Result<Vec<SeatId>, Rejection> {
    let plan = &now.show.plan;
    let mut seats = match &request.selection {
        BlockSelection::Seats(seats) => {
            check_count(seats.len())?;
            for seat in seats {
                let is_labelled = plan.index_of(seat).and_then(|i| plan.seat(i)).is_some_and(|s| s.segment.is_some());
                if !is_labelled {
                    return Err(Rejection::UnknownSeat { seat: seat.to_string() });
                }
            }
            seats.clone()
        }
        BlockSelection::Any { area, quantity } => {
            let quantity = *quantity as usize;
            check_count(quantity)?;
            let found = (0_u32..).zip(&plan.areas).find(|(_, a)| a.area == *area && !a.labelled);
            let (index, _) = found.ok_or_else(|| Rejection::UnknownArea { area: area.clone() })?;
            let free = now.seats.candidates(index, 0).filter_map(|seat| plan.id_of(seat));
            let units: Vec<SeatId> = free.filter(|seat| !avoid.contains(seat)).take(quantity).collect();
            match u32::try_from(units.len()).unwrap_or(u32::MAX) {
                0 => return Err(Rejection::SoldOut { free_at: None }),
                available if units.len() < quantity && !request.partial => {
                    return Err(Rejection::NotEnoughTogether { available });
                }
                _ => units,
            }
        }
    };
    seats.sort_unstable();
    let twice = seats.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(a),
        _ => None,
    });
    if let Some(twice) = twice {
        return Err(Rejection::DuplicateSeats { seat: twice.clone() });
    }
    Ok(seats)
}

fn check_count(seats: usize) -> Result<(), Rejection> {
    if (1..=MAX_SEATS_PER_BLOCK as usize).contains(&seats) {
        return Ok(());
    }
    let why = format!("a block has 1 to {MAX_SEATS_PER_BLOCK} seats, and {seats} were requested");
    Err(Rejection::InvalidBlock { field: "seats", why })
}
