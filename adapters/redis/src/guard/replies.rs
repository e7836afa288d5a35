//! What the scripts' replies mean. `None`: it is not a reply that the script gives.

use lastseat_domain::ports::seat_guard::{Extend, Lock, LockAny};
use redis::Value;
use std::time::Duration;

/// A reply of whole numbers.
fn numbers(value: &Value) -> Option<Vec<i64>> {
    let Value::Array(parts) = value else { return None };
    parts.iter().map(|part| if let Value::Int(number) = part { Some(*number) } else { None }).collect()
}

/// Scripts count keys from 1, Rust from 0.
fn index(of_script: i64, keys: usize) -> Option<usize> {
    usize::try_from(of_script).ok()?.checked_sub(1).filter(|index| *index < keys)
}

pub(super) fn lock(value: &Value, seats: usize) -> Option<Lock> {
    match *numbers(value)?.as_slice() {
        [1, fresh, already] => {
            let (fresh, already) = (usize::try_from(fresh).ok()?, usize::try_from(already).ok()?);
            (fresh.checked_add(already)? == seats).then_some(Lock::Locked { fresh, already })
        }
        [0, at, left_ms, is_sold @ (0 | 1)] => Some(Lock::Taken {
            index: index(at, seats)?,
            lease_left: Duration::from_millis(u64::try_from(left_ms).ok()?),
            sold: is_sold == 1,
        }),
        _ => None,
    }
}

pub(super) fn lock_any(value: &Value, candidates: usize, n: usize) -> Option<LockAny> {
    match numbers(value)?.as_slice() {
        [1, picked @ ..] => {
            let picked = picked.iter().map(|at| index(*at, candidates)).collect::<Option<Vec<_>>>()?;
            let ascending = picked.iter().zip(picked.iter().skip(1)).all(|(a, b)| a < b);
            (picked.len() == n && ascending).then_some(LockAny::Locked(picked))
        }
        [0, free] => usize::try_from(*free).ok().filter(|free| *free < n).map(|free| LockAny::NotEnough { free }),
        _ => None,
    }
}

pub(super) fn extend(value: &Value, seats: usize) -> Option<Extend> {
    match *numbers(value)?.as_slice() {
        [1, n] if usize::try_from(n).ok()? == seats => Some(Extend::Extended),
        [0, at] => Some(Extend::Lost { index: index(at, seats)? }),
        _ => None,
    }
}

/// A number of the requested seats.
pub(super) fn count(value: &Value, seats: usize) -> Option<usize> {
    let Value::Int(number) = value else { return None };
    usize::try_from(*number).ok().filter(|number| *number <= seats)
}
