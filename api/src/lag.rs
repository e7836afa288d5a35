//! Whether a consumer keeps up with the log, measured in time: positions of a cluster's log have gaps,
//! so their distance says little.

use lastseat_domain::Timestamp;
use lastseat_domain::ports::event_log::Position;
use parking_lot::Mutex;

/// A consumer that needs longer than this to reach what was the head shows outdated seats.
const MAX_SECONDS: i64 = 10;

/// Remembers a head of the log until the consumer has reached it.
#[derive(Debug, Default)]
pub struct Lag(Mutex<Option<(Position, Timestamp)>>);

impl Lag {
    /// Compares the head of the log with the position that the consumer has reached. Returns the age,
    /// in seconds, of the oldest head that it has not reached, if that is too long ago.
    pub fn too_long(&self, head: Position, reached: Position, now: Timestamp) -> Option<i64> {
        let mut waiting = self.0.lock();
        let (goal, since) = waiting.filter(|(goal, _)| *goal > reached).unwrap_or((head, now));
        *waiting = (goal > reached).then_some((goal, since));
        let seconds = (now - since).num_seconds();
        (waiting.is_some() && seconds > MAX_SECONDS).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_that_moves_with_the_log_keeps_up_however_far_positions_are_apart() {
        let lag = Lag::default();
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        for second in 0..100 {
            let head = u64::try_from(second).unwrap() * 1_000_000;
            // Always five seconds behind a log that grows all the time.
            assert_eq!(lag.too_long(Position(head), Position(head.saturating_sub(5_000_000)), at(second)), None, "{second}");
        }
    }

    #[test]
    fn a_consumer_that_does_not_move_lags() {
        let lag = Lag::default();
        let at = |second| Timestamp::from_timestamp(second, 0).unwrap();
        assert_eq!(lag.too_long(Position(10), Position(10), at(0)), None, "nothing is appended");
        assert_eq!(lag.too_long(Position(11), Position(10), at(1000)), None);
        assert_eq!(lag.too_long(Position(99), Position(10), at(1010)), None);
        assert_eq!(lag.too_long(Position(99), Position(10), at(1011)), Some(11));
        assert_eq!(lag.too_long(Position(99), Position(50), at(1012)), None, "it moves again");
        assert_eq!(lag.too_long(Position(99), Position(99), at(1030)), None);
    }
}
