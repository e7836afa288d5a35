//! What holds for every sequence of commands, stale ones included. Each property is a function of
//! the decider, so that its failing twins, deciders with one rule broken, can be tried on it: a
//! property that does not catch them shows nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop at what it did not expect")]

mod booking;
mod loyalty;
mod seat;
mod settle;
mod single_seats;
#[path = "../support/mod.rs"]
mod support;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// The same cases in every run, on every machine; nothing is written next to the tests.
fn runner() -> TestRunner {
    let rng_seed = RngSeed::Fixed(20_261_120);
    TestRunner::new(Config { cases: 1000, failure_persistence: None, rng_seed, ..Config::default() })
}

/// The property holds for all cases.
fn holds<S: Strategy>(cases: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    if let Err(failure) = runner().run(cases, property) {
        panic!("{failure}");
    }
}

/// The property fails for at least one case, and says so in these words.
fn is_caught<S: Strategy>(cases: &S, words: &str, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    match runner().run(cases, property) {
        Err(TestError::Fail(why, _)) => assert!(why.message().contains(words), "caught for another reason: {why}"),
        Err(other) => panic!("{other}"),
        Ok(()) => panic!("the twin goes unnoticed"),
    }
}
