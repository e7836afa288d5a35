//! Rate limits: the generic cell rate algorithm (GCRA) as a pure function.
//!
//! The state of a key is one number, a moment in time. Each unit moves it forward by one interval, and
//! units are available while it is less than the quota's time ahead of now. There are no windows, so
//! nobody can use two quotas at the turn of one, and nothing has to be reset.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Most units of a quota, so that one unit is never less than a microsecond.
const MOST_UNITS: u32 = 1_000_000;
/// Longest time of a quota, in seconds.
const LONGEST: u32 = 86_400;

/// A number of units that can be used at once, and the seconds in which they are refilled, evenly.
/// Written as `60/10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    burst: NonZeroU32,
    seconds: NonZeroU32,
}

/// The text or the numbers are not a quota. `Display` says what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota is a number from 1 to 1000000 and a time from 1s to 24h, such as 60/10s, 300/1m or 5000/1h")]
pub struct InvalidQuota;

/// Whether a request is within the quota, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whether it is. If so, one unit was taken; if not, none was.
    pub allowed: bool,
    /// Units that can be used right now.
    pub remaining: u32,
    /// Time until one more unit is available; at most one interval of the quota.
    pub more_in: Duration,
}

impl Quota {
    /// `burst` units in `seconds`.
    ///
    /// # Errors
    /// [`InvalidQuota`] unless there are 1 to 1,000,000 units in 1 to 86,400 seconds.
    pub fn new(burst: u32, seconds: u32) -> Result<Self, InvalidQuota> {
        match (NonZeroU32::new(burst), NonZeroU32::new(seconds)) {
            (Some(units), Some(time)) if burst <= MOST_UNITS && seconds <= LONGEST => Ok(Self { burst: units, seconds: time }),
            _ => Err(InvalidQuota),
        }
    }

    /// Units that can be used at once.
    #[must_use]
    pub fn burst(self) -> u32 {
        self.burst.get()
    }

    /// Seconds in which all units are refilled.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.seconds.get()
    }

    /// Microseconds in which one unit is refilled. Rounded down, so that a caller who waits as long as
    /// the answer said isn't one microsecond too early.
    #[must_use]
    pub fn interval_micros(self) -> u64 {
        u64::from(self.seconds.get()) * 1_000_000 / u64::from(self.burst.get())
    }

    /// Takes one unit if one is available. `used_until` is the key's state after its last request, 0 if
    /// there was none; the second value returned is the new state. Both, and `now`, are microseconds
    /// since the Unix epoch. A state that isn't after `now` means the same as 0, so it can be deleted.
    ///
    /// If the clock was set back, `used_until` counts for at most one quota.
    #[must_use]
    pub fn take(self, used_until: u64, now: u64) -> (Allowance, u64) {
        let interval = self.interval_micros();
        let room = interval * u64::from(self.burst.get());
        let used = used_until.saturating_sub(now).min(room);
        let allowed = used + interval <= room;
        let used = if allowed { used + interval } else { used };
        let left = room - used;
        let remaining = left / interval;
        let more_in = Duration::from_micros((remaining + 1) * interval - left);
        let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
        (Allowance { allowed, remaining, more_in }, now.saturating_add(used))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, unit) = match self.seconds.get() {
            seconds if seconds % 3600 == 0 => (seconds / 3600, 'h'),
            seconds if seconds % 60 == 0 => (seconds / 60, 'm'),
            seconds => (seconds, 's'),
        };
        write!(f, "{}/{time}{unit}", self.burst)
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (burst, time) = text.split_once('/').ok_or(InvalidQuota)?;
        let (time, unit) = [('s', 1), ('m', 60), ('h', 3600)]
            .into_iter()
            .find_map(|(letter, unit)| time.strip_suffix(letter).map(|time| (time, unit)))
            .ok_or(InvalidQuota)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| InvalidQuota);
        Self::new(number(burst)?, number(time)?.checked_mul(unit).ok_or(InvalidQuota)?)
    }
}
