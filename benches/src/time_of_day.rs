//! The machine's time of day, which server and client share.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400_000_000;

/// Microseconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeOfDay(pub u64);

impl TimeOfDay {
    #[expect(clippy::disallowed_methods, reason = "what is measured is the time between two processes")]
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(0) % DAY)
    }

    /// Of a time as RFC 3339 has it, in UTC.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let time = text.split_once('T')?.1.strip_suffix('Z')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        let micros: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        Some(Self(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros))
    }

    /// Time from `earlier` until this. None if it seems to be later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let micros = (self.0 + DAY - earlier.0) % DAY;
        Duration::from_micros(if micros > DAY / 2 { 0 } else { micros })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1000;
        let (seconds, minutes, hours) = (millis / 1000 % 60, millis / 60_000 % 60, millis / 3_600_000);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        let time = TimeOfDay(((16 * 60 + 25) * 60 + 29) * 1_000_000 + 123_000);
        assert_eq!(time.to_string(), "16:25:29.123");
        assert_eq!(TimeOfDay::of("2026-11-27T16:25:29.123Z"), Some(time));
        assert_eq!(TimeOfDay::of("2026-11-27T00:00:01Z"), Some(TimeOfDay(1_000_000)));
        assert_eq!(TimeOfDay::of("2026-11-27"), None);
        assert_eq!(TimeOfDay(5).since(TimeOfDay(DAY - 5)), Duration::from_micros(10));
        assert_eq!(TimeOfDay(5).since(TimeOfDay(6)), Duration::ZERO);
    }
}
