//! Quotas: what they allow over time, and how they are written.

use lastseat_domain::{Allowance, Quota};
use proptest::prelude::*;
use std::time::Duration;

/// 2030-01-01 in microseconds.
const START: u64 = 1_893_456_000_000_000;

fn quotas() -> impl Strategy<Value = Quota> {
    (prop_oneof![1..=20_u32, 1..=1_000_000_u32], prop_oneof![1..=20_u32, 1..=86_400_u32])
        .prop_map(|(burst, seconds)| Quota::new(burst, seconds).unwrap())
}

/// Takes a unit after each of the pauses; says when each was asked for, and what the answer was.
fn history(quota: Quota, pauses: &[u64]) -> Vec<(u64, Allowance)> {
    let (mut now, mut until) = (START, 0);
    let ask = |pause: &u64| {
        now += pause;
        let (answer, next) = quota.take(until, now);
        until = next;
        (now, answer)
    };
    pauses.iter().map(ask).collect()
}

/// The most that a quota allows in so many microseconds: what was there, and what came back.
fn most(quota: Quota, micros: u64) -> u64 {
    u64::from(quota.burst()) + micros / quota.interval_micros()
}

/// Whether some stretch of the history had more than its share.
fn exceeds(quota: Quota, history: &[(u64, Allowance)]) -> bool {
    let allowed: Vec<u64> = history.iter().filter(|(_, answer)| answer.allowed).map(|(at, _)| *at).collect();
    (0..allowed.len()).any(|from| {
        (from..allowed.len()).any(|to| u64::try_from(to - from + 1).unwrap() > most(quota, allowed[to] - allowed[from]))
    })
}

proptest! {
    #[test]
    fn no_stretch_of_time_has_more_than_its_share(quota in quotas(), pauses in prop::collection::vec(0..400_u64, 1..80)) {
        // Pauses in hundredths of an interval, so that whatever the quota is, it gets tight.
        let pauses: Vec<u64> = pauses.iter().map(|p| p * quota.interval_micros() / 100).collect();
        prop_assert!(!exceeds(quota, &history(quota, &pauses)));
    }

    #[test]
    fn a_caller_who_waits_as_long_as_was_said_is_allowed(quota in quotas(), pauses in prop::collection::vec(0..200_u64, 1..80)) {
        let (mut now, mut until) = (START, 0);
        for pause in pauses {
            now += pause * quota.interval_micros() / 100;
            let (answer, next) = quota.take(until, now);
            let interval = Duration::from_micros(quota.interval_micros());
            prop_assert!(answer.more_in > Duration::ZERO && answer.more_in <= interval, "{:?}", answer);
            let more_in = u64::try_from(answer.more_in.as_micros()).unwrap();
            if answer.allowed {
                let had = answer.remaining;
                let (later, _) = quota.take(next, now + more_in);
                prop_assert!(later.allowed && later.remaining == had, "{:?} then {:?}", answer, later);
            } else {
                prop_assert!(!quota.take(next, now + more_in - 1).0.allowed);
                prop_assert!(quota.take(next, now + more_in).0.allowed);
            }
            until = next;
        }
    }

    #[test]
    fn what_ran_out_is_the_same_as_nothing(quota in quotas(), ago in 0..=START) {
        prop_assert_eq!(quota.take(START - ago, START), quota.take(0, START));
    }

    #[test]
    fn a_clock_that_went_back_costs_no_more_than_one_quota(quota in quotas(), back in 0..=START) {
        let now = START - back;
        let (answer, until) = quota.take(START, now);
        prop_assert!(answer.more_in <= Duration::from_micros(quota.interval_micros()));
        let later = now + u64::from(quota.seconds()) * 1_000_000;
        prop_assert!(until <= later);
        prop_assert_eq!(quota.take(until, later), quota.take(0, later));
    }

    #[test]
    fn what_is_written_is_read_again(quota in quotas()) {
        prop_assert_eq!(quota.to_string().parse::<Quota>().unwrap(), quota);
    }
}

#[test]
fn a_window_that_is_reset_is_caught() {
    // The broken twin: counts in windows of ten seconds, and so allows two quotas around their border.
    let quota = Quota::new(10, 10).unwrap();
    let (mut window, mut count) = (0, 0);
    let mut at = START + 9_900_000;
    let mut history = Vec::new();
    for _ in 0..20 {
        if at / 10_000_000 != window {
            (window, count) = (at / 10_000_000, 0);
        }
        count += 1;
        history.push((at, Allowance { allowed: count <= 10, remaining: 0, more_in: Duration::from_secs(1) }));
        at += 10_000;
    }
    assert!(exceeds(quota, &history));
}

#[test]
fn quotas_are_written_as_people_say_them() {
    for (text, burst, seconds, shown) in [
        ("60/10s", 60, 10, "60/10s"),
        ("5/60s", 5, 60, "5/1m"),
        ("300/1m", 300, 60, "300/1m"),
        ("5000/1h", 5000, 3600, "5000/1h"),
        ("1000000/24h", 1_000_000, 86_400, "1000000/24h"),
        ("1 / 1s", 1, 1, "1/1s"),
    ] {
        let quota: Quota = text.parse().unwrap();
        assert_eq!((quota.burst(), quota.seconds(), quota.to_string().as_str()), (burst, seconds, shown));
    }
    for text in
        ["", "60", "60/", "60/10", "/10s", "0/10s", "60/0s", "-1/1s", "1/25h", "1000001/1s", "60/10d", "1.5/1s", "1/99999999h"]
    {
        assert!(text.parse::<Quota>().is_err(), "{text}");
    }
}
