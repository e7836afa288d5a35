//! How long commands take, as Prometheus histograms. Recording is one addition to a bucket and one to
//! a sum; the cumulative counts are computed when metrics are read.

use super::commands::Command;
use super::text::family;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds and as Prometheus writes them. The last bucket, above
/// all of them, has none.
const BOUNDS: [(u64, &str); 9] = [
    (1_000, "0.001"),
    (5_000, "0.005"),
    (20_000, "0.02"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (300_000, "0.3"),
    (1_000_000, "1"),
    (3_000_000, "3"),
    (10_000_000, "10"),
];

#[derive(Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

/// One histogram per command.
pub(super) struct Latency(Vec<Histogram>);

impl Default for Latency {
    fn default() -> Self {
        Self(Command::ALL.iter().map(|_| Histogram::default()).collect())
    }
}

impl Latency {
    pub(super) fn record(&self, command: Command, time: Duration) {
        let Some(histogram) = self.0.get(command as usize) else { return };
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().take_while(|(bound, _)| micros > *bound).count();
        if let Some(bucket) = histogram.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        histogram.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Leaves out commands that were never sent.
    pub(super) fn render(&self, text: &mut String) {
        const NAME: &str = "lastseat_command_seconds";
        family(text, NAME, "histogram", "How long commands took, from the whole request to its answer.");
        for (command, histogram) in Command::ALL.iter().zip(&self.0) {
            let command = command.label();
            let counts: Vec<u64> = histogram.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
            let count: u64 = counts.iter().sum();
            if count == 0 {
                continue;
            }
            let mut below = 0;
            let bounds = BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
            for (bound, bucket) in bounds.zip(counts) {
                below += bucket;
                // Writing to a string can't fail.
                let _ = writeln!(text, "{NAME}_bucket{{command=\"{command}\",le=\"{bound}\"}} {below}");
            }
            let sum = Duration::from_micros(histogram.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
            let _ = writeln!(text, "{NAME}_sum{{command=\"{command}\"}} {sum}");
            let _ = writeln!(text, "{NAME}_count{{command=\"{command}\"}} {count}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_include_their_bound() {
        let latency = Latency::default();
        for micros in [0, 1_000, 1_001, 250_000, 10_000_001] {
            latency.record(Command::Hold, Duration::from_micros(micros));
        }
        let mut text = String::new();
        latency.render(&mut text);
        let hold = |series: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("lastseat_command_seconds_{series} ")));
            line.unwrap_or_else(|| panic!("no {series} in {text}")).to_owned()
        };
        for (bound, below) in [("0.001", "2"), ("0.005", "3"), ("0.1", "3"), ("0.3", "4"), ("10", "4"), ("+Inf", "5")] {
            assert_eq!(hold(&format!("bucket{{command=\"hold\",le=\"{bound}\"}}")), below, "{bound}");
        }
        assert_eq!(hold("count{command=\"hold\"}"), "5");
        assert_eq!(hold("sum{command=\"hold\"}"), "10.252002");
        assert!(!text.contains("\"pay\""), "{text}");
    }

    #[test]
    fn the_bounds_ascend_and_are_what_they_say() {
        assert!(BOUNDS.is_sorted_by(|a, b| a.0 < b.0));
        for (micros, text) in BOUNDS {
            assert_eq!(Duration::from_micros(micros).as_secs_f64().to_string(), text);
        }
    }
}
