//! Which seats a hold is for: checks the request against the plan, refuses what is known to be taken,
//! and picks seats where the buyer left the choice to the box office.

use super::target::HoldTarget;
use crate::requests::SeatSelection;
use lastseat_domain::event::SingleSeats;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::single_seats::{self, Place};
use lastseat_domain::{CategoryId, Rejection, SeatId};
use std::collections::HashSet;

/// A selection that the show's plan allows.
pub(super) enum Choice {
    /// These, by plan index.
    Seats(Vec<u32>),
    /// Any of an unlabelled area.
    Any {
        /// Index of the area.
        area: u32,
        /// How many.
        quantity: u32,
    },
    /// Side by side in a category.
    Best {
        /// Indexes of the category's labelled areas.
        areas: Vec<u32>,
        /// How many.
        quantity: u32,
    },
}

impl Choice {
    /// Checks the selection against the plan.
    pub(super) fn of(target: &HoldTarget<'_>) -> Result<Self, Rejection> {
        let most = target.show.facts.max_seats_per_booking;
        match target.selection.quantity() {
            0 => return Err(Rejection::InvalidQuantity { most }),
            asked if asked > u64::from(most) => return Err(Rejection::TooManySeats { asked, most }),
            _ => {}
        }
        match target.selection {
            SeatSelection::Seats(seats) => Self::named(target, seats),
            SeatSelection::Any { area, quantity } => {
                let areas = (0_u32..).zip(&target.show.plan.areas);
                let found = areas.into_iter().find(|(_, a)| a.area == *area && !a.labelled);
                found
                    .map(|(index, _)| Self::Any { area: index, quantity: *quantity })
                    .ok_or_else(|| Rejection::UnknownArea { area: area.clone() })
            }
            SeatSelection::BestAvailable { category, quantity } => Self::best(target, category, *quantity),
        }
    }

    fn named(target: &HoldTarget<'_>, seats: &[SeatId]) -> Result<Self, Rejection> {
        let mut indexes = Vec::with_capacity(seats.len());
        for (at, seat) in seats.iter().enumerate() {
            // There are only a few: comparing them costs less than a set.
            if seats.iter().take(at).any(|before| before == seat) {
                return Err(Rejection::DuplicateSeats { seat: seat.clone() });
            }
            // Units of an unlabelled area have no names for buyers: any of them is as good.
            let plan = &target.show.plan;
            let labelled = plan.index_of(seat).filter(|i| plan.seat(*i).is_some_and(|s| s.segment.is_some()));
            indexes.push(labelled.ok_or_else(|| Rejection::UnknownSeat { seat: seat.to_string() })?);
        }
        Ok(Self::Seats(indexes))
    }

    fn best(target: &HoldTarget<'_>, category: &CategoryId, quantity: u32) -> Result<Self, Rejection> {
        let areas = (0_u32..).zip(&target.show.plan.areas);
        let areas: Vec<u32> = areas.filter(|(_, a)| a.labelled && a.category == *category).map(|(index, _)| index).collect();
        if areas.is_empty() {
            return Err(Rejection::UnknownCategory { category: category.clone() });
        }
        Ok(Self::Best { areas, quantity })
    }

    pub(super) fn quantity(&self) -> u32 {
        match self {
            Self::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
            Self::Any { quantity, .. } | Self::Best { quantity, .. } => *quantity,
        }
    }

    /// Whether other seats are as good.
    pub(super) fn any_seats_will_do(&self) -> bool {
        !matches!(self, Self::Seats(_))
    }

    /// Refuses what the seat table knows to be taken. This is where nearly all of a flash sale ends.
    pub(super) fn refuse_what_is_taken(&self, target: &HoldTarget<'_>) -> Result<(), Rejection> {
        match self {
            Self::Seats(seats) => match seats.iter().find(|seat| !target.access.allows(&target.seats, **seat)) {
                Some(taken) => Err(taken_in_table(target, *taken)),
                None => Ok(()),
            },
            Self::Any { area, quantity } => enough(target, &[*area], *quantity),
            Self::Best { areas, quantity } => enough(target, areas, *quantity),
        }
    }

    /// Refuses a pick that leaves a single seat alone, if the show wants that. Seats that other holds of this node are
    /// trying to get count as taken.
    pub(super) fn refuse_single_seats(&self, target: &HoldTarget<'_>) -> Result<(), Rejection> {
        let Self::Seats(picked) = self else { return Ok(()) };
        if target.show.facts.single_seats == SingleSeats::Allow {
            return Ok(());
        }
        let (plan, table) = (&target.show.plan, &target.seats);
        let mut segments: Vec<_> = picked.iter().filter_map(|seat| plan.segment_of(*seat)).collect();
        segments.sort_unstable_by_key(|segment| segment.start);
        segments.dedup();
        for segment in segments {
            let place = |seat: u32| match (picked.contains(&seat), table.is_free(seat)) {
                (true, _) => Place::Picked,
                (false, true) => Place::Free,
                (false, false) => Place::Taken,
            };
            let places: Vec<Place> = segment.clone().map(place).collect();
            let alone = single_seats::left_alone(&places).and_then(|at| segment.clone().nth(at));
            if let Some(seat) = alone.and_then(|index| plan.id_of(index)) {
                return Err(Rejection::LeavesSingleSeat { seat });
            }
        }
        Ok(())
    }

