//! Keeps within the requests that Stripe accepts a second. New payments wait for their turn; captures,
//! cancellations and refunds have room of their own, because a buyer's money depends on them.

use super::settings::Limits;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What a request is for. Each is an endpoint of Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Create,
    Confirm,
    Look,
    Capture,
    Cancel,
    Refund,
    List,
}

impl Purpose {
    /// Whether it is part of a new payment.
    fn is_of_payment(self) -> bool {
        matches!(self, Self::Create | Self::Confirm | Self::Look)
    }
}

/// A queue that lets one through every so often. What is kept is the moment of the next free turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turns {
    /// From one turn to the next.
    every: Duration,
    /// Turns that may be taken at once after a pause.
    burst: u32,
    next: Duration,
}

impl Turns {
    fn a_second(count: u32) -> Self {
        Self { every: Duration::from_secs(1) / count.max(1), burst: (count / 5).max(1), next: Duration::ZERO }
    }

    /// How long a turn that is taken at `now` has to wait.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        let slack = self.every * self.burst.saturating_sub(1);
        self.next.saturating_sub(now + slack)
    }

    /// Takes a turn.
    pub(crate) fn take(&mut self, now: Duration) {
        self.next = self.next.max(now) + self.every;
    }
}

/// All queues of an account.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Option<Limits>,
    since: Instant,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    endpoints: HashMap<Purpose, Turns>,
    payments: Option<Turns>,
}

impl Limiter {
    pub(crate) fn new(limits: Option<Limits>) -> Self {
        Self { limits, since: Instant::now(), queues: Mutex::default() }
    }

    /// Waits until it is the request's turn.
    pub(crate) async fn turn(&self, purpose: Purpose) {
        let Some(limits) = self.limits else { return };
        let wait = {
            let now = self.since.elapsed();
            let mut queues = self.queues.lock();
            let endpoint = queues.endpoints.entry(purpose).or_insert_with(|| Turns::a_second(limits.endpoint));
            let mut wait = endpoint.wait(now);
            endpoint.take(now);
            if purpose.is_of_payment() {
                let payments = queues.payments.get_or_insert_with(|| Turns::a_second(limits.payments));
                wait = wait.max(payments.wait(now));
                payments.take(now);
            }
            wait
        };
        tokio::time::sleep(wait).await;
    }

    /// How long the calls of a new payment would wait.
    pub(crate) fn delay(&self) -> Duration {
        let now = self.since.elapsed();
        let queues = self.queues.lock();
        let of = |purpose| queues.endpoints.get(&purpose).map_or(Duration::ZERO, |turns| turns.wait(now));
        let payments = queues.payments.map_or(Duration::ZERO, |turns| turns.wait(now));
        of(Purpose::Create).max(of(Purpose::Confirm)).max(payments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { endpoint: 10, payments: 15 };

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_requests_than_the_limit() {
        let limiter = Limiter::new(Some(LIMITS));
        let started = Instant::now();
        let mut at = Vec::new();
        for _ in 0..50 {
            limiter.turn(Purpose::Create).await;
            at.push(started.elapsed());
        }
        // A pause lets a few through at once; never more than that above the rate.
        for (first, last) in at.iter().zip(at.iter().skip(12)) {
            assert!(*last - *first >= Duration::from_millis(1000), "{first:?} {last:?}");
        }
        assert!(*at.last().unwrap() < Duration::from_secs(6), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_capture_does_not_wait_for_a_rush_of_payments() {
        let limiter = std::sync::Arc::new(Limiter::new(Some(LIMITS)));
        for _ in 0..200 {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.turn(Purpose::Create).await });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(limiter.delay() > Duration::from_secs(15), "{:?}", limiter.delay());
        let started = Instant::now();
        limiter.turn(Purpose::Capture).await;
        limiter.turn(Purpose::Cancel).await;
        assert!(started.elapsed() < Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_nothing_waits() {
        let limiter = Limiter::new(None);
        let started = Instant::now();
        for _ in 0..1_000 {
            limiter.turn(Purpose::Create).await;
        }
        assert_eq!((started.elapsed(), limiter.delay()), (Duration::ZERO, Duration::ZERO));
    }
}
