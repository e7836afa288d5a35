//! The rule against single seats refuses only what the buyer can avoid, however the segment looks.

use crate::{holds, is_caught};
use lastseat_domain::single_seats::{Place, left_alone};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

type Rule = fn(&[Place]) -> Option<usize>;

/// Segments of up to 12 seats, so that every other choice can be tried.
fn segments() -> impl Strategy<Value = Vec<Place>> {
    let place = prop_oneof![2 => Just(Place::Taken), 4 => Just(Place::Free), 2 => Just(Place::Picked)];
    prop::collection::vec(place, 1..12)
}

/// A pick of seats side by side, as most are.
fn with_one_group() -> impl Strategy<Value = Vec<Place>> {
    let place = prop_oneof![2 => Just(Place::Taken), 5 => Just(Place::Free)];
    (prop::collection::vec(place, 1..12), any::<prop::sample::Index>(), 1..4_usize).prop_map(|(mut segment, at, size)| {
        let first = at.index(segment.len());
        segment.iter_mut().skip(first).take(size).for_each(|place| *place = Place::Picked);
        segment
    })
}

/// Free seats that have no free neighbour after the pick, and had one before: counted in the plainest way.
fn newly_alone(segment: &[Place]) -> Vec<usize> {
    let alone = |is_free: &dyn Fn(Place) -> bool, seat: usize| {
        let free = |seat: usize| segment.get(seat).is_some_and(|place| is_free(*place));
        free(seat) && !free(seat + 1) && !(seat > 0 && free(seat - 1))
    };
    let after: &dyn Fn(Place) -> bool = &|place| place == Place::Free;
    let before: &dyn Fn(Place) -> bool = &|place| place != Place::Taken;
    (0..segment.len()).filter(|seat| alone(after, *seat) && !alone(before, *seat)).collect()
}

fn picked(segment: &[Place]) -> usize {
    segment.iter().filter(|place| **place == Place::Picked).count()
}

/// All picks of as many seats in the same segment.
fn choices(segment: &[Place]) -> Vec<Vec<Place>> {
    let free: Vec<usize> = (0..segment.len()).filter(|seat| segment[*seat] != Place::Taken).collect();
    let of = |bits: u32| {
        let mut choice: Vec<Place> =
            segment.iter().map(|place| if *place == Place::Taken { Place::Taken } else { Place::Free }).collect();
        for (bit, seat) in free.iter().enumerate() {
            if bits & (1 << bit) != 0 {
                choice[*seat] = Place::Picked;
            }
        }
        choice
    };
    (0..1_u32 << free.len()).filter(|bits| bits.count_ones() as usize == picked(segment)).map(of).collect()
}

/// The seat that is named was not alone before, and another choice of as many seats leaves fewer alone.
fn refuses_only_what_can_be_avoided(rule: Rule, segment: &[Place]) -> Result<(), TestCaseError> {
    let alone = newly_alone(segment);
    if let Some(seat) = rule(segment) {
        prop_assert!(alone.contains(&seat), "seat {seat} is not left alone");
        let best = choices(segment).iter().map(|choice| newly_alone(choice).len()).min();
        prop_assert!(best.is_some_and(|best| best < alone.len()), "nobody can do better");
    }
    Ok(())
}

/// A group for which there is a better place side by side is refused.
fn refuses_what_a_group_can_avoid(rule: Rule, segment: &[Place]) -> Result<(), TestCaseError> {
    let alone = newly_alone(segment).len();
    let (size, taken) = (picked(segment), |place: &Place| *place == Place::Taken);
    let windows = (0..=segment.len() - size).filter(|first| !segment[*first..first + size].iter().any(taken));
    let best = windows
        .map(|first| {
            let mut moved: Vec<Place> =
                segment.iter().map(|place| if taken(place) { Place::Taken } else { Place::Free }).collect();
            moved[first..first + size].fill(Place::Picked);
            newly_alone(&moved).len()
        })
        .min();
    prop_assert_eq!(rule(segment).is_some(), best.is_some_and(|best| best < alone), "best {:?}, this {}", best, alone);
    Ok(())
}

/// A refusal names a seat; a pick that leaves the fewest seats alone is never refused.
fn the_best_choice_is_accepted(rule: Rule, segment: &[Place]) -> Result<(), TestCaseError> {
    let best = choices(segment).into_iter().min_by_key(|choice| newly_alone(choice).len());
    prop_assert!(best.is_none_or(|best| rule(&best).is_none()), "no choice is left");
    Ok(())
}

#[test]
fn only_what_can_be_avoided_is_refused() {
    holds(&segments(), |segment| refuses_only_what_can_be_avoided(left_alone, &segment));
    holds(&with_one_group(), |segment| refuses_what_a_group_can_avoid(left_alone, &segment));
    holds(&segments(), |segment| the_best_choice_is_accepted(left_alone, &segment));
}

/// Refuses whatever leaves a seat alone.
fn strict(segment: &[Place]) -> Option<usize> {
    newly_alone(segment).first().copied()
}

/// Counts seats that were alone before.
fn forgetful(segment: &[Place]) -> Option<usize> {
    let free = |seat: Option<usize>| seat.and_then(|seat| segment.get(seat)) == Some(&Place::Free);
    (0..segment.len()).find(|seat| free(Some(*seat)) && !free(seat.checked_sub(1)) && !free(seat.checked_add(1)))
}

#[test]
fn a_rule_that_refuses_too_much_or_too_little_is_caught() {
    is_caught(&segments(), "nobody can do better", |segment| refuses_only_what_can_be_avoided(strict, &segment));
    is_caught(&segments(), "is not left alone", |segment| refuses_only_what_can_be_avoided(forgetful, &segment));
    is_caught(&with_one_group(), "best", |segment| refuses_what_a_group_can_avoid(|_| None, &segment));
    is_caught(&segments(), "no choice is left", |segment| the_best_choice_is_accepted(strict, &segment));
}

/// `.` free, `x` taken, `o` picked.
fn parse(text: &str) -> Vec<Place> {
    let place = |letter| match letter {
        'x' => Place::Taken,
        'o' => Place::Picked,
        _ => Place::Free,
    };
    text.chars().map(place).collect()
}

#[test]
fn the_rule_in_examples() {
    for (segment, alone) in [
        // At the edge, between two groups, beside a taken seat.
        (".oo...", Some(0)),
        ("oo.o..", Some(2)),
        ("x.oo...", Some(1)),
        ("oo....", None),
        ("..oo..", None),
        // All that is left.
        ("oo", None),
        ("xoox", None),
        // One more than is wanted: one is left alone wherever the group sits.
        (".oo", None),
        ("o.o", None),
        // Two parts of three: a couple doesn't have to split.
        ("oo.x...", None),
        // There is a place without.
        ("oo.x....", Some(2)),
        // Only single seats are left.
        ("ox.x.", None),
        // It was alone before.
        ("x.xoo..", None),
    ] {
        assert_eq!(left_alone(&parse(segment)), alone, "{segment}");
    }
}
