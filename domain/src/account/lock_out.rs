//! How often a password may be guessed.
//!
//! A try is counted before the password is looked at and forgotten if it was right, so that a thousand tries at the same moment
//! are no more than one after the other. After some wrong ones each has to wait longer than the one before, and the right
//! password waits as well: an answer during the pause would say whether a guess was right.

use crate::Timestamp;
use chrono::TimeDelta;

/// Wrong ones that cost nothing: a person who has several passwords tries them.
const FREE: u32 = 5;
/// The first pause; each is twice as long as the one before.
const FIRST: TimeDelta = TimeDelta::seconds(30);
/// No pause is longer: who guesses must not keep the owner away for a day.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// After so long without a try, all is forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// The tries that have not turned out to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last: Timestamp,
}

/// No try is allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked {
    /// From then on one is.
    pub until: Timestamp,
}

impl Tries {
    /// The tries with one more, if there may be one now.
    ///
    /// # Errors
    /// [`Locked`].
    pub fn with_another(before: Option<Self>, now: Timestamp) -> Result<Self, Locked> {
        let Some(before) = before.filter(|before| !before.is_forgotten(now)) else { return Ok(Self { count: 1, last: now }) };
        let until = before.last + before.pause();
        if now < until {
            return Err(Locked { until });
        }
        Ok(Self { count: before.count.saturating_add(1), last: now })
    }

    /// Whether they are so long ago that they don't matter.
    #[must_use]
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.last <= Self::forgotten_until(now)
    }

    /// Tries up to then don't matter any more.
    #[must_use]
    pub fn forgotten_until(now: Timestamp) -> Timestamp {
        now - FORGOTTEN
    }

    /// Time after the last try until the next one.
    fn pause(&self) -> TimeDelta {
        match self.count.checked_sub(FREE) {
            None => TimeDelta::zero(),
            Some(doublings) => FIRST.checked_mul(1 << doublings.min(16)).map_or(LONGEST, |pause| pause.min(LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_900_000_000 + seconds, 0).unwrap()
    }

    fn after(count: u32) -> Tries {
        Tries { count, last: at(0) }
    }

    #[test]
    fn five_wrong_ones_cost_nothing_and_then_each_costs_more() {
        let mut tries = None;
        for count in 1..=5 {
            tries = Some(Tries::with_another(tries, at(0)).unwrap());
            assert_eq!(tries, Some(after(count)));
        }
        for (count, pause) in [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (u32::MAX, 900)] {
            let locked = Locked { until: at(pause) };
            assert_eq!(Tries::with_another(Some(after(count)), at(0)), Err(locked), "{count}");
            assert_eq!(Tries::with_another(Some(after(count)), at(pause - 1)), Err(locked), "{count}");
            let next = Tries { count: count.saturating_add(1), last: at(pause) };
            assert_eq!(Tries::with_another(Some(after(count)), at(pause)), Ok(next), "{count}");
        }
    }

    #[test]
    fn after_a_day_all_is_forgotten() {
        let day = 24 * 3600;
        assert_eq!(Tries::with_another(Some(after(9)), at(day - 1)).unwrap().count, 10);
        assert_eq!(Tries::with_another(Some(after(9)), at(day)).unwrap().count, 1);
    }

    #[test]
    fn nobody_guesses_more_than_a_hundred_and_ten_a_day() {
        let (mut tries, mut allowed) = (None, 0);
        for second in 0..24 * 3600 {
            if let Ok(next) = Tries::with_another(tries, at(second)) {
                (tries, allowed) = (Some(next), allowed + 1);
            }
        }
        assert!(allowed < 110, "{allowed}");
    }
}
