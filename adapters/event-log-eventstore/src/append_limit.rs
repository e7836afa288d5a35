//! How many appends may be in flight: as many as the store answers in time.
//!
//! As in TCP: more with every answer up to the limit at which the store was last too slow, then more slowly; a decrease by a
//! share when it is. But by the time that answers take, not by losses. A store commits appends in groups,
//! so that more of them in flight are faster, until they only wait in the store: there the answers get slow.

use std::time::Duration;
use tokio::time::Instant;

/// At the start.
const FIRST: f64 = 64.0;
const LEAST: f64 = 8.0;
const MOST: f64 = 1024.0;
/// An answer that takes longer means that the store has too much to do.
const SLOW: Duration = Duration::from_millis(500);
/// What is left of the limit after a slow answer.
const DECREASE: f64 = 0.8;
/// What each answer adds beyond the limit at which the store was too slow: a twentieth of the limit with each round of answers.
const CAREFUL: f64 = 0.05;

#[derive(Debug)]
pub(crate) struct AppendLimit {
    limit: f64,
    /// Below this, the limit doubles with each round of answers.
    known: f64,
    decreased: Option<Instant>,
}

impl AppendLimit {
    pub(crate) fn new() -> Self {
        Self { limit: FIRST, known: MOST, decreased: None }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between the least and the most")]
    pub(crate) fn get(&self) -> usize {
        self.limit as usize
    }

    /// An append sent at `sent` was answered, while `in_flight` were.
    pub(crate) fn answered(&mut self, sent: Instant, now: Instant, in_flight: usize) {
        if now.saturating_duration_since(sent) > SLOW {
            self.too_slow(sent, now);
        } else if in_flight * 2 >= self.get() {
            // A limit that is not reached says nothing.
            let more = if self.limit < self.known { 1.0 } else { CAREFUL };
            self.limit = (self.limit + more).min(MOST);
        }
    }

    /// It was answered late, or not at all.
    pub(crate) fn too_slow(&mut self, sent: Instant, now: Instant) {
        // What was sent before the last decrease was slow for the same reason.
        if self.decreased.is_none_or(|decreased| sent >= decreased) {
            let before = self.limit;
            self.limit = (before * DECREASE).max(LEAST);
            // A second decrease before the limit was what it had been: the store takes less than it did.
            self.known = if before < self.known && self.decreased.is_some() { self.limit } else { before };
            self.decreased = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps as many in flight as are allowed, at a store that answers so many a second, one after the other. Returns the limit
    /// and what an answer takes in the end.
    fn against(limit: &mut AppendLimit, per_second: u32, seconds: u32, now: &mut Instant) -> (usize, Duration) {
        let mut flying: std::collections::VecDeque<Instant> = std::collections::VecDeque::new();
        let mut took = Duration::ZERO;
        for _ in 0..per_second * seconds {
            while flying.len() < limit.get() {
                flying.push_back(*now);
            }
            *now += Duration::from_secs(1) / per_second;
            let sent = flying.pop_front().expect("one is in flight");
            took = *now - sent;
            limit.answered(sent, *now, flying.len() + 1);
        }
        (limit.get(), took)
    }

    #[test]
    fn the_limit_follows_what_the_store_answers_in_time() {
        let (mut limit, mut now) = (AppendLimit::new(), Instant::now());
        let (fast, took) = against(&mut limit, 10_000, 120, &mut now);
        assert!(fast == 1024 && took < SLOW, "{fast} {took:?}");
        let (slow, took) = against(&mut limit, 100, 120, &mut now);
        assert!((30..=60).contains(&slow) && took < SLOW * 3 / 2, "{slow} {took:?}");
        let (very_slow, _) = against(&mut limit, 2, 600, &mut now);
        assert_eq!(very_slow, 8);
        let (again, took) = against(&mut limit, 10_000, 120, &mut now);
        assert!(again == 1024 && took < SLOW, "{again} {took:?}");
    }

    #[test]
    fn a_stall_counts_once_however_many_wait_for_it() {
        let (mut limit, now) = (AppendLimit { limit: 256.0, known: MOST, decreased: None }, Instant::now());
        for _ in 0..200 {
            limit.answered(now, now + Duration::from_secs(2), 200);
        }
        limit.too_slow(now + Duration::from_millis(1), now + Duration::from_secs(4));
        assert_eq!(limit.get(), 204);
        limit.too_slow(now + Duration::from_secs(2), now + Duration::from_secs(4));
        assert_eq!(limit.get(), 163);
    }

    #[test]
    fn a_single_slow_answer_is_made_up_for_soon() {
        let (mut limit, mut now) = (AppendLimit::new(), Instant::now());
        let (before, _) = against(&mut limit, 10_000, 2, &mut now);
        limit.too_slow(now, now);
        let after = limit.get();
        assert!(after < before, "{after}");
        // As many answers as are in flight: one round.
        for _ in 0..before {
            limit.answered(now, now + Duration::from_millis(100), limit.get());
        }
        assert!(limit.get() >= before, "{} of {before}", limit.get());
    }

    #[test]
    fn a_slow_start_does_not_last() {
        let (mut limit, mut now) = (AppendLimit::new(), Instant::now());
        limit.too_slow(now, now);
        // A hundred milliseconds a round.
        let mut rounds = 0;
        while limit.get() < 1024 {
            for _ in 0..limit.get() {
                limit.answered(now, now + Duration::from_millis(100), limit.get());
            }
            now += Duration::from_millis(100);
            rounds += 1;
        }
        assert!(rounds < 80, "{rounds} rounds");
    }

    #[test]
    fn a_fast_store_gets_many_soon() {
        let (mut limit, mut now) = (AppendLimit::new(), Instant::now());
        let (soon, _) = against(&mut limit, 10_000, 1, &mut now);
        assert_eq!(soon, 1024);
    }

    #[test]
    fn a_limit_that_is_not_reached_stays() {
        let (mut limit, now) = (AppendLimit::new(), Instant::now());
        for _ in 0..100_000 {
            limit.answered(now, now + Duration::from_millis(1), 20);
        }
        assert_eq!(limit.get(), 64);
    }
}
