//! What the buyers got, counted, and how long it took.

use super::client::{Answer, NoAnswer};
use hdrhistogram::Histogram;
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts of one connection, or of all.
#[derive(Debug, Default)]
pub struct Tally {
    /// 201: the buyer has the seats.
    pub won: u64,
    /// 409: another buyer was faster.
    pub taken: u64,
    /// 410: no seat was left.
    pub sold_out: u64,
    /// 429, 503 and every other 4xx: not served.
    pub refused: u64,
    /// No answer, or another 5xx.
    pub errors: u64,
    /// Of the errors: holds whose outcome is unknown.
    pub unknown: u64,
    /// Payments that ended in a confirmed booking.
    pub paid: u64,
    /// Payments the server is still working on.
    pub payments_pending: u64,
    /// Payments that were declined or failed.
    pub payments_failed: u64,
    /// Answers by status; 0 stands for none.
    pub statuses: BTreeMap<u16, u64>,
    /// One example of each kind of failure, for people.
    pub examples: BTreeMap<String, String>,
    holds: Vec<u32>,
    payments: Vec<u32>,
}

fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

impl Tally {
    /// Counts the answer to a hold; says whether it was won.
    pub fn hold(&mut self, answer: &Result<Answer, NoAnswer>) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.errors += 1;
                if matches!(error, NoAnswer::Lost(_)) {
                    self.unknown += 1;
                }
                self.no_answer(error);
                return false;
            }
        };
        self.holds.push(micros(answer.took));
        *self.statuses.entry(answer.status.as_u16()).or_default() += 1;
        match answer.status {
            StatusCode::CREATED => self.won += 1,
            StatusCode::CONFLICT => self.taken += 1,
            StatusCode::GONE => self.sold_out += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                self.refused += 1;
                self.example(answer);
            }
            status if status.is_client_error() => {
                self.refused += 1;
                self.example(answer);
            }
            status => {
                self.errors += 1;
                if status.is_server_error() {
                    self.unknown += 1;
                }
                self.example(answer);
            }
        }
        answer.status == StatusCode::CREATED
    }

    /// Counts the answer to a payment; says whether the booking is confirmed.
    pub fn payment(&mut self, answer: &Result<Answer, NoAnswer>) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.payments_failed += 1;
                self.no_answer(error);
                return false;
            }
        };
        self.payments.push(micros(answer.took));
        match answer.status {
            StatusCode::OK => self.paid += 1,
            StatusCode::ACCEPTED => self.payments_pending += 1,
            _ => {
                self.payments_failed += 1;
                self.example(answer);
            }
        }
        answer.status == StatusCode::OK
    }

    fn no_answer(&mut self, error: &NoAnswer) {
        *self.statuses.entry(0).or_default() += 1;
        self.examples.entry("no answer".into()).or_insert_with(|| error.to_string());
    }

    fn example(&mut self, answer: &Answer) {
        self.examples.entry(answer.status.as_u16().to_string()).or_insert_with(|| answer.problem());
    }

    /// Holds that got an answer.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.holds.len() as u64
    }

    /// Adds another connection's counts.
    pub fn add(&mut self, other: Self) {
        self.won += other.won;
        self.taken += other.taken;
        self.sold_out += other.sold_out;
        self.refused += other.refused;
        self.errors += other.errors;
        self.unknown += other.unknown;
        self.paid += other.paid;
        self.payments_pending += other.payments_pending;
        self.payments_failed += other.payments_failed;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, example) in other.examples {
            self.examples.entry(kind).or_insert(example);
        }
        self.holds.extend(other.holds);
        self.payments.extend(other.payments);
    }

    /// How long the holds took.
    #[must_use]
    pub fn hold_latency(&self) -> Option<Latency> {
        Latency::of(&self.holds)
    }

    /// How long the payments took.
    #[must_use]
    pub fn payment_latency(&self) -> Option<Latency> {
        Latency::of(&self.payments)
    }
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// Nine of ten were faster.
    pub p90_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    fn of(samples: &[u32]) -> Option<Self> {
        let slowest = samples.iter().copied().max()?;
        // Bounds, because a histogram that grows by itself does so only where recording may fail.
        let mut histogram = Histogram::<u64>::new_with_bounds(1, u64::from(slowest).max(2), 3).ok()?;
        for sample in samples {
            histogram.saturating_record(u64::from(*sample));
        }
        let ms = |micros: u32| f64::from(micros) / 1e3;
        // The histogram rounds up to its own precision; the slowest is known exactly.
        let at = |quantile| ms(u32::try_from(histogram.value_at_quantile(quantile)).unwrap_or(slowest).min(slowest));
        Some(Self { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: ms(slowest) })
    }

    /// The four, for a table.
    #[must_use]
    pub fn columns(&self) -> [Duration; 4] {
        [self.p50_ms, self.p90_ms, self.p99_ms, self.max_ms].map(|ms| Duration::from_secs_f64(ms / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(status: u16) -> Result<Answer, NoAnswer> {
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(b"{\"code\":\"some_code\",\"detail\":\"Why.\"}"),
            took: Duration::from_micros(1500),
        })
    }

    #[test]
    fn every_answer_has_its_column() {
        let mut tally = Tally::default();
        assert!(tally.hold(&answer(201)));
        for status in [409, 410, 429, 503, 400, 404, 500, 504] {
            assert!(!tally.hold(&answer(status)));
        }
        tally.hold(&Err(NoAnswer::Lost("gone".into())));
        tally.hold(&Err(NoAnswer::NotSent { server: "s".into(), why: "refused".into() }));
        assert_eq!((tally.won, tally.taken, tally.sold_out, tally.refused, tally.errors), (1, 1, 1, 4, 4));
        assert_eq!(tally.unknown, 3, "two 5xx and a lost answer may have been carried out; what was not sent was not");
        assert_eq!(tally.examples["429"], "Why. (some_code)");
        assert!(tally.payment(&answer(200)));
        for status in [202, 402, 500] {
            assert!(!tally.payment(&answer(status)));
        }
        assert_eq!((tally.paid, tally.payments_pending, tally.payments_failed), (1, 1, 2));
    }

    #[test]
    fn percentiles_are_those_of_the_samples() {
        let samples: Vec<u32> = (1..=100).map(|n| n * 1000).collect();
        let latency = Latency::of(&samples).unwrap();
        let near = |is: f64, should: f64| assert!((is - should).abs() < should * 0.002, "{is} is not {should}");
        near(latency.p50_ms, 50.0);
        near(latency.p90_ms, 90.0);
        near(latency.p99_ms, 99.0);
        assert_eq!(latency.max_ms, 100.0);
        assert_eq!(Latency::of(&[0]).unwrap().max_ms, 0.0);
        assert_eq!(Latency::of(&[u32::MAX]).unwrap().p50_ms, 4_294_967.295);
    }

    #[test]
    fn connections_add_up() {
        let (mut all, mut one) = (Tally::default(), Tally::default());
        one.hold(&answer(201));
        all.hold(&answer(409));
        all.add(one);
        assert_eq!((all.won, all.taken), (1, 1));
        assert_eq!(all.statuses, BTreeMap::from([(201, 1), (409, 1)]));
        assert_eq!(all.hold_latency().unwrap().max_ms, 1.5);
        assert_eq!(all.payment_latency(), None);
    }
}
