//! A clock that follows the machine's when that is set forward and stays there, and never goes back.
//!
//! Deadlines are times of the day, in the log and in the answers to buyers, and a machine's clock may be
//! set at any moment. Forward: deadlines that have passed are met within seconds, because sleepers look
//! at the clock again and again (the system's timers don't notice). A step has to last for two seconds
//! first: a wrong reading that is corrected at once would otherwise end every hold of the cluster. Back: a hold would last longer by as
//! much. So this clock goes on from the latest time that it has shown, at nine tenths of the speed, until
//! the machine's clock has caught up: a hold lasts a ninth longer at most, and none ends early.

use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How often a sleeper looks at the clock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A clock that is this much further than its last readings and the time since let expect was set forward.
const STEP_MS: i64 = 1_000;
/// How long it has to stay there before this clock follows.
const CONFIRMED_AFTER: Duration = Duration::from_secs(2);
/// Two readings at the same time may differ by this in the wrong order, without the clock being set.
const SAME_TIME_MS: i64 = 50;

/// A steady clock over another. Clones share the time.
pub struct SteadyClock<W>(Arc<State<W>>);

struct State<W> {
    /// The clock that may be set at any moment.
    wall: W,
    /// Time that no clock setting changes is counted from here.
    origin: Instant,
    /// The machine's clock at `origin`, in milliseconds, by its last readings.
    wall_at_origin: AtomicI64,
    is_set_forward: AtomicBool,
    /// Since when the machine's clock has been further forward than expected.
    set_forward: Mutex<Option<Instant>>,
    /// The latest time shown, in milliseconds.
    latest: AtomicI64,
    is_ahead: AtomicBool,
    /// Where it was when the other clock was found set back, and since when it goes slower.
    ahead: Mutex<Option<(i64, Instant)>>,
}

impl<W> Clone for SteadyClock<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Fn() -> Timestamp + Send + Sync + 'static> SteadyClock<W> {
    /// `wall` is read for each reading of this clock.
    pub fn over(wall: W) -> Self {
        let wall_at_origin = AtomicI64::new(wall().timestamp_millis());
        Self(Arc::new(State {
            wall,
            origin: Instant::now(),
            wall_at_origin,
            is_set_forward: AtomicBool::new(false),
            set_forward: Mutex::default(),
            latest: AtomicI64::new(i64::MIN),
            is_ahead: AtomicBool::new(false),
            ahead: Mutex::default(),
        }))
    }

    /// The machine's clock, without a step forward that has not lasted yet.
    fn confirmed_wall(&self) -> i64 {
        let state = &*self.0;
        let wall = (state.wall)().timestamp_millis();
        let passed = i64::try_from(state.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        let before = state.wall_at_origin.load(Ordering::Acquire);
        let expected = before.saturating_add(passed);
        if wall - expected > STEP_MS {
            let mut since = state.set_forward.lock();
            state.is_set_forward.store(true, Ordering::Release);
            if since.get_or_insert_with(Instant::now).elapsed() < CONFIRMED_AFTER {
                return expected;
            }
            *since = None;
            state.is_set_forward.store(false, Ordering::Release);
            tracing::warn!(by_ms = wall - expected, "the machine's clock was set forward; deadlines follow it");
        } else if state.is_set_forward.load(Ordering::Acquire) && state.set_forward.lock().take().is_some() {
            state.is_set_forward.store(false, Ordering::Release);
            tracing::warn!("the machine's clock was wrong for a moment; nothing followed it");
        }
        // Most readings find nothing new. They write nothing, so that threads don't wait for each other.
        let at_origin = wall.saturating_sub(passed);
        if at_origin != before {
            state.wall_at_origin.store(at_origin, Ordering::Release);
        }
        wall
    }

    fn millis(&self) -> i64 {
        let state = &*self.0;
        let wall = self.confirmed_wall();
        let mut latest = state.latest.load(Ordering::Acquire);
        if wall > latest {
            latest = state.latest.fetch_max(wall, Ordering::AcqRel);
        }
        if wall >= latest && !state.is_ahead.load(Ordering::Acquire) {
            return wall;
        }
        let time = self.slower(wall, latest);
        state.latest.fetch_max(time, Ordering::AcqRel).max(time)
    }

    /// The time while this clock is ahead of the machine's.
    fn slower(&self, wall: i64, latest: i64) -> i64 {
        let state = &*self.0;
        let mut ahead = state.ahead.lock();
        if ahead.is_none() && latest - wall <= SAME_TIME_MS {
            return latest.max(wall);
        }
        let (shown, since) = *ahead.get_or_insert_with(|| {
            state.is_ahead.store(true, Ordering::Release);
            let by_ms = latest - wall;
            tracing::warn!(
                by_ms,
                "the machine's clock was set back; time goes on more slowly until it has caught up; if the clock was wrong before, restart the server"
            );
            (latest, Instant::now())
        });
        let passed = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let time = shown.saturating_add(passed - passed / 10);
        if wall >= time {
            *ahead = None;
            state.is_ahead.store(false, Ordering::Release);
        }
        time.max(wall)
    }
}

