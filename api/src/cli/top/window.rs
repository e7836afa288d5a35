//! The increases of the last minutes: rates, and quantiles from histograms.

use super::scrape::{Choice, Increase, whole};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Rates are of this time: short enough to see a rush begin, long enough to read the number.
const OF_RATES: f64 = 10.0;
/// Quantiles need more: of a hundred requests, the slowest one is the 99th percentile.
const OF_QUANTILES: f64 = 60.0;
/// What the curve shows.
pub const OF_HISTORY: f64 = 300.0;

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Whether the 99th percentile is beyond the last bound of the histogram: it is that, or more.
    pub beyond: bool,
    /// Of how many it is.
    pub count: u64,
}

/// The increases, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Window {
    increases: VecDeque<Increase>,
    /// Seconds and bookings of each.
    bookings: VecDeque<(f64, f64)>,
}

impl Window {
    /// Adds what happened since the last time.
    pub fn push(&mut self, increase: Increase) {
        // A second answer at the same moment has no rate.
        if increase.seconds <= 0.0 {
            return;
        }
        self.bookings
            .push_back((increase.seconds, increase.sum("lastseat_commands_total", &[("command", "pay"), ("outcome", "ok")])));
        self.increases.push_back(increase);
        trim(&mut self.increases, OF_QUANTILES, |increase| increase.seconds);
        trim(&mut self.bookings, OF_HISTORY, |(seconds, _)| *seconds);
    }

    /// Whether there are rates yet.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        !self.increases.is_empty()
    }

    /// What rates are of, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.recent().map(|increase| increase.seconds).sum()
    }

    /// The newest increases, as far as rates are of them.
    fn recent(&self) -> impl Iterator<Item = &Increase> {
        let mut seconds = 0.0;
        self.increases.iter().rev().take_while(move |increase| {
            let is_first = seconds == 0.0;
            seconds += increase.seconds;
            // Reading the metrics takes time, too: ten intervals of a second are a little more than ten seconds.
            is_first || seconds <= OF_RATES * 1.1
        })
    }

    /// By how much a counter rises in a second; `None` before the second scrape.
    #[must_use]
    pub fn rate(&self, name: &str, choice: Choice<'_>) -> Option<f64> {
        let total: f64 = self.recent().map(|increase| increase.sum(name, choice)).sum();
        self.has_rates().then(|| total / self.seconds())
    }

    /// The same for each value of a label that rises at all.
    #[must_use]
    pub fn rates_by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut rates = BTreeMap::new();
        for (labels, by) in self.recent().flat_map(|increase| increase.series(name)) {
            let Some(value) = labels.get(label) else { continue };
            *rates.entry(value.clone()).or_insert(0.0) += by / self.seconds();
        }
        rates
    }

    /// By how much a counter rose in the time of the quantiles.
    #[must_use]
    pub fn rose(&self, name: &str, choice: Choice<'_>) -> f64 {
        self.increases.iter().map(|increase| increase.sum(name, choice)).sum()
    }

    /// How long something took, by a histogram without `_bucket`; `None` if it never happened.
    #[must_use]
    pub fn latency(&self, name: &str, choice: Choice<'_>) -> Option<Latency> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (labels, by) in self.increases.iter().flat_map(|increase| increase.chosen(&name, choice)) {
            let Some(bound) = labels.get("le").and_then(|bound| bound.parse::<f64>().ok()) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += by,
                None => buckets.push((bound, by)),
            }
        }
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let count = buckets.last()?.1;
        let (p50, _) = quantile(&buckets, 0.5)?;
        let (p99, beyond) = quantile(&buckets, 0.99)?;
        Some(Latency { p50_ms: p50 * 1e3, p99_ms: p99 * 1e3, beyond, count: whole(count) })
    }

    /// Bookings in a second, in so many equal parts of the last five minutes, the newest last.
    #[must_use]
    pub fn history(&self, parts: usize) -> Vec<f64> {
        let length = OF_HISTORY / parts.max(1) as f64;
        let mut bins = vec![0.0; parts];
        let mut end = 0.0;
        for (seconds, bookings) in self.bookings.iter().rev() {
            let (newer, older) = (end, end + seconds);
            end = older;
            // An increase is spread evenly over the time that it is of.
            for (index, bin) in bins.iter_mut().rev().enumerate() {
                let (from, to) = (index as f64 * length, (index + 1) as f64 * length);
                let overlap = (older.min(to) - newer.max(from)).max(0.0);
                *bin += bookings * overlap / seconds / length;
            }
        }
        bins
    }
}

fn trim<T>(entries: &mut VecDeque<T>, most: f64, seconds: impl Fn(&T) -> f64) {
    let mut total: f64 = entries.iter().map(&seconds).sum();
    while entries.len() > 1 && total > most * 1.1 {
        total -= entries.pop_front().as_ref().map_or(0.0, &seconds);
    }
}

