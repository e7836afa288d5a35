//! A server with the fast path for refusals and one without it give the same answers, byte for byte, and count the same,
//! whatever is sent. The time stands still and ids are counted, so that two servers can agree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod connections;
mod requests;
mod twins;

use lastseat::server::{Post, Shortcut};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use requests::{Sent, conversation};
use std::sync::Arc;
use twins::{Twin, app_without_limits, usual};

/// Sends the same to both, over and over, until the answers differ or the cases end.
fn compare(cases: u32, shortcut: twins::MakeShortcut) -> Result<(), TestError<Sent>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (fast, plain) = runtime.block_on(async { tokio::join!(Twin::start(Some(shortcut)), Twin::start(None)) });
    let tokens = plain.tokens();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&conversation(tokens), |sent| {
        let (ours, expected) = runtime.block_on(async { tokio::join!(fast.talk(&sent), plain.talk(&sent)) });
        fast.pass_a_second();
        plain.pass_a_second();
        if ours.agrees_with(&expected) {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("fast:\n{}\n\nplain:\n{}", ours.text, expected.text)))
    });
    let (ours, expected) = (runtime.block_on(fast.counted()), runtime.block_on(plain.counted()));
    let answered = runtime.block_on(fast.answered_fast());
    eprintln!("{answered} refused fast of\n{expected}");
    if result.is_ok() {
        assert_eq!(ours, expected, "metrics");
        assert!(answered > u64::from(cases) / 2, "only {answered} were refused fast");
    }
    runtime.block_on(async { tokio::join!(fast.stop(), plain.stop()) });
    result
}

#[test]
fn the_fast_path_answers_as_the_route_does() {
    let cases = std::env::var("LASTSEAT_FAST_CASES").map_or(300, |text| text.parse().unwrap());
    compare(cases, usual).unwrap_or_else(|error| panic!("{error}"));
}

/// Does not see a header.
struct Without(&'static str, Arc<dyn Shortcut>);

impl Shortcut for Without {
    fn answer(&self, request: &Post<'_>) -> Option<lastseat::answer::Answer> {
        let is_hidden = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(self.0);
        let rest: Vec<_> = request.headers.iter().filter(|header| !is_hidden(header)).copied().collect();
        self.1.answer(&Post { headers: &rest, ..*request })
    }
}

#[test]
fn a_fast_path_that_ignores_the_key_is_caught() {
    compare(300, |parts| Arc::new(Without("idempotency-key", usual(parts)))).expect_err("a difference");
}

#[test]
fn a_fast_path_that_ignores_the_origin_is_caught() {
    compare(300, |parts| Arc::new(Without("origin", usual(parts)))).expect_err("a difference");
}

#[test]
fn a_fast_path_that_does_not_count_is_caught() {
    compare(300, |parts| usual(&app_without_limits(parts))).expect_err("a difference");
}
