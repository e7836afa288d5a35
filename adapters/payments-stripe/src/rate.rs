//! When a request may be sent within Stripe's rate limits. Pure: times are passed in.
//!
//! Each limit is a token bucket. New payments and lists use at most four fifths of it: what brings started payments to
//! their end always finds room. Looks at an intent use at most nine tenths of the limit of all, together with those:
//! captures, cancels and refunds find room beside any number of looks. A request first waits in the buckets of the
//! smaller rates and takes its place in the full one only after them, so no queue of payments or looks is
//! ever in front of a capture.
//!
//! Stripe limits an account, which all nodes use. Each node has a share of it.

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

    /// Whether it moves the money of a payment that was decided.
    const fn settles(self) -> bool {
        matches!(self, Self::Capture | Self::Cancel | Self::Refund)
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
    /// `percent` of a node's share of `per_second`; a tenth of a second's worth may come at once.
    fn new(per_second: u32, share: f64, percent: u32) -> Self {
        let allowed = f64::from(per_second) * share;
        let interval = Duration::from_secs_f64(100.0 / (allowed * f64::from(percent)).max(SLOWEST));
        let burst = interval.mul_f64((allowed / 10.0).floor());
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
    /// The limit of all without the room that is kept for what settles payments.
    UnsettledOfAll,
    /// An endpoint's limit.
    Endpoint,
    /// The limit of all.
    All,
}

impl Queue {
    /// Before the first sending of a request.
    pub const FIRST: [Self; 5] = [Self::SmallerOfEndpoint, Self::SmallerOfAll, Self::UnsettledOfAll, Self::Endpoint, Self::All];
    /// Before it is sent again.
    pub const AGAIN: [Self; 3] = [Self::UnsettledOfAll, Self::Endpoint, Self::All];

    const fn takes(self, endpoint: Endpoint) -> bool {
        match self {
            Self::SmallerOfEndpoint | Self::SmallerOfAll => endpoint.can_wait(),
            Self::UnsettledOfAll => !endpoint.settles(),
            Self::Endpoint | Self::All => true,
        }
    }
}

/// The smaller share, in hundredths.
const SMALLER: u32 = 80;
/// What all but captures, cancels and refunds may use, in hundredths.
const UNSETTLED: u32 = 90;
/// Hundredths of requests a second: no bucket is slower, however small the share.
const SLOWEST: f64 = 1.0;

/// All buckets.
#[derive(Debug)]
pub struct Buckets {
    limits: Option<Limits>,
    share: f64,
    smaller: Option<Bucket>,
    unsettled: Option<Bucket>,
    all: Option<Bucket>,
    /// Of each endpoint, the smaller share and all of it.
    endpoints: BTreeMap<(Endpoint, bool), Bucket>,
}

impl Buckets {
    /// Nothing has been sent yet. `share`: this node's of the limits, above 0 and up to 1.
    #[must_use]
    pub fn new(limits: Option<Limits>, share: f64) -> Self {
        let bucket = |percent| limits.map(|limits| Bucket::new(limits.total, share, percent));
        let (smaller, unsettled, all) = (bucket(SMALLER), bucket(UNSETTLED), bucket(100));
        Self { limits, share, smaller, unsettled, all, endpoints: BTreeMap::new() }
    }

    /// Takes a place in that queue: go on after that time.
    pub fn take(&mut self, queue: Queue, endpoint: Endpoint, now: Duration) -> Duration {
        if !queue.takes(endpoint) {
            return Duration::ZERO;
        }
        let (limits, share) = (self.limits, self.share);
        let bucket = match queue {
            Queue::SmallerOfAll => self.smaller.as_mut(),
            Queue::UnsettledOfAll => self.unsettled.as_mut(),
            Queue::All => self.all.as_mut(),
            Queue::SmallerOfEndpoint | Queue::Endpoint => limits.map(|limits| {
                let smaller = queue == Queue::SmallerOfEndpoint;
                let percent = if smaller { SMALLER } else { 100 };
                self.endpoints.entry((endpoint, smaller)).or_insert_with(|| Bucket::new(limits.endpoint, share, percent))
            }),
        };
        bucket.map_or(Duration::ZERO, |bucket| bucket.take(now))
    }

    /// How long a request would wait, without taking a place.
    #[must_use]
    pub fn wait(&self, endpoint: Endpoint, now: Duration) -> Duration {
        let of = |bucket: Option<&Bucket>| bucket.map_or(Duration::ZERO, |bucket| bucket.wait(now));
        let queues = Queue::FIRST.into_iter().filter(|queue| queue.takes(endpoint));
        let bucket = |queue| match queue {
            Queue::SmallerOfEndpoint => self.endpoints.get(&(endpoint, true)),
            Queue::SmallerOfAll => self.smaller.as_ref(),
            Queue::UnsettledOfAll => self.unsettled.as_ref(),
            Queue::Endpoint => self.endpoints.get(&(endpoint, false)),
            Queue::All => self.all.as_ref(),
        };
        queues.map(|queue| of(bucket(queue))).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