impl<W: Fn() -> Timestamp + Send + Sync + 'static> Clock for SteadyClock<W> {
    fn now(&self) -> Timestamp {
        // Out of range only if the machine's clock is.
        Timestamp::from_timestamp_millis(self.millis()).unwrap_or_else(|| (self.0.wall)())
    }

    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()> {
        let (clock, started) = (self.clone(), Instant::now());
        // A deadline that has passed gives a negative span, which `to_std` refuses.
        let left = move |clock: &Self| (deadline - clock.now()).to_std().unwrap_or_default();
        let longest = left(self);
        async move {
            loop {
                let left = left(&clock).min(longest.saturating_sub(started.elapsed()));
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use lastseat_testkit::JumpingTime;

    fn clock() -> (Arc<JumpingTime>, SteadyClock<impl Fn() -> Timestamp + Send + Sync + 'static>) {
        let wall = Arc::new(JumpingTime::start());
        let read = Arc::clone(&wall);
        (wall, SteadyClock::over(move || read.now()))
    }

    async fn seconds(n: u64) {
        tokio::time::sleep(Duration::from_secs(n)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_follows_a_clock_that_is_set_forward() {
        let (wall, clock) = clock();
        let before = clock.now();
        wall.jump(TimeDelta::hours(2));
        assert_eq!(clock.now(), before, "it may be a wrong reading");
        seconds(2).await;
        assert_eq!(clock.now(), before + TimeDelta::hours(2) + TimeDelta::seconds(2));
        seconds(10).await;
        assert_eq!(clock.now(), wall.now());
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_follow_a_clock_that_is_wrong_for_a_moment() {
        let (wall, clock) = clock();
        for hours in [2, 3, 4] {
            let before = clock.now();
            wall.jump(TimeDelta::hours(hours));
            assert_eq!(clock.now(), before);
            seconds(1).await;
            assert_eq!(clock.now(), before + TimeDelta::seconds(1));
            wall.jump(TimeDelta::hours(-hours));
            seconds(1).await;
            assert_eq!(clock.now(), before + TimeDelta::seconds(2));
            assert_eq!(clock.now(), wall.now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_more_slowly_while_a_clock_that_was_set_back_catches_up() {
        let (wall, clock) = clock();
        let before = clock.now();
        wall.jump(TimeDelta::seconds(-60));
        assert_eq!(clock.now(), before, "it does not go back");
        for _ in 0..600 {
            let last = clock.now();
            seconds(1).await;
            let step = clock.now() - last;
            assert!(step >= TimeDelta::milliseconds(899) && step <= TimeDelta::milliseconds(1001), "{step}");
        }
        // A tenth of ten minutes is a minute.
        seconds(1).await;
        assert_eq!(clock.now(), wall.now());
        // And once more.
        let before = clock.now();
        wall.jump(TimeDelta::hours(-1));
        seconds(100).await;
        assert_eq!(clock.now(), before, "the time since the last look is not known");
        seconds(100).await;
        assert_eq!(clock.now(), before + TimeDelta::seconds(90));
        wall.jump(TimeDelta::hours(2));
        clock.now();
        seconds(2).await;
        assert_eq!(clock.now(), wall.now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_notices_within_seconds_that_its_time_has_come() {
        let (wall, clock) = clock();
        let sleeper = clock.sleep_until(clock.now() + TimeDelta::minutes(10));
        let slept = tokio::spawn(sleeper);
        seconds(5).await;
        wall.jump(TimeDelta::hours(2));
        tokio::time::timeout(CONFIRMED_AFTER + LOOK_AGAIN * 2, slept).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_sleeps_no_longer_because_a_clock_is_set_back() {
        let (wall, clock) = clock();
        let slept = tokio::spawn(clock.sleep_until(clock.now() + TimeDelta::seconds(10)));
        seconds(5).await;
        wall.jump(TimeDelta::hours(-2));
        tokio::time::timeout(Duration::from_millis(5_001), slept).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn readings_side_by_side_never_go_back() {
        let (wall, clock) = clock();
        let readers = (0..4).map(|_| {
            let clock = clock.clone();
            std::thread::spawn(move || {
                let mut last = clock.now();
                for _ in 0..20_000 {
                    let now = clock.now();
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        for n in 0..1_000 {
            wall.jump(TimeDelta::milliseconds(if n % 3 == 0 { -3_000 } else { 1_000 }));
        }
        for reader in readers {
            reader.join().unwrap();
        }
    }
}
