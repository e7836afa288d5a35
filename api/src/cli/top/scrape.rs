//! What the metrics were at a moment, and by how much they rose between two.

use super::exposition::{Labels, samples};
use std::collections::BTreeMap;
use std::time::Duration;

/// Values by metric, and by labels in it.
type Families = BTreeMap<String, BTreeMap<Labels, f64>>;

/// The metrics at a moment.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// When it was read, since the start of this program.
    at: Duration,
    families: Families,
}

/// By how much counters rose in a while.
#[derive(Debug, Clone, Default)]
pub struct Increase {
    pub seconds: f64,
    /// Only those that rose; of histograms, all buckets if one did.
    families: Families,
}

/// Whether a series is one that is asked for.
pub type Choice<'a> = &'a [(&'a str, &'a str)];

impl Scrape {
    /// Reads it; `None` if the text has nothing of lastseat's.
    #[must_use]
    pub fn read(at: Duration, text: &str) -> Option<Self> {
        let mut families = Families::new();
        let ours = |name: &str| name.starts_with("lastseat_") || name.starts_with("process_");
        for sample in samples(text).filter(|sample| ours(&sample.name) && !sample.value.is_nan()) {
            families.entry(sample.name).or_default().insert(sample.labels, sample.value);
        }
        families.keys().any(|name| name.starts_with("lastseat_")).then_some(Self { at, families })
    }

    /// The sum of the series that have these labels; `None` if there is no such series.
    #[must_use]
    pub fn value(&self, name: &str, choice: Choice<'_>) -> Option<f64> {
        let values: Vec<f64> = chosen(&self.families, name, choice).map(|(_, value)| value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The greatest of the series of a metric.
    #[must_use]
    pub fn greatest(&self, name: &str) -> Option<f64> {
        chosen(&self.families, name, &[]).map(|(_, value)| value).reduce(f64::max)
    }

    /// A label of the first series of a metric.
    #[must_use]
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        self.families.get(name)?.keys().next()?.get(label).map(String::as_str)
    }

    /// By how much counters rose since `earlier`. A counter that fell, or whose process is another one, began again at
    /// zero; a series that was not there was at zero.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Increase {
        let start = |scrape: &Self| scrape.value("process_start_time_seconds", &[]);
        let is_restarted = start(self) != start(earlier);
        let mut families = Families::new();
        for (name, series) in self.families.iter().filter(|(name, _)| is_counter(name)) {
            let before = earlier.families.get(name).filter(|_| !is_restarted);
            // The bounds of a histogram are needed, also where nothing fell below them.
            let is_histogram = name.ends_with("_bucket");
            let rose = series.iter().filter_map(|(labels, value)| {
                let old = before.and_then(|series| series.get(labels)).copied().filter(|old| old <= value);
                let by = value - old.unwrap_or(0.0);
                ((by > 0.0 || is_histogram) && by.is_finite()).then(|| (labels.clone(), by))
            });
            let rose: BTreeMap<_, _> = rose.collect();
            if rose.values().any(|by| *by > 0.0) {
                families.insert(name.clone(), rose);
            }
        }
        Increase { seconds: self.at.saturating_sub(earlier.at).as_secs_f64(), families }
    }
}

impl Increase {
    /// The sum over the series that have these labels.
    #[must_use]
    pub fn sum(&self, name: &str, choice: Choice<'_>) -> f64 {
        chosen(&self.families, name, choice).map(|(_, by)| by).sum()
    }

    /// All series of a metric that rose.
    pub fn series(&self, name: &str) -> impl Iterator<Item = (&Labels, f64)> {
        chosen(&self.families, name, &[])
    }

    /// The series of a metric that rose and have these labels.
    pub fn chosen(&self, name: &str, choice: Choice<'_>) -> impl Iterator<Item = (&Labels, f64)> {
        chosen(&self.families, name, choice)
    }
}

fn chosen<'a>(families: &'a Families, name: &str, choice: Choice<'_>) -> impl Iterator<Item = (&'a Labels, f64)> {
    let fits = |labels: &Labels| choice.iter().all(|(label, value)| labels.get(*label).is_some_and(|own| own == value));
    families.get(name).into_iter().flatten().filter(move |(labels, _)| fits(labels)).map(|(labels, value)| (labels, *value))
}

/// A count that was sent as a number with a point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
#[must_use]
pub fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// By its name, as Prometheus' conventions have it.
fn is_counter(name: &str) -> bool {
    ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(at: u64, text: &str) -> Scrape {
        Scrape::read(Duration::from_secs(at), text).unwrap()
    }

    #[test]
    fn a_counter_that_fell_began_again() {
        let before = scrape(1, "lastseat_a_total{x=\"1\"} 10\nlastseat_a_total{x=\"2\"} 5\nlastseat_g 9");
        let after = scrape(3, "lastseat_a_total{x=\"1\"} 14\nlastseat_a_total{x=\"2\"} 3\nlastseat_g 10");
        let increase = after.since(&before);
        assert_eq!(increase.seconds, 2.0);
        assert_eq!(increase.sum("lastseat_a_total", &[]), 7.0);
        assert_eq!(increase.sum("lastseat_a_total", &[("x", "2")]), 3.0);
        assert_eq!(increase.sum("lastseat_g", &[]), 0.0, "a gauge has no increase");
    }

    #[test]
    fn another_process_counts_from_zero_even_if_it_is_further() {
        let before = scrape(1, "process_start_time_seconds 100\nlastseat_a_total 10");
        let after = scrape(2, "process_start_time_seconds 101\nlastseat_a_total 12");
        assert_eq!(after.since(&before).sum("lastseat_a_total", &[]), 12.0);
    }

    #[test]
    fn a_series_that_was_not_there_was_at_zero() {
        let after = scrape(2, "lastseat_refusals_total{code=\"busy\"} 3");
        let increase = after.since(&scrape(1, "lastseat_ready 1"));
        assert_eq!(increase.sum("lastseat_refusals_total", &[("code", "busy")]), 3.0);
        assert_eq!(after.since(&after).series("lastseat_refusals_total").count(), 0);
    }

    #[test]
    fn a_text_of_something_else_is_no_scrape() {
        for text in ["", "<html>Sign in</html>", "go_goroutines 7\nprocess_threads 4"] {
            assert!(Scrape::read(Duration::ZERO, text).is_none(), "{text}");
        }
    }

    #[test]
    fn values_are_summed_over_series() {
        let scrape =
            scrape(0, "lastseat_w{endpoint=\"a\"} 1\nlastseat_w{endpoint=\"b\"} 4\nlastseat_build_info{version=\"1.2\"} 1");
        assert_eq!(scrape.value("lastseat_w", &[]), Some(5.0));
        assert_eq!(scrape.value("lastseat_w", &[("endpoint", "b")]), Some(4.0));
        assert_eq!(scrape.greatest("lastseat_w"), Some(4.0));
        assert_eq!((scrape.value("lastseat_x", &[]), scrape.value("lastseat_w", &[("endpoint", "c")])), (None, None));
        assert_eq!(scrape.label("lastseat_build_info", "version"), Some("1.2"));
    }
}
