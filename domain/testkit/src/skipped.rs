//! Tests that are skipped because a program is missing are listed in the last lines of `cargo test`.
//!
//! A test calls [`skip`]. Cargo hides the output of a test that passes, so the skip is recorded in a file,
//! and the test target `skipped_tests` of this crate, which `cargo test` runs last, prints the list.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Records that the running test is skipped because `missing` is not installed. `missing` begins with the
/// program's name and says how to get it: "redis-server: install the package redis-server".
///
/// # Panics
/// If the environment variable `required_by` is 1, as in CI: there a skipped test is a failure.
pub fn skip(missing: &str, required_by: &str) {
    assert!(std::env::var_os(required_by).is_none_or(|value| value != "1"), "missing {missing}");
    eprintln!("skipped: missing {missing}");
    if let Some(file) = record_file() {
        let _not_recorded = append(&file, missing, &this_test());
    }
}

/// Takes the list of what this run of `cargo test` skipped, as text to be printed. `None` if nothing was.
#[must_use]
pub fn take_report() -> Option<String> {
    let file = record_file()?;
    let records = fs::read_to_string(&file).ok();
    // Records of runs that ended before their report go too.
    let _nothing_to_remove = file.parent().map(fs::remove_dir_all);
    report(&records?)
}

fn append(file: &Path, missing: &str, test: &str) -> std::io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    let mut records = OpenOptions::new().create(true).append(true).open(file)?;
    // One write for each line: tests run at the same time.
    records.write_all(format!("{missing}\t{test}\n").as_bytes())
}

fn report(records: &str) -> Option<String> {
    let mut tests_by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (missing, test) in records.lines().filter_map(|line| line.split_once('\t')) {
        tests_by_reason.entry(missing).or_default().push(test);
    }
    if tests_by_reason.is_empty() {
        return None;
    }
    let mut lines = vec![String::new()];
    let mut total = 0;
    for (missing, mut tests) in tests_by_reason {
        tests.sort_unstable();
        tests.dedup();
        total += tests.len();
        lines.push(format!("SKIPPED: {} tests need {missing}", tests.len()));
        lines.extend(tests.iter().map(|test| format!("    {test}")));
    }
    lines.push(format!("{total} TESTS WERE SKIPPED, NOT PASSED; the list above says what to install."));
    lines.push(String::new());
    Some(lines.join("\n"))
}

/// One file for each run of `cargo test`, which starts every test binary and so is their parent.
fn record_file() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let profile_dir = binary.parent()?.parent()?;
    Some(profile_dir.join("skipped-tests").join(cargo_process().to_string()))
}

#[cfg(unix)]
fn cargo_process() -> u32 {
    std::os::unix::process::parent_id()
}

#[cfg(not(unix))]
fn cargo_process() -> u32 {
    0
}

/// The binary, and the test as libtest names its thread.
fn this_test() -> String {
    let binary = std::env::current_exe().ok();
    let stem = binary.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str()).unwrap_or_default();
    let binary = stem.rsplit_once('-').map_or(stem, |(name, _hash)| name);
    let thread = std::thread::current();
    format!("{binary}: {}", thread.name().unwrap_or("a test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_and_names_the_tests_for_each_missing_program() {
        let report = report("redis: install it\tguard: b\nredis: install it\tguard: a\nchrome: get it\tpage: c\n").unwrap();
        let lines: Vec<_> = report.lines().collect();
        assert_eq!(lines[1..3], ["SKIPPED: 1 tests need chrome: get it", "    page: c"]);
        assert_eq!(lines[3..6], ["SKIPPED: 2 tests need redis: install it", "    guard: a", "    guard: b"]);
        assert!(lines[6].starts_with("3 TESTS WERE SKIPPED"), "{report}");
    }

    #[test]
    fn a_run_without_skips_has_no_report() {
        assert_eq!(report(""), None);
    }

    #[test]
    fn a_test_is_recorded_by_its_name() {
        assert!(this_test().ends_with(": skipped::tests::a_test_is_recorded_by_its_name"), "{}", this_test());
    }
}
