//! Prometheus' text format. Writing to a string can't fail, so results are dropped.

use std::fmt::Write;

pub(super) fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

pub(super) fn sample(text: &mut String, series: &str, value: u64) {
    let _ = writeln!(text, "{series} {value}");
}

/// A family with one sample and no labels.
pub(super) fn single(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    family(text, name, kind, help);
    sample(text, name, value);
}
