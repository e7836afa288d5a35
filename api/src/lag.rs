//! Whether a follower keeps up with the log, judged by time: positions of a cluster's log have gaps,
//! so their distance says little.

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use parking_lot::Mutex;

/// A follower that has not reached in so many seconds what was the head then shows people seats
/// that are long gone.
const MOST_SECONDS: i64 = 10;

/// Remembers a head until the follower has reached it.
#[derive(Debug, Default)]
pub struct Lag(Mutex<Option<(Position, Timestamp)>>);

impl Lag {
    /// Looks at where the log ends and the follower is. How long ago the oldest head was seen that
    /// the follower has not reached, in seconds, is given if that is too long.
    pub fn too_long(&self, head: Position, reached: Position, now: Timestamp) -> Option<i64> {
        let mut waiting = self.0.lock();
        let (goal, since) = waiting.filter(|(goal, _)| *goal > reached).unwrap_or((head, now));
        *waiting = (goal > reached).then_some((goal, since));
        let seconds = (now - since).num_seconds();
        (waiting.is_some() && seconds > MOST_SECONDS).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_that_moves_with_the_log_is_well_however_far_positions_are_apart() {
        let lag = Lag::default();
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        for second in 0..100 {
            let head = u64::try_from(second).unwrap() * 1_000_000;
            // Always five seconds behind a log that never rests.
            assert_eq!(lag.too_long(Position(head), Position(head.saturating_sub(5_000_000)), at(second)), None, "{second}");
        }
    }

    #[test]
    fn one_that_stands_still_is_not() {
        let lag = Lag::default();
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        assert_eq!(lag.too_long(Position(10), Position(10), at(0)), None, "it rests because the log does");
        assert_eq!(lag.too_long(Position(11), Position(10), at(1000)), None);
        assert_eq!(lag.too_long(Position(99), Position(10), at(1010)), None);
        assert_eq!(lag.too_long(Position(99), Position(10), at(1011)), Some(11));
        assert_eq!(lag.too_long(Position(99), Position(50), at(1012)), None, "it moves again");
        assert_eq!(lag.too_long(Position(99), Position(99), at(1030)), None);
    }
}