    /// Whether other holds of this node are trying to get seats that might do.
    pub(super) fn has_claims(&self, target: &HoldTarget<'_>) -> bool {
        let table = &target.seats;
        match self {
            Self::Seats(seats) => seats.iter().any(|seat| table.is_claimed(*seat)),
            Self::Any { area, .. } => table.has_claims(*area),
            Self::Best { areas, .. } => areas.iter().any(|area| table.has_claims(*area)),
        }
    }

    /// Exactly as many seats as selected, none of them in `avoid`.
    pub(super) fn seats(&self, target: &HoldTarget<'_>, avoid: &HashSet<u32>) -> Result<Vec<u32>, Rejection> {
        match self {
            Self::Seats(seats) => Ok(seats.clone()),
            Self::Any { area, quantity } => {
                let n = *quantity as usize;
                let free = target.candidates(*area, *quantity).filter(|seat| !avoid.contains(seat));
                let found: Vec<u32> = free.take(n).collect();
                if found.len() < n { Err(left(target, &[*area], found.len())) } else { Ok(found) }
            }
            Self::Best { areas, quantity } => {
                let n = *quantity as usize;
                let of_blocks = |seat: u32| target.seats.state(seat) == SeatState::Unavailable;
                if !target.access.is_empty()
                    && let Ok(seats) = side_by_side(target, areas, n, avoid, of_blocks)
                {
                    return Ok(seats);
                }
                side_by_side(target, areas, n, avoid, |_| true)
            }
        }
    }
}

fn taken_in_table(target: &HoldTarget<'_>, index: u32) -> Rejection {
    let table = &target.seats;
    match target.show.plan.id_of(index) {
        Some(seat) => Rejection::SeatUnavailable {
            seat,
            state: table.state(index),
            free_at: table.free_at(index),
            position: table.position(index),
        },
        None => Rejection::ShowNotFound,
    }
}

fn enough(target: &HoldTarget<'_>, areas: &[u32], quantity: u32) -> Result<(), Rejection> {
    let available: u32 = areas.iter().map(|area| target.seats.available(*area)).sum();
    let blocked = || areas.iter().map(|area| target.access.count(&target.seats, &target.show.plan, *area)).sum::<u32>();
    if available < quantity && available + blocked() < quantity { Err(left(target, areas, available as usize)) } else { Ok(()) }
}

/// The refusal where only `available` seats are left.
fn left(target: &HoldTarget<'_>, areas: &[u32], available: usize) -> Rejection {
    match u32::try_from(available) {
        Ok(0) => {
            Rejection::SoldOut { free_at: areas.iter().filter_map(|area| target.seats.first_free_at(*area, target.now)).min() }
        }
        available => Rejection::NotEnoughTogether { available: available.unwrap_or(u32::MAX) },
    }
}

/// The best `n` seats side by side: the front-most row that has them; in it the place that strands no
/// single seat, which can't be sold to a group, and leaves space for groups of the same size; of these
/// the nearest to the row's middle. Only of those that are `wanted`.
fn side_by_side(
    target: &HoldTarget<'_>,
    areas: &[u32],
    n: usize,
    avoid: &HashSet<u32>,
    wanted: impl Fn(u32) -> bool,
) -> Result<Vec<u32>, Rejection> {
    let plan = &target.show.plan;
    let is_free = |seat: u32| target.may_try(seat) && wanted(seat) && !avoid.contains(&seat);
    let mut free = 0_usize;
    for area in areas.iter().filter_map(|index| plan.areas.get(*index as usize)) {
        let place = |seat: u32| plan.seat(seat).map(|s| (s.row, s.segment));
        let seats: Vec<_> = area.seats().map(|seat| (seat, place(seat), is_free(seat))).collect();
        for row in seats.chunk_by(|a, b| a.1.map(|p| p.0) == b.1.map(|p| p.0)) {
            let mut places = Vec::new();
            let mut at = 0;
            for run in row.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
                if run.first().is_some_and(|seat| seat.2) {
                    free += run.len();
                    places.extend(run.windows(n).enumerate().filter_map(|(offset, window)| {
                        let rest = [offset, run.len() - offset - n];
                        let singles = rest.iter().filter(|seats| **seats == 1).count();
                        let odd = rest.iter().filter(|seats| **seats % n != 0).count();
                        Some((singles, odd, (2 * (at + offset) + n).abs_diff(row.len()), window.first()?.0))
                    }));
                }
                at += run.len();
            }
            if let Some((_, _, _, first)) = places.into_iter().min() {
                return Ok((first..first + u32::try_from(n).unwrap_or(0)).collect());
            }
        }
    }
    Err(left(target, areas, free))
}
