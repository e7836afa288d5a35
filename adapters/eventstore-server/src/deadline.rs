//! Deadlines, in the forms in which clients send them.

use lastseat_domain::Timestamp;
use std::time::Duration;
use tonic::metadata::MetadataMap;

/// The call's `grpc-timeout`, if present and valid.
pub(crate) fn of(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// A little less, above a second: clients send dates, so that no two of their deadlines are the same, and appends with the
/// same time left go to the log together.
pub(crate) fn in_steps(limit: Duration) -> Duration {
    const STEP: u64 = 250;
    let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    if millis < 1_000 { limit } else { Duration::from_millis(millis / STEP * STEP) }
}

/// What is left of a limit; zero once it has passed. The first hundredth of a second does not count: appends that came one
/// after the other have the same left.
pub(crate) fn left(limit: Duration, elapsed: Duration) -> Duration {
    const STEP: u64 = 10;
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let counted = Duration::from_millis(millis / STEP * STEP);
    if elapsed >= limit { Duration::ZERO } else { in_steps(limit.saturating_sub(counted)) }
}

/// Zero for a negative duration. Callers set an upper bound: some clients put a date into it.
pub(crate) fn from_duration(duration: prost_types::Duration) -> Duration {
    let seconds = u64::try_from(duration.seconds).unwrap_or_default();
    let nanos = u32::try_from(duration.nanos).unwrap_or_default();
    if duration.seconds < 0 { Duration::ZERO } else { Duration::new(seconds, nanos.min(999_999_999)) }
}

/// Zero for a date that has passed.
pub(crate) fn from_date(date: prost_types::Timestamp, now: Timestamp) -> Duration {
    let millis = |seconds: i64, nanos: i64| seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
    let until = millis(date.seconds, i64::from(date.nanos));
    let now = millis(now.timestamp(), i64::from(now.timestamp_subsec_nanos()));
    Duration::from_millis(u64::try_from(until.saturating_sub(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_parsed_in_every_unit_and_an_invalid_one_is_none() {
        let read = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            of(&metadata)
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("10S"), Some(Duration::from_secs(10)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("10000000u"), Some(Duration::from_secs(10)));
        assert_eq!(read("5n"), Some(Duration::from_nanos(5)));
        for invalid in ["", "S", "1", "1X", "-1S", "123456789S", "1é"] {
            let header = tonic::metadata::MetadataValue::try_from(invalid.as_bytes());
            let Ok(header) = header else { continue };
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", header);
            assert_eq!(of(&metadata), None, "{invalid}");
        }
    }

    #[test]
    fn a_limit_is_shortened_by_less_than_a_quarter_of_a_second_and_never_to_nothing() {
        let millis = Duration::from_millis;
        for (limit, shortened) in [(0, 0), (1, 1), (999, 999), (1_000, 1_000), (1_249, 1_000), (9_999, 9_750), (10_000, 10_000)] {
            assert_eq!(in_steps(millis(limit)), millis(shortened));
        }
    }

    #[test]
    fn what_has_passed_is_not_left_and_a_moment_does_not_count() {
        let millis = Duration::from_millis;
        for (limit, elapsed, expected) in [
            (10_000, 0, 10_000),
            (10_000, 9, 10_000),
            (10_000, 10, 9_750),
            (10_000, 9_600, 400),
            (10_000, 10_000, 0),
            (10_000, 60_000, 0),
            (200, 3, 200),
            (200, 150, 50),
            (5, 5, 0),
            (0, 0, 0),
        ] {
            assert_eq!(left(millis(limit), millis(elapsed)), millis(expected), "{limit} {elapsed}");
        }
    }

    #[test]
    fn a_date_in_the_past_leaves_no_time_and_no_date_overflows() {
        let now = chrono::DateTime::from_timestamp(1_000, 0).unwrap();
        let date = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
        assert_eq!(from_date(date(1_003), now), Duration::from_secs(3));
        assert_eq!(from_date(date(999), now), Duration::ZERO);
        assert_eq!(from_date(date(i64::MIN), now), Duration::ZERO);
        assert!(from_date(date(i64::MAX), now) > Duration::from_secs(1));
        assert_eq!(from_duration(prost_types::Duration { seconds: -1, nanos: 5 }), Duration::ZERO);
    }
}
