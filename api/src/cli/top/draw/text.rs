//! Numbers as an operator reads them: three digits, a unit, and nothing where nothing is known.

use crate::cli::terminal;
use crate::cli::top::scrape::whole;
use crate::cli::top::window::Latency;
use std::time::Duration;

/// Where nothing is known.
pub const NOTHING: &str = "-";

/// Events in a second.
#[must_use]
pub fn rate(value: Option<f64>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(value) if value >= 99.95 => terminal::thousands(whole(value)),
        Some(value) if value > 0.0 && value < 0.05 => "<0.1".to_owned(),
        Some(value) => format!("{value:.1}"),
    }
}

/// A whole number.
#[must_use]
pub fn number(value: Option<u64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), terminal::thousands)
}

/// A time in milliseconds.
#[must_use]
pub fn milliseconds(value: f64) -> String {
    let time = Duration::try_from_secs_f64(value / 1e3).unwrap_or_default();
    terminal::time(time)
}

/// Half of them are faster, and 99 of 100.
#[must_use]
pub fn latency(latency: Option<&Latency>) -> String {
    latency.map_or_else(
        || NOTHING.to_owned(),
        |Latency { p50_ms, p99_ms, beyond, .. }| {
            let more = if *beyond { ">" } else { "" };
            format!("p50 {:<8} p99 {more}{}", milliseconds(*p50_ms), milliseconds(*p99_ms))
        },
    )
}

/// Memory.
#[must_use]
pub fn bytes(value: Option<u64>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(value) if value >= 10_000_000_000 => format!("{:.1} GB", value as f64 / 1e9),
        Some(value) => format!("{} MB", terminal::thousands(value / 1_000_000)),
    }
}

/// How long ago something was.
#[must_use]
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_few_digits() {
        let rates = [None, Some(0.0), Some(0.004), Some(0.05), Some(1.25), Some(99.94), Some(99.96), Some(123_456.7)];
        assert_eq!(rates.map(rate), ["-", "0.0", "<0.1", "0.1", "1.2", "99.9", "100", "123,457"]);
        assert_eq!([None, Some(48_123_456), Some(12_345_678_901)].map(bytes), ["-", "48 MB", "12.3 GB"]);
        assert_eq!([0, 119, 120, 7200].map(|seconds| age(Duration::from_secs(seconds))), ["0 s", "119 s", "2 min", "2 h"]);
        assert_eq!((number(None), number(Some(1234))), ("-".into(), "1,234".into()));
        let slow = Latency { p50_ms: 0.31, p99_ms: 10_000.0, beyond: true, count: 9 };
        assert_eq!(latency(Some(&slow)), "p50 310 µs   p99 >10.0 s");
        assert_eq!(milliseconds(f64::NAN), "0.00 µs");
    }
}
