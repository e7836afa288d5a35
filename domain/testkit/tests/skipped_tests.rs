//! Not a test: prints which tests this run of `cargo test` skipped. It has to be the last program that
//! `cargo test` runs, so this crate is the last by name and no crate has doc tests.

fn main() {
    if let Some(report) = lastseat_testkit::skipped::take_report() {
        eprintln!("{report}");
    }
}
