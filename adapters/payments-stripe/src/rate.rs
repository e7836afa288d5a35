//! The turn of a request within Stripe's rate limits. Pure: times are passed in.
//!
//! Each limit is a token bucket. New payments and lists use at most four fifths of it: captures, cancels,
//! refunds and looks at an intent, which bring started payments to their end, always find room. A payment
//! first waits in a bucket of that smaller rate and takes its place in the full one only when its turn
//! has come, so no queue of payments is ever in front of a capture.

use super::settings::Limits;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a request does, as far as Stripe limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `POST /payment_intents`
    Create,
    /// `POST /payment_intents/…/confirm`
    Confirm,
    /// `POST /payment_intents/…/capture`
    Capture,
    /// `POST /payment_intents/…/cancel`
    Cancel,
    /// `POST /refunds`
    Refund,
    /// `GET` of one object
    Retrieve,
    /// `GET` of a list
    List,
}

impl Endpoint {
    /// Whether it may use the smaller share only.
    #[must_use]
    pub const fn can_wait(self) -> bool {
        matches!(self, Self::Create | Self::Confirm | Self::List)
    }
}

/// One token bucket: `burst` requests at once, afterwards one per `interval`.
#[derive(Debug, Clone)]
struct Bucket {
    interval: Duration,
    burst: Duration,
    /// When it is full again.
    full_at: Duration,
}

impl Bucket {
    /// `share` in hundredths of `per_second`; a tenth of a second's worth may come at once.
    fn new(per_second: u32, share: u32) -> Self {
        let interval = Duration::from_secs(1) * 100 / per_second.saturating_mul(share).max(1);
        let burst = interval * (per_second / 10);
        Self { interval, burst, full_at: Duration::ZERO }
    }

    fn wait(&self, now: Duration) -> Duration {
        self.full_at.saturating_sub(now).saturating_sub(self.burst)
    }

    fn take(&mut self, now: Duration) -> Duration {
        let wait = self.wait(now);
        self.full_at = self.full_at.max(now) + self.interval;
        wait
    }
}

/// One of the queues that a request passes, one after the other. It waits in each before it takes its place
/// in the next, so that nobody waits for a place that is not used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// The smaller share of an endpoint's limit, for what can wait.
    SmallerOfEndpoint,
    /// The smaller share of the limit of all.
    SmallerOfAll,
    /// An endpoint's limit.
    Endpoint,
    /// The limit of all.
    All,
}

impl Queue {
    /// Before the first sending of a request.
    pub const FIRST: [Self; 4] = [Self::SmallerOfEndpoint, Self::SmallerOfAll, Self::Endpoint, Self::All];
    /// Before it is sent again.
    pub const AGAIN: [Self; 2] = [Self::Endpoint, Self::All];

    const fn is_smaller(self) -> bool {
        matches!(self, Self::SmallerOfEndpoint | Self::SmallerOfAll)
    }
}

/// The smaller share, in hundredths.
const SMALLER: u32 = 80;

/// All buckets.
#[derive(Debug)]
pub struct Turns {
    limits: Option<Limits>,
    smaller: Option<Bucket>,
    all: Option<Bucket>,
    /// Of each endpoint, the smaller share and all of it.
    endpoints: BTreeMap<(Endpoint, bool), Bucket>,
}

impl Turns {
    /// Nothing has been sent yet.
    #[must_use]
    pub fn new(limits: Option<Limits>) -> Self {
        let bucket = |percent| limits.map(|limits| Bucket::new(limits.total, percent));
        Self { limits, smaller: bucket(SMALLER), all: bucket(100), endpoints: BTreeMap::new() }
    }

    /// Takes a place in that queue: go on after that time.
    pub fn take(&mut self, queue: Queue, endpoint: Endpoint, now: Duration) -> Duration {
        if queue.is_smaller() && !endpoint.can_wait() {
            return Duration::ZERO;
        }
        let limits = self.limits;
        let bucket = match queue {
            Queue::SmallerOfAll => self.smaller.as_mut(),
            Queue::All => self.all.as_mut(),
            Queue::SmallerOfEndpoint | Queue::Endpoint => limits.map(|limits| {
                let percent = if queue.is_smaller() { SMALLER } else { 100 };
                self.endpoints.entry((endpoint, queue.is_smaller())).or_insert_with(|| Bucket::new(limits.endpoint, percent))
            }),
        };
        bucket.map_or(Duration::ZERO, |bucket| bucket.take(now))
    }

