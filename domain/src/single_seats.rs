//! Whether a pick of seats leaves a single seat alone: a free seat without a free neighbour can't be sold to people who
//! come together.
//!
//! The rule looks at one segment, a part of a row without gaps. Seats that were alone before don't count, and a buyer
//! who can't do better is never refused: the pick is compared with what it would be if one of its groups, seats picked
//! side by side, were elsewhere in the segment. Only if that leaves fewer seats alone is the pick refused. So a group
//! that fits nowhere without leaving a seat alone may sit anywhere, and no group has to split.

use std::ops::Range;

/// A seat of a segment as the rule sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It belongs to somebody else.
    Taken,
    /// It stays free.
    Free,
    /// The buyer wants it.
    Picked,
}

/// The first seat that the pick would leave alone although the buyer can avoid that.
#[must_use]
pub fn left_alone(segment: &[Place]) -> Option<usize> {
    let first = (0..segment.len()).find(|seat| is_left_alone(segment, *seat))?;
    let groups = runs(segment, |place| place == Place::Picked);
    groups.iter().any(|group| is_better_elsewhere(segment, group)).then_some(first)
}

/// A free seat that has no free neighbour, and had one before the pick.
fn is_left_alone(segment: &[Place], seat: usize) -> bool {
    let place = |seat: Option<usize>| seat.and_then(|seat| segment.get(seat)).copied().unwrap_or(Place::Taken);
    let neighbours = [place(seat.checked_sub(1)), place(seat.checked_add(1))];
    place(Some(seat)) == Place::Free && !neighbours.contains(&Place::Free) && neighbours.contains(&Place::Picked)
}

/// Whether fewer seats were left alone if this group of picked seats were elsewhere in the segment.
fn is_better_elsewhere(segment: &[Place], group: &Range<usize>) -> bool {
    let mut without = segment.to_vec();
    without.iter_mut().take(group.end).skip(group.start).for_each(|place| *place = Place::Free);
    // What a place for the group adds to the seats that are left alone. Everything else stays the same.
    let cost = |run: &Range<usize>, first: usize| {
        let (before, after) = (first - run.start, run.end - first - group.len());
        let fills_single = run.len() == 1 && is_left_alone(&without, run.start);
        i32::from(before == 1) + i32::from(after == 1) - i32::from(fills_single)
    };
    let free = runs(&without, |place| place == Place::Free);
    let Some(own) = free.iter().find(|run| run.contains(&group.start)).map(|run| cost(run, group.start)) else { return false };
    free.iter().filter(|run| run.len() >= group.len()).any(|run| {
        let last = run.end - group.len();
        (run.start..=last).any(|first| cost(run, first) < own)
    })
}

/// The longest runs of such places.
fn runs(segment: &[Place], is_one: impl Fn(Place) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (seat, place) in segment.iter().enumerate() {
        match runs.last_mut() {
            _ if !is_one(*place) => {}
            Some(run) if run.end == seat => run.end += 1,
            _ => runs.push(seat..seat + 1),
        }
    }
    runs
}
