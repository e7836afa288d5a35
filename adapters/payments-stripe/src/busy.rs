//! How long to wait before a request is repeated that Stripe was too busy for. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait before repetition `number` (from 1): doubled each time, and between half and all of it at
/// random, so that many callers don't come back together. `retry_after` is the least where Stripe gave it.
/// `None` when it would end after `left`.
#[must_use]
pub(crate) fn wait(number: u32, retry_after: Option<Duration>, random: u32, left: Duration) -> Option<Duration> {
    let jittered = doubled(FIRST, LONGEST, number, random);
    let wait = retry_after.map_or(jittered, |least| least + jittered / 4);
    (wait <= left).then_some(wait)
}

/// The wait number `number` (from 1) of those that double from `first` to `longest`: between half and all of it.
#[must_use]
pub(crate) fn doubled(first: Duration, longest: Duration, number: u32, random: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1))).min(longest);
    doubled / 2 + (doubled / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// For [`wait`] and [`doubled`].
pub(crate) fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(10);

    #[test]
    fn waits_double_up_to_a_bound() {
        let longest = |number| wait(number, None, u32::MAX, LEFT).unwrap().as_millis();
        assert_eq!([1, 2, 3, 4, 5, 6, 60].map(longest), [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    }

    #[test]
    fn waits_are_spread() {
        assert_eq!(wait(1, None, 0, LEFT), Some(FIRST / 2));
        assert_eq!(wait(1, None, u32::MAX, LEFT), Some(FIRST));
    }

    #[test]
    fn what_stripe_asks_for_is_the_least() {
        let asked = Duration::from_secs(2);
        assert!(wait(1, Some(asked), 0, LEFT).unwrap() >= asked);
        assert_eq!(wait(1, Some(Duration::from_secs(60)), 0, LEFT), None);
    }
}