    /// How long a request would wait, without taking a place.
    #[must_use]
    pub fn wait(&self, endpoint: Endpoint, now: Duration) -> Duration {
        let of = |bucket: Option<&Bucket>| bucket.map_or(Duration::ZERO, |bucket| bucket.wait(now));
        let own = of(self.endpoints.get(&(endpoint, false))).max(of(self.all.as_ref()));
        if !endpoint.can_wait() {
            return own;
        }
        own.max(of(self.endpoints.get(&(endpoint, true)))).max(of(self.smaller.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Passes all queues, as the transport does; each queue is passed in the order of arrival.
    fn sent(turns: &mut Turns, arrivals: Vec<(Endpoint, Duration)>) -> Vec<(Endpoint, Duration)> {
        Queue::FIRST.into_iter().fold(arrivals, |mut arrived, queue| {
            arrived.sort_by_key(|(_, at)| *at);
            arrived.into_iter().map(|(endpoint, at)| (endpoint, at + turns.take(queue, endpoint, at))).collect()
        })
    }

    fn at_once(endpoint: Endpoint, count: usize) -> Vec<(Endpoint, Duration)> {
        vec![(endpoint, Duration::ZERO); count]
    }

    fn within(times: &[(Endpoint, Duration)], end: Duration) -> usize {
        times.iter().filter(|(_, at)| *at < end).count()
    }

    #[test]
    fn no_limit_no_wait() {
        let mut turns = Turns::new(None);
        assert_eq!(within(&sent(&mut turns, at_once(Endpoint::Create, 1_000)), Duration::from_nanos(1)), 1_000);
        assert_eq!(turns.wait(Endpoint::Create, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn payments_use_four_fifths() {
        let mut turns = Turns::new(Some(Limits::LIVE));
        let in_ten_seconds = within(&sent(&mut turns, at_once(Endpoint::Create, 1_000)), 10 * SECOND);
        assert!((200..=203).contains(&in_ten_seconds), "{in_ten_seconds}");
    }

    #[test]
    fn a_capture_passes_a_thousand_payments() {
        let mut turns = Turns::new(Some(Limits { endpoint: 1_000_000, total: 100 }));
        for _ in 0..1_000 {
            turns.take(Queue::SmallerOfAll, Endpoint::Create, Duration::ZERO);
        }
        assert!(turns.wait(Endpoint::Create, Duration::ZERO) > 12 * SECOND);
        assert_eq!(turns.wait(Endpoint::Capture, Duration::ZERO), Duration::ZERO);
        assert_eq!(sent(&mut turns, at_once(Endpoint::Capture, 1)), at_once(Endpoint::Capture, 1));
    }

    #[test]
    fn no_second_has_more_requests_than_allowed() {
        let mut turns = Turns::new(Some(Limits { endpoint: 25, total: 40 }));
        let mut arrivals = at_once(Endpoint::Capture, 100);
        arrivals.extend(at_once(Endpoint::Cancel, 100));
        arrivals.extend(at_once(Endpoint::Create, 100));
        let times = sent(&mut turns, arrivals);
        for start in 0..100 {
            let start = SECOND * start / 10;
            let during = within(&times, start + SECOND) - within(&times, start);
            assert!(during <= 40 + 5, "{during} within a second from {start:?}");
        }
        let last = times.iter().map(|(_, at)| *at).max().unwrap();
        assert!(last < 9 * SECOND, "300 requests at 40 a second took {last:?}");
    }

    #[test]
    fn a_quiet_time_fills_the_bucket_and_no_more() {
        let mut bucket = Bucket::new(10, 100);
        for _ in 0..20 {
            bucket.take(Duration::ZERO);
        }
        let later = 100 * SECOND;
        assert_eq!(bucket.wait(later), Duration::ZERO);
        let waits: Vec<Duration> = (0..4).map(|_| bucket.take(later)).collect();
        assert_eq!(waits, [Duration::ZERO, Duration::ZERO, SECOND / 10, SECOND / 5]);
    }
}
