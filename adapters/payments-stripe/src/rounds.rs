//! What is remembered of a step that Stripe fails: the key that comes next, and the pause before it. Pure: times are
//! passed in.
//!
//! Callers repeat a step every few seconds. If each repeat used a key, an outage would use up a day's keys within
//! minutes. So a step is done in rounds, and the pause between failed rounds doubles. A round that comes earlier sends
//! nothing. After a restart nothing is remembered, and the stored answers show which keys were used.

use super::busy;
use std::collections::HashMap;
use std::time::Duration;

/// The pauses after failed rounds: doubled from the first to the longest, and between half and all of it at random.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// Stripe forgets a key about then, and so does this.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Failing steps that are remembered. What is forgotten is found again from the stored answers.
const MOST: usize = 10_000;

/// The steps that Stripe fails.
#[derive(Debug, Default)]
pub struct Rounds {
    steps: HashMap<String, Progress>,
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The first try whose key may still do something.
    try_number: u32,
    /// Server errors of that key that Stripe did not repeat from its store.
    fresh_errors: u32,
    failed_rounds: u32,
    paused_until: Duration,
    /// When the step began to fail.
    since: Duration,
}

impl Rounds {
    /// The try that the next round of this step begins with.
    ///
    /// # Errors
    /// How long the pause still lasts.
    pub fn begin(&mut self, step: &str, now: Duration) -> Result<u32, Duration> {
        let Some(progress) = self.steps.get(step) else { return Ok(1) };
        if progress.is_old(now) {
            self.steps.remove(step);
            return Ok(1);
        }
        match progress.paused_until.saturating_sub(now) {
            Duration::ZERO => Ok(progress.try_number),
            left => Err(left),
        }
    }

    /// The step's current key was answered with a server error that Stripe did not repeat from its store: how many
    /// such errors that makes.
    pub fn fresh_error(&mut self, step: &str, now: Duration) -> u32 {
        let progress = self.progress(step, now);
        progress.fresh_errors = progress.fresh_errors.saturating_add(1);
        progress.fresh_errors
    }

    /// The key of that try will never do anything more; the next one comes.
    pub fn passed(&mut self, step: &str, try_number: u32, now: Duration) {
        let progress = self.progress(step, now);
        progress.try_number = try_number.saturating_add(1);
        progress.fresh_errors = 0;
    }

    /// The round failed; `random` spreads the pause.
    pub fn failed(&mut self, step: &str, now: Duration, random: u32) {
        let progress = self.progress(step, now);
        progress.failed_rounds = progress.failed_rounds.saturating_add(1);
        progress.paused_until = now + busy::doubled(FIRST_PAUSE, LONGEST_PAUSE, progress.failed_rounds, random);
    }

    /// The step is done.
    pub fn done(&mut self, step: &str) {
        self.steps.remove(step);
    }

    fn progress(&mut self, step: &str, now: Duration) -> &mut Progress {
        if self.steps.len() >= MOST && !self.steps.contains_key(step) {
            self.make_room(now);
        }
        self.steps.entry(step.to_owned()).or_insert(Progress {
            try_number: 1,
            fresh_errors: 0,
            failed_rounds: 0,
            paused_until: Duration::ZERO,
            since: now,
        })
    }

    fn make_room(&mut self, now: Duration) {
        self.steps.retain(|_, progress| !progress.is_old(now));
        if self.steps.len() < MOST {
            return;
        }
        let oldest = self.steps.iter().min_by_key(|(_, progress)| progress.since).map(|(step, _)| step.clone());
        if let Some(step) = oldest {
            self.steps.remove(&step);
        }
    }
}

impl Progress {
    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The pauses after `count` failed rounds, each begun as early as possible.
    fn pauses(count: usize, random: u32) -> Vec<u64> {
        let (mut rounds, mut now) = (Rounds::default(), Duration::ZERO);
        let one = |_| {
            rounds.failed("a", now, random);
            let pause = rounds.begin("a", now).unwrap_err();
            now += pause;
            pause.as_secs()
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        assert_eq!(pauses(11, u32::MAX), [10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 1_800, 1_800]);
        assert_eq!(pauses(9, 0), [5, 10, 20, 40, 80, 160, 320, 640, 900], "spread over the second half");
    }

    #[test]
    fn a_step_goes_on_where_it_was() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.begin("a", SECOND), Ok(1));
        rounds.passed("a", 1, SECOND);
        assert_eq!((rounds.fresh_error("a", SECOND), rounds.fresh_error("a", SECOND)), (1, 2));
        rounds.passed("a", 2, SECOND);
        assert_eq!(rounds.fresh_error("a", SECOND), 1, "each key is counted for itself");
        rounds.failed("a", SECOND, u32::MAX);
        assert_eq!(rounds.begin("a", 2 * SECOND), Err(9 * SECOND));
        assert_eq!(rounds.begin("a", 11 * SECOND), Ok(3));
        assert_eq!(rounds.begin("b", 2 * SECOND), Ok(1), "another step");
        rounds.done("a");
        assert_eq!(rounds.begin("a", 2 * SECOND), Ok(1));
    }

    #[test]
    fn a_step_is_forgotten_after_a_day() {
        let mut rounds = Rounds::default();
        rounds.passed("a", 7, SECOND);
        assert_eq!(rounds.begin("a", DAY), Ok(8));
        assert_eq!(rounds.begin("a", DAY + SECOND), Ok(1));
        assert!(rounds.steps.is_empty());
    }

    #[test]
    fn the_oldest_step_makes_room() {
        let mut rounds = Rounds::default();
        for number in 0..u32::try_from(MOST).unwrap() + 5 {
            rounds.passed(&number.to_string(), 1, SECOND * number);
        }
        assert_eq!(rounds.steps.len(), MOST);
        assert_eq!((rounds.begin("4", SECOND), rounds.begin("5", SECOND)), (Ok(1), Ok(2)));
    }
}