/// Where this share of the observations ends, and whether that is beyond the last finite bound. Buckets are cumulative, by
/// bound; inside one, observations are taken to be spread evenly, as Prometheus does.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<(f64, bool)> {
    let count = buckets.last()?.1;
    if count <= 0.0 {
        return None;
    }
    let rank = share * count;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, up_to) in buckets {
        if bound.is_infinite() {
            return Some((lower, true));
        }
        if *up_to >= rank {
            let inside = up_to - below;
            let part = if inside > 0.0 { (rank - below) / inside } else { 1.0 };
            return Some((lower + (bound - lower) * part, false));
        }
        // Series that are read one after the other may contradict each other a little.
        (lower, below) = (*bound, up_to.max(below));
    }
    Some((lower, true))
}

#[cfg(test)]
mod tests {
    use super::super::scrape::Scrape;
    use super::*;
    use std::time::Duration;

    /// A window over texts that were read so many seconds after each other.
    fn window(seconds: u64, texts: &[&str]) -> Window {
        let mut window = Window::default();
        let scrapes: Vec<_> =
            texts.iter().zip(0..).map(|(text, at)| Scrape::read(Duration::from_secs(at * seconds), text).unwrap()).collect();
        scrapes.windows(2).for_each(|pair| window.push(pair[1].since(&pair[0])));
        window
    }

    fn histogram(counts: [u64; 4]) -> String {
        ["0.1", "0.2", "0.4", "+Inf"]
            .iter()
            .zip(counts)
            .map(|(bound, count)| format!("lastseat_h_bucket{{command=\"hold\",le=\"{bound}\"}} {count}\n"))
            .collect()
    }

    #[test]
    fn rates_survive_a_restart_of_the_server() {
        let window = window(2, &["lastseat_a_total 100", "lastseat_a_total 110", "lastseat_a_total 4", "lastseat_a_total 10"]);
        // 10, then 4 since the restart, then 6: 20 in 6 seconds.
        assert_eq!(window.rate("lastseat_a_total", &[]), Some(20.0 / 6.0));
        assert_eq!(window.rate("lastseat_b_total", &[]), Some(0.0));
        assert_eq!(Window::default().rate("lastseat_a_total", &[]), None);
    }

    #[test]
    fn rates_are_of_the_last_seconds_only() {
        let texts: Vec<String> =
            (0..40).map(|n| format!("lastseat_a_total {}", if n < 20 { n * 50 } else { 950 + n - 19 })).collect();
        let window = window(1, &texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(window.rate("lastseat_a_total", &[]), Some(1.0));
        assert_eq!(window.seconds(), 11.0);
    }

    #[test]
    fn one_long_interval_has_a_rate() {
        assert_eq!(window(30, &["lastseat_a_total 0", "lastseat_a_total 90"]).rate("lastseat_a_total", &[]), Some(3.0));
    }

    #[test]
    fn quantiles_are_of_the_increase_not_of_all_time() {
        // Before, all were slow; since then, 80 took up to 0.1 s and 20 between 0.2 and 0.4 s.
        let window = window(2, &[&histogram([0, 0, 0, 1000]), &histogram([80, 80, 100, 1100])]);
        let latency = window.latency("lastseat_h", &[("command", "hold")]).unwrap();
        assert_eq!((latency.p50_ms, latency.count, latency.beyond), (62.5, 100, false));
        assert!((latency.p99_ms - 390.0).abs() < 1e-6, "{latency:?}");
        assert_eq!(window.latency("lastseat_h", &[("command", "pay")]), None);
    }

    #[test]
    fn a_quantile_beyond_the_last_bound_says_so() {
        let latency = window(2, &[&histogram([0; 4]), &histogram([1, 1, 1, 5])]).latency("lastseat_h", &[]).unwrap();
        assert_eq!((latency.p50_ms, latency.p99_ms, latency.beyond), (400.0, 400.0, true));
    }

    #[test]
    fn a_histogram_that_began_again_has_what_it_counts_now() {
        let window = window(2, &[&histogram([500; 4]), &histogram([0, 10, 10, 10])]);
        let latency = window.latency("lastseat_h", &[]).unwrap();
        assert_eq!((latency.p50_ms.round(), latency.count), (150.0, 10));
        assert!(quantile(&[(0.1, 3.0), (0.2, 2.0), (f64::INFINITY, 4.0)], 0.9).is_some(), "contradictory counts");
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_curve_is_bookings_in_a_second() {
        let paid = |n: u64| format!("lastseat_commands_total{{command=\"pay\",outcome=\"ok\"}} {n}");
        let window = window(10, &[&paid(0), &paid(0), &paid(30), &paid(130)]);
        let history = window.history(30);
        assert_eq!(history[26..], [0.0, 0.0, 3.0, 10.0]);
        // Wider parts have the mean; the sum over the time stays.
        let wide = window.history(5);
        assert!((wide.iter().sum::<f64>() * 60.0 - 130.0).abs() < 1e-6, "{wide:?}");
        assert!(window.history(0).is_empty());
    }
}
